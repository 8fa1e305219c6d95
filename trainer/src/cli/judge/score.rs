//! `trainer score`.

use crate::cli::arguments::{Scoring, warn_of_saturation};
use crate::cli::output::prepare_out;
use crate::cli::output::scores::Output;
use crate::data::{DataSource, STANDARD};
use crate::error::Error;
use crate::export::run;
use crate::readings::batches::{Batches, Scored, Taker};
use crate::readings::device::device_scores;
use crate::readings::raw::DeviceReadings;
use crate::readings::scoring::Like;
use clap::Args;
use elbow::Model;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    scoring: Scoring,
    /// File to write to: lines of text, or columns where it ends in .parquet or .arrow [default: lines to standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Columns of the data to write behind the scores, such as keys and times; by name or number, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    keep: Vec<String>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { scoring, out, keep } = arguments;
    let out = out.as_deref();
    prepare_out(out)?;
    let source = &scoring.input.source;
    let image = run::read_image(&source.model)?;
    let model = run::parse(&source.model, &image)?;
    let beside = source.run_beside()?;
    let like = Like::new(beside.as_ref()).or_image(&model);
    let data = source.data.as_deref().map(DataSource::parse).transpose()?;
    let name = data.as_ref().map(DataSource::name).unwrap_or_default();
    match data {
        Some(DataSource::File(path)) if Batches::suit(&model, &like) && path != Path::new(STANDARD) => {
            let batches = Batches {
                path: &path,
                like,
                estimator: scoring.estimator(&model),
                seed: scoring.seed,
                mask: scoring.mask(),
                limit: scoring.input.limit,
                keep,
                rows: None,
            };
            let mut output = Output::open(out, name, keep)?;
            warn_of_saturation(batches.score(&model, &mut output)?);
            output.finish()
        }
        _ if !keep.is_empty() => Err(Error::Setting(
            "--keep is for files whose rows are readings: neither windows of a stream, nor standard input, digits or what ships with this program, nor pixels that become bits".into(),
        )),
        _ => score_whole(scoring, &model, Output::open(out, name, &[])?),
    }
}

/// Scores data that are in memory whole.
fn score_whole(scoring: &Scoring, model: &Model<'_>, mut output: Output) -> Result<(), Error> {
    let DeviceReadings {
        readings, masks, ..
    } = scoring.load(model)?;
    let (estimator, seed) = (scoring.estimator(model), scoring.seed);
    let scores = device_scores(model, &readings, masks.as_ref(), estimator, seed)?;
    output.scores(&Scored {
        first: 0,
        scores,
        kept: vec![],
    })?;
    output.finish()
}
