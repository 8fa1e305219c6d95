//! `trainer sample`.

use super::emit;
use crate::error::Error;
use crate::export::run;
use clap::Args;
use elbow::{Session, text::Picture};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A model image, or the folder of a run
    model: PathBuf,
    /// Number of readings to draw
    #[arg(long, value_name = "N", default_value_t = 3)]
    count: u32,
    /// The conditions to draw under, separated by commas, in the units of the data; of a model that was
    /// trained with some [default: their centres]
    #[arg(
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    conditions: Option<Vec<f64>>,
    /// Seed of the random draws; reading i draws from stream i
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File to write them to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    super::prepare_out(arguments.out.as_deref())?;
    let image = run::read_image(&arguments.model)?;
    let model = run::parse(&arguments.model, &image)?;
    let refused = |error: &dyn std::fmt::Display| Error::Setting(error.to_string());
    let mut workspace = vec![0; model.workspace_words()];
    let mut session =
        Session::new(&model, &mut workspace, arguments.seed).map_err(|error| refused(&error))?;
    if let Some(conditions) = &arguments.conditions {
        let columns = (model.inputs()..).map_while(|index| model.column(index));
        let raw = conditions.iter().zip(columns);
        let raw: Vec<i16> = raw
            .map(|(&value, column)| column.raw(value).value)
            .collect();
        if conditions.len() != model.conditions() {
            return Err(Error::Setting(format!(
                "--conditions has {} numbers, the model {} conditions: give one for each",
                conditions.len(),
                model.conditions()
            )));
        }
        session.condition(&raw).map_err(|error| refused(&error))?;
    }
    let mut values = vec![0; model.inputs()];
    let mut text = String::new();
    for stream in 0..arguments.count {
        session.reseed(arguments.seed, stream.into());
        session
            .generate(&mut values)
            .map_err(|error| refused(&error))?;
        text += &format!(
            "{}\n",
            Picture {
                values: &values,
                width: model.picture_width()
            }
        );
    }
    emit(arguments.out.as_deref(), &text)
}
