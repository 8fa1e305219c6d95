//! A control chart of the scores.

use super::average::{MAX_TIME_CONSTANT, average, check_time_constant, round_shift};
use super::error::MonitorError;
use crate::fixed::{Nats, divide, saturate, square_root};
use core::num::{NonZeroU32, NonZeroU64};

/// Fraction bits of the moments of a [`Drift`]: squares of 255 leave room in 64 bits, and 2^16
/// roundings are still far below a unit of Q16.16.
const MOMENT_BITS: u32 = 44;

/// Fraction bits of a mean that is multiplied: the square of 255 leaves room in 64 bits.
const CENTRE_BITS: u32 = 23;

/// Scores of normal readings when the model was calibrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reference {
    /// Their mean.
    pub mean: Nats,
    /// Their standard deviation, positive.
    pub standard_deviation: Nats,
}

/// The settings of a [`Drift`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DriftSettings {
    /// Base-two logarithm of the time constant in scores, 1 to [`MAX_TIME_CONSTANT`].
    pub time_constant: u8,
    /// Scores further from the reference mean than this many reference deviations count as if they
    /// were that far: a single anomaly is no drift. 1 to 255.
    pub clip: u8,
    /// Drift where the magnitude of the mean's z-score exceeds this; Q16.16.
    pub z: u32,
    /// Drift where the ratio of the deviations is below this; Q16.16.
    pub least_ratio: u32,
    /// Drift where the ratio of the deviations is above this; Q16.16.
    pub most_ratio: u32,
}

/// 64 scores, clipped to 4 deviations, a z-score beyond 5 or a ratio outside 1/2 to 3/2.
///
/// On 100 million independent Gaussian scores like the reference that gave 12 false reports. A
/// mean that has moved by one deviation is reported after 38 scores on average, a deviation that
/// has doubled after 42.
impl Default for DriftSettings {
    fn default() -> Self {
        Self {
            time_constant: 6,
            clip: 4,
            z: 5 << 16,
            least_ratio: 1 << 15,
            most_ratio: 3 << 15,
        }
    }
}

/// The report of a [`Drift`] on the scores so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DriftReport {
    /// The running mean.
    pub mean: Nats,
    /// The running standard deviation.
    pub standard_deviation: Nats,
    /// The distance of the running mean from the reference, in standard errors of the running mean of
    /// independent scores; Q16.16, negative where scores have become worse.
    pub z: i32,
    /// Running over reference standard deviation, Q16.16.
    pub ratio: u32,
    /// Whether `z` or `ratio` is beyond its limit.
    pub drifted: bool,
}

/// A control chart of the exponentially weighted mean and variance of the score.
///
/// # Method
///
/// The chart of the mean is that of S. W. Roberts, "Control chart tests based on geometric moving
/// averages", Technometrics 1(3), 1959, with the asymptotic standard error from the first score on;
/// the variance is that of J. F. MacGregor and T. J. Harris, "The exponentially weighted moving
/// variance", Journal of Quality Technology 25(2), 1993. Against Page's cumulative sums (Biometrika
/// 41, 1954), which notice small shifts equally fast (J. M. Lucas and M. S. Saccucci, Technometrics
/// 32(1), 1990), it says where the mean and the deviation are now, not only that they moved; and
/// against means of blocks it has neither a delay of a block nor a buffer.
///
/// The [numeric contract](crate#drift) defines every integer, for the time constant `2^k` and
/// `n = 2^(k+1) - 1`.
///
/// `1 / n` is the variance of the running mean of independent scores of variance 1, and
/// `1 + 1 / (n - 1)` makes up for the part of their variance that follows the mean. The start is
/// that of a stream which has always been like the reference: z-score 0 and ratio 1.
///
/// # Accuracy
///
/// Against the same recurrences in real numbers, the mean is within `2^-16` reference deviations and
/// 1 unit, `z` within `2^-16 sqrt(n)` and `2^-16` of itself, `ratio` within
/// `2^-14`, and `2^-11 sqrt(1 + |m|)` where it is less than `2^-7 sqrt(1 + |m|)`.
///
/// # Assumption
///
/// The z-score takes scores as independent. Overlapping windows and slow sensors make neighbours
/// alike; then take a longer time constant or higher limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    settings: DriftSettings,
    mean: Nats,
    /// Q16.16 nats.
    deviation: NonZeroU32,
    /// Running mean of clipped standardized scores, Q19.44.
    first_moment: i64,
    /// Running mean of their squares, Q19.44.
    second_moment: i64,
}

