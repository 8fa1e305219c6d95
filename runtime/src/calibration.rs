//! What held-out normal readings taught: from a score to a p-value, and how single passes scatter.

use crate::estimator::Estimator;
use crate::fixed::{Nats, Probability};
use crate::statistic::Curve;
use crate::transcendental::{exp, ln};
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The scores of `n` held-out normal readings under one estimator, as knots in ascending order.
///
/// The p-value of a score `s` is the conformal one,
///
/// ```text
/// p(s) = (1 + #{i : s_i <= s}) / (n + 1)
/// ```
///
/// so that a normal reading has `p <= a` with probability at most `a`, whatever the
/// distribution of scores (Vovk, Gammerman and Shafer, "Algorithmic learning in a random world",
/// 2005; Bates et al., "Testing for outliers with conformal p-values", 2023). Where the exporter
/// kept only some scores as knots, counts between two of them are those just below the upper one,
/// which errs on the side of no alarm.
///
/// Counting ends at `1 / (n + 1)`, [`Calibration::smallest_counted`]. Below the lowest score a tail goes on, where
/// the image has one: a generalized Pareto distribution of the excesses over a threshold (Pickands, "Statistical
/// inference using extreme order statistics", 1975; for alarms, Siffer et al., "Anomaly detection in streams with extreme
/// value theory", 2017), as straight lines in `-ln p`. What it says is an extrapolation.
#[derive(Clone, Copy, Debug)]
pub struct Calibration<'a> {
    pub(crate) estimator: Estimator,
    #[cfg(feature = "statistics")]
    pub(crate) of: Calibrated,
    /// How many of `scores` and of `p_values`, the last ones, are the tail's.
    #[cfg(feature = "statistics")]
    pub(crate) tail: u8,
    /// Q16.16 nats, strictly ascending; then the tail's, negative and strictly ascending again.
    pub(crate) scores: &'a [i32],
    /// Q1.31; one more than scores: entry `j` holds for `scores[j - 1] <= s < scores[j]`. Then the tail's surprises.
    pub(crate) p_values: &'a [u32],
    /// Of all scores, also those that are no knots.
    pub(crate) mean: Nats,
    pub(crate) standard_deviation: Nats,
}

/// What a table's scores are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calibrated {
    /// Bounds.
    Bound,
    /// Negative joined surprises; see [`crate::statistic`].
    Joined,
}

/// A false-alarm rate that is rarer than the calibration can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ThresholdError {
    /// The rate that was asked for.
    pub rate: Probability,
    /// The smallest p-value of the table.
    pub smallest: Probability,
}

/// `ln 2^15` as [`ln`] has it: that of the bits of certainty, Q1.31, taken for Q16.16.
pub(crate) const LN_CERTAIN: i32 = 681_391;

