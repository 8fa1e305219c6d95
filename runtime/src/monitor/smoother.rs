//! A running score that raises an alarm.

use super::alarm::Transition;
use super::average::{average, check_time_constant, round_shift};
use super::error::MonitorError;
use crate::fixed::Nats;

/// Fraction bits that averages carry beyond those of what is averaged, so that slow ones do not
/// get stuck.
const EXTRA_BITS: u32 = 16;

/// The settings of a [`Smoother`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SmootherSettings {
    /// Base-two logarithm of the time constant in scores, 0 to [`super::MAX_TIME_CONSTANT`]: each score
    /// has the weight `2^-time_constant`. 0 does not smooth.
    pub time_constant: u8,
    /// The alarm is raised when the smoothed score falls below this.
    pub enter: Nats,
    /// The alarm ends when the smoothed score rises above this; at least `enter`.
    pub leave: Nats,
    /// Lower scores count as this one, so that a wild one does not hold the alarm for long; below
    /// `enter`, or nothing could raise it. [`Nats::MIN`] for none.
    pub floor: Nats,
}

/// An exponentially weighted running score with hysteresis.
///
/// The [numeric contract](crate#smoother-and-alarm) defines every integer.
///
/// The smoothed score always lies between the lowest and the highest score seen, so it cannot
/// overflow; a score that has saturated counts as what it is, about ±32768 nats. A constant
/// stream is reached exactly. The first score stands for the whole past: a low one raises the alarm
/// at once.
///
/// ```
/// use elbow::Nats;
/// use elbow::monitor::{Smoother, SmootherSettings, Transition};
///
/// let nats = |whole: i32| Nats::from_bits(whole << 16);
/// let mut smoother = Smoother::new(SmootherSettings {
///     time_constant: 1,
///     enter: nats(-100),
///     leave: nats(-90),
///     floor: Nats::MIN,
/// })?;
/// let seen = [-80, -130, -90, -85, -85].map(|score| smoother.update(nats(score)));
/// // Smoothed: -80, -105, -97.5, -91.25, -88.125.
/// assert_eq!(seen[..2], [Transition::Quiet, Transition::Raised]);
/// assert_eq!(seen[2..], [Transition::Alarm, Transition::Alarm, Transition::Cleared]);
/// # Ok::<(), elbow::monitor::MonitorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smoother {
    settings: SmootherSettings,
    /// Q31.32 nats; none before the first score.
    state: Option<i64>,
    alarm: bool,
}

impl Smoother {
    /// A smoother that has seen no score.
    ///
    /// # Errors
    /// [`MonitorError::TimeConstant`], [`MonitorError::Hysteresis`] and [`MonitorError::Floor`].
    pub fn new(settings: SmootherSettings) -> Result<Self, MonitorError> {
        check_time_constant(settings.time_constant, 0)?;
        let SmootherSettings {
            enter,
            leave,
            floor,
            ..
        } = settings;
        if leave < enter {
            return Err(MonitorError::Hysteresis { enter, leave });
        }
        // An alarm below the lowest score there is can be raised by nothing anyway.
        if floor >= enter && enter > Nats::MIN {
            return Err(MonitorError::Floor { floor, enter });
        }
        Ok(Self {
            settings,
            state: None,
            alarm: false,
        })
    }

    /// Takes the next score in.
    pub fn update(&mut self, score: Nats) -> Transition {
        let wide = i64::from(score.max(self.settings.floor).to_bits()) << EXTRA_BITS;
        let state = match self.state {
            Some(state) => average(state, wide, self.settings.time_constant),
            None => wide,
        };
        self.state = Some(state);
        let smoothed = narrow(state);
        let before = self.alarm;
        self.alarm = if before {
            smoothed <= self.settings.leave
        } else {
            smoothed < self.settings.enter
        };
        Transition::between(before, self.alarm)
    }

    /// The smoothed score; none before the first.
    #[must_use]
    pub fn score(&self) -> Option<Nats> {
        self.state.map(narrow)
    }

    /// Whether there is an alarm.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        self.alarm
    }

    /// The settings of this smoother.
    #[must_use]
    pub fn settings(&self) -> SmootherSettings {
        self.settings
    }

    /// Forgets every score and the alarm, as after a gap in the stream.
    pub fn reset(&mut self) {
        self.state = None;
        self.alarm = false;
    }
}

