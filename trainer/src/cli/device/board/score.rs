//! `trainer board score`.

use super::{Port, bar, tell_repeated};
use crate::board::compare::{Task, check_image, check_room, compare};
use crate::board::facts::Facts;
use crate::cli::arguments::{Input, Loaded, asked, parse_estimator};
use crate::cli::output::emit_results;
use crate::error::Error;
use crate::export::run;
use clap::Args;
use elbow::Estimator;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    port: Port,
    #[command(flatten)]
    input: Input,
    /// Estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default: sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// Score only what was observed: a file of the shape of DATA, 1 where observed and 0 where missing
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Seed of the random draws; reading i draws from stream i
    #[arg(long, default_value_t = 0)]
    seed: u64,
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
    let Arguments { port, input, .. } = arguments;
    let image = run::read_image(&input.source.model)?;
    let model = run::parse(&input.source.model, &image)?;
    let Loaded {
        readings, masks, ..
    } = input.load(&model, None, arguments.mask.as_deref())?;
    let mut line = port.open()?;
    let facts = Facts::ask(&mut line)?;
    let bytes = image.get(..model.image_length()).unwrap_or(&image);
    check_image(&facts, model.name(), bytes)?;
    check_room(&facts, readings.width())?;
    let estimator = asked(arguments.estimator, &model);
    let task = Task {
        model: &model,
        readings: &readings,
        masks: masks.as_ref(),
        estimator,
        seed: arguments.seed,
    };
    let bar = bar(readings.len(), "readings");
    let began = Instant::now();
    let compared = compare(&mut line, &task, |count| bar.set_position(count as u64));
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