impl Calibration<'_> {
    /// The estimator whose scores were kept.
    #[must_use]
    pub fn estimator(&self) -> Estimator {
        self.estimator
    }

    /// What its scores are, in words.
    #[must_use]
    pub fn judges(&self) -> &'static str {
        match self.of() {
            Calibrated::Bound => "the bound",
            Calibrated::Joined => "joined statistics",
        }
    }

    /// Knots of the table, those of its tail not counted.
    #[must_use]
    pub fn knots(&self) -> usize {
        self.counted().len()
    }

    /// The mean of the scores of the held-out normal readings.
    #[must_use]
    pub fn mean(&self) -> Nats {
        self.mean
    }

    /// The standard deviation of the scores of the held-out normal readings.
    #[must_use]
    pub fn standard_deviation(&self) -> Nats {
        self.standard_deviation
    }

    /// The highest threshold with which a normal reading scores below it with a chance of at most
    /// `rate`.
    ///
    /// # Errors
    /// [`ThresholdError`] where `rate` is below the smallest p-value of the table.
    pub fn threshold(&self, rate: Probability) -> Result<Nats, ThresholdError> {
        let smallest = self.smallest_p_value();
        if rate < smallest {
            return Err(ThresholdError { rate, smallest });
        }
        // The highest score below which all p-values are within the rate: p-values ascend with scores.
        let (mut within, mut beyond) = (i64::from(i32::MIN), i64::from(i32::MAX));
        while within < beyond {
            let middle = (within + beyond) >> 1;
            if self.p_value(Nats::from_bits(middle as i32)) <= rate {
                within = middle + 1;
            } else {
                beyond = middle;
            }
        }
        Ok(Nats::from_bits(within as i32))
    }

    /// The smallest p-value that any score can have: an alarm below it never fires.
    #[must_use]
    pub fn smallest_p_value(&self) -> Probability {
        let smallest = self.p_value(Nats::MIN).min(self.smallest_counted());
        smallest.max(Probability::LEAST)
    }

    /// The smallest p-value that was counted, `1 / (n + 1)` of `n` held-out normal readings: what is below it is the tail's
    /// extrapolation.
    #[must_use]
    pub fn smallest_counted(&self) -> Probability {
        let first = self.p_values.first().copied();
        first
            .and_then(Probability::from_bits)
            .unwrap_or(Probability::ONE)
    }

    /// The p-value of `score`: the chance that a normal reading scores this low.
    #[must_use]
    pub fn p_value(&self, score: Nats) -> Probability {
        let counted = self.counted_p_value(score);
        let Some(surprise) = self.tail_surprise(score) else {
            return counted;
        };
        // `2^15 p` in Q16.16 has the bits of p in Q1.31.
        let bits = exp(LN_CERTAIN - surprise);
        Probability::from_bits(bits.cast_unsigned()).map_or(counted, |p| p.min(counted))
    }

    /// `-ln p` of [`Calibration::p_value`], without its end at 2^-31: it orders readings that are all hopeless.
    #[must_use]
    pub fn surprise(&self, score: Nats) -> Nats {
        let counted = LN_CERTAIN.saturating_sub(ln(self.counted_p_value(score).to_bits()));
        let tail = self.tail_surprise(score).unwrap_or(0);
        Nats::from_bits(counted.max(tail))
    }

    /// The conformal p-value, from counts alone.
    fn counted_p_value(&self, score: Nats) -> Probability {
        let scores = self.counted();
        let above = scores.partition_point(|&knot| knot <= score.to_bits());
        let bits = self.p_values.get(above).copied();
        bits.and_then(Probability::from_bits)
            .unwrap_or(Probability::ONE)
    }

    /// The surprise of a score below all that were counted, Q16.16 nats; none of others, and of tables without a tail.
    fn tail_surprise(&self, score: Nats) -> Option<i32> {
        let lowest = self.counted().first()?;
        if !cfg!(feature = "statistics") || self.tail_knots() == 0 || score.to_bits() >= *lowest {
            return None;
        }
        Some(self.tail().at(score.to_bits().saturating_neg()))
    }

    /// What its scores are: without the feature bounds.
    pub(crate) fn of(&self) -> Calibrated {
        #[cfg(feature = "statistics")]
        return self.of;
        #[cfg(not(feature = "statistics"))]
        Calibrated::Bound
    }

    /// Knots of its tail: without the feature none.
    fn tail_knots(&self) -> usize {
        #[cfg(feature = "statistics")]
        return self.tail.into();
        #[cfg(not(feature = "statistics"))]
        0
    }

    /// The scores that were counted.
    fn counted(&self) -> &[i32] {
        if !cfg!(feature = "statistics") {
            return self.scores;
        }
        let counted = self.scores.len().saturating_sub(self.tail_knots());
        self.scores.get(..counted).unwrap_or_default()
    }

    /// From a negative score to its surprise.
    fn tail(&self) -> Curve<'_> {
        let counted = self.counted().len();
        Curve {
            values: self.scores.get(counted..).unwrap_or_default(),
            surprises: bytemuck::cast_slice(self.p_values.get(counted + 1..).unwrap_or_default()),
        }
    }

    /// What a table must satisfy to be read as one.
    pub(crate) fn is_valid(&self) -> bool {
        let (scores, counted) = (self.counted(), self.counted().len());
        let probabilities = match cfg!(feature = "statistics") {
            true => self.p_values.get(..=counted).unwrap_or_default(),
            false => self.p_values,
        };
        // Windows by hand: the sorting checks of slices may panic as far as a linker can tell.
        let scores = scores.iter().zip(scores.iter().skip(1));
        let p_values = probabilities.iter().zip(probabilities.iter().skip(1));
        scores.into_iter().all(|(a, b)| a < b)
            && p_values.into_iter().all(|(a, b)| a <= b)
            && self.standard_deviation >= Nats::ZERO
            && self.p_values.len() == self.scores.len() + 1
            && probabilities
                .last()
                .is_some_and(|&last| last <= Probability::ONE.to_bits())
            && (!cfg!(feature = "statistics") || self.tail().is_valid())
    }
}
/// How single passes scatter around the ELBO, in Q16.16 nats, measured on held-out normal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Noise {
    /// Mean of the bound of a pass at the posterior mean minus the ELBO.
    pub mean_excess: i32,
    /// Root mean square deviation of that excess from its mean; not negative. `i32::MAX`: unknown,
    /// so that the pass at the mean decides nothing.
    pub mean_deviation: i32,
    /// Root mean square deviation of the mean of an antithetic pair from the ELBO; not negative.
    /// It counts as 4096 nats where it is more.
    pub pair_deviation: i32,
}

