//! `trainer sample`.

use crate::cli::output::emit;
use crate::cli::output::table::{self, digits};
use crate::error::Error;
use crate::export::run;
use crate::readings::device::Units;
use clap::Args;
use elbow::{Model, Session, text::Picture};
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
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
    /// Draw pictures as characters, of a model of pictures [default: where a terminal shows them; elsewhere and of other models CSV,
    /// under the names and in the units of the columns]
    #[arg(long)]
    pictures: bool,
    /// File to write them to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    crate::cli::output::prepare_out(arguments.out.as_deref())?;
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
    let mut draws = vec![];
    for stream in 0..arguments.count {
        session.reseed(arguments.seed, stream.into());
        let mut values = vec![0; model.inputs()];
        session
            .generate(&mut values)
            .map_err(|error| refused(&error))?;
        draws.push(values);
    }
    let text = match arguments.draws_pictures(&model)? {
        true => draws.iter().map(|values| picture(&model, values)).collect(),
        false => csv(&model, &draws)?,
    };
    emit(arguments.out.as_deref(), &text)
}

impl Arguments {
    /// Whether readings are drawn as characters.
    fn draws_pictures(&self, model: &Model<'_>) -> Result<bool, Error> {
        let is_picture = model.picture_width() > 0;
        if self.pictures && !is_picture {
            return Err(Error::Setting(format!(
                "--pictures is for readings that are pictures, and those of {} have {} numbers each: leave it out",
                model.name(),
                model.inputs()
            )));
        }
        let is_seen = self.out.is_none() && std::io::stdout().is_terminal();
        Ok(self.pictures || is_picture && is_seen)
    }
}

fn picture(model: &Model<'_>, values: &[i32]) -> String {
    let width = model.picture_width();
    format!("{}\n", Picture { values, width })
}

/// The means of draws in the units of the data.
fn csv(model: &Model<'_>, draws: &[Vec<i32>]) -> Result<String, Error> {
    let units = Units::of(model);
    let header = table::header(model).into_iter().take(model.inputs());
    let row = |values: &Vec<i32>| -> Vec<String> {
        let raw = values.iter().map(|&value| f64::from(value) / 65536.0);
        let cells = units.values(raw).into_iter().zip(model.exponents());
        cells
            .map(|(value, &exponent)| digits(value, exponent))
            .collect()
    };
    table::csv(std::iter::once(header.collect()).chain(draws.iter().map(row)))
}
