//! `trainer impute`.

use crate::cli::arguments::Input;
use crate::cli::output::emit;
use crate::cli::output::table::{self, digits};
use crate::data::Dataset;
use crate::error::Error;
use crate::export::run;
use crate::readings::device::imputed;
use crate::readings::raw::DeviceReadings;
use clap::Args;
use elbow::Model;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// File of what was observed, of the shape of DATA (of its readings where DATA is a
    /// stream), 1 where observed and 0 where missing; there, DATA may hold any number [default: what
    /// DATA itself leaves out is missing]
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// File to write the readings to, as CSV [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { input, mask, out } = arguments;
    crate::cli::output::prepare_out(out.as_deref())?;
    let image = run::read_image(&input.source.model)?;
    let model = run::parse(&input.source.model, &image)?;
    let DeviceReadings {
        readings,
        masks,
        labelled,
        ..
    } = input.load(&model, None, mask.as_deref())?;
    if masks.is_none() {
        return Err(Error::Setting(format!(
            "{} leaves no value out, so that there is nothing to fill in: leave cells empty, or give --mask",
            labelled.dataset.name
        )));
    }
    let filled = imputed(&model, &readings, masks.as_ref())?;
    emit(out.as_deref(), &csv(&model, &labelled.dataset, &filled)?)
}

/// The readings as text, under the names that the columns have.
fn csv(model: &Model<'_>, dataset: &Dataset, rows: &[Vec<f64>]) -> Result<String, Error> {
    let names = dataset.columns.iter().cloned();
    let row = |row: &Vec<f64>| -> Vec<String> {
        let cells = row.iter().zip(model.exponents());
        cells
            .map(|(&value, &exponent)| digits(value, exponent))
            .collect()
    };
    table::csv(names.chain(rows.iter().map(row)))
}
