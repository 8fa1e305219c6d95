//! `trainer watch`.

use super::alarm::AlarmArguments;
use super::stream::StreamInput;
use super::{asked, emit, parse_estimator};
use crate::data::Dataset;
use crate::error::Error;
use crate::export::run;
use crate::readings::Readings;
use clap::Args;
use elbow::monitor::{Event, Transition, Watch, WatchError, WatchSettings};
use elbow::{Estimator, Model};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: StreamInput,
    /// Estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default: sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    #[command(flatten)]
    alarm: AlarmArguments,
    /// Seed of the random draws, one stream of them for all windows
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File to write the lines to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { input, out, .. } = arguments;
    arguments.alarm.refuse_idle()?;
    super::prepare_out(out.as_deref())?;
    let image = run::read_image(&input.model)?;
    let model = run::parse(&input.model, &image)?;
    let loaded = input.load(&model)?.with_windows()?;
    let estimator = asked(arguments.estimator, &model);
    let alarms = arguments
        .alarm
        .alarms(&input.model, &model, estimator, arguments.seed)?;
    let settings = &alarms.settings.watch;
    let events = watch(&model, &loaded.samples, settings, arguments.seed)?;
    let lines = events.iter().map(|event| format!("{}\n", event.csv()));
    let text = format!("{}\n{}", Event::CSV_HEADER, lines.collect::<String>());
    emit(out.as_deref(), &text)?;
    let dataset = &loaded.labelled.dataset;
    eprint!(
        "{}{}",
        alarms.describe(),
        summary(&events, settings, dataset)
    );
    Ok(())
}

fn refused(error: WatchError) -> Error {
    Error::Setting(error.to_string())
}

/// The event of each window, on the device's own arithmetic.
fn watch(
    model: &Model<'_>,
    samples: &Readings,
    settings: &WatchSettings,
    seed: u64,
) -> Result<Vec<Event>, Error> {
    let mut workspace = vec![0; model.watch_words().unwrap_or(0)];
    let mut watch = Watch::new(model, &mut workspace, settings, seed).map_err(refused)?;
    let events = samples
        .iter()
        .filter_map(|sample| watch.push(sample).transpose());
    events.collect::<Result<_, _>>().map_err(refused)
}

/// The alarms and the drift in plain words.
fn summary(events: &[Event], settings: &WatchSettings, dataset: &Dataset) -> String {
    let (enter, leave) = (settings.smoother.enter, settings.smoother.leave);
    let mut text = format!(
        "{} windows; the alarm is raised below {enter} nats and ends above {leave}\n",
        events.len()
    );
    let alarms = events.iter().filter_map(|event| alarm(event, dataset));
    let alarms: Vec<String> = alarms.collect();
    if alarms.is_empty() {
        text += "no alarm\n";
    }
    text += &alarms.concat();
    if events
        .last()
        .is_some_and(|event| event.transition.is_alarm())
    {
        text += "the alarm lasts to the end\n";
    }
    text + &drift(events)
}

/// A line for an event that raises or ends the alarm.
fn alarm(event: &Event, dataset: &Dataset) -> Option<String> {
    let (sample, window) = (event.sample, event.window);
    match (event.transition, event.blame) {
        (Transition::Raised, Some(blame)) => {
            let channel = usize::from(blame.channel);
            let name = dataset
                .columns
                .as_ref()
                .and_then(|names| names.get(channel));
            let name = name.map_or_else(String::new, |name| format!(" ({name})"));
            Some(format!(
                "alarm raised at sample {sample} (window {window}): channel {channel}{name} lacks {} nats\n",
                blame.shortfall
            ))
        }
        (Transition::Cleared, _) => Some(format!(
            "alarm cleared at sample {sample} (window {window})\n"
        )),
        _ => None,
    }
}

/// A line on drift.
fn drift(events: &[Event]) -> String {
    let ratio = |value: f64| value / 65536.0;
    let Some(first) = events.iter().find(|event| event.drift.drifted) else {
        return "the scores did not drift\n".into();
    };
    let drifted = events.iter().filter(|event| event.drift.drifted).count();
    format!(
        "the scores drifted in {drifted} windows, first at sample {} (window {}): mean {:+.1} standard errors, deviation {:.2} times that of the calibration\n",
        first.sample,
        first.window,
        ratio(first.drift.z.into()),
        ratio(first.drift.ratio.into())
    )
}
