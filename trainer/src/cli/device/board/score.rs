//! `trainer board score`.

use super::{Port, bar, tell_repeated};
use crate::board::compare::{Expected, check_image, check_room, compare};
use crate::board::facts::Facts;
use crate::cli::arguments::Scoring;
use crate::cli::output::emit_results;
use crate::error::Error;
use crate::export::run;
use crate::readings::device::device_scores;
use crate::readings::raw::DeviceReadings;
use clap::Args;
use serde::Serialize;
use std::time::Instant;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    port: Port,
    #[command(flatten)]
    scoring: Scoring,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Scores that are equal.
#[derive(Debug, Serialize)]
struct Equal {
    board: String,
    model: String,
    estimator: String,
    readings: usize,
    seconds: f64,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { port, scoring, .. } = arguments;
    let source = &scoring.input.source.model;
    let image = run::read_image(source)?;
    let model = run::parse(source, &image)?;
    let DeviceReadings {
        readings, masks, ..
    } = scoring.load(&model)?;
    let mut line = port.open()?;
    let facts = Facts::ask(&mut line)?;
    let bytes = image.get(..model.image_length()).unwrap_or(&image);
    check_image(&facts, model.name(), bytes)?;
    check_room(&facts, readings.width())?;
    let estimator = scoring.estimator(&model);
    let scores = device_scores(&model, &readings, masks.as_ref(), estimator, scoring.seed)?;
    let expected = readings.iter().zip(&scores).enumerate();
    let expected = expected.map(|(row, (reading, score))| Expected {
        reading,
        observed: masks.as_ref().map_or(&[], |masks| masks.packed(row)),
        score,
    });
    let bar = bar(readings.len(), "readings");
    let began = Instant::now();
    let asked = (estimator, scoring.seed);
    let compared = compare(&mut line, asked, expected, |count| {
        bar.set_position(count as u64);
    });
    bar.finish_and_clear();
    compared?;
    tell_repeated(&line);
    let equal = Equal {
        board: facts.board,
        model: model.name().to_owned(),
        estimator: estimator.to_string(),
        readings: readings.len(),
        seconds: began.elapsed().as_secs_f64(),
    };
    emit_results(arguments.json, &equal, describe)
}

fn describe(equal: &Equal) -> String {
    let Equal {
        board,
        model,
        estimator,
        readings,
        seconds,
    } = equal;
    format!(
        "{board}: all integers of {readings} scores of {model} by {estimator} equal those of this machine ({seconds:.1} s)\n"
    )
}
