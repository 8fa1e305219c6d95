//! `trainer adapt`.

use crate::cli::arguments::Source;
use crate::cli::arguments::asked;
use crate::cli::arguments::parse_estimator;
use crate::cli::output::{decimal, emit_results, prepare_out, write_out};
use crate::error::Error;
use crate::export::run;
use crate::readings::masks::Masks;
use crate::readings::raw::DeviceReadings;
use crate::readings::{Readings, splits::Splits};
use crate::study::adaptation::{Device, Judgement, OFFSET, Observed, RATIO, reference};
use clap::Args;
use elbow::Estimator;
use elbow::adapt::AdaptSettings;
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Readings after which a device is asked.
const AFTER: [usize; 3] = [50, 200, 1000];

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// A file with a label for each row of DATA, 0 for normal: anomalous readings are not learned from
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Learn the alignment of channels from the first N normal readings
    #[arg(long, value_name = "N", default_value_t = 200)]
    learn: u32,
    /// Count the scores of the N normal readings behind them: they serve false-alarm rates from 1 in N + 1 on
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    calibrate: u32,
    /// The largest offset of a channel that is taken out, in deviations of the training data
    #[arg(long, value_name = "D", default_value_t = OFFSET)]
    offset: f64,
    /// The largest ratio between the deviation of a channel and that of the training data that is taken out
    #[arg(long, value_name = "R", default_value_t = RATIO)]
    ratio: f64,
    /// The device's estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default:
    /// sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// Seed of the random draws, one stream of them for all readings
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File to write the reference to, which a device needs beside its image
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// File to write the state to that the device has behind its calibration, as a copy in its memory
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Results that are printed as JSON.
#[derive(Debug, Serialize)]
struct Results {
    estimator: String,
    /// Bytes of RAM of the adapter's channels, beside 700 of its own.
    memory_bytes: usize,
    before: Judgement,
    /// For the readings learned from: half of them align, the others are counted.
    after: Vec<Judgement>,
    /// By --learn and --calibrate.
    session: Judgement,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    prepare_out(arguments.reference.as_deref())?;
    prepare_out(arguments.state.as_deref())?;
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
    let observed = Observed {
        readings: &readings,
        masks: masks.as_ref(),
    };
    let reference = of_factory(arguments, &model, &image)?;
    if let Some(file) = &arguments.reference {
        write_out(file, &reference)?;
    }
    let none = || vec![false; readings.len()];
    let anomalous = labelled.anomalous.unwrap_or_else(none);
    let name = &labelled.dataset.name;
    let trial = Trial::new(arguments, name, &anomalous)?;
    let device = |learn, calibrate| Device {
        model: &model,
        image: &image,
        reference: &reference,
        settings: AdaptSettings {
            learn,
            calibrate,
            ..AdaptSettings::new(estimator)
        },
        seed: arguments.seed,
    };
    let judge = |learn: u32, calibrate: u32| {
        let learned = (learn + calibrate) as usize;
        let device = device(learn, calibrate.max(1));
        let (adapted, stored) = device.adapt(observed, &trial.normal[..learned], &trial.judged)?;
        let judgement = Judgement::new(&adapted, &trial.labels, learned, stored.at_bounds);
        Ok::<_, Error>((judgement, stored.bytes))
    };
    let fits = |count: &usize| *count <= trial.learnable;
    let after = AFTER.into_iter().filter(fits).map(|count| {
        let learn = count as u32 / 2;
        Ok(judge(learn, count as u32 - learn)?.0)
    });
    let (session, state) = judge(arguments.learn, arguments.calibrate)?;
    let results = Results {
        estimator: estimator.to_string(),
        memory_bytes: 8 * model.adapt_words(),
        before: judge(0, 0)?.0,
        after: after.collect::<Result<_, Error>>()?,
        session,
    };
    if let Some(file) = &arguments.state {
        write_out(file, &state)?;
    }
    emit_results(arguments.json, &results, describe)
}

/// The reference of the readings that the run learned from.
fn of_factory(
    arguments: &Arguments,
    model: &elbow::Model<'_>,
    image: &[u8],
) -> Result<Vec<u8>, Error> {
    let path = &arguments.source.model;
    let config = run::config_beside(path)?.ok_or_else(|| {
        Error::Setting(format!(
            "{} lies in no folder of a run, whose training data say what its channels were like: give the folder",
            path.display()
        ))
    })?;
    let train = Splits::load(&config.settings)?.train;
    let (factory, _) = Readings::from_table(&train.table, model.exponents());
    let masks = Masks::of(&train);
    let factory = Observed {
        readings: &factory,
        masks: masks.as_ref(),
    };
    reference(model, image, factory, (arguments.offset, arguments.ratio))
}

/// Which rows are learned from, and which are judged.
struct Trial {
    /// Normal rows, those to learn from first.
    normal: Vec<usize>,
    /// How many of them there are to learn from.
    learnable: usize,
    /// The normal rows behind these, and all anomalous ones.
    judged: Vec<usize>,
    /// Whether each of them is anomalous.
    labels: Vec<bool>,
}

impl Trial {
    /// At most two thirds of the normal rows are to learn from; all are judged that are learned from in no case.
    fn new(arguments: &Arguments, name: &str, anomalous: &[bool]) -> Result<Self, Error> {
        let rows = 0..anomalous.len();
        let (strange, normal): (Vec<usize>, Vec<usize>) = rows.partition(|&row| anomalous[row]);
        let learnable = normal.len() / 3 * 2;
        let asked = (arguments.learn as usize).saturating_add(arguments.calibrate as usize);
        if asked > learnable {
            return Err(Error::Setting(format!(
                "--learn {} and --calibrate {} take {asked} normal readings, and {name} has {} to learn from, two thirds of its normal ones: give less, or more readings",
                arguments.learn, arguments.calibrate, learnable
            )));
        }
        let fitting = AFTER.into_iter().filter(|count| *count <= learnable);
        let learnable = fitting.chain([asked]).max().unwrap_or(asked);
        let of_normal = normal[learnable..].to_vec();
        let labels = [vec![false; of_normal.len()], vec![true; strange.len()]].concat();
        Ok(Self {
            normal,
            learnable,
            judged: [of_normal, strange].concat(),
            labels,
        })
    }
}

/// The table for a terminal.
fn describe(results: &Results) -> String {
    let mut text = format!(
        "{:<26}{:>9}{:>22}{:>8}\n",
        "", "learned", "p <= 0.01, normal", "AUC"
    );
    let mut row = |name: &str, judgement: &Judgement| {
        let share = judgement.alarms as f64 / judgement.normal.max(1) as f64;
        let alarms = format!("{} ({:.1} %)", judgement.alarms, 100.0 * share);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:<26}{:>9}{alarms:>22}{:>8}",
            judgement.learned,
            decimal(judgement.auc, 4)
        );
    };
    row("factory", &results.before);
    results
        .after
        .iter()
        .for_each(|after| row("half aligns, half counts", after));
    row("--learn and --calibrate", &results.session);
    let Judgement {
        normal,
        anomalous,
        at_bounds,
        ..
    } = results.session;
    let bounds = match at_bounds {
        0 => String::new(),
        count => format!(
            "{count} channels are farther from the training data than is taken out (--offset, --ratio)\n"
        ),
    };
    format!(
        "{text}{bounds}{normal} normal and {anomalous} anomalous readings by {}; {} bytes of RAM for channels\n",
        results.estimator, results.memory_bytes
    )
}
