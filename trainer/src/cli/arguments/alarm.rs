//! Arguments that set the alarms on a stream.

use super::stream::{LoadedStream, StreamInput};
use crate::error::Error;
use crate::export::run::{config_beside, read_rate};
use crate::readings::stream;
use crate::study::events::alarms::Settings;
use crate::study::events::choose::{self, Chosen, Normal, Wanted};
use crate::study::events::{Clock, Rate};
use clap::Args;
use elbow::monitor::{SmootherSettings, WatchSettings};
use elbow::{Estimator, Model, Nats, Probability};
use std::path::Path;

/// Base-two logarithm of the windows that scores are averaged over, where nobody says.
const TIME_CONSTANT: u8 = 2;

/// The settings of the alarms.
#[derive(Debug, Args)]
pub(in crate::cli) struct AlarmArguments {
    /// Scores are averaged over 2^T windows; 0 does not smooth [default: 2, or by --false-alarms the one that finds faults
    /// soonest]
    #[arg(long, value_name = "T")]
    time_constant: Option<u8>,
    /// The alarm is raised when the smoothed score falls below what this part of normal windows
    /// does [default: 0.01, or the smallest that the calibration tells apart]
    #[arg(long, value_name = "RATE", conflicts_with = "false_alarms")]
    enter: Option<f64>,
    /// The alarm ends when the smoothed score rises above what this part of normal windows stays
    /// below [default: 0.1, or --enter where that is larger; by --false-alarms halfway to the mean]
    #[arg(long, value_name = "RATE")]
    leave: Option<f64>,
    /// False alarms that are acceptable in a day of the stream, or in 1000 windows where nobody knows its rate: they choose
    /// threshold and smoothing by normal windows that the model has not learned from
    #[arg(long, value_name = "N")]
    false_alarms: Option<f64>,
    /// A file with a normal stream to choose by, instead of the windows that the training held out
    #[arg(long, value_name = "FILE", requires = "false_alarms")]
    normal_stream: Option<String>,
    /// Samples in a second [default: as in the data that the model was trained on, where these said]
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
}

/// Settings of the alarms, and how they were chosen.
#[derive(Debug)]
pub(in crate::cli) struct Alarms {
    pub(in crate::cli) settings: Settings,
    /// None where rates were given.
    pub(in crate::cli) chosen: Option<Chosen>,
    pub(in crate::cli) clock: Clock,
    /// The source of the normal windows.
    source: String,
    wanted: f64,
}

