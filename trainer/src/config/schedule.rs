//! The course of the step size over the epochs, and when they are enough.

use super::{Inference, TrainConfig};
use serde::{Deserialize, Serialize};

/// Course of the step size over the epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// It falls slowly, and the model is the average of the parameters over the last epochs: training ends when the
    /// held-out bound has stopped to rise
    #[default]
    Averaged,
    /// It falls to zero along a cosine: training takes all epochs
    Cosine,
    /// It is halved each time the held-out bound has stopped to rise: training ends when that is so after six halvings
    Plateau,
    /// It stays as it is
    Constant,
}

/// Epochs from which on averages are worth having: fewer than these train better where steps become short on time.
const ENOUGH: usize = 100;
/// Steps after which an averaged step size has fallen by a factor of sqrt(2).
const STEPS: f64 = 4000.0;

impl Schedule {
    /// The course for so many epochs where nobody says otherwise.
    pub const fn of(epochs: usize) -> Self {
        match epochs < ENOUGH {
            true => Self::Cosine,
            false => Self::Averaged,
        }
    }

    /// Adam's step size in the first epoch, where nobody says otherwise.
    pub const fn learning_rate(self) -> f64 {
        match self {
            Self::Averaged => 0.005,
            Self::Cosine | Self::Plateau => 0.002,
            Self::Constant => 0.001,
        }
    }

    /// Bounds on held-out readings that a training computes at most, but for the last one: each costs about as much as
    /// an epoch over as many readings. Averages change slowly.
    pub(crate) const fn turns(self) -> usize {
        match self {
            Self::Averaged => 100,
            Self::Cosine | Self::Plateau | Self::Constant => 200,
        }
    }
}

/// Epochs that are trained at least.
const LEAST_EPOCHS: usize = 9;
/// Steps that are made at least.
const LEAST_STEPS: usize = 300;

/// Epochs that a step size lasts on a plateau where nobody says otherwise: the default of the scheduler of this name in
/// PyTorch, with which one half is the usual factor.
const PLATEAU_EPOCHS: usize = 10;
/// Halvings of a step size, at most, where training is to end by itself: the last is a 64th of the first.
const HALVINGS: usize = 6;

/// The course of a step size that is halved where the held-out bound has stopped to rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// Epochs that the bound is given to rise by [`Plateau::gain`].
    epochs: usize,
    /// In nats.
    gain: f64,
}

impl Plateau {
    /// The course that `train` asks for, with so many training readings; none of another schedule.
    pub(super) fn of(train: &TrainConfig, readings: usize) -> Option<Self> {
        let steps = LEAST_STEPS.div_ceil(train.steps(readings));
        let said = train.patience.filter(|&epochs| epochs > 0);
        (train.schedule == Schedule::Plateau).then_some(Self {
            epochs: said.unwrap_or(PLATEAU_EPOCHS.max(steps)),
            gain: train.least_gain,
        })
    }

    /// Halvings after such `epochs`: `bound` gives that of an epoch, if it has one.
    pub fn halvings<T>(&self, epochs: &[T], bound: impl Fn(&T) -> Option<f64>) -> usize {
        let (mut halvings, mut risen) = (0, 0);
        let mut highest = f64::NEG_INFINITY;
        for (epoch, bound) in epochs.iter().map(bound).enumerate() {
            let Some(bound) = bound else { continue };
            if bound >= highest + self.gain {
                (highest, risen) = (bound, epoch);
            } else if epoch - risen >= self.epochs {
                halvings += 1;
                risen = epoch;
            }
        }
        halvings
    }
}

/// The end of a training by its held-out bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// The halvings that come first, if any do.
    plateau: Option<Plateau>,
    /// Epochs that the bound is given to rise by [`Patience::gain`]; a third of those so far where there are none.
    epochs: Option<usize>,
    /// In nats.
    gain: f64,
    /// Epochs that are trained in any case.
    least: usize,
}

impl Patience {
    /// The patience that `train` asks for, with so many training readings; none where all epochs are trained.
    pub(super) fn of(train: &TrainConfig, readings: usize) -> Option<Self> {
        let least = LEAST_STEPS
            .div_ceil(train.steps(readings))
            .max(LEAST_EPOCHS);
        let plateau = Plateau::of(train, readings);
        train.waits().then_some(Self {
            plateau,
            epochs: plateau.map_or(train.patience, |plateau| Some(plateau.epochs)),
            gain: train.least_gain,
            least: least
                .max(train.objective.kl_warm_up)
                .max(train.rate_warm_up),
        })
    }

    /// Rise of the highest bound in the last epochs, in nats, and how many they are, where those so far are enough to tell:
    /// `bound` gives that of an epoch, if it has one.
    pub fn gain<T>(&self, epochs: &[T], bound: impl Fn(&T) -> Option<f64>) -> Option<(f64, usize)> {
        let done = epochs.len();
        let window = self.epochs.unwrap_or(done.div_ceil(3));
        let highest = |epochs: &[T]| epochs.iter().filter_map(&bound).reduce(f64::max);
        let before = highest(epochs.get(..done.checked_sub(window)?)?)?;
        Some((highest(epochs)? - before, window))
    }

    /// Whether training ends after such `epochs`. It may where the last one has a bound.
    pub fn is_over<T>(&self, epochs: &[T], bound: impl Fn(&T) -> Option<f64>) -> bool {
        let done = epochs.len() >= self.least && epochs.last().and_then(&bound).is_some();
        if let Some(plateau) = &self.plateau {
            return done && plateau.halvings(epochs, bound) > HALVINGS;
        }
        done && self
            .gain(epochs, bound)
            .is_some_and(|(gain, _)| gain < self.gain)
    }
}

