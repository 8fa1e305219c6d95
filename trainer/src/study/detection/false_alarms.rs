//! False-alarm rates, and how far they can be trusted.

use crate::numeric::confidence::{below_rank_at_most, binomial_at_most};
use elbow::{Calibration, Probability, Score};
use serde::Serialize;

/// The p-value below which most products raise an alarm.
pub const USUAL_ALARM: f64 = 0.01;

/// Alarms at a p-value on readings that are normal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FalseAlarms {
    /// The largest p-value that raises an alarm.
    pub p_value: f64,
    /// Alarms.
    pub count: usize,
    /// Normal readings.
    pub readings: usize,
    /// The chance of an alarm on a new normal reading, at most, with 95 % confidence: [`binomial_at_most`].
    pub at_most: f64,
}

impl FalseAlarms {
    /// Counts alarms at `p_value` among `scores`, those of readings that are not `anomalous`.
    pub fn count(scores: &[Score], anomalous: &[bool], p_value: f64) -> Self {
        let normal = scores.iter().zip(anomalous).filter(|(_, is)| !**is);
        let normal: Vec<f64> = normal.map(|(score, _)| score.p_value().to_f64()).collect();
        let count = normal.iter().filter(|&&p| p <= p_value).count();
        Self {
            p_value,
            count,
            readings: normal.len(),
            at_most: binomial_at_most(count, normal.len()),
        }
    }
}

/// Readings that `table` was counted of, by its smallest p-value; exact below 32,768.
pub fn readings(table: &Calibration<'_>) -> usize {
    let smallest = table.smallest_counted().to_f64();
    ((1.0 / smallest).round() as usize).saturating_sub(1)
}

/// The chance that a new normal reading has a p-value of at most `level` by `table`, at most, with 95 % confidence: that of a
/// score below the one of rank `level * (n + 1)` of the n readings of the table, or below the lowest where `level` is
/// below what was counted; 0 where no score has so low a p-value. The readings are taken for independent ones;
/// where they were judged by several models (cross-conformal), this is an approximation.
pub fn at_most(table: &Calibration<'_>, level: f64) -> f64 {
    // P-values are rounded up to this step: one of k / (n + 1) is at that level.
    let level = level + Probability::LEAST.to_f64();
    if level < table.smallest_p_value().to_f64() {
        return 0.0;
    }
    let readings = readings(table);
    let rank = (level * (readings as f64 + 1.0)).floor() as usize;
    below_rank_at_most(rank, readings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbow::Estimator;
    use elbow::image::{CalibrationSpec, CurveSpec};

    fn table(readings: i32) -> CalibrationSpec {
        let scores: Vec<i32> = (0..readings).collect();
        CalibrationSpec::of_bounds(Estimator::SigmaPoints, &scores, 48, &CurveSpec::default())
    }

    #[test]
    fn readings_are_told_by_the_smallest_p_value() {
        for count in [1, 2, 19, 99, 100, 1234, 20_000, 32_766] {
            assert_eq!(readings(&table(count).table()), count as usize);
        }
    }

    /// Beta(1, 99) at 0.95 is 1 - 0.05^(1/99); of 2000 readings rank 20 is Beta(20, 1981), by its normal limit near
    /// 0.01 + 1.645 * 0.0022.
    #[test]
    fn thresholds_have_the_bound_of_their_rank() {
        let of_99 = at_most(&table(99).table(), 0.01);
        assert!(
            (of_99 - (1.0 - 0.05f64.powf(1.0 / 99.0))).abs() < 1e-12,
            "{of_99}"
        );
        // Without a tail no p-value is below 1/100.
        assert_eq!(at_most(&table(99).table(), 0.0099), 0.0);
        let scores: Vec<i32> = (0..99).collect();
        let tail = CurveSpec::through(&[(1, 5.0), (9, 16.0)]);
        let tailed = CalibrationSpec::of_bounds(Estimator::SigmaPoints, &scores, 48, &tail);
        assert_eq!(at_most(&tailed.table(), 1e-6), of_99);
        let of_2000 = at_most(&table(2000).table(), 0.01);
        assert!((of_2000 - 0.0138).abs() < 3e-4, "{of_2000}");
        assert_eq!(at_most(&table(9).table(), 1.0), 1.0);
    }
}
