//! What p-values and bounds are worth as a detector: operating curves, and what each threshold costs and finds.

pub mod evaluate;
pub mod false_alarms;

use crate::numeric::confidence::binomial_at_most;
use crate::study::detection::false_alarms::FalseAlarms;
use crate::study::events::DAY;
use elbow::{Calibration, Score};
use serde::Serialize;

/// Readings that false alarms are counted in where nobody knows how often one comes.
const MANY: f64 = 1000.0;
/// The p-values that a table of thresholds has.
const LEVELS: [f64; 12] = [
    0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4, 1e-5, 1e-6,
];

/// A point of an operating curve: x ascends.
pub type Point = (f64, f64);

/// The curves of a detector.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// The part of anomalous readings that is found over the part of normal ones that alarm.
    pub roc: Vec<Point>,
    /// The part of alarms that are right over the part of anomalous readings that is found.
    pub precision: Vec<Point>,
    /// The mean of that precision over the anomalous readings, each at the threshold that just finds it.
    pub average_precision: f64,
}

impl Curves {
    /// The curves of an alarm at low `scores`; none without readings of both kinds.
    pub fn new(scores: &[f64], anomalous: &[bool]) -> Option<Self> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let all = anomalous.iter().filter(|&&is| is).count();
        let normal = anomalous.len() - all;
        if all == 0 || normal == 0 {
            return None;
        }
        let (mut found, mut false_alarms, mut average) = (0, 0, 0.0);
        let (mut roc, mut precision) = (vec![(0.0, 0.0)], vec![]);
        // Equal scores alarm together.
        for equal in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
            let hits = equal.iter().filter(|&&row| anomalous[row]).count();
            found += hits;
            false_alarms += equal.len() - hits;
            let part = |count: usize, of: usize| count as f64 / of as f64;
            let right = part(found, found + false_alarms);
            average += right * part(hits, all);
            roc.push((part(false_alarms, normal), part(found, all)));
            if hits > 0 {
                precision.push((part(found, all), right));
            }
        }
        Some(Self {
            roc,
            precision,
            average_precision: average,
        })
    }
}

/// How often readings come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pace {
    /// Readings a second, where that is known.
    pub rate: Option<f64>,
}

impl Pace {
    /// Readings in the unit that false alarms are counted in.
    pub fn readings_in_unit(self) -> f64 {
        self.rate.map_or(MANY, |rate| rate * DAY)
    }

    /// That unit behind a number of false alarms.
    pub fn per_unit(self) -> &'static str {
        match self.rate {
            Some(_) => "a day",
            None => "in 1000 readings",
        }
    }
}

/// What an alarm at a p-value costs and finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// The largest p-value that raises an alarm.
    pub p_value: f64,
    /// False alarms in the unit of time if p-values are what they say.
    pub expected: f64,
    /// False alarms in the unit, at most, with 95 % confidence, by the readings that calibrated.
    pub at_most: f64,
    /// Normal test readings that alarm.
    pub false_alarms: usize,
    /// Normal test readings.
    pub normal: usize,
    /// False alarms in the unit, at most, with 95 % confidence, by these.
    pub test_at_most: f64,
    /// Anomalous test readings that alarm.
    pub found: usize,
    /// Anomalous test readings.
    pub anomalous: usize,
    /// The part of new anomalous readings of the same kinds that is found, at least, with 95 % confidence.
    pub found_at_least: f64,
}

/// What alarms at the p-values that `table` can tell apart cost and find among the test readings with these `scores`.
pub fn thresholds(
    table: &Calibration<'_>,
    scores: &[Score],
    anomalous: Option<&[bool]>,
    pace: Pace,
) -> Vec<Threshold> {
    let unit = pace.readings_in_unit();
    let none = vec![false; scores.len()];
    let anomalous = anomalous.unwrap_or(&none);
    let all = anomalous.iter().filter(|&&is| is).count();
    let smallest = table.smallest_p_value().to_f64();
    let levels = LEVELS.into_iter().filter(|&level| level >= smallest);
    let row = |level: f64| {
        let of_normal = FalseAlarms::count(scores, anomalous, level);
        let alarms = scores.iter().map(|score| score.p_value().to_f64() <= level);
        let found = alarms.zip(anomalous).filter(|&(alarms, &is)| alarms && is);
        let found = found.count();
        Threshold {
            p_value: level,
            expected: level * unit,
            at_most: false_alarms::at_most(table, level) * unit,
            false_alarms: of_normal.count,
            normal: of_normal.readings,
            test_at_most: of_normal.at_most * unit,
            found,
            anomalous: all,
            found_at_least: 1.0 - binomial_at_most(all - found, all),
        }
    };
    levels.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::statistics::auc;

    /// Anomalous at -3 and 0, normal at -2, 0 and 1: by hand.
    #[test]
    fn curves_by_hand() {
        let scores = [-3.0, -2.0, 0.0, 0.0, 1.0];
        let anomalous = [true, false, true, false, false];
        let curves = Curves::new(&scores, &anomalous).unwrap();
        let third = 1.0 / 3.0;
        assert_eq!(
            curves.roc,
            [
                (0.0, 0.0),
                (0.0, 0.5),
                (third, 0.5),
                (2.0 / 3.0, 1.0),
                (1.0, 1.0)
            ]
        );
        assert_eq!(curves.precision, [(0.5, 1.0), (1.0, 0.5)]);
        assert_eq!(curves.average_precision, 0.75);
        // The area by trapezoids is the AUC.
        let area: f64 = curves
            .roc
            .windows(2)
            .map(|pair| (pair[1].0 - pair[0].0) * (pair[1].1 + pair[0].1) / 2.0)
            .sum();
        assert!((area - auc(&scores, &anomalous).unwrap()).abs() < 1e-12);
        assert_eq!(Curves::new(&scores, &[false; 5]), None);
    }

    #[test]
    fn paces_are_days_where_they_are_known() {
        let minute = Pace {
            rate: Some(1.0 / 60.0),
        };
        assert_eq!(
            (minute.readings_in_unit().round(), minute.per_unit()),
            (1440.0, "a day")
        );
        let unknown = Pace { rate: None };
        assert_eq!(unknown.per_unit(), "in 1000 readings");
    }
}
