//! Calibration tables.

use super::CurveSpec;
use crate::calibration::{Calibrated, Calibration};
use crate::estimator::Estimator;
use crate::fixed::Nats;
use std::vec::Vec;

/// A calibration table; see [`crate::Calibration`].
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationSpec {
    pub(super) estimator: Estimator,
    pub(super) of: Calibrated,
    pub(super) tail: u8,
    /// Those of the tail last.
    pub(super) scores: Vec<i32>,
    /// Those of the tail last.
    pub(super) p_values: Vec<u32>,
    pub(super) mean: i32,
    pub(super) standard_deviation: i32,
}

impl CalibrationSpec {
    /// The table of the Q16.16 bounds of held-out normal readings, with at most `knots` knots:
    /// a third of them are the lowest scores, where p-values matter; some make p-values at usual false-alarm
    /// rates exact; the others lie closer to each other the lower they are. Below the lowest, p-values go on along `tail`, a curve from the negative score to `-ln p`; an
    /// empty one ends them there.
    #[must_use]
    pub fn of_bounds(estimator: Estimator, scores: &[i32], knots: usize, tail: &CurveSpec) -> Self {
        Self::of(Calibrated::Bound, estimator, scores, knots, tail)
    }

    /// [`CalibrationSpec::of_bounds`] of joined scores: negative surprises; see
    /// [`StatisticsSpec::joined`](super::StatisticsSpec::joined).
    #[must_use]
    pub fn of_joined(estimator: Estimator, scores: &[i32], knots: usize, tail: &CurveSpec) -> Self {
        Self::of(Calibrated::Joined, estimator, scores, knots, tail)
    }

    /// The table as a model has it.
    #[must_use]
    pub fn table(&self) -> Calibration<'_> {
        Calibration {
            estimator: self.estimator,
            of: self.of,
            tail: self.tail,
            scores: &self.scores,
            p_values: &self.p_values,
            mean: Nats::from_bits(self.mean),
            standard_deviation: Nats::from_bits(self.standard_deviation),
        }
    }

    fn of(
        of: Calibrated,
        estimator: Estimator,
        scores: &[i32],
        knots: usize,
        tail: &CurveSpec,
    ) -> Self {
        let mut sorted = scores.to_vec();
        sorted.sort_unstable();
        let mut distinct = sorted.clone();
        distinct.dedup();
        let mut kept = if distinct.len() <= knots {
            distinct
        } else {
            let ranks = ranks(sorted.len(), knots);
            let mut kept: Vec<i32> = ranks.into_iter().map(|rank| sorted[rank]).collect();
            kept.dedup();
            kept
        };
        // Rounded up, so that no p-value is understated.
        let p_value = |below: usize| {
            let (count, total) = (below as u64 + 1, sorted.len() as u64 + 1);
            (count << 31).div_ceil(total) as u32
        };
        let below = kept
            .iter()
            .map(|knot| sorted.partition_point(|score| score < knot));
        let mut p_values: Vec<u32> = below.chain([sorted.len()]).map(p_value).collect();
        let count = sorted.len().max(1) as f64;
        let center = sorted.iter().map(|&score| f64::from(score)).sum::<f64>() / count;
        let squares = sorted
            .iter()
            .map(|&score| (f64::from(score) - center).powi(2));
        let (mean, standard_deviation) = (
            center.round() as i32,
            // Up, so that a positive deviation stays one.
            (squares.sum::<f64>() / count).sqrt().ceil() as i32,
        );
        let (values, surprises) = tail.numbers();
        kept.extend(values);
        p_values.extend(surprises.iter().map(|surprise| surprise.cast_unsigned()));
        Self {
            estimator,
            of,
            tail: values.len() as u8,
            scores: kept,
            p_values,
            mean,
            standard_deviation,
        }
    }
}

/// False-alarm rates that thresholds are asked for at.
const USUAL_RATES: [f64; 8] = [0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

/// At most `knots` ranks of `count` scores, which are more, ascending: the lowest, those below which a usual
/// rate lies, the last, and as many as there is room for in geometric progression.
fn ranks(count: usize, knots: usize) -> Vec<usize> {
    let lowest = (knots / 3).max(1);
    let of_rate = |rate: &f64| ((rate * (count as f64 + 1.0)).floor() as usize).checked_sub(1);
    let rates = USUAL_RATES.iter().filter_map(of_rate);
    let mut ranks: Vec<usize> = (0..lowest).chain(rates).chain([count - 1]).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks.truncate(knots);
    let room = knots - ranks.len();
    let ratio = count as f64 / lowest as f64;
    let geometric = (1..=room).map(|step| {
        let part = step as f64 / (room as f64 + 1.0);
        (lowest as f64 * ratio.powf(part)) as usize
    });
    ranks.extend(geometric.filter(|&rank| rank < count));
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_the_lowest_scores_and_usual_rates() {
        let scores: Vec<i32> = (0..1999).rev().collect();
        let tail = CurveSpec::through(&[(2, 8.0), (4, 9.0)]);
        let table = CalibrationSpec::of_bounds(Estimator::SigmaPoints, &scores, 24, &tail);
        assert_eq!(table.scores[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
        let counted = table.scores.len() - 2;
        assert!((20..=24).contains(&counted), "{counted}");
        assert_eq!(table.scores[counted - 1..], [1998, 2, 4]);
        assert_eq!(table.p_values[counted + 1..], [8 << 16, 9 << 16]);
        assert_eq!(table.tail, 2);
        let one = |part: u64| (part << 31).div_ceil(2000) as u32;
        assert_eq!(table.p_values[0], one(1));
        assert_eq!(table.p_values[counted], 1 << 31);
        // 0.05 and 0.01 of 2000 are 100 and 20: their p-values are exact.
        for rank in [99, 19] {
            let at = table.scores[..counted].binary_search(&rank).unwrap();
            assert_eq!(table.p_values[at], one(rank as u64 + 1));
        }
    }

    #[test]
    fn small_tables_keep_all() {
        let none = CurveSpec::default();
        let small = CalibrationSpec::of_joined(Estimator::SigmaPoints, &[5, 3, 5], 20, &none);
        assert_eq!(
            (small.scores, small.p_values),
            (std::vec![3, 5], std::vec![1 << 29, 2 << 29, 4 << 29])
        );
    }
}
