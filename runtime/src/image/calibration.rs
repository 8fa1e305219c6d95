//! Calibration tables.

use crate::estimator::Estimator;
use std::vec::Vec;

/// A calibration table; see [`crate::Calibration`].
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationSpec {
    pub(super) estimator: Estimator,
    pub(super) scores: Vec<i32>,
    pub(super) p_values: Vec<u32>,
    pub(super) mean: i32,
    pub(super) standard_deviation: i32,
}

impl CalibrationSpec {
    /// The table of the Q16.16 `scores` of held-out normal readings, with at most `knots` knots:
    /// the lower half of them are the lowest scores, where p-values matter; the others are spread
    /// evenly over the rest.
    #[must_use]
    pub fn from_scores(estimator: Estimator, scores: &[i32], knots: usize) -> Self {
        let mut sorted = scores.to_vec();
        sorted.sort_unstable();
        let mut distinct = sorted.clone();
        distinct.dedup();
        let kept: Vec<i32> = if distinct.len() <= knots {
            distinct
        } else {
            let tail = knots / 2;
            let (low, rest) = distinct.split_at(tail);
            let spread =
                (1..=knots - tail).map(|knot| rest[knot * rest.len() / (knots - tail) - 1]);
            low.iter().copied().chain(spread).collect()
        };
        // Rounded up, so that no p-value is understated.
        let p_value = |below: usize| {
            let (count, total) = (below as u64 + 1, sorted.len() as u64 + 1);
            (count << 31).div_ceil(total) as u32
        };
        let below = kept
            .iter()
            .map(|knot| sorted.partition_point(|score| score < knot));
        let p_values = below.chain([sorted.len()]).map(p_value).collect();
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
        Self {
            estimator,
            scores: kept,
            p_values,
            mean,
            standard_deviation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_the_lowest_scores() {
        let scores: Vec<i32> = (0..1000).rev().collect();
        let table = CalibrationSpec::from_scores(Estimator::SigmaPoints, &scores, 20);
        assert_eq!(table.scores[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(table.scores.len(), 20);
        assert_eq!(table.scores.last(), Some(&999));
        assert_eq!(table.p_values[0], (1u64 << 31).div_ceil(1001) as u32);
        assert_eq!(table.p_values[20], 1 << 31);
        let small = CalibrationSpec::from_scores(Estimator::SigmaPoints, &[5, 3, 5], 20);
        assert_eq!(
            (small.scores, small.p_values),
            (std::vec![3, 5], std::vec![1 << 29, 2 << 29, 4 << 29])
        );
    }
}