impl Drift {
    /// A monitor that has seen no score.
    ///
    /// # Errors
    /// [`MonitorError`]: a reference deviation that is not positive, a time constant out of range,
    /// a clip of 0, a lower limit above an upper one.
    pub fn new(reference: Reference, settings: DriftSettings) -> Result<Self, MonitorError> {
        check_time_constant(settings.time_constant, 1)?;
        let Reference {
            mean,
            standard_deviation,
        } = reference;
        let deviation = u32::try_from(standard_deviation.to_bits())
            .ok()
            .and_then(NonZeroU32::new)
            .ok_or(MonitorError::Deviation(standard_deviation))?;
        if settings.clip == 0 {
            return Err(MonitorError::Clip);
        }
        let (least, most) = (settings.least_ratio, settings.most_ratio);
        if least > most {
            return Err(MonitorError::Ratio { least, most });
        }
        let mut drift = Self {
            settings,
            mean,
            deviation,
            first_moment: 0,
            second_moment: 0,
        };
        drift.reset();
        Ok(drift)
    }

    /// Takes the next score in.
    pub fn update(&mut self, score: Nats) -> DriftReport {
        let distance = i64::from(score.to_bits()) - i64::from(self.mean.to_bits());
        let clip = i64::from(self.settings.clip) << 16;
        let u = crate::fixed::mean(distance << 16, self.deviation).clamp(-clip, clip);
        let constant = self.settings.time_constant;
        self.first_moment = average(self.first_moment, u << (MOMENT_BITS - 16), constant);
        self.second_moment = average(self.second_moment, (u * u) << (MOMENT_BITS - 32), constant);
        self.report()
    }

    /// The report after the last score.
    #[must_use]
    pub fn report(&self) -> DriftReport {
        let n = self.equivalent();
        // At most 2^31 in magnitude.
        let centre = round_shift(self.first_moment, MOMENT_BITS - CENTRE_BITS);
        let variance = round_shift(self.second_moment, MOMENT_BITS - 32)
            - round_shift(centre * centre, 2 * CENTRE_BITS - 32);
        let variance = variance.max(0).unsigned_abs();
        let lost = NonZeroU64::new(n - 1).map_or(0, |rest| divide(variance, rest));
        let ratio = square_root(variance + lost);
        let root = i64::from(square_root(n << 32));
        let z = saturate(round_shift(centre * root, CENTRE_BITS));
        let deviation = i64::from(self.deviation.get());
        let shift = round_shift(centre * deviation, CENTRE_BITS);
        let limits = self.settings;
        DriftReport {
            mean: Nats::saturating_from_wide(i64::from(self.mean.to_bits()) + shift),
            standard_deviation: Nats::saturating_from_wide(round_shift(
                i64::from(ratio) * deviation,
                16,
            )),
            z,
            ratio,
            drifted: z.unsigned_abs() > limits.z
                || !(limits.least_ratio..=limits.most_ratio).contains(&ratio),
        }
    }

    /// The settings of this monitor.
    #[must_use]
    pub fn settings(&self) -> DriftSettings {
        self.settings
    }

    /// Forgets every score.
    pub fn reset(&mut self) {
        self.first_moment = 0;
        let n = NonZeroU64::new(self.equivalent());
        let lost = n.map_or(0, |n| divide(1 << MOMENT_BITS, n));
        self.second_moment = (1 << MOMENT_BITS) - lost as i64;
    }

