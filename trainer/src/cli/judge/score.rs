//! `trainer score`.

use crate::cli::arguments::Input;
use crate::cli::arguments::Loaded;
use crate::cli::arguments::asked;
use crate::cli::arguments::parse_estimator;
use crate::cli::output::emit;
use crate::error::Error;
use crate::export::run;
use crate::readings::device::device_scores;
use clap::Args;
use elbow::{Estimator, Score};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default: sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// Score only what was observed: a file of the shape of DATA (of its readings where
    /// DATA is a stream), 1 where observed and 0 where missing; there, DATA may hold any number
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Seed of the random draws; reading i draws from stream i
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File to write the lines to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { input, out, .. } = arguments;
    crate::cli::output::prepare_out(out.as_deref())?;
    let image = run::read_image(&input.source.model)?;
    let model = run::parse(&input.source.model, &image)?;
    let Loaded {
        readings, masks, ..
    } = input.load(&model, None, arguments.mask.as_deref())?;
    let scores = device_scores(
        &model,
        &readings,
        masks.as_ref(),
        asked(arguments.estimator, &model),
        arguments.seed,
    )?;
    let mut text = format!("{}\n", Score::CSV_HEADER);
    for (index, score) in (0..).zip(scores) {
        text += &format!("{}\n", score.csv(index));
    }
    emit(out.as_deref(), &text)
}
