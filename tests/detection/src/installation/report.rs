//! The results on installed machines as text, as JSON and as a page has them.

use super::creep::{READINGS, Reported};
use super::{LEARNED, LEVELS, Row};
use crate::interval::{self, Outside};
use elbow_trainer::numeric::statistics::mean;
use serde::Serialize;
use std::fmt::Write;

/// Outside of an interval of 95 %.
const OUTSIDE: Outside = Outside(0.05);
/// Standard deviations of a normal number with as much outside.
const DEVIATIONS: f64 = 1.96;
/// The rate of false alarms that is counted at.
const RATE: f64 = 0.01;

/// The machines of a level together, after so many readings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pooled {
    /// What differs from the training.
    pub level: &'static str,
    /// Readings learned from.
    pub learned: usize,
    /// Machines.
    pub machines: usize,
    /// Normal readings that are judged.
    pub normal: usize,
    /// The part of them with a p-value of at most 0.01.
    pub alarms: f64,
    /// Where 95 % of such parts would be at a rate of exactly 0.01.
    pub binomial: (f64, f64),
    /// The same where each machine's threshold comes from as many scores as were counted on it, by the normal distribution; none of
    /// so few that 0.01 cannot be counted.
    pub calibrated: Option<(f64, f64)>,
    /// Mean AUC.
    pub auc: Option<f64>,
    /// Mean AUC where a tenth of the readings that were learned from were faults.
    pub faulty_auc: Option<f64>,
    /// Of the machines that a model of their own was trained for: mean AUC of the device, and of that model.
    pub beside_retrained: Option<(f64, f64)>,
}

/// All levels after all numbers of readings. Sets with too few readings for a number are left out of it.
#[must_use]
pub fn pooled(rows: &[Row]) -> Vec<Pooled> {
    let counts = || [0].into_iter().chain(LEARNED);
    let cases = LEVELS
        .iter()
        .flat_map(|level| counts().map(|count| (level.name, count)));
    cases
        .filter_map(|(level, count)| pool(rows, level, count))
        .collect()
}

fn pool(rows: &[Row], level: &'static str, learned: usize) -> Option<Pooled> {
    let is_of = |row: &&Row| row.level == level && row.judgement.learned == learned;
    let all: Vec<&Row> = rows.iter().filter(is_of).collect();
    let (faulty, clean): (Vec<&Row>, Vec<&Row>) = all.iter().copied().partition(|row| row.faulty);
    let auc = |rows: &[&Row]| {
        let all: Vec<f64> = rows.iter().filter_map(|row| row.judgement.auc).collect();
        mean(&all)
    };
    let sum = |count: fn(&Row) -> usize| clean.iter().copied().map(count).sum::<usize>();
    let normal = sum(|row| row.judgement.normal);
    if normal == 0 {
        return None;
    }
    let (least, most) = interval::binomial(normal as u64, RATE, OUTSIDE);
    let part = |count: u64| count as f64 / normal as f64;
    let beside: Vec<(f64, f64)> = clean
        .iter()
        .filter_map(|row| Some((row.judgement.auc?, row.retrained_auc?)))
        .collect();
    let [own, retrained] = [0, 1].map(|at| {
        let each = beside
            .iter()
            .map(|pair| if at == 0 { pair.0 } else { pair.1 });
        mean(&each.collect::<Vec<_>>())
    });
    Some(Pooled {
        level,
        learned,
        machines: clean.len(),
        normal,
        alarms: part(sum(|row| row.judgement.alarms) as u64),
        binomial: (part(least), part(most)),
        calibrated: calibrated(&clean, learned),
        auc: auc(&clean),
        faulty_auc: auc(&faulty),
        beside_retrained: own.zip(retrained),
    })
}

/// The interval of the alarms of `rows`, whose thresholds come from half of the readings `learned`: of the count, and of a
/// threshold's own rate, which is Beta(k, n + 1 - k).
fn calibrated(rows: &[&Row], learned: usize) -> Option<(f64, f64)> {
    let counted = (learned - learned / 2) as f64;
    let rank = (RATE * (counted + 1.0)).floor();
    let rate = rank / (counted + 1.0);
    let tested = rows.iter().map(|row| row.judgement.normal as f64);
    let variances = tested
        .clone()
        .map(|tested| rate * (1.0 - rate) * (tested + tested * tested / (counted + 2.0)));
    let total: f64 = tested.sum();
    let half = DEVIATIONS * variances.sum::<f64>().sqrt() / total;
    (rank > 0.0).then_some(((rate - half).max(0.0), rate + half))
}

/// The table of levels, in Markdown.
#[must_use]
pub fn levels(rows: &[Row]) -> String {
    let mut text = "\
| shift | learned | machines | p <= 0.01, normal | 95 % of counts at 0.01 | with so many calibrations | AUC | AUC, a tenth faults | AUC beside own model | own model |\n\
|---|---:|---:|---:|---|---|---:|---:|---:|---:|\n"
        .to_owned();
    let decimal = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    for row in pooled(rows) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} % | {:.2} to {:.2} % | {} | {} | {} | {} | {} |",
            row.level,
            row.learned,
            row.machines,
            100.0 * row.alarms,
            100.0 * row.binomial.0,
            100.0 * row.binomial.1,
            row.calibrated
                .map_or("-".to_owned(), |(least, most)| format!(
                    "{:.2} to {:.2} %",
                    100.0 * least,
                    100.0 * most
                )),
            decimal(row.auc),
            decimal(row.faulty_auc),
            decimal(row.beside_retrained.map(|pair| pair.0)),
            decimal(row.beside_retrained.map(|pair| pair.1)),
        );
    }
    text
}

/// The table of growing faults, in Markdown.
#[must_use]
pub fn creep(reported: &[Reported]) -> String {
    let mut text = format!(
        "| deviations in {READINGS} readings | streams | told by both | frozen alone | learned alone | frozen, at reading | learned, at reading | later | drift, at reading |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    for one in reported {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.0} | {:.0} | {:+.1} % | {:.0} |",
            one.speed,
            one.streams,
            one.by_both,
            one.by_frozen,
            one.by_learned,
            one.frozen,
            one.learned,
            100.0 * (one.learned / one.frozen - 1.0),
            one.drift
        );
    }
    text
}
