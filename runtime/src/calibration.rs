//! What held-out normal readings taught: from a score to a p-value, and how single passes scatter.

use crate::estimator::Estimator;
use crate::fixed::{Nats, Probability};
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
/// which errs on the side of no alarm. The smallest p-value is `1 / (n + 1)`.
#[derive(Clone, Copy, Debug)]
pub struct Calibration<'a> {
    pub(crate) estimator: Estimator,
    /// Q16.16 nats, strictly ascending.
    pub(crate) scores: &'a [i32],
    /// Q1.31; one more than `scores`: entry `j` holds for `scores[j - 1] <= s < scores[j]`.
    pub(crate) p_values: &'a [u32],
    /// Of all scores, also those that are no knots.
    pub(crate) mean: Nats,
    pub(crate) standard_deviation: Nats,
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

impl Calibration<'_> {
    /// The estimator whose scores were kept.
    #[must_use]
    pub fn estimator(&self) -> Estimator {
        self.estimator
    }

    /// Knots of the table.
    #[must_use]
    pub fn knots(&self) -> usize {
        self.scores.len()
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
        // Entry j holds below knot j: the last entry within the rate gives the knot.
        let within = self.p_values.partition_point(|&p| p <= rate.to_bits());
        let error = ThresholdError {
            rate,
            smallest: self.smallest_p_value(),
        };
        let last = within.checked_sub(1).ok_or(error)?;
        // Beyond the last knot nothing is anomalous.
        Ok(self
            .scores
            .get(last)
            .map_or(Nats::MAX, |&bits| Nats::from_bits(bits)))
    }

    /// The smallest p-value that any score can have, `1 / (n + 1)` of `n` held-out normal readings: an alarm below it
    /// never fires.
    #[must_use]
    pub fn smallest_p_value(&self) -> Probability {
        let first = self.p_values.first().copied();
        first
            .and_then(Probability::from_bits)
            .unwrap_or(Probability::ONE)
    }

    /// The p-value of `elbo`: the chance that a normal reading scores this low.
    #[must_use]
    pub fn p_value(&self, elbo: Nats) -> Probability {
        let above = self.scores.partition_point(|&knot| knot <= elbo.to_bits());
        let bits = self.p_values.get(above).copied();
        bits.and_then(Probability::from_bits)
            .unwrap_or(Probability::ONE)
    }

    /// What a table must satisfy to be read as one.
    pub(crate) fn is_valid(&self) -> bool {
        // Windows by hand: the sorting checks of slices may panic as far as a linker can tell.
        let scores = self.scores.iter().zip(self.scores.iter().skip(1));
        let p_values = self.p_values.iter().zip(self.p_values.iter().skip(1));
        scores.into_iter().all(|(a, b)| a < b)
            && p_values.into_iter().all(|(a, b)| a <= b)
            && self.standard_deviation >= Nats::ZERO
            && self.p_values.len() == self.scores.len() + 1
            && self
                .p_values
                .last()
                .is_some_and(|&last| last <= Probability::ONE.to_bits())
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

/// The table that fits `estimator` best: its own, else one of the same kind, else the first.
pub(crate) fn choose<'t, 'a>(
    tables: &'t [Calibration<'a>],
    estimator: Estimator,
) -> Option<&'t Calibration<'a>> {
    let kind = core::mem::discriminant::<Estimator>;
    let exact = tables.iter().find(|table| table.estimator == estimator);
    let similar = || {
        tables
            .iter()
            .find(|table| kind(&table.estimator) == kind(&estimator))
    };
    exact.or_else(similar).or(tables.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_conformal() {
        // Calibration scores -3, -2, -1 nats: n = 3.
        let quarter = 1u32 << 29;
        let table = Calibration {
            estimator: Estimator::PosteriorMean,
            scores: &[-3 << 16, -2 << 16, -1 << 16],
            p_values: &[quarter, 2 * quarter, 3 * quarter, 4 * quarter],
            mean: Nats::ZERO,
            standard_deviation: Nats::ZERO,
        };
        assert!(table.is_valid());
        for (nats, p) in [
            (-9.0, 0.25),
            (-3.0, 0.5),
            (-2.5, 0.5),
            (-2.0, 0.75),
            (-1.0, 1.0),
            (4.0, 1.0),
        ] {
            let score = Nats::from_bits((nats * 65536.0) as i32);
            assert_eq!(table.p_value(score), Probability::new(p), "{nats}");
        }
    }

    #[test]
    fn thresholds_keep_the_rate() {
        let quarter = 1u32 << 29;
        let table = Calibration {
            estimator: Estimator::PosteriorMean,
            scores: &[-3 << 16, -2 << 16, -1 << 16],
            p_values: &[quarter, 2 * quarter, 3 * quarter, 4 * quarter],
            mean: Nats::ZERO,
            standard_deviation: Nats::ZERO,
        };
        for (rate, nats) in [(0.25, -3), (0.49, -3), (0.5, -2), (0.9, -1)] {
            let threshold = table.threshold(Probability::new(rate)).unwrap();
            assert_eq!(threshold, Nats::from_bits(nats << 16));
            // A score just below has a p-value within the rate, one just at it has not.
            let at = |bits| table.p_value(Nats::from_bits(bits)) <= Probability::new(rate);
            assert!(at((nats << 16) - 1) && !at(nats << 16), "{rate}");
        }
        assert_eq!(table.threshold(Probability::ONE), Ok(Nats::MAX));
        let error = table.threshold(Probability::new(0.1)).unwrap_err();
        assert_eq!(error.smallest, Probability::new(0.25));
    }

    #[test]
    fn the_nearest_table_is_chosen() {
        let table = |estimator| Calibration {
            estimator,
            scores: &[],
            p_values: &[1],
            mean: Nats::ZERO,
            standard_deviation: Nats::ZERO,
        };
        let tables = [
            table(Estimator::SigmaPoints),
            table(Estimator::MonteCarlo { samples: 16 }),
        ];
        let chosen = |estimator| choose(&tables, estimator).unwrap().estimator;
        assert_eq!(
            chosen(Estimator::MonteCarlo { samples: 3 }),
            Estimator::MonteCarlo { samples: 16 }
        );
        assert_eq!(chosen(Estimator::PosteriorMean), Estimator::SigmaPoints);
        assert!(choose(&[], Estimator::SigmaPoints).is_none());
    }
}
