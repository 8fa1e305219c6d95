//! `trainer readings`.

use crate::cli::arguments::Input;
use crate::error::Error;
use crate::export::run;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// File to write them to: little-endian 16-bit integers, reading after reading
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File to write to which numbers are there, where some are missing: a bit for each, reading after reading, each from
    /// a whole byte on
    #[arg(long, value_name = "FILE")]
    masks: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    crate::cli::output::prepare_out(Some(&arguments.out))?;
    let image = run::read_image(&arguments.input.source.model)?;
    let model = run::parse(&arguments.input.source.model, &image)?;
    let loaded = arguments.input.load(&model, None, None)?;
    let name = &loaded.labelled.dataset.name;
    match (&loaded.masks, &arguments.masks) {
        (Some(masks), Some(path)) => run::write(path, masks.to_bytes())?,
        (Some(_), None) => eprintln!(
            "{name}: values are missing, and what stands in their place is none: --masks FILE writes which are there"
        ),
        (None, Some(path)) => {
            eprintln!(
                "{name}: no value is missing: {} is not written",
                path.display()
            );
        }
        (None, None) => (),
    }
    crate::cli::output::write_out(&arguments.out, &loaded.readings.to_bytes())
}
