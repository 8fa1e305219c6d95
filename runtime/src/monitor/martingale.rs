//! An alarm by a bet against the p-values being those of normal readings.

use super::alarm::Transition;
use super::error::MonitorError;
use crate::calibration::LN_CERTAIN;
use crate::fixed::{Nats, Probability, saturate};
use crate::transcendental::ln;

/// Units of 2^-16 nat by which a gain is rounded down. Surprises are up to 0.2 units above `-ln p`, and `ln epsilon` is up
/// to 1 unit above its value, so 2 units keep the integers below the martingale of real numbers.
const SLACK: i64 = 2;

/// The settings of a [`Martingale`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MartingaleSettings {
    /// The exponent of the bet `f(p) = epsilon * p^(epsilon - 1)`, above 0 and below 1. The smaller, the more is bet on
    /// very small p-values.
    pub epsilon: Probability,
    /// The alarm is raised when the log martingale is at least this, in nats; positive. [`MartingaleSettings::threshold`]
    /// gives it for a chance of false alarms.
    pub threshold: Nats,
    /// Larger surprises count as this one, in nats, so that an extrapolated p-value decides nothing alone.
    /// [`Nats::MAX`] for none.
    pub ceiling: Nats,
    /// Whether the martingale restarts at 0 nats, instead of falling below it. See [`Martingale`] for what is then
    /// guaranteed.
    pub restarts: bool,
}

impl MartingaleSettings {
    /// `-ln chance` rounded up, in nats: the threshold whose false alarms have at most this chance at any time, or, where
    /// the martingale restarts, at most this frequency.
    ///
    /// ```
    /// use elbow::Probability;
    /// use elbow::monitor::MartingaleSettings;
    ///
    /// let threshold = MartingaleSettings::threshold(Probability::new(1e-3));
    /// assert_eq!(threshold.to_string(), "6.90776");
    /// ```
    #[must_use]
    pub fn threshold(chance: Probability) -> Nats {
        let chance = chance.max(Probability::LEAST);
        Nats::from_bits(LN_CERTAIN - ln(chance.to_bits()) + 1)
    }
}

/// `epsilon` is 1/2, restarts, and a false alarm in 10,000 readings at most on average.
impl Default for MartingaleSettings {
    fn default() -> Self {
        Self {
            epsilon: const { Probability::new(0.5) },
            threshold: Self::threshold(const { Probability::new(1e-4) }),
            ceiling: Nats::MAX,
            restarts: true,
        }
    }
}

/// A power martingale on p-values: the capital of a gambler who bets against normality.
///
/// # Method
///
/// The capital M starts at 1 and is multiplied by `epsilon * p^(epsilon - 1)` at each reading (Vovk, Nouretdinov and
/// Gammerman, "Testing exchangeability on-line", ICML 2003). Small p-values make it grow, all others shrink. The state is
/// `ln M`, one integer, and a p-value comes in as its surprise `-ln p` ([`crate::Score::surprise`],
/// [`crate::Calibration::surprise`]). The [numeric contract](crate#martingale) defines every integer.
///
/// # Guarantee
///
/// Let each p-value be valid given those before it: `P(p <= a) <= a` for all a. Then M is a supermartingale, for
/// conservative and for discrete p-values too, since the bet falls with p. All rounding is downwards.
///
/// * Without restarts, `P(M >= 1 / a at any time) <= a` (Ville, "Étude critique de la notion de collectif", 1939). The
///   alarm then stays until [`Martingale::reset`]. The capital falls by `-ln epsilon - (1 - epsilon)` nats with each normal reading,
///   0.19 where `epsilon` is 1/2. A fault late in a long stream has to win that back first: take this
///   for a stretch of time that has an end, such as an acceptance test.
/// * With restarts, `ln M` does not fall below 0 (the cumulative sum of Page, "Continuous inspection schemes", 1954). The
///   expected number of readings before a false alarm is at least `exp(threshold)`, and the chance of one within n readings at most
///   `n * exp(-threshold)`: the statistic is at most that of Shiryaev and Roberts, whose mean grows by at most 1 with each
///   reading (Pollak, "Average run lengths of an optimal method of detecting a change in distribution", 1987; for
///   conformal p-values Volkhonskiy et al., "Inductive conformal martingales for change-point detection", 2017). The
///   alarm ends when `ln M` is back at 0. `ln M` does not rise above the threshold, so it ends soon after the readings are
///   normal.
///
/// # Assumption
///
/// P-values of a calibration of n readings are valid on average over calibrations; given one of them, they are a
/// little too small or too large (Vovk, "Conditional validity of inductive conformal predictors", 2012). Windows that overlap have
/// p-values that depend on each other. Both make false alarms more frequent. Two facts put this into proportion. The guarantee
/// of restarts is cautious: with uniform p-values, `epsilon` 1/2 and a threshold of `ln 100` there are 1258 readings before a false
/// alarm on average, not 100. And of 200 simulated calibrations of 200 readings, with a threshold of `ln 10000`, all together raise a
/// false alarm in 110,000 readings, the worst in 3,600. `cargo trainer eval --events` counts those of a real stream.
///
/// ```
/// use elbow::Nats;
/// use elbow::monitor::{Martingale, MartingaleSettings, Transition};
///
/// let mut martingale = Martingale::new(MartingaleSettings::default())?;
/// // Each p-value of 0.001 wins 2.8 nats; the threshold is 9.2.
/// let surprise = MartingaleSettings::threshold(elbow::Probability::new(1e-3));
/// let seen = [Nats::ZERO, surprise, surprise, surprise, surprise].map(|u| martingale.update(u));
/// assert_eq!(seen[3..], [Transition::Quiet, Transition::Raised]);
/// # Ok::<(), elbow::monitor::MonitorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Martingale {
    settings: MartingaleSettings,
    /// Q16.16 nats.
    log: i32,
    alarm: bool,
}

