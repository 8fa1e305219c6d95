//! `trainer board show`, and what it has in common with `trainer board roll-back`.

use super::Port;
use crate::board::facts::Facts;
use crate::cli::output::emit_results;
use crate::error::Error;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) port: Port,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut line = arguments.port.open()?;
    let facts = Facts::ask(&mut line)?.with_columns(&mut line)?;
    emit_results(arguments.json, &facts, Facts::to_string)
}
