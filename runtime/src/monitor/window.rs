//! The results of a window of a watched stream, in one go or in slices.

use super::alarm::Transition;
use super::drift::{Drift, DriftReport};
use super::smoother::Smoother;
use crate::fixed::{Nats, WideSum};
use crate::model::Stream;
use crate::score::Score;
use crate::session::Explaining;
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

/// The score of a completed window in slices: [`Watch::start`](super::Watch::start) begins it. A window whose score is dropped
/// before its end counts as a window, and leaves alarm and drift as they were.
#[derive(Debug)]
pub struct WindowScoring<'p, 's> {
    pub(super) explaining: Explaining<'p, 's>,
    pub(super) smoother: &'p mut Smoother,
    pub(super) drift: &'p mut Drift,
    pub(super) stream: &'s Stream<'s>,
    pub(super) typical: &'s [i32],
    /// The number of the window, and of its last sample.
    pub(super) window: u32,
    pub(super) sample: u32,
    pub(super) event: Option<Event>,
}

impl WindowScoring<'_, '_> {
    /// Computes the next slice, as [`Explaining::poll`] does: the encoder, then `passes` decoder passes at a time, then
    /// the verdict, the alarm, the drift and the blame. Gives the event of [`Watch::push`](super::Watch::push), bit for bit, where that was the last
    /// slice. Once ready, it stays ready.
    pub fn poll(&mut self, passes: u16) -> Poll<Event> {
        if let Some(event) = self.event {
            return Poll::Ready(event);
        }
        let score = self.explaining.poll(passes);
        score.map(|score| self.conclude(score))
    }

    /// All slices at once.
    pub(super) fn event(&mut self) -> Event {
        let score = self.explaining.score();
        self.conclude(score)
    }

    /// Takes the score of the window in.
    fn conclude(&mut self, score: Score) -> Event {
        let transition = self.smoother.update(score.elbo());
        let blame = || blame(self.stream, self.explaining.inputs(), self.typical);
        let event = Event {
            window: self.window,
            sample: self.sample,
            score,
            smoothed: self.smoother.score().unwrap_or(score.elbo()),
            transition,
            drift: self.drift.update(score.elbo()),
            blame: transition.is_alarm().then(blame),
        };
        self.event = Some(event);
        event
    }
}

/// The channel whose `terms` lack most to what is `typical` of them.
pub(super) fn blame(stream: &Stream<'_>, terms: &[WideSum], typical: &[i32]) -> Blame {
    let mut worst: Option<(usize, i64)> = None;
    for channel in 0..usize::from(stream.front_end.channels()) {
        let inputs = terms.iter().zip(typical).enumerate();
        let own = inputs.filter(|(input, _)| stream.channel_of(*input) == channel);
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