impl AlarmArguments {
    /// The first of these options that was given.
    pub(in crate::cli) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--time-constant", self.time_constant.is_some()),
            ("--enter", self.enter.is_some()),
            ("--leave", self.leave.is_some()),
            ("--false-alarms", self.false_alarms.is_some()),
            ("--rate", self.rate.is_some()),
        ];
        let mut given = given.into_iter().filter(|(_, is)| *is);
        given.next().map(|(name, _)| name)
    }

    /// The settings for `model`, the image or run at `path`, whose calibration must resolve them.
    pub(in crate::cli) fn alarms(
        &self,
        path: &Path,
        model: &Model<'_>,
        estimator: Estimator,
        seed: u64,
    ) -> Result<Alarms, Error> {
        let clock = self.clock(path, model)?;
        let leave = rate("--leave", self.leave)?;
        let Some(wanted) = self.false_alarms else {
            let enter = rate("--enter", self.enter)?;
            let constant = self.time_constant.unwrap_or(TIME_CONSTANT);
            let watch = WatchSettings::from_rates(model, estimator, constant, enter, leave);
            let watch = watch.map_err(|error| Error::Setting(error.to_string()))?;
            let martingale = choose::martingale(model, estimator, None);
            return Ok(Alarms {
                settings: Settings { watch, martingale },
                chosen: None,
                clock,
                source: String::new(),
                wanted: 0.0,
            });
        };
        super::stream::of_model(path, model)?;
        let windows = clock.windows_in_unit();
        if !(wanted > 0.0 && wanted < windows) {
            return Err(Error::Setting(format!(
                "--false-alarms is {wanted} {}: give a number above 0 and below that of windows, {windows:.0}",
                clock.per_unit()
            )));
        }
        let table = choose::calibration(model, estimator)?;
        let leave = leave.map(|rate| table.threshold(rate)).transpose();
        let wanted_of = Wanted {
            per_window: wanted / windows,
            time_constant: self.time_constant,
            leave: leave.map_err(|error| Error::Setting(error.to_string()))?,
        };
        let (normal, source) = self.normal(path, model, estimator, seed)?;
        let (settings, chosen) = choose::choose(model, estimator, &normal, &wanted_of)?;
        Ok(Alarms {
            settings,
            chosen: Some(chosen),
            clock,
            source,
            wanted,
        })
    }

    /// The time of the stream of `model`, or of its readings one after the other.
    fn clock(&self, path: &Path, model: &Model<'_>) -> Result<Clock, Error> {
        if let Some(rate) = self.rate
            && !(rate > 0.0 && rate.is_finite())
        {
            return Err(Error::Setting(format!(
                "--rate is {rate}: give the samples in a second, above 0"
            )));
        }
        let (hop, known) = match model.stream() {
            None => (1, read_rate(path)),
            Some(stream) => {
                let known = f64::from(stream.rate_millihertz) / 1000.0;
                (stream.shape().hop, (known > 0.0).then_some(known))
            }
        };
        Ok(Clock {
            hop,
            rate: self.rate.or(known),
        })
    }

    /// Normal windows to choose by, and where they are from.
    fn normal(
        &self,
        path: &Path,
        model: &Model<'_>,
        estimator: Estimator,
        seed: u64,
    ) -> Result<(Normal, String), Error> {
        let Some(file) = &self.normal_stream else {
            let run = config_beside(path)?.ok_or_else(|| {
                Error::Setting(format!(
                    "{} lies in no folder of a run, whose held-out windows could be taken: give --normal-stream",
                    path.display()
                ))
            })?;
            let normal = Normal::of_run(model, &run, estimator, seed)?;
            let source = &run.settings.data.source;
            return Ok((
                normal,
                format!("the part of {source} that was held out (--normal-stream)"),
            ));
        };
        let loaded = StreamInput::new(path, file, None).load_labelled(model, None)?;
        let LoadedStream {
            stream,
            samples,
            lengths,
            labelled,
        } = loaded.with_windows()?;
        let anomalous = labelled.anomalous.unwrap_or_default();
        let anomalous = anomalous.iter().filter(|&&is| is).count();
        if anomalous > 0 {
            return Err(Error::Setting(format!(
                "--normal-stream {file} has {anomalous} samples that are labelled anomalous: give a stream without any"
            )));
        }
        let shape = stream.shape();
        let readings = stream::readings(&samples, &lengths, &stream.front_end, shape.hop)?;
        let windows = lengths.iter().map(|&length| stream::count(length, shape));
        let windows: Vec<usize> = windows.collect();
        let normal = Normal::new(model, &readings, &windows, estimator, seed)?;
        Ok((normal, format!("{file} (--normal-stream)")))
    }
}

impl Alarms {
    /// What was chosen, why, and what the data can tell; nothing where rates were given.
    pub(in crate::cli) fn describe(&self) -> String {
        let Some(chosen) = &self.chosen else {
            return String::new();
        };
        let Self {
            clock,
            source,
            wanted,
            ..
        } = self;
        let SmootherSettings {
            time_constant,
            enter,
            leave,
            floor,
        } = self.settings.watch.smoother;
        let unit = clock.per_unit();
        let Chosen {
            windows,
            alarms,
            extrapolated,
            martingale_alarms,
            ..
        } = chosen;
        let time = match clock.rate {
            None => String::new(),
            Some(_) => format!(", {}", clock.time((windows * clock.hop) as f64)),
        };
        let rate = |count: usize| {
            let at_most = Rate::new(count, *windows, *clock).at_most;
            format!(
                "{count} false alarms, at most {} {unit} with 95 % confidence",
                crate::cli::output::decimal(at_most, 2)
            )
        };
        let tail = match extrapolated {
            false => "",
            true => {
                "; they cannot show so few, and the threshold is extrapolated by a tail of their lowest tenth"
            }
        };
        let martingale = martingale_alarms.map_or_else(String::new, |count| {
            format!("the martingale on them: {}\n", rate(count))
        });
        format!(
            "for {wanted} false alarms {unit} (--false-alarms) scores are averaged over 2^{time_constant} windows (--time-constant), and the alarm is raised below {enter} nats and ends above {leave} (--leave)\n\
             chosen by {windows} normal windows{time}, {source}: {}{tail}\n{martingale}\
             for main.rs: SmootherSettings {{ time_constant: {time_constant}, enter: Nats::from_bits({}), leave: Nats::from_bits({}), floor: Nats::from_bits({}) }}\n",
            rate(*alarms),
            Nats::to_bits(enter),
            Nats::to_bits(leave),
            Nats::to_bits(floor),
        )
    }
}

fn rate(name: &str, rate: Option<f64>) -> Result<Option<Probability>, Error> {
    match rate {
        Some(rate) if !(rate > 0.0 && rate <= 1.0) => Err(Error::Setting(format!(
            "{name} is {rate}: give a rate above 0 and up to 1, such as 0.01"
        ))),
        rate => Ok(rate.map(Probability::new)),
    }
}