impl Martingale {
    /// A martingale that has seen no p-value.
    ///
    /// # Errors
    /// [`MonitorError::Epsilon`], [`MonitorError::Evidence`], and [`MonitorError::Ceiling`] where no surprise below the ceiling
    /// can make the capital grow.
    pub fn new(settings: MartingaleSettings) -> Result<Self, MonitorError> {
        let MartingaleSettings {
            epsilon,
            threshold,
            ceiling,
            ..
        } = settings;
        if epsilon < Probability::LEAST || epsilon >= Probability::ONE {
            return Err(MonitorError::Epsilon(epsilon));
        }
        if threshold <= Nats::ZERO {
            return Err(MonitorError::Evidence(threshold));
        }
        let martingale = Self {
            settings,
            log: 0,
            alarm: false,
        };
        if martingale.gain(ceiling) <= 0 {
            return Err(MonitorError::Ceiling { ceiling, epsilon });
        }
        Ok(martingale)
    }

    /// Takes the surprise `-ln p` of the next reading in; negative ones count as 0.
    pub fn update(&mut self, surprise: Nats) -> Transition {
        let threshold = self.settings.threshold.to_bits();
        let log = i64::from(self.log) + self.gain(surprise);
        self.log = if self.settings.restarts {
            log.clamp(0, i64::from(threshold)) as i32
        } else {
            saturate(log)
        };
        let before = self.alarm;
        // Without restarts nothing ends the alarm.
        let stays = before && (self.log > 0 || !self.settings.restarts);
        self.alarm = stays || self.log >= threshold;
        Transition::between(before, self.alarm)
    }

    /// `ln M`, in nats; 0 at the start.
    #[must_use]
    pub fn log(&self) -> Nats {
        Nats::from_bits(self.log)
    }

