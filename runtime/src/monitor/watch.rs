//! A model that watches a stream of samples.
//!
//! [`Watch`] joins the parts that also work alone: [`crate::signal::Windows`] cuts the stream,
//! [`crate::signal::FrontEnd`] makes a reading of each window, [`crate::Session`] scores it,
//! [`Smoother`] raises and ends the alarm, [`Drift`] compares the scores with those of the
//! calibration, and the terms of the bound say which channel is to blame.

use super::average::MAX_TIME_CONSTANT;
use super::drift::{Drift, DriftSettings, Reference};
use super::error::MonitorError;
use super::smoother::{Smoother, SmootherSettings};
use super::window::{Blame, Event, Judge, Stage, WindowScoring};
use crate::calibration::{Calibration, ThresholdError};
use crate::estimator::Estimator;
use crate::fixed::{Nats, Probability, WideSum};
use crate::length::LengthError;
use crate::memory::take;
use crate::model::Model;
use crate::score::ReadingError;
use crate::session::Session;
use crate::signal::{Windows, WindowsError};
use crate::workspace::WorkspaceError;

/// The settings of a [`Watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WatchSettings {
    /// The estimator of the windows' scores.
    pub estimator: Estimator,
    /// Settings of the alarm.
    pub smoother: SmootherSettings,
    /// Settings of the drift.
    pub drift: DriftSettings,
}

/// Errors of a [`Watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WatchError {
    /// The model takes whole readings: its image says nothing of windows.
    NoStream,
    /// The image has no calibration, so nothing says which score is anomalous.
    NoCalibration,
    /// The wanted false-alarm rate is beyond the calibration.
    Threshold(ThresholdError),
    /// The workspace is too small.
    Workspace(WorkspaceError),
    /// The monitors' settings make no sense.
    Monitor(MonitorError),
    /// The windows' shape, or a sample of the wrong width.
    Windows(WindowsError),
    /// A buffer has the wrong length; cannot happen with a parsed model.
    Length(LengthError),
    /// A reading cannot be scored, such as counts that cannot occur.
    Reading(ReadingError),
}

impl WatchSettings {
    /// Settings by rates: the alarm is raised when the smoothed score falls below the threshold of
    /// the false-alarm rate `enter`, and ends when it rises above that of `leave`, a larger rate.
    /// Without one, `enter` is 0.01, or the smallest rate that the calibration tells apart where
    /// that is larger; `leave` is 0.1, or `enter` where that is larger. The floor is so low that a
    /// single window can still raise the alarm, so that it ends soon after the windows are normal.
    ///
    /// # Errors
    /// [`WatchError::NoCalibration`], or [`WatchError::Threshold`] where a rate is rarer than the
    /// calibration can tell.
    pub fn from_rates(
        model: &Model<'_>,
        estimator: Estimator,
        time_constant: u8,
        enter: Option<Probability>,
        leave: Option<Probability>,
    ) -> Result<Self, WatchError> {
        let table = model
            .calibration(estimator)
            .filter(|table| table.knots() > 0)
            .ok_or(WatchError::NoCalibration)?;
        let smallest = table.p_value(Nats::MIN);
        let enter = enter.unwrap_or_else(|| smallest.max(const { Probability::new(0.01) }));
        let leave = leave.unwrap_or_else(|| enter.max(const { Probability::new(0.1) }));
        let threshold = |rate| table.threshold(rate).map_err(WatchError::Threshold);
        Ok(Self::from_thresholds(
            estimator,
            table,
            time_constant,
            threshold(enter)?,
            threshold(leave)?,
        ))
    }

    /// Settings by scores: the alarm is raised when the smoothed score falls below `enter` nats, and ends when it rises
    /// above `leave` nats. `calibration` is [`Model::calibration`] of the estimator. The floor is as in
    /// [`WatchSettings::from_rates`].
    #[must_use]
    pub fn from_thresholds(
        estimator: Estimator,
        calibration: &Calibration<'_>,
        time_constant: u8,
        enter: Nats,
        leave: Nats,
    ) -> Self {
        Self {
            estimator,
            smoother: SmootherSettings {
                time_constant,
                enter,
                leave,
                floor: floor(enter, calibration.mean(), time_constant),
            },
            drift: DriftSettings::default(),
        }
    }
}

/// The floor of scores, `enter - 2^k (mean - enter)`: the lowest one that one window needs to raise the
/// alarm after others of the mean score.
fn floor(enter: Nats, mean: Nats, time_constant: u8) -> Nats {
    let (enter, mean) = (i64::from(enter.to_bits()), i64::from(mean.to_bits()));
    let below = (mean - enter).max(1) << time_constant.min(MAX_TIME_CONSTANT);
    Nats::saturating_from_wide(enter - below - 1)
}

