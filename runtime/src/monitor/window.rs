//! The results of a window of a watched stream, in one go or in slices.

use super::alarm::Transition;
use super::drift::{Drift, DriftReport};
use super::smoother::Smoother;
use crate::estimator::Estimator;
use crate::fixed::{Nats, WideSum};
use crate::mask::Mask;
use crate::model::Stream;
use crate::score::{ReadingError, Score};
use crate::session::{Progress, Session};
use core::task::Poll;

/// The results of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Event {
    /// The number of the window, from 0.
    pub window: u32,
    /// The number of its last sample, from 0: the time of the event.
    pub sample: u32,
    /// The window's score.
    pub score: Score,
    /// The smoothed score.
    pub smoothed: Nats,
    /// The window's effect on the alarm.
    pub transition: Transition,
    /// The scores so far against those of the calibration.
    pub drift: DriftReport,
    /// The channel to blame; none without an alarm.
    pub blame: Option<Blame>,
}

/// The channel that is least like normal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Blame {
    /// The number of the channel, from 0.
    pub channel: u16,
    /// The nats that its inputs lack in this window to their typical terms.
    pub shortfall: Nats,
}

/// What makes an event of a window, in memory of a watch's workspace.
#[derive(Debug)]
pub(super) struct Judge<'s> {
    pub(super) stream: &'s Stream<'s>,
    pub(super) typical: &'s [i32],
    pub(super) session: Session<'s>,
    pub(super) estimator: Estimator,
    pub(super) smoother: Smoother,
    pub(super) drift: Drift,
    /// Scratch of the front end.
    pub(super) scratch: &'s mut [i32],
    pub(super) reading: &'s mut [i16],
    /// Mean terms of a reading's inputs, in nats.
    pub(super) terms: &'s mut [WideSum],
}

/// The score of a completed window in slices: [`Watch::start`](super::Watch::start) begins it. A window whose score is dropped
/// before its end counts as a window, and leaves alarm and drift as they were.
#[derive(Debug)]
pub struct WindowScoring<'p, 's> {
    pub(super) judge: &'p mut Judge<'s>,
    pub(super) samples: &'p [i16],
    pub(super) window: u32,
    /// The number of the last sample.
    pub(super) sample: u32,
    pub(super) stage: Stage,
}

/// What a window waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// The features of this channel.
    Features(usize),
    /// The next slice of its score.
    Score(Progress),
    /// Nothing.
    Done(Result<Event, ReadingError>),
}

impl WindowScoring<'_, '_> {
    /// Computes the next slice, and gives the event of [`Watch::push`](super::Watch::push), bit for bit, where that was the last one.
    /// Once ready, it stays ready.
    ///
    /// The first slices are the features of each channel, then come those of [`Explaining::poll`](crate::Explaining::poll): the encoder, `passes`
    /// decoder passes at a time, and the verdict, with the alarm, the drift and the blame.
    ///
    /// # Errors
    /// [`ReadingError`] where the reading cannot be scored, after the last of the features. The window is then lost, and the next
    /// one is scored as if it had not been.
    pub fn poll(&mut self, passes: u16) -> Poll<Result<Event, ReadingError>> {
        self.stage = match self.stage {
            Stage::Features(channel) => self.features(channel),
            Stage::Score(progress) => self.score(progress, passes),
            Stage::Done(outcome) => return Poll::Ready(outcome),
        };
        match self.stage {
            Stage::Done(outcome) => Poll::Ready(outcome),
            _ => Poll::Pending,
        }
    }

    /// All slices at once.
    pub(super) fn event(&mut self) -> Result<Event, ReadingError> {
        for channel in 0..self.judge.stream.front_end.channels().into() {
            self.features_of(channel);
        }
        let judge = &mut *self.judge;
        let score = judge
            .session
            .start_explained(judge.reading, Mask::ALL, judge.estimator, judge.terms)?
            .score();
        Ok(self.conclude(score))
    }

    /// Makes the features of a channel; the stage after it.
    fn features(&mut self, channel: usize) -> Stage {
        self.features_of(channel);
        let next = channel + 1;
        let judge = &mut *self.judge;
        if next < judge.stream.front_end.channels().into() {
            return Stage::Features(next);
        }
        let begun =
            judge
                .session
                .start_explained(judge.reading, Mask::ALL, judge.estimator, judge.terms);
        match begun {
            Ok(explaining) => Stage::Score(explaining.pause()),
            Err(error) => Stage::Done(Err(error)),
        }
    }

    /// Puts the features of a channel into the reading.
    fn features_of(&mut self, channel: usize) {
        let judge = &mut *self.judge;
        let front_end = &judge.stream.front_end;
        front_end.apply_to(channel, self.samples, judge.scratch, judge.reading);
    }

    /// Computes a slice of the score; the stage after it.
    fn score(&mut self, progress: Progress, passes: u16) -> Stage {
        let judge = &mut *self.judge;
        let mut explaining =
            judge
                .session
                .resume_explained(judge.reading, Mask::ALL, judge.terms, progress);
        match explaining.poll(passes) {
            Poll::Pending => Stage::Score(explaining.pause()),
            Poll::Ready(score) => Stage::Done(Ok(self.conclude(score))),
        }
    }

    /// Takes the score of the window in.
    fn conclude(&mut self, score: Score) -> Event {
        let judge = &mut *self.judge;
        let transition = judge.smoother.update(score.elbo());
        Event {
            window: self.window,
            sample: self.sample,
            score,
            smoothed: judge.smoother.score().unwrap_or(score.elbo()),
            transition,
            drift: judge.drift.update(score.elbo()),
            blame: transition.is_alarm().then(|| judge.blame()),
        }
    }
}

impl Judge<'_> {
    /// The channel whose terms in the last window lack most to what is typical of them.
    pub(super) fn blame(&self) -> Blame {
        let mut worst: Option<(usize, i64)> = None;
        for channel in 0..usize::from(self.stream.front_end.channels()) {
            let inputs = self.terms.iter().zip(self.typical).enumerate();
            let own = inputs.filter(|(input, _)| self.stream.channel_of(*input) == channel);
            let shortfall = own
                .map(|(_, (term, &typical))| i64::from(typical) - term.to_bits())
                .sum();
            if worst.is_none_or(|(_, most)| shortfall > most) {
                worst = Some((channel, shortfall));
            }
        }
        let (channel, shortfall) = worst.unwrap_or((0, 0));
        Blame {
            channel: channel as u16,
            shortfall: Nats::saturating_from_wide(shortfall),
        }
    }
}
