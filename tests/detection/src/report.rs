//! Results as text, as JSON, and on the page where those of the shipped data are recorded.

use crate::calibration::Rate;
use crate::error::Error;
use crate::interval::{self, Outside};
use crate::measure::{RATES, Row};
use elbow_tests::error::Error as WorkError;
use elbow_tests::files;
use elbow_trainer::numeric::statistics::mean;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// The line before the recorded results.
pub const BEGIN: &str = "<!-- cargo xtask detection --record writes from here -->";
/// The line behind them.
pub const END: &str = "<!-- to here -->";

/// Readings that a set has to be trained on for its false alarms to count among those of all: of fewer the calibration
/// cannot tell small rates.
const MANY: usize = 500;
/// Outside of an interval of 95 %.
const OUTSIDE: Outside = Outside(0.05);
/// Standard deviations of a normal number with as much outside.
const DEVIATIONS: f64 = 1.96;

/// The false alarms of several sets together, at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pooled {
    /// The rate that p-values promise.
    pub nominal: f64,
    /// Normal readings.
    pub normal: u64,
    /// The part of them whose p-value is at most the rate.
    pub measured: f64,
    /// Where 95 % of all measured rates would be if every reading alarmed with a chance of exactly `nominal`: quantiles
    /// of the binomial distribution.
    pub binomial: (f64, f64),
    /// The same where thresholds come from as many calibrating readings as there were: rates are then those of whole ranks,
    /// and the thresholds have an error of their own. By the normal distribution.
    pub calibrated: (f64, f64),
}

/// The false alarms of all rows of sets with at least 500 readings to train on, at each rate; none without such a set.
#[must_use]
pub fn pooled(rows: &[Row]) -> Vec<Pooled> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.rows >= MANY).collect();
    if rows.is_empty() {
        return vec![];
    }
    let normal: u64 = rows.iter().map(|row| row.normal as u64).sum();
    let total = normal as f64;
    let of_rate = |(at, nominal): (usize, f64)| {
        let alarms: usize = rows.iter().map(|row| row.alarms[at]).sum();
        let (least, most) = interval::binomial(normal, nominal, OUTSIDE);
        let of_row = |row: &&Row| {
            let (tested, count) = (row.normal as f64, row.calibrating as f64);
            let rank = (nominal * (count + 1.0)).floor();
            // Below the first rank the tail says the rate itself.
            let rate = if rank > 0.0 {
                rank / (count + 1.0)
            } else {
                nominal
            };
            // Of the count, and of a threshold's rate, which is Beta(k, n + 1 - k).
            let variance = tested + tested * tested / (count + 2.0);
            (tested * rate, rate * (1.0 - rate) * variance)
        };
        let (expected, variances): (Vec<f64>, Vec<f64>) = rows.iter().map(of_row).unzip();
        let center = expected.iter().sum::<f64>() / total;
        let half = DEVIATIONS * variances.iter().sum::<f64>().sqrt() / total;
        Pooled {
            nominal,
            normal,
            measured: alarms as f64 / total,
            binomial: (least as f64 / total, most as f64 / total),
            calibrated: ((center - half).max(0.0), center + half),
        }
    };
    RATES.into_iter().enumerate().map(of_rate).collect()
}

/// The header over [`line()`].
#[must_use]
pub fn header() -> String {
    format!(
        "{:<20} {:>4} {:>5} {:>7} {:>6} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6}",
        "set",
        "seed",
        "rows",
        "columns",
        "normal",
        "anomalous",
        "AUC bound",
        "AUC p",
        "p<=.05",
        "p<=.01",
        "p<=.001",
        "image",
        "fit, s"
    )
}

/// A row as a line of text.
#[must_use]
pub fn line(row: &Row) -> String {
    let [often, rare, rarest] = row.alarms.map(|alarms| alarms as f64 / row.normal as f64);
    format!(
        "{:<20} {:>4} {:>5} {:>7} {:>6} {:>9} {:>9.4} {:>7.4} {often:>7.4} {rare:>7.4} {rarest:>7.4} {:>7} {:>6.1}",
        row.set,
        row.seed,
        row.rows,
        row.columns,
        row.normal,
        row.anomalous,
        row.auc_bound,
        row.auc_p_value,
        row.image_bytes,
        row.fit_seconds
    )
}

/// The mean of a number of all rows; NaN of none.
fn mean_of(rows: &[Row], number: impl Fn(&Row) -> f64) -> f64 {
    mean(&rows.iter().map(number).collect::<Vec<_>>()).unwrap_or(f64::NAN)
}

