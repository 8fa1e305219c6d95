//! `trainer score`.

use super::{Input, emit, parse_estimator};
use crate::error::Error;
use crate::evaluate::device_scores;
use crate::run;
use clap::Args;
use elbow::{Estimator, Score};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// sigma-points, posterior-mean or monte-carlo:K
    #[arg(long, default_value = "sigma-points", value_parser = parse_estimator)]
    estimator: Estimator,
    /// Of the random draws; reading i draws from stream i
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where to write the lines [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments {
        input,
        estimator,
        seed,
        out,
    } = arguments;
    if let Some(path) = out {
        run::prepare_file(path)?;
    }
    let image = run::read_image(&input.model)?;
    let model = run::parse(&input.model, &image)?;
    let (readings, _) = input.load(&model, None)?;
    let mut text = format!("{}\n", Score::CSV_HEADER);
    for (index, score) in (0..).zip(device_scores(&model, &readings, *estimator, *seed)?) {
        text += &format!("{}\n", score.csv(index));
    }
    emit(out.as_deref(), &text)
}
