//! `trainer readings`.

use super::Input;
use crate::error::Error;
use crate::export::run;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Where to write them: little-endian 16-bit integers, reading after reading
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    run::prepare_file(&arguments.out)?;
    let image = run::read_image(&arguments.input.source.model)?;
    let model = run::parse(&arguments.input.source.model, &image)?;
    let loaded = arguments.input.load(&model, None, None)?;
    run::write(&arguments.out, &loaded.readings.to_bytes())
}