    /// Whether there is an alarm.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        self.alarm
    }

    /// The settings of this martingale.
    #[must_use]
    pub fn settings(&self) -> MartingaleSettings {
        self.settings
    }

    /// Starts anew, with a capital of 1 and without an alarm.
    pub fn reset(&mut self) {
        self.log = 0;
        self.alarm = false;
    }

    /// `ln f(p)` of a surprise, rounded down, Q16.16.
    fn gain(&self, surprise: Nats) -> i64 {
        let MartingaleSettings {
            epsilon, ceiling, ..
        } = self.settings;
        let surprise = i64::from(surprise.min(ceiling).to_bits().max(0));
        let rest = i64::from(Probability::ONE.to_bits()) - i64::from(epsilon.to_bits());
        let constant = i64::from(ln(epsilon.to_bits())) - i64::from(LN_CERTAIN) - SLACK;
        ((rest * surprise) >> 31) + constant
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::string::ToString;
    use std::vec::Vec;

    const HALF: Probability = Probability::new(0.5);

    fn settings(epsilon: f64, chance: f64, restarts: bool) -> MartingaleSettings {
        MartingaleSettings {
            epsilon: Probability::new(epsilon),
            threshold: MartingaleSettings::threshold(Probability::new(chance)),
            ceiling: Nats::MAX,
            restarts,
        }
    }

    fn nats(value: f64) -> Nats {
        Nats::from_bits((value * 65536.0).round() as i32)
    }

    /// The surprise of p as a calibration gives it.
    fn surprise(p: Probability) -> Nats {
        Nats::from_bits(LN_CERTAIN - ln(p.to_bits()))
    }

    /// A p-value uniform on the multiples of 2^-31 in (0, 1].
    fn uniform(words: &mut impl Rng) -> Probability {
        Probability::from_bits((words.next_u32() >> 1) + 1).unwrap()
    }

    #[test]
    fn a_martingale_by_hand() {
        use Transition::{Alarm, Cleared, Quiet, Raised};
        let mut martingale = Martingale::new(MartingaleSettings {
            threshold: nats(2.0),
            ..settings(0.5, 0.1, true)
        })
        .unwrap();
        // ln 1/2 is -45425.99 units: -45427 after it is rounded and 2 are taken off, -45428 where ln is one below.
        let loss = martingale.gain(Nats::ZERO);
        assert_eq!(loss, -45428);
        let seen: Vec<_> = [4.0, 4.0, 0.0, 0.0, 0.0, 0.0]
            .map(|u| (martingale.update(nats(u)), martingale.log().to_bits()))
            .into();
        let win = (2 << 16) + loss as i32;
        assert_eq!(seen[0], (Quiet, win));
        assert_eq!(seen[1], (Raised, 2 << 16));
        assert_eq!(seen[2], (Alarm, (2 << 16) + loss as i32));
        assert_eq!(seen[3], (Alarm, (2 << 16) + 2 * loss as i32));
        assert_eq!(seen[4], (Cleared, 0));
        assert_eq!(seen[5], (Quiet, 0));

        let mut forever = Martingale::new(MartingaleSettings {
            threshold: nats(2.0),
            ..settings(0.5, 0.1, false)
        })
        .unwrap();
        let seen = [0.0, 8.0, 0.0, 0.0, 0.0, 0.0].map(|u| forever.update(nats(u)));
        assert_eq!(seen, [Quiet, Raised, Alarm, Alarm, Alarm, Alarm]);
        assert_eq!(forever.log().to_bits(), (4 << 16) + 6 * loss as i32);
        forever.reset();
        assert_eq!((forever.log(), forever.is_alarm()), (Nats::ZERO, false));
        assert!(!Raised.is_alarm() || forever.update(Nats::MAX) == Raised);
    }

    /// Against `sum of ln(epsilon p^(epsilon - 1))` in floats: never above, and less than 5 units a reading below.
    #[test]
    fn the_log_follows_floats_from_below() {
        for epsilon in [0.01, 0.1, 0.5, 0.92, 0.999] {
            for restarts in [false, true] {
                // A threshold out of reach: nothing is capped.
                let mut under_test = Martingale::new(MartingaleSettings {
                    threshold: Nats::MAX,
                    ..settings(epsilon, 0.5, restarts)
                })
                .unwrap();
                let epsilon = Probability::new(epsilon).to_f64();
                let (mut exact, mut since) = (0f64, 0.0);
                let mut words = rng::stream(7, u64::from(restarts));
                for _ in 0..3000 {
                    let p = uniform(&mut words);
                    // From all scales, not only from ordinary ones.
                    let p = Probability::from_bits((p.to_bits() >> (words.next_u32() % 31)).max(1))
                        .unwrap();
                    under_test.update(surprise(p));
                    exact += epsilon.ln() + (epsilon - 1.0) * p.to_f64().ln();
                    since += 1.0;
                    if restarts && exact <= 0.0 {
                        (exact, since) = (0.0, 0.0);
                    }
                    let below = (exact - under_test.log().to_f64()) * 65536.0;
                    // After a restart of the floats the integers are at 0 too, and never above.
                    assert!(below >= -1e-6, "{epsilon}: {below} units");
                    assert!(
                        below <= 5.0 * since + 1e-6,
                        "{epsilon}: {below} units after {since}"
                    );
                }
            }
        }
    }

    /// 20,000 streams of 1000 uniform p-values: at most one in 20 ever has a capital of 20 (Ville), within three standard
    /// errors, and the bound is not idle.
    #[test]
    fn false_alarms_at_any_time_are_rare() {
        let (streams, chance) = (20_000, 0.05);
        let mut alarms = 0;
        for stream in 0..streams {
            let mut words = rng::stream(1, stream);
            let mut martingale = Martingale::new(settings(0.5, chance, false)).unwrap();
            alarms += u32::from(
                (0..1000).any(|_| martingale.update(surprise(uniform(&mut words))).is_alarm()),
            );
        }
        let part = f64::from(alarms) / streams as f64;
        let error = (chance * (1.0 - chance) / streams as f64).sqrt();
        std::println!("ever above 20: {part}");
        assert!(part <= chance + 3.0 * error, "{part}");
        assert!(part >= 0.3 * chance, "{part}");
    }

    /// The mean number of readings before a false alarm, with restarts, of 2000 alarms: p-values are `of` a uniform one.
    fn run_length(chance: f64, of: impl Fn(Probability) -> Probability) -> f64 {
        let alarms = 2000;
        let mut readings = 0u64;
        for alarm in 0..alarms {
            let mut words = rng::stream(2, alarm);
            let mut martingale = Martingale::new(settings(0.5, chance, true)).unwrap();
            let mut more = true;
            while more {
                readings += 1;
                more = !martingale
                    .update(surprise(of(uniform(&mut words))))
                    .is_alarm();
            }
        }
        readings as f64 / alarms as f64
    }

    /// The same for `epsilon` 1/2 in floats, from other random numbers.
    fn run_length_in_floats(chance: f64) -> f64 {
        let alarms = 2000;
        let mut readings = 0u64;
        for alarm in 0..alarms {
            let mut words = rng::stream(5, alarm);
            let mut log = 0f64;
            while log < -chance.ln() {
                readings += 1;
                let p = (f64::from(words.next_u32()) + 0.5) / 4_294_967_296.0;
                log = (log + (0.5 * p.powf(-0.5)).ln()).max(0.0);
            }
        }
        readings as f64 / alarms as f64
    }

    /// The guarantee of restarts, and what conservative p-values make of it. The standard error of a mean of 2000
    /// times to an alarm, about exponential, is 1 in 45 of it; 10 % are three of the difference of two.
    #[test]
    fn restarts_keep_the_time_between_false_alarms() {
        let exact = run_length(0.01, |p| p);
        std::println!("readings before a false alarm at 1 in 100: {exact}");
        assert!(exact >= 100.0, "{exact}");
        let floats = run_length_in_floats(0.01);
        assert!((exact / floats - 1.0).abs() < 0.1, "{exact} {floats}");
        // P-values counted of 49 readings: multiples of 1/50, rounded up.
        let counted = |p: Probability| {
            let count = (u64::from(p.to_bits()) * 50).div_ceil(1 << 31);
            Probability::from_bits((count << 31).div_ceil(50) as u32).unwrap()
        };
        let discrete = run_length(0.01, counted);
        std::println!("of discrete p-values: {discrete}");
        assert!(discrete > exact, "{discrete}");
    }

    /// P-values of one calibration set of 200 readings are valid only on average over such sets: 200 sets, 100,000
    /// readings each.
    #[test]
    fn a_calibration_set_is_valid_on_average_alone() {
        let (sets, readings, size) = (200, 100_000, 200);
        let (mut alarms, mut worst) = (0u32, 0u32);
        for set in 0..sets {
            let mut words = rng::stream(3, set);
            let mut scores: Vec<u32> = (0..size).map(|_| words.next_u32()).collect();
            scores.sort_unstable();
            let mut martingale = Martingale::new(settings(0.5, 1e-4, true)).unwrap();
            let mut own = 0;
            for _ in 0..readings {
                let score = words.next_u32();
                let below = scores.partition_point(|&other| other <= score) as u64;
                let p = ((below + 1) << 31).div_ceil(size as u64 + 1);
                let p = Probability::from_bits(p as u32).unwrap();
                own += u32::from(martingale.update(surprise(p)) == Transition::Raised);
            }
            alarms += own;
            worst = worst.max(own);
        }
        let every = f64::from(readings) * sets as f64 / f64::from(alarms);
        std::println!("a false alarm in {every} readings; the worst set has {worst} in {readings}");
        assert!((50_000.0..250_000.0).contains(&every), "{every}");
        // Guaranteed on average were 10.
        assert!(worst > 10, "{worst}");
    }

    /// With p-values that have the distribution function `p^epsilon`, a reading gains `ln epsilon + 1 / epsilon - 1` nats.
    #[test]
    fn faults_are_found_as_soon_as_their_information_allows() {
        let mut words = rng::stream(4, 0);
        let mut martingale = Martingale::new(settings(0.5, 1e-9, false)).unwrap();
        let readings = 20_000;
        for _ in 0..readings {
            let p = uniform(&mut words).to_f64();
            martingale.update(surprise(Probability::new(p * p).max(Probability::LEAST)));
        }
        let gain = martingale.log().to_f64() / f64::from(readings);
        // The deviation of a gain is 1/2 * 2 nats: a standard error of 0.007.
        assert!(
            (gain - (1.0 - core::f64::consts::LN_2)).abs() < 0.03,
            "{gain}"
        );
    }

    #[test]
    fn ceilings_count_and_logs_saturate() {
        let mut capped = Martingale::new(MartingaleSettings {
            ceiling: nats(5.0),
            ..settings(0.5, 1e-6, false)
        })
        .unwrap();
        capped.update(Nats::MAX);
        let at_most = capped.log();
        capped.reset();
        capped.update(nats(5.0));
        assert_eq!(capped.log(), at_most);
        capped.update(Nats::MIN);
        assert_eq!(capped.log().to_bits(), at_most.to_bits() - 45428);
        let mut low = Martingale::new(settings(1e-6, 0.5, false)).unwrap();
        for _ in 0..3000 {
            low.update(Nats::ZERO);
        }
        assert_eq!(low.log(), Nats::MIN);
        for _ in 0..3 {
            low.update(Nats::MAX);
        }
        assert_eq!((low.log(), low.is_alarm()), (Nats::MAX, true));
    }

    #[test]
    fn thresholds_are_rounded_up() {
        for bits in [1, 2, 3, 1000, 2_147_484, 1 << 20, 1 << 30, 1 << 31] {
            let chance = Probability::from_bits(bits).unwrap();
            let above = MartingaleSettings::threshold(chance).to_f64() + chance.to_f64().ln();
            assert!((0.0..3.0 / 65536.0).contains(&above), "{bits}: {above}");
        }
        assert_eq!(
            MartingaleSettings::threshold(Probability::new(0.0)),
            MartingaleSettings::threshold(Probability::LEAST)
        );
    }

    #[test]
    fn impossible_settings_are_refused_with_their_numbers() {
        let message = |settings| Martingale::new(settings).unwrap_err().to_string();
        let good = settings(0.5, 0.01, true);
        assert_eq!(
            message(MartingaleSettings {
                epsilon: Probability::ONE,
                ..good
            }),
            "the exponent of a power martingale is 1.000000, it must be above 0 and below 1"
        );
        assert!(
            message(MartingaleSettings {
                epsilon: Probability::new(0.0),
                ..good
            })
            .contains("is 0.0")
        );
        assert_eq!(
            message(MartingaleSettings {
                threshold: Nats::ZERO,
                ..good
            }),
            "a martingale that raises the alarm at 0.00000 nats needs no evidence: give more than 0"
        );
        assert_eq!(
            message(MartingaleSettings {
                ceiling: nats(1.0),
                epsilon: HALF,
                ..good
            }),
            "surprises of at most 1.00000 nats never pay with the exponent 0.500000: calibrate with more readings, or take a larger exponent"
        );
    }
}
