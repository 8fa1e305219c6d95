//! From a score to a p-value, by the scores of held-out normal readings.

use crate::estimator::Estimator;
use crate::fixed::{Nats, Probability};

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
        self.scores.is_sorted_by(|a, b| a < b)
            && self.p_values.is_sorted()
            && self.p_values.len() == self.scores.len() + 1
            && self
                .p_values
                .last()
                .is_some_and(|&last| last <= Probability::ONE.to_bits())
    }
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
    fn the_nearest_table_is_chosen() {
        let table = |estimator| Calibration {
            estimator,
            scores: &[],
            p_values: &[1],
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
