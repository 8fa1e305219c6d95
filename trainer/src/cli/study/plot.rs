//! `trainer plot`.

use crate::cli::arguments::Loaded;
use crate::cli::arguments::Source;
use crate::cli::arguments::asked;
use crate::cli::arguments::parse_estimator;
use crate::cli::output::emit;
use crate::error::Error;
use crate::export::report::{self, Plot, Subject};
use crate::export::run;
use crate::readings::device::device_scores;
use crate::study::detection::Pace;
use clap::Args;
use elbow::Estimator;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// The chart, as the report has it
    #[arg(long, value_enum, value_name = "CHART")]
    what: Plot,
    /// A file with a label for each row of DATA, 0 for normal
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Readings a second, of a stream windows: false alarms are counted in days [default: as the data of the run say, where they do]
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
    /// Estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default: sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// File to write to, as SVG, light or dark as its reader wants it [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let out = arguments.out.as_deref();
    crate::cli::output::prepare_out(out)?;
    if let Some(path) = out.filter(|path| path.extension().is_some_and(|kind| kind != "svg")) {
        return Err(Error::Setting(format!(
            "--out is {}, and charts are written as SVG alone: give a name that ends in .svg; browsers and rsvg-convert make PNG of it",
            path.display()
        )));
    }
    if let Some(rate) = arguments
        .rate
        .filter(|rate| !(*rate > 0.0 && rate.is_finite()))
    {
        return Err(Error::Setting(format!(
            "--rate is {rate}: give the readings in a second, above 0"
        )));
    }
    let path = &arguments.source.model;
    let image = run::read_image(path)?;
    let model = run::parse(path, &image)?;
    let estimator = asked(arguments.estimator, &model);
    let labels = arguments.labels.as_deref();
    let Loaded {
        readings,
        masks,
        labelled,
    } = arguments
        .source
        .load(&model, labels, None, |rows| (0..rows).collect())?;
    let scores = device_scores(&model, &readings, masks.as_ref(), estimator, 0)?;
    let history = match arguments.what {
        Plot::Training => run::read_history(path)?,
        _ => vec![],
    };
    let subject = Subject {
        model: &model,
        readings: &readings,
        masks: masks.as_ref(),
        anomalous: labelled.anomalous.as_deref(),
        scores: &scores,
        estimator,
        pace: Pace {
            rate: arguments.rate.or_else(|| run::read_rate(path)),
        },
    };
    emit(out, &report::plot(arguments.what, &subject, &history)?)
}
