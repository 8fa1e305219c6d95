//! `trainer look`.

use crate::cli::output::emit_results;
use crate::config::settings::{Typed, refuse_idle};
use crate::config::{Config, DataConfig, StreamArguments};
use crate::data::{self, DataReport, DataSource, STANDARD};
use crate::error::Error;
use crate::readings::splits::Splits;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    typed: Typed,
    /// The file that `fit` would train on, or `pump` or `motor`: logs that ship with this program
    data: String,
    #[command(flatten)]
    settings: DataConfig,
    #[command(flatten)]
    stream: StreamArguments,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// File to write the data to, as CSV: of the logs that ship with this program, `pump` and `motor`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Findings that a training would begin with.
#[derive(Debug, Serialize)]
struct Found {
    #[serde(flatten)]
    report: Option<DataReport>,
    likelihood: String,
    /// Normal readings to learn from.
    training_readings: usize,
    /// Normal readings to choose and calibrate by.
    validation_readings: usize,
    /// Readings to test on.
    test_readings: usize,
    /// Assumptions, one line each.
    assumed: Vec<String>,
    /// Assumptions that may well be wrong.
    doubts: Vec<String>,
}

/// Writes the log of a machine.
fn write(out: &Path, data: &str) -> Result<(), Error> {
    match DataSource::parse(data)? {
        DataSource::Machine(machine) => crate::cli::output::emit(Some(out), &machine.text()),
        _ => Err(Error::Setting(format!(
            "--out is for the logs that ship with this program, and DATA is {data}: give pump or motor, or leave --out out"
        ))),
    }
}

pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), Error> {
    crate::cli::output::prepare_out(arguments.out.as_deref())?;
    if let Some(out) = &arguments.out {
        write(out, &arguments.data)?;
    }
    let config = Config {
        data: DataConfig {
            source: arguments.data,
            stream: arguments.stream.settings()?,
            ..arguments.settings
        },
        ..Config::default()
    };
    config.validate()?;
    refuse_idle(&config, arguments.typed.keys())?;
    let splits = match config.data.source.as_str() {
        STANDARD => Splits::of_frame(&config, data::frame(STANDARD)?)?,
        _ => Splits::load(&config)?,
    };
    // What 16 bits cannot hold is found here, as in a training.
    splits.normalization()?;
    let doubts = splits.doubts.iter().cloned().chain(splits.constants());
    let found = Found {
        likelihood: splits.likelihood.to_string(),
        training_readings: splits.train.table.len(),
        validation_readings: splits.validation.table.len(),
        test_readings: splits.test.dataset.table.len(),
        assumed: splits.notes.clone(),
        doubts: doubts.collect(),
        report: splits.report,
    };
    emit_results(arguments.json, &found, describe)
}

fn describe(found: &Found) -> String {
    let report = found.report.as_ref().map(ToString::to_string);
    let assumed = found.assumed.iter().map(|line| format!("{line}\n"));
    let doubts = found.doubts.iter().map(|line| format!("warning: {line}\n"));
    let lines: String = assumed.chain(doubts).collect();
    format!(
        "{}{lines}{} readings to learn from, {} to choose by, {} to test on; likelihood {}\n",
        report.unwrap_or_default(),
        found.training_readings,
        found.validation_readings,
        found.test_readings,
        found.likelihood
    )
}
