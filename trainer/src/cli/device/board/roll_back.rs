//! `trainer board roll-back`.

use super::show::Arguments;
use crate::board::facts::Facts;
use crate::board::update::roll_back;
use crate::cli::output::emit_results;
use crate::error::Error;

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut line = arguments.port.open()?;
    roll_back(&mut line)?;
    let facts = Facts::ask(&mut line)?;
    emit_results(arguments.json, &facts, Facts::to_string)
}
