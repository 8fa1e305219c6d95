//! `trainer score`.

use crate::cli::arguments::Scoring;
use crate::cli::output::emit;
use crate::error::Error;
use crate::export::run;
use crate::readings::device::device_scores;
use crate::readings::raw::DeviceReadings;
use clap::Args;
use elbow::Score;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    scoring: Scoring,
    /// File to write the lines to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { scoring, out } = arguments;
    crate::cli::output::prepare_out(out.as_deref())?;
    let source = &scoring.input.source.model;
    let image = run::read_image(source)?;
    let model = run::parse(source, &image)?;
    let DeviceReadings {
        readings, masks, ..
    } = scoring.load(&model)?;
    let scores = device_scores(
        &model,
        &readings,
        masks.as_ref(),
        scoring.estimator(&model),
        scoring.seed,
    )?;
    let mut text = format!("{}\n", Score::CSV_HEADER);
    for (index, score) in (0..).zip(scores) {
        text += &format!("{}\n", score.csv(index));
    }
    emit(out.as_deref(), &text)
}
