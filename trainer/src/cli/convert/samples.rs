//! `trainer samples`.

use crate::cli::arguments::stream::StreamInput;
use crate::error::Error;
use crate::export::run;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    input: StreamInput,
    /// File to write them to: little-endian 16-bit integers, sample after sample, one integer of each
    /// channel in a sample
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    crate::cli::output::prepare_out(Some(&arguments.out))?;
    let image = run::read_image(&arguments.input.model)?;
    let model = run::parse(&arguments.input.model, &image)?;
    let loaded = arguments.input.load(&model)?;
    crate::cli::output::write_out(&arguments.out, &loaded.samples.to_bytes())
}