    /// `2^(k+1) - 1`: the running mean is as precise as the mean of so many scores.
    fn equivalent(&self) -> u64 {
        (2 << self.settings.time_constant.min(MAX_TIME_CONSTANT)) - 1
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::gaussian::standard_normal;
    use crate::rng;
    use rand_core::Rng;

    const ONE: f64 = 65536.0;

    fn nats(value: f64) -> Nats {
        Nats::from_bits((value * ONE).round() as i32)
    }

    /// Sum of twelve uniforms, less six: mean 0, variance 1, kurtosis 2.9.
    fn nearly_normal(words: &mut impl Rng) -> f64 {
        let sum: f64 = (0..12).map(|_| f64::from(words.next_u32())).sum();
        sum / 4_294_967_296.0 - 6.0
    }

    /// The recurrences in real numbers.
    struct Exact {
        weight: f64,
        first: f64,
        second: f64,
    }

    impl Exact {
        fn new(constant: u8) -> Self {
            let n = 2f64.powi(i32::from(constant) + 1) - 1.0;
            Self {
                weight: 0.5f64.powi(constant.into()),
                first: 0.0,
                second: 1.0 - 1.0 / n,
            }
        }

        fn update(&mut self, u: f64) -> (f64, f64) {
            self.first += self.weight * (u - self.first);
            self.second += self.weight * (u * u - self.second);
            let n = 2.0 / self.weight - 1.0;
            let variance = self.second - self.first * self.first;
            let ratio = (variance.max(0.0) * n / (n - 1.0)).sqrt();
            (self.first * n.sqrt(), ratio)
        }
    }

    #[test]
    fn drift_follows_floats() {
        for (constant, clip) in [(1, 4), (2, 1), (6, 4), (8, 255), (12, 16), (16, 4)] {
            for (mean, deviation) in [(-98.5, 7.25), (31000.0, 3000.0), (0.0, 0.001)] {
                let reference = Reference {
                    mean: nats(mean),
                    standard_deviation: nats(deviation),
                };
                let (mu, sigma) = (
                    reference.mean.to_f64(),
                    reference.standard_deviation.to_f64(),
                );
                let settings = DriftSettings {
                    time_constant: constant,
                    clip,
                    ..DriftSettings::default()
                };
                let mut drift = Drift::new(reference, settings).unwrap();
                let mut exact = Exact::new(constant);
                let n = 2f64.powi(i32::from(constant) + 1) - 1.0;
                let mut words = rng::stream(u64::from(constant), 9);
                for step in 0..20_000 {
                    let wander = f64::from(step) / 10_000.0;
                    let spread = if step % 7000 < 3500 { 1.0 } else { 1e-2 };
                    let score = nats(mu + sigma * (wander + spread * nearly_normal(&mut words)));
                    let limit = f64::from(clip);
                    let u = ((score.to_f64() - mu) / sigma).clamp(-limit, limit);
                    let (z, ratio) = exact.update(u);
                    let report = drift.update(score);
                    let error = (f64::from(report.z) / ONE - z).abs();
                    let bound = 0.5f64.powi(16) * (n.sqrt() + z.abs());
                    assert!(error <= bound, "2^{constant}: z {z} is off by {error}");
                    let error = (f64::from(report.ratio) / ONE - ratio).abs();
                    let root = (1.0 + exact.first.abs()).sqrt();
                    let small = ratio < 0.5f64.powi(7) * root;
                    let bound = if small {
                        0.5f64.powi(11) * root
                    } else {
                        0.5f64.powi(14)
                    };
                    assert!(
                        error <= bound,
                        "2^{constant}: ratio {ratio} is off by {error}"
                    );
                    let found = report.mean.to_f64();
                    let exact_mean = (mu + sigma * exact.first).clamp(-32768.0, 32768.0);
                    let bound = 0.5f64.powi(16) * sigma + 1.0 / ONE;
                    assert!((found - exact_mean).abs() <= bound, "{found} {exact_mean}");
                }
            }
        }
    }

    #[test]
    fn a_stream_like_the_reference_starts_at_rest() {
        for constant in 1..=MAX_TIME_CONSTANT {
            let reference = Reference {
                mean: nats(-50.0),
                standard_deviation: nats(2.0),
            };
            let settings = DriftSettings {
                time_constant: constant,
                ..DriftSettings::default()
            };
            let report = Drift::new(reference, settings).unwrap().report();
            assert_eq!((report.z, report.mean), (0, reference.mean));
            assert!(report.ratio.abs_diff(1 << 16) <= 1, "{report:?}");
            assert!(!report.drifted);
        }
    }

    #[test]
    fn shifts_and_spreads_are_reported_and_single_anomalies_are_not() {
        let reference = Reference {
            mean: nats(-98.0),
            standard_deviation: nats(7.0),
        };
        let fresh = Drift::new(reference, DriftSettings::default()).unwrap();
        let mut words = rng::stream(1, 1);
        let mut first_report = |shift: f64, spread: f64| {
            let mut drift = fresh;
            (1..=2000).find(|_| {
                let score = -98.0 + 7.0 * (shift + spread * nearly_normal(&mut words));
                drift.update(nats(score)).drifted
            })
        };
        assert_eq!(first_report(0.0, 1.0), None);
        assert!(first_report(-1.0, 1.0).unwrap() < 80);
        assert!(first_report(1.0, 1.0).unwrap() < 80);
        assert!(first_report(0.0, 2.0).unwrap() < 200);
        assert!(first_report(0.0, 0.1).is_some());

        let mut drift = fresh;
        assert!(!drift.update(Nats::MIN).drifted);
        assert!(!drift.update(Nats::MAX).drifted);
    }

    /// The figures in the documentation of the default settings, on fewer scores.
    #[test]
    fn default_settings_report_as_documented() {
        let reference = Reference {
            mean: nats(-98.0),
            standard_deviation: nats(10.0),
        };
        let fresh = Drift::new(reference, DriftSettings::default()).unwrap();
        let mut words = rng::stream(6, 6);
        let mut normal = || f64::from(standard_normal(words.next_u32())) / ONE;
        let mut drift = fresh;
        assert!((0..500_000).all(|_| !drift.update(nats(-98.0 + 10.0 * normal())).drifted));
        for (shift, spread, expected) in [(-1.0, 1.0, 38.0), (0.0, 2.0, 42.0)] {
            let mut scores = 0;
            for _ in 0..1000 {
                let mut drift = fresh;
                let mut drifted = false;
                while !drifted {
                    let score = -98.0 + 10.0 * (shift + spread * normal());
                    drifted = drift.update(nats(score)).drifted;
                    scores += 1;
                }
            }
            let average = f64::from(scores) / 1000.0;
            assert!(
                (average - expected).abs() < 2.0,
                "{average}, not {expected}"
            );
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let edges = [Nats::MIN, Nats::from_bits(-1), Nats::ZERO, Nats::MAX];
        let deviations = [1, 2, 3, 1 << 16, i32::MAX].map(Nats::from_bits);
        for mean in edges {
            for standard_deviation in deviations {
                for (time_constant, clip) in [(1, 255), (16, 255), (1, 1), (6, 4)] {
                    let settings = DriftSettings {
                        time_constant,
                        clip,
                        ..DriftSettings::default()
                    };
                    let reference = Reference {
                        mean,
                        standard_deviation,
                    };
                    let mut drift = Drift::new(reference, settings).unwrap();
                    for step in 0..4000 {
                        drift.update(edges[(step / 97 + step) % edges.len()]);
                    }
                    for _ in 0..400 {
                        drift.update(Nats::MAX);
                    }
                    let report = drift.report();
                    assert!(report.ratio <= 361 << 16, "{report:?}");
                }
            }
        }
    }

    #[test]
    fn impossible_settings_are_refused_with_their_numbers() {
        let with = |deviation: Nats, change: fn(&mut DriftSettings)| {
            let mut settings = DriftSettings::default();
            change(&mut settings);
            let reference = Reference {
                mean: Nats::ZERO,
                standard_deviation: deviation,
            };
            Drift::new(reference, settings)
        };
        for bad in [Nats::ZERO, Nats::MIN, nats(-1.0)] {
            assert_eq!(with(bad, |_| ()), Err(MonitorError::Deviation(bad)));
        }
        let one = nats(1.0);
        assert_eq!(with(one, |s| s.clip = 0), Err(MonitorError::Clip));
        assert!(matches!(
            with(one, |s| s.time_constant = 0),
            Err(MonitorError::TimeConstant { least: 1, .. })
        ));
        let limits = with(one, |s| s.least_ratio = s.most_ratio + 1);
        assert!(matches!(limits, Err(MonitorError::Ratio { .. })));
        assert!(with(Nats::from_bits(1), |_| ()).is_ok());
    }
}
