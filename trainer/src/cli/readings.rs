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
    /// File to write them to: little-endian 16-bit integers, reading after reading
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File to write to which numbers are there, where some are missing: a bit for each, reading after reading, each from
    /// a whole byte on
    #[arg(long, value_name = "FILE")]
    masks: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    super::prepare_out(Some(&arguments.out))?;
    let image = run::read_image(&arguments.input.source.model)?;
    let model = run::parse(&arguments.input.source.model, &image)?;
    let loaded = arguments.input.load(&model, None, None)?;
    let name = &loaded.labelled.dataset.name;
    if let (None, Some(file)) = (&loaded.masks, &arguments.masks) {
        return Err(Error::Setting(format!(
            "--masks {}: {name} has no value missing, and there is nothing to write: leave --masks out",
            file.display()
        )));
    }
    if let Some(masks) = &loaded.masks {
        match &arguments.masks {
            Some(path) => run::write(path, masks.to_bytes())?,
            None => eprintln!(
                "{name}: values are missing, and what stands in their place is none: --masks FILE writes which are there"
            ),
        }
    }
    super::write_out(&arguments.out, &loaded.readings.to_bytes())
}