impl Noise {
    /// Nothing was measured: the pass at the mean decides nothing, and pairs only where there are
    /// very many or the threshold is very far.
    pub const UNKNOWN: Self = Self {
        mean_excess: 0,
        mean_deviation: i32::MAX,
        pair_deviation: i32::MAX,
    };
}

/// The table of what `of` says that fits `estimator` best: its own, else one of the same kind, else the first.
pub(crate) fn choose<'t, 'a>(
    tables: &'t [Calibration<'a>],
    of: Calibrated,
    estimator: Estimator,
) -> Option<&'t Calibration<'a>> {
    let kind = core::mem::discriminant::<Estimator>;
    // Without the feature there are none but those of bounds.
    let is_of = move |table: &&Calibration<'_>| table.of() == of || !cfg!(feature = "statistics");
    let tables = || tables.iter().filter(is_of);
    let exact = tables().find(|table| table.estimator == estimator);
    let similar = || tables().find(|table| kind(&table.estimator) == kind(&estimator));
    exact.or_else(similar).or_else(|| tables().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: u32 = 1 << 29;

    /// Scores -3, -2, -1 nats: n = 3.
    const COUNTED: Calibration<'_> = Calibration {
        estimator: Estimator::PosteriorMean,
        of: Calibrated::Bound,
        tail: 0,
        scores: &[-3 << 16, -2 << 16, -1 << 16],
        p_values: &[QUARTER, 2 * QUARTER, 3 * QUARTER, 4 * QUARTER],
        mean: Nats::ZERO,
        standard_deviation: Nats::ZERO,
    };

    /// The same with a tail: 2 nats at -3, then a nat for each.
    const TAILED: Calibration<'_> = Calibration {
        tail: 2,
        scores: &[-3 << 16, -2 << 16, -1 << 16, 3 << 16, 13 << 16],
        p_values: &[
            QUARTER,
            2 * QUARTER,
            3 * QUARTER,
            4 * QUARTER,
            2 << 16,
            12 << 16,
        ],
        ..COUNTED
    };

    fn nats(nats: f64) -> Nats {
        Nats::from_bits((nats * 65536.0) as i32)
    }

    #[test]
    fn p_values_are_conformal() {
        assert!(COUNTED.is_valid() && TAILED.is_valid());
        for (score, p) in [
            (-9.0, 0.25),
            (-3.0, 0.5),
            (-2.5, 0.5),
            (-2.0, 0.75),
            (-1.0, 1.0),
            (4.0, 1.0),
        ] {
            let p = Probability::new(p);
            assert_eq!(COUNTED.p_value(nats(score)), p, "{score}");
            if score >= -3.0 {
                assert_eq!(TAILED.p_value(nats(score)), p, "{score}");
            }
        }
    }

    #[test]
    fn tails_go_on_where_counting_ends() {
        assert_eq!(ln(Probability::ONE.to_bits()), LN_CERTAIN);
        assert_eq!(TAILED.smallest_counted(), Probability::new(0.25));
        for (score, surprise) in [(-3.1, 2.1), (-5.0, 4.0), (-16.0, 15.0), (-20.0, 19.0)] {
            let p = TAILED.p_value(nats(score)).to_f64();
            let exact = libm::exp(-surprise);
            assert!(
                (p - exact).abs() < 1e-5 * exact + 1e-9,
                "{score}: {p} {exact}"
            );
            let found = TAILED.surprise(nats(score)).to_f64();
            assert!((found - surprise).abs() < 1e-4, "{score}: {found}");
        }
        // Surprises go on where no probability has bits.
        assert_eq!(TAILED.p_value(nats(-100.0)), Probability::new(0.0));
        assert!((TAILED.surprise(nats(-100.0)).to_f64() - 99.0).abs() < 1e-4);
        // Those that were counted are `-ln p`.
        let half = TAILED.surprise(nats(-2.5)).to_f64();
        assert!((half - core::f64::consts::LN_2).abs() < 1e-4, "{half}");
        assert_eq!(COUNTED.surprise(nats(0.0)), Nats::ZERO);
        // A tail that says less than was counted changes nothing.
        let weak = Calibration {
            p_values: &[QUARTER, 2 * QUARTER, 3 * QUARTER, 4 * QUARTER, 0, 1],
            ..TAILED
        };
        assert_eq!(weak.p_value(nats(-9.0)), Probability::new(0.25));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let one_knot = Calibration {
            tail: 1,
            scores: &[-3 << 16, -2 << 16, -1 << 16, 0],
            p_values: &[QUARTER, QUARTER, QUARTER, QUARTER, 5],
            ..COUNTED
        };
        assert!(!one_knot.is_valid());
        assert!(!Calibration { tail: 6, ..TAILED }.is_valid());
        assert!(!Calibration { tail: 0, ..TAILED }.is_valid());
    }

    #[test]
    fn thresholds_keep_the_rate() {
        for (rate, whole) in [(0.25, -3), (0.49, -3), (0.5, -2), (0.9, -1)] {
            let threshold = COUNTED.threshold(Probability::new(rate)).unwrap();
            assert_eq!(threshold, Nats::from_bits(whole << 16));
            // A score just below has a p-value within the rate, one just at it has not.
            let at = |bits| COUNTED.p_value(Nats::from_bits(bits)) <= Probability::new(rate);
            assert!(at((whole << 16) - 1) && !at(whole << 16), "{rate}");
        }
        assert_eq!(COUNTED.threshold(Probability::ONE), Ok(Nats::MAX));
        let error = COUNTED.threshold(Probability::new(0.1)).unwrap_err();
        assert_eq!(error.smallest, Probability::new(0.25));
        let rare = TAILED.threshold(Probability::new(1e-6)).unwrap();
        // 13.8 nats are at -14.8.
        assert!((rare.to_f64() + 14.8155).abs() < 1e-3, "{rare}");
    }

    #[test]
    fn the_nearest_table_is_chosen() {
        let table = |estimator| Calibration {
            estimator,
            ..COUNTED
        };
        let joined = Calibration {
            of: Calibrated::Joined,
            ..table(Estimator::PosteriorMean)
        };
        let tables = [
            table(Estimator::SigmaPoints),
            table(Estimator::MonteCarlo { samples: 16 }),
            joined,
        ];
        let chosen = |of, estimator| choose(&tables, of, estimator).unwrap();
        let of_bounds = |estimator| chosen(Calibrated::Bound, estimator).estimator;
        assert_eq!(
            of_bounds(Estimator::MonteCarlo { samples: 3 }),
            Estimator::MonteCarlo { samples: 16 }
        );
        assert_eq!(of_bounds(Estimator::PosteriorMean), Estimator::SigmaPoints);
        let of_joined = chosen(Calibrated::Joined, Estimator::SigmaPoints);
        assert_eq!(of_joined.estimator, Estimator::PosteriorMean);
        assert!(choose(&[], Calibrated::Bound, Estimator::SigmaPoints).is_none());
    }
}
