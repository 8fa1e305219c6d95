//! `trainer eval --events`.

use crate::cli::arguments::Input;
use crate::cli::arguments::alarm::{AlarmArguments, Alarms};
use crate::cli::arguments::stream::{LoadedStream, StreamInput};
use crate::cli::output::emit_results;
use crate::data::Dataset;
use crate::error::Error;
use crate::export::run;
use crate::study::events::alarms::Watched;
use crate::study::events::choose::Chosen;
use crate::study::events::truth::{self, Interval};
use crate::study::events::{Clock, Judgement, Rate};
use elbow::Estimator;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Arguments of `eval` that matter here.
#[derive(Debug)]
pub(in crate::cli) struct Request<'a> {
    pub(in crate::cli) input: &'a Input,
    /// A file with the events; without one, labels tell them.
    pub(in crate::cli) events: Option<&'a Path>,
    pub(in crate::cli) labels: Option<&'a PathBuf>,
    pub(in crate::cli) tolerance: Option<usize>,
    pub(in crate::cli) alarm: &'a AlarmArguments,
    pub(in crate::cli) estimator: Option<Estimator>,
    pub(in crate::cli) seed: u64,
    pub(in crate::cli) json: bool,
}

/// Results that are printed as JSON.
#[derive(Debug, Serialize)]
struct Results {
    /// Samples of the stream.
    samples: usize,
    /// Windows that were watched.
    windows: usize,
    #[serde(flatten)]
    clock: Clock,
    /// The unit of rates of false alarms.
    unit: &'static str,
    /// Events in the stream.
    events: Vec<Interval>,
    /// Samples after an event in which an alarm counts for it.
    tolerance: usize,
    alarms: Vec<Judgement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<Chosen>,
    /// Channels of the stream.
    channels: usize,
}

pub(in crate::cli) fn run(request: &Request<'_>) -> Result<(), Error> {
    let path = &request.input.source.model;
    let image = run::read_image(path)?;
    let model = run::parse(path, &image)?;
    let data = request.input.source.data.as_deref().ok_or_else(|| {
        Error::Setting("--events judges a stream, and there is none: give DATA before it".into())
    })?;
    let input = StreamInput::new(path, data, request.input.limit);
    let loaded = input.load_labelled(&model, request.labels.map(PathBuf::as_path))?;
    let loaded = loaded.with_windows()?;
    let events = events(request.events, &loaded)?;
    let estimator = crate::cli::arguments::asked(request.estimator, &model);
    let alarms = request
        .alarm
        .alarms(path, &model, estimator, request.seed)?;
    let LoadedStream {
        stream,
        samples,
        lengths,
        ..
    } = &loaded;
    let settings = &alarms.settings;
    let watched = Watched::new(&model, samples, lengths, settings, request.seed)?;
    let shape = stream.shape();
    let tolerance = request.tolerance.unwrap_or(shape.samples);
    let (clock, has_martingale) = (alarms.clock, settings.martingale.is_some());
    let results = Results {
        samples: samples.len(),
        windows: watched.windows.len(),
        clock,
        unit: clock.unit(),
        alarms: Judgement::of(&watched, (&events, tolerance), clock, has_martingale),
        events,
        tolerance,
        chosen: alarms.chosen,
        channels: shape.channels,
    };
    emit_results(request.json, &results, |results| describe(results, &alarms))
}

/// The events in the stream, from a file or by its labels.
fn events(file: Option<&Path>, loaded: &LoadedStream<'_>) -> Result<Vec<Interval>, Error> {
    let LoadedStream {
        samples,
        lengths,
        labelled,
        stream,
    } = loaded;
    let Dataset { name, .. } = &labelled.dataset;
    if let Some(file) = file {
        if lengths.len() > 1 {
            return Err(Error::Setting(format!(
                "{name} is {} recordings, and a file of events counts the samples of one: give one file of them, or labels",
                lengths.len()
            )));
        }
        let channels = 0..stream.shape().channels;
        let channels = channels.map(|channel| labelled.dataset.column_name(channel));
        return truth::of_file(file, samples.len(), &channels.collect::<Vec<_>>());
    }
    let Some(anomalous) = &labelled.anomalous else {
        eprintln!(
            "nothing says which samples of {name} are anomalous: every alarm counts as false (--labels FILE, --events FILE)"
        );
        return Ok(vec![]);
    };
    Ok(truth::of_labels(&anomalous[..samples.len()], lengths))
}

/// The results for a terminal.
fn describe(results: &Results, alarms: &Alarms) -> String {
    let Results {
        samples,
        windows,
        clock,
        events,
        tolerance,
        channels,
        ..
    } = results;
    let time = match clock.rate {
        None => "at a rate that nobody knows (--rate)".to_owned(),
        Some(_) => clock.time(*samples as f64),
    };
    let rows = results
        .alarms
        .iter()
        .map(|judged| row(judged, events, *clock));
    let smoother = alarms.settings.watch.smoother;
    let bet = alarms.settings.martingale.map_or_else(
        || "too few readings calibrate this model for a martingale".to_owned(),
        |bet| format!("martingale: raised at {} nats of evidence", bet.threshold),
    );
    let blamed = match events.iter().any(|event| event.channel.is_some()) {
        true => format!("; one of {channels} channels is blamed"),
        false => String::new(),
    };
    format!(
        "{samples} samples, {time}, in {windows} windows; {} events, each found where an alarm is raised in it or within {} after it (--tolerance){blamed}\n\n\
         {:<12}{:>13}{:>16}{:>18}{:>10}{:>14}{:>14}{:>10}\n{}\n\
         smoothed: raised below {} nats over 2^{} windows, ends above {}; {bet}\n\
         the rate is at most that with 95 % confidence, if false alarms come independently of each other\n{}",
        events.len(),
        clock.time(*tolerance as f64),
        "alarm",
        "false alarms",
        clock.per_unit(),
        "at most",
        "found",
        "median delay",
        "worst delay",
        "blame",
        rows.collect::<String>(),
        smoother.enter,
        smoother.time_constant,
        smoother.leave,
        alarms.describe(),
    )
}

/// A line on a kind of alarm.
fn row(judged: &Judgement, events: &[Interval], clock: Clock) -> String {
    let Judgement {
        alarm,
        false_alarms,
        found,
        during_an_alarm,
        median_delay,
        worst_delay,
        blamed,
        blamed_rightly,
    } = judged;
    let Rate {
        count,
        per_unit,
        at_most,
        ..
    } = false_alarms;
    let delay =
        |samples: &Option<f64>| samples.map_or_else(|| "-".into(), |samples| clock.time(samples));
    let blame = match blamed {
        0 => "-".into(),
        _ => format!("{blamed_rightly}/{blamed}"),
    };
    let during = match during_an_alarm {
        0 => String::new(),
        count => format!("   {count} missed events began during an earlier alarm"),
    };
    format!(
        "{:<12}{count:>13}{:>16}{:>18}{:>10}{:>14}{:>14}{blame:>10}{during}\n",
        alarm.name(),
        crate::cli::output::decimal(*per_unit, 2),
        crate::cli::output::decimal(*at_most, 2),
        format!("{found}/{}", events.len()),
        delay(median_delay),
        delay(worst_delay),
    )
}