/// Means, and false alarms of all sets together, as lines of text.
#[must_use]
pub fn means(rows: &[Row]) -> String {
    let mut text = format!(
        "mean AUC over {} trainings: bound {:.4}, p-value {:.4}; {:.0} bytes of image\n",
        rows.len(),
        mean_of(rows, |row| row.auc_bound),
        mean_of(rows, |row| row.auc_p_value),
        mean_of(rows, |row| row.image_bytes as f64)
    );
    for pooled in pooled(rows) {
        let Pooled {
            nominal,
            normal,
            measured,
            binomial,
            calibrated,
        } = pooled;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "p <= {nominal}: {measured:.5} of {normal} normal readings; at a rate of exactly {nominal} 95 % lie from \
             {:.5} to {:.5}, with thresholds from so few calibrating readings from {:.5} to {:.5}",
            binomial.0, binomial.1, calibrated.0, calibrated.1
        );
    }
    text
}

/// All results as one JSON object.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let means = serde_json::json!({
        "auc_bound": mean_of(rows, |row| row.auc_bound),
        "auc_p_value": mean_of(rows, |row| row.auc_p_value),
    });
    let all = serde_json::json!({ "rows": rows, "means": means, "pooled": pooled(rows) });
    format!("{all:#}\n")
}

/// Alarms at small rates as lines of text.
#[must_use]
pub fn calibration(rates: &[Rate]) -> String {
    let mut text = format!(
        "{:>8} {:>12} {:>9} {:>9}  {:<22}\n",
        "rate", "calibrating", "fresh", "alarms", "bounds of 99.9 %"
    );
    for rate in rates {
        let kind = if rate.extrapolated {
            "extrapolated"
        } else {
            "counted"
        };
        let verdict = if rate.holds() { "" } else { ", BROKEN" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>8} {:>12} {:>9} {:>9}  {} to {}, {kind}{verdict}",
            format!("{:e}", rate.nominal),
            rate.calibrating,
            rate.fresh,
            rate.alarms,
            rate.least,
            rate.most
        );
    }
    text
}

/// The results of the shipped data as they are recorded: for each set the means over its seeds.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut text = "\
| set | rows | columns | AUC of the bound | AUC of p-values | p <= 0.05 | p <= 0.01 | p <= 0.001 | image, bytes |\n\
|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for rows in rows.chunk_by(|a, b| a.set == b.set) {
        let [often, rare, rarest] = [0, 1, 2].map(|at| {
            let alarms: usize = rows.iter().map(|row| row.alarms[at]).sum();
            let normal: usize = rows.iter().map(|row| row.normal).sum();
            alarms as f64 / normal as f64
        });
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.3} | {:.3} | {often:.3} | {rare:.4} | {rarest:.4} | {:.0} |",
            rows[0].set,
            rows[0].rows,
            rows[0].columns,
            mean_of(rows, |row| row.auc_bound),
            mean_of(rows, |row| row.auc_p_value),
            mean_of(rows, |row| row.image_bytes as f64)
        );
    }
    text
}

/// `page` with the results between [`BEGIN`] and [`END`]: the command that made them, the table, and the means.
///
/// # Errors
///
/// [`Error::Page`].
pub fn recorded(path: &Path, page: &str, command: &str, rows: &[Row]) -> Result<String, Error> {
    let (table, means) = (markdown(rows), means(rows));
    let text = format!("{table}\n```text\n{means}```\n");
    between(path, page, command, &text)
}

/// `page` with `text` between [`BEGIN`] and [`END`], below the command that made it.
fn between(path: &Path, page: &str, command: &str, text: &str) -> Result<String, Error> {
    let place = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = place.ok_or_else(|| Error::Page {
        page: path.to_owned(),
        begin: BEGIN,
        end: END,
    })?;
    Ok(format!(
        "{before}{BEGIN}\n\n```sh\n{command}\n```\n\n{text}\n{END}{after}"
    ))
}

/// Records `text` in the page at `path`.
///
/// # Errors
///
/// [`Error::Page`], or it cannot be read or written.
pub fn record_text(path: &Path, command: &str, text: &str) -> Result<(), Error> {
    let page = std::fs::read_to_string(path).map_err(WorkError::at(path))?;
    Ok(files::write(path, between(path, &page, command, text)?)?)
}

/// The page at `path`, which has a place for results.
///
/// # Errors
///
/// [`Error::Page`], or it cannot be read.
pub fn page(path: &Path) -> Result<String, Error> {
    let page = std::fs::read_to_string(path).map_err(WorkError::at(path))?;
    recorded(path, &page, "", &[])?;
    Ok(page)
}

/// Records the results in the page at `path`.
///
/// # Errors
///
/// [`Error::Page`], or it cannot be read or written.
pub fn record(path: &Path, command: &str, rows: &[Row]) -> Result<(), Error> {
    let text = recorded(path, &page(path)?, command, rows)?;
    Ok(files::write(path, text)?)
}