/// A Q31.32 number of nats in Q16.16.
fn narrow(state: i64) -> Nats {
    Nats::saturating_from_wide(round_shift(state, EXTRA_BITS))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::MAX_TIME_CONSTANT;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::string::ToString;
    use std::vec::Vec;

    const ONE: f64 = 65536.0;

    fn nats(value: f64) -> Nats {
        Nats::from_bits((value * ONE).round() as i32)
    }

    fn smoother(time_constant: u8, enter: f64, leave: f64) -> Smoother {
        let (enter, leave) = (nats(enter), nats(leave));
        Smoother::new(SmootherSettings {
            time_constant,
            enter,
            leave,
            floor: Nats::MIN,
        })
        .unwrap()
    }

    #[test]
    fn a_floor_ends_alarms_sooner() {
        let scores = [0.0, -1000.0, 0.0, 0.0, 0.0];
        let of = |floor| {
            let settings = SmootherSettings {
                time_constant: 1,
                enter: nats(-8.0),
                leave: nats(-4.0),
                floor,
            };
            let mut smoother = Smoother::new(settings).unwrap();
            scores.map(|score| smoother.update(nats(score)).is_alarm())
        };
        // Smoothed: 0, -500, -250, -125, -62.5 without a floor; 0, -10, -5, -2.5 with one at -20.
        assert_eq!(of(Nats::MIN), [false, true, true, true, true]);
        assert_eq!(of(nats(-20.0)), [false, true, true, false, false]);
    }

    #[test]
    fn alarms_have_hysteresis() {
        use Transition::{Alarm, Cleared, Quiet, Raised};
        let mut plain = smoother(0, -10.0, -5.0);
        let seen: Vec<_> = [-10.0, -10.5, -7.0, -5.0, -4.5, -7.0, -11.0]
            .map(|score| plain.update(nats(score)))
            .into();
        assert_eq!(seen, [Quiet, Raised, Alarm, Alarm, Cleared, Quiet, Raised]);
        assert!(plain.is_alarm() && Raised.is_alarm() && !Cleared.is_alarm());
        plain.reset();
        assert_eq!((plain.score(), plain.is_alarm()), (None, false));
        assert_eq!(smoother(16, 0.0, 0.0).update(nats(-1.0)), Raised);
    }

    #[test]
    fn smoothing_follows_floats() {
        for constant in [0, 1, 3, 6, 10, 16] {
            let mut under_test = smoother(constant, 0.0, 0.0);
            let mut exact = f64::NAN;
            let mut words = rng::stream(u64::from(constant), 5);
            for _ in 0..20_000 {
                let score = Nats::from_bits(words.next_u32() as i32 >> (words.next_u32() % 20));
                let weight = 0.5f64.powi(constant.into());
                exact = if exact.is_nan() {
                    score.to_f64()
                } else {
                    exact + weight * (score.to_f64() - exact)
                };
                under_test.update(score);
                let error = (under_test.score().unwrap().to_f64() - exact).abs() * ONE;
                // Half a unit of the result, and half a unit of 2^-32 for each score remembered.
                assert!(error <= 1.01, "2^{constant}: {error} units");
            }
        }
    }

    #[test]
    fn smoothing_reaches_constants_and_stays_within_extremes() {
        for constant in 0..=MAX_TIME_CONSTANT {
            let mut under_test = smoother(constant, 0.0, 0.0);
            under_test.update(Nats::MIN);
            under_test.update(Nats::MAX);
            assert!(under_test.score().unwrap() < Nats::MAX || constant == 0);
            let steps = 40u32 << constant;
            for _ in 0..steps {
                under_test.update(Nats::MAX);
            }
            assert_eq!(under_test.score(), Some(Nats::MAX), "2^{constant}");
        }
    }

    #[test]
    fn impossible_settings_are_refused_with_their_numbers() {
        let settings = SmootherSettings {
            time_constant: 17,
            enter: nats(1.0),
            leave: nats(1.0),
            floor: nats(0.0),
        };
        let error = Smoother::new(settings).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a time constant of 2^17 scores is not in 2^0 to 2^16"
        );
        let error = Smoother::new(SmootherSettings {
            time_constant: 1,
            leave: nats(0.5),
            ..settings
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "an alarm that is raised below 1.00000 nats cannot end above 0.50000 nats"
        );
        let error = Smoother::new(SmootherSettings {
            time_constant: 1,
            floor: nats(1.0),
            ..settings
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "scores that count as no less than 1.00000 nats cannot raise an alarm below 1.00000 nats"
        );
    }
}