impl TrainConfig {
    /// Whether the held-out bound may end the training.
    pub(super) fn waits(&self) -> bool {
        let waits = match self.patience {
            None => matches!(self.schedule, Schedule::Averaged | Schedule::Plateau),
            Some(epochs) => epochs > 0,
        };
        waits && self.inference == Inference::Amortized
    }

    /// Steps of the optimizer in an epoch over so many readings, at least 1.
    pub(super) fn steps(&self, readings: usize) -> usize {
        readings.div_ceil(self.batch).max(1)
    }

    /// The step size that averages are made with, in an epoch counted from 1, over so many readings: it falls as
    /// `t^-1/2` (Bach and Moulines, "Non-asymptotic analysis of stochastic approximation algorithms", NIPS 2011, section 5:
    /// with averaging the best rate without knowing the curvature).
    pub(super) fn averaged_rate(&self, epoch: usize, readings: usize) -> f64 {
        let steps = (epoch - 1) as f64 * self.steps(readings) as f64;
        self.learning_rate / (1.0 + steps / STEPS).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(train: &TrainConfig) -> Patience {
        Patience::of(train, 64 * 100).unwrap()
    }

    fn is_over(patience: &Patience, bounds: &[Option<f64>]) -> bool {
        patience.is_over(bounds, |bound| *bound)
    }

    /// Bounds that rise by 1 nat an epoch, and stay after `rising` epochs.
    fn bounds(rising: usize, done: usize) -> Vec<Option<f64>> {
        (0..done)
            .map(|epoch| Some(epoch.min(rising) as f64))
            .collect()
    }

    #[test]
    fn training_ends_when_a_third_of_the_epochs_gained_nothing() {
        let patience = patience(&TrainConfig::default());
        let end = |rising| (1..).find(|&done| is_over(&patience, &bounds(rising, done)));
        // 9 epochs in any case; then the last gain, in epoch `rising + 1`, was two thirds of the way.
        assert_eq!(end(1), Some(9));
        assert_eq!(end(20), Some(32));
        assert_eq!(end(200), Some(302));
        assert_eq!(
            patience.gain(&bounds(20, 24), |bound| *bound),
            Some((5.0, 8))
        );
    }

    #[test]
    fn a_patience_of_epochs_waits_for_so_many() {
        let train = TrainConfig {
            patience: Some(50),
            ..TrainConfig::default()
        };
        let end = |rising| (1..).find(|&done| is_over(&patience(&train), &bounds(rising, done)));
        assert_eq!(end(20), Some(71));
        assert_eq!(end(200), Some(251));
    }

    #[test]
    fn patience_is_a_matter_of_steps_with_few_readings_and_never_ends_by_0() {
        let train = TrainConfig::default();
        assert_eq!(Patience::of(&train, 130).unwrap().least, 100);
        assert_eq!(Patience::of(&train, 1_000_000).unwrap().least, 9);
        let never = TrainConfig {
            patience: Some(0),
            ..train.clone()
        };
        assert_eq!(Patience::of(&never, 130), None);
        let cosine = TrainConfig {
            schedule: Schedule::Cosine,
            ..train
        };
        assert_eq!(Patience::of(&cosine, 130), None);
        let waiting = TrainConfig {
            patience: Some(20),
            ..cosine
        };
        assert!(Patience::of(&waiting, 130).is_some());
    }

    /// Bounds that rise for 3 epochs, then stay: the 4th is the highest, and each 5th after it halves.
    #[test]
    fn a_plateau_halves_and_ends_after_six_halvings() {
        let train = TrainConfig {
            schedule: Schedule::Plateau,
            patience: Some(5),
            ..TrainConfig::default()
        };
        let plateau = Plateau::of(&train, 6400).unwrap();
        let halvings = |done| plateau.halvings(&bounds(3, done), |bound| *bound);
        assert_eq!([4, 8, 9, 13, 14].map(halvings), [0, 0, 1, 1, 2]);
        let end = (1..).find(|&done| is_over(&patience(&train), &bounds(3, done)));
        assert_eq!(end, Some(4 + 7 * 5));
        // A small rise is none, and a gap in the bounds ends nothing.
        let slow = |epoch: usize| (!epoch.is_multiple_of(2)).then_some(epoch as f64 * 0.001);
        let slow: Vec<_> = (0..20).map(slow).collect();
        assert_eq!(plateau.halvings(&slow, |bound| *bound), 2);
        let all = TrainConfig {
            patience: Some(0),
            ..train.clone()
        };
        assert_eq!(Patience::of(&all, 6400), None);
        assert_eq!(Plateau::of(&all, 6400).unwrap().epochs, 10);
        assert_eq!(Plateau::of(&all, 64).unwrap().epochs, 300);
        let cosine = TrainConfig {
            schedule: Schedule::Cosine,
            ..train
        };
        assert_eq!(Plateau::of(&cosine, 6400), None);
    }

    #[test]
    fn epochs_without_a_bound_are_waited_through() {
        let patience = patience(&TrainConfig::default());
        let mut bounds = bounds(3, 40);
        bounds.push(None);
        assert!(!is_over(&patience, &bounds));
        assert!(!is_over(&patience, &[None; 40]));
        bounds.push(Some(0.0));
        assert!(is_over(&patience, &bounds));
    }

    #[test]
    fn averaged_steps_shrink_with_the_root_of_their_number() {
        let train = TrainConfig::default();
        let rate = |epoch| train.averaged_rate(epoch, 6400) / train.learning_rate;
        assert_eq!(rate(1), 1.0);
        assert!((rate(41) - 0.5f64.sqrt()).abs() < 1e-12);
        assert!((rate(121) - 0.5).abs() < 1e-12);
    }
}
