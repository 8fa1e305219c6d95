//! `trainer plot`.

use crate::cli::arguments::Source;
use crate::cli::arguments::asked;
use crate::cli::arguments::parse_estimator;
use crate::cli::output::write_out;
use crate::data::STANDARD;
use crate::error::Error;
use crate::export::report::{self, Plot, Subject};
use crate::export::run;
use crate::readings::device::device_scores;
use crate::readings::raw::DeviceReadings;
use crate::study::detection::Pace;
use clap::{Args, ValueEnum};
use elbow::Estimator;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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
    /// Format of the chart [default: that of the name of --out, else svg]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File to write to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A format of charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines and text, light or dark as its reader wants it
    Svg,
    /// Pixels, light; in builds with `--features png`
    Png,
}

impl Format {
    /// The one that is asked for, or that the name of `out` says.
    fn of(asked: Option<Self>, out: Option<&Path>) -> Result<Self, Error> {
        let extension = out.and_then(Path::extension).and_then(OsStr::to_str);
        let named = extension.map(|extension| Self::from_str(extension, true));
        let format = match (asked, out, named) {
            (_, Some(out), Some(Err(_))) => {
                return Err(Error::Setting(format!(
                    "--out is {}: give a name that ends in .svg or .png",
                    out.display()
                )));
            }
            (Some(asked), Some(out), Some(Ok(named))) if asked != named => {
                return Err(Error::Setting(format!(
                    "--out is {} and --format {asked:?}: leave --format out, or give a name that ends so",
                    out.display()
                )));
            }
            (Some(asked), ..) => asked,
            (None, _, Some(Ok(named))) => named,
            (None, ..) => Self::Svg,
        };
        if format == Self::Png && !cfg!(feature = "png") {
            return Err(Error::Setting(
                "--format png: this trainer was built without it: run it by `cargo run --release -p elbow-trainer --features png -- plot ...`, or give --format svg, of which browsers and rsvg-convert make PNG".into(),
            ));
        }
        Ok(format)
    }

    /// The bytes of a chart that is `svg`.
    fn bytes(self, svg: String) -> Result<Vec<u8>, Error> {
        #[cfg(feature = "png")]
        if self == Self::Png {
            return report::png(&svg);
        }
        Ok(svg.into_bytes())
    }
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let out = arguments.out.as_deref();
    crate::cli::output::prepare_out(out)?;
    let format = Format::of(arguments.format, out)?;
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
    let DeviceReadings {
        readings,
        masks,
        labelled,
        ..
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
    let svg = report::plot(arguments.what, &subject, &history)?;
    write_out(out.unwrap_or(Path::new(STANDARD)), &format.bytes(svg)?)
}