/// A stream under watch.
#[derive(Debug)]
pub struct Watch<'s> {
    windows: Windows<&'s mut [i16]>,
    judge: Judge<'s>,
    samples: u32,
    count: u32,
}

impl Model<'_> {
    /// Words of eight bytes that a [`crate::Workspace`] for a [`Watch`] of this model has; none for
    /// a model of whole readings.
    #[must_use]
    pub fn watch_words(&self) -> Option<usize> {
        let front_end = &self.stream.as_ref()?.front_end;
        let bytes = self.inputs() * size_of::<WideSum>()
            + self.reading_length() * size_of::<i16>()
            + front_end.scratch_len() * size_of::<i32>()
            + front_end.window_len() * size_of::<i16>();
        Some(self.workspace_words() + bytes.div_ceil(8))
    }
}

impl<'s> Watch<'s> {
    /// Watches a stream from its first sample on. A stochastic estimator draws from stream 0 of
    /// `seed`, window after window.
    ///
    /// # Errors
    /// [`WatchError`]: a model of whole readings, one without calibration, a workspace with less
    /// than [`Model::watch_words`], or settings that make no sense.
    pub fn new(
        model: &'s Model<'s>,
        workspace: &'s mut [u64],
        settings: &WatchSettings,
        seed: u64,
    ) -> Result<Self, WatchError> {
        let stream = model.stream().ok_or(WatchError::NoStream)?;
        let table = model
            .calibration(settings.estimator)
            .ok_or(WatchError::NoCalibration)?;
        let reference = Reference {
            mean: table.mean(),
            standard_deviation: table.standard_deviation(),
        };
        let error = WatchError::Workspace(WorkspaceError {
            have: size_of_val(workspace),
            need: 8 * model.watch_words().unwrap_or(0),
        });
        let (own, rest) = workspace
            .split_at_mut_checked(model.workspace_words())
            .ok_or(error)?;
        let mut rest: &'s mut [u8] = bytemuck::cast_slice_mut(rest);
        let terms = take(&mut rest, model.inputs()).ok_or(error)?;
        let scratch = take(&mut rest, stream.front_end.scratch_len()).ok_or(error)?;
        let window: &'s mut [i16] = take(&mut rest, stream.front_end.window_len()).ok_or(error)?;
        let reading = take(&mut rest, model.reading_length()).ok_or(error)?;
        Ok(Self {
            windows: Windows::new(window, stream.shape()).map_err(WatchError::Windows)?,
            judge: Judge {
                stream,
                typical: model.typical(),
                session: Session::new(model, own, seed).map_err(WatchError::Workspace)?,
                estimator: settings.estimator,
                smoother: Smoother::new(settings.smoother).map_err(WatchError::Monitor)?,
                drift: Drift::new(reference, settings.drift).map_err(WatchError::Monitor)?,
                scratch,
                reading,
                terms,
            },
            samples: 0,
            count: 0,
        })
    }

    /// Takes one raw sample of each channel in; an event where it completes a window.
    ///
    /// # Errors
    /// [`WatchError`]: a sample of another width, or a reading that cannot be scored; the window is
    /// then lost, and the next one is scored as if it had not been.
    pub fn push(&mut self, sample: &[i16]) -> Result<Option<Event>, WatchError> {
        let Some(mut window) = self.start(sample)? else {
            return Ok(None);
        };
        window.event().map(Some).map_err(WatchError::Reading)
    }

    /// Takes one raw sample of each channel in, as [`Watch::push`] does, and where it completes a window, begins its
    /// event in slices; [`WindowScoring::poll`] computes them. Samples that arrive meanwhile have to wait in a queue of the
    /// program's.
    ///
    /// # Errors
    /// [`WatchError::Windows`]: a sample of another width.
    pub fn start(&mut self, sample: &[i16]) -> Result<Option<WindowScoring<'_, 's>>, WatchError> {
        let window = self.windows.push(sample).map_err(WatchError::Windows)?;
        let time = self.samples;
        self.samples = self.samples.saturating_add(1);
        let Some(window) = window else {
            return Ok(None);
        };
        let number = self.count;
        self.count = self.count.saturating_add(1);
        Ok(Some(WindowScoring {
            judge: &mut self.judge,
            samples: window,
            window: number,
            sample: time,
            stage: Stage::Features(0),
        }))
    }

    /// The channel to blame in the last window, with or without an alarm: the one whose terms lack most to what is
    /// typical of them. [`Event::blame`] has it while the alarm lasts. Before the first window it means nothing.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.judge.blame()
    }
}
