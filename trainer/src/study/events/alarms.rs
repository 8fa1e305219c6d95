//! A stream under watch, by the device's own code, and the alarms that are raised.

use crate::error::Error;
use crate::readings::Readings;
use elbow::Model;
use elbow::monitor::{
    Martingale, MartingaleSettings, MonitorError, Transition, Watch, WatchError, WatchSettings,
};
use serde::Serialize;

/// A kind of alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The smoothed score, with hysteresis: [`elbow::monitor::Smoother`].
    Smoothed,
    /// The power martingale on p-values: [`elbow::monitor::Martingale`].
    Martingale,
}

impl Kind {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoothed => "smoothed",
            Self::Martingale => "martingale",
        }
    }
}

/// An alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The sample at which it was raised, counted from 0: the last one of a window.
    pub raised: usize,
    /// The sample at which it ended, or the last one.
    pub ended: usize,
    /// The channel that was blamed when it was raised.
    pub channel: usize,
}

/// What came of watching a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// The last sample of each window.
    pub windows: Vec<usize>,
    /// Alarms by the smoothed score.
    pub smoothed: Vec<Alarm>,
    /// Alarms by the martingale; empty where it cannot be used.
    pub martingale: Vec<Alarm>,
}

/// Both alarms of a device.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The watch, with the smoothed alarm.
    pub watch: WatchSettings,
    /// The martingale; none where the calibration has too few readings to bet by.
    pub martingale: Option<MartingaleSettings>,
}

impl Watched {
    /// Watches the recordings in `samples`, of these `lengths`, one behind the other; each is a stream of its own, with all random
    /// draws from stream 0 of `seed`.
    ///
    /// # Errors
    /// [`Error::Setting`]: a model of whole readings, or settings that make no sense.
    pub fn new(
        model: &Model<'_>,
        samples: &Readings,
        lengths: &[usize],
        settings: &Settings,
        seed: u64,
    ) -> Result<Self, Error> {
        let refused = |error: WatchError| Error::Setting(error.to_string());
        let mut watched = Self::default();
        let mut workspace = vec![0; model.watch_words().unwrap_or(0)];
        let (mut rows, mut first) = (samples.iter(), 0);
        for &length in lengths {
            let mut watch =
                Watch::new(model, &mut workspace, &settings.watch, seed).map_err(refused)?;
            let mut martingale = bet(settings.martingale)?;
            for row in rows.by_ref().take(length) {
                let Some(event) = watch.push(row).map_err(refused)? else {
                    continue;
                };
                let sample = first + event.sample as usize;
                let channel = watch.blame().channel.into();
                watched.windows.push(sample);
                note(&mut watched.smoothed, event.transition, sample, channel);
                if let Some(martingale) = &mut martingale {
                    let transition = martingale.update(event.score.surprise());
                    note(&mut watched.martingale, transition, sample, channel);
                }
            }
            first += length;
        }
        Ok(watched)
    }
}

/// A martingale by `settings`, where there are any.
pub(super) fn bet(settings: Option<MartingaleSettings>) -> Result<Option<Martingale>, Error> {
    let martingale = settings.map(Martingale::new).transpose();
    martingale.map_err(|error: MonitorError| Error::Setting(error.to_string()))
}

/// Takes the effect of the window that ends with `sample` into `alarms`.
fn note(alarms: &mut Vec<Alarm>, transition: Transition, sample: usize, channel: usize) {
    if transition == Transition::Raised {
        alarms.push(Alarm {
            raised: sample,
            ended: sample,
            channel,
        });
    } else if let Some(last) = alarms.last_mut()
        && transition != Transition::Quiet
    {
        last.ended = sample;
    }
}
