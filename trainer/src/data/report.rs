//! The report on a file before anything is learned from it: a line for each column.

use super::columns::role::{NamedRole, Role};
use super::frame::{Cells, Frame};
use chrono::DateTime;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hasher};

/// Rows that resolutions and different values are counted in, at most.
const SAMPLED: usize = 20_000;
/// The part of the gaps between neighbouring values that may be smaller than the resolution.
pub(crate) const SMALLER: f64 = 0.1;
/// Columns that a terminal shows.
const SHOWN: usize = 40;
/// Seconds of a day: times below it are those of a clock.
const DAY: f64 = 86_400.0;

/// A report on a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataReport {
    /// The name of the file.
    pub name: String,
    /// Its rows.
    pub rows: usize,
    /// Rows that repeat an earlier one in all columns that are read.
    pub duplicates: usize,
    /// Its columns.
    pub columns: Vec<ColumnReport>,
}

/// A report on a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnReport {
    /// Its name in the file, or its number.
    pub name: String,
    /// The unit that the file gives; empty without one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Its role: reading, state, condition, label, time, group or ignored.
    pub role: &'static str,
    /// The kind of its cells: empty, constant, flag, whole, real, time or text.
    pub kind: &'static str,
    /// Cells that are missing.
    pub missing: usize,
    /// Different values among at most 20,000 rows.
    pub distinct: usize,
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowest: Option<f64>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest: Option<f64>,
    /// The distance of neighbouring values that nine of ten have at least; of times that of rows, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<f64>,
    /// The number that is subtracted before anything else; mostly 0.
    pub offset: f64,
}

impl DataReport {
    /// The report on `frame`, whose columns have these roles.
    pub fn new(frame: &Frame, roles: &[NamedRole]) -> Self {
        let columns = roles.iter().enumerate();
        Self {
            name: frame.name.clone(),
            rows: frame.rows(),
            duplicates: duplicates(frame, roles),
            columns: columns
                .map(|(column, named)| ColumnReport::new(frame, column, named))
                .collect(),
        }
    }
}

impl ColumnReport {
    fn new(frame: &Frame, column: usize, named: &NamedRole) -> Self {
        let cells = &frame.columns[column].cells;
        let (numbers, is_time) = match cells {
            Cells::Numbers(numbers) => (without(numbers, &named.sentinels), false),
            Cells::Times(times) => (Cow::from(times), true),
            Cells::Text { .. } => (Cow::from(&[]), false),
        };
        let missing = match cells {
            Cells::Text { .. } => cells.missing(),
            _ => numbers.iter().filter(|number| number.is_nan()).count(),
        };
        let there = || numbers.iter().copied().filter(|number| !number.is_nan());
        let sorted = sampled(&numbers);
        let distinct = match cells {
            Cells::Text { values, .. } => values.len(),
            _ => sorted.chunk_by(|a, b| a == b).count(),
        };
        let resolution = if is_time {
            step(&numbers)
        } else {
            resolution(&sorted)
        };
        Self {
            name: frame.column_name(column),
            unit: named.unit.clone(),
            role: named.role.name(),
            kind: kind(cells, &sorted, distinct),
            missing,
            distinct,
            lowest: there().min_by(f64::total_cmp),
            highest: there().max_by(f64::total_cmp),
            resolution,
            offset: named.offset,
        }
    }

    /// Name and unit.
    fn title(&self) -> String {
        match self.unit.as_str() {
            "" => self.name.clone(),
            unit => format!("{} [{unit}]", self.name),
        }
    }

    /// From the lowest to the highest value.
    pub fn range(&self) -> String {
        let show = |value: f64| match self.kind {
            "time" => time(value),
            _ => (value as f32).to_string(),
        };
        match (self.lowest, self.highest) {
            (Some(low), Some(high)) if low == high => show(low),
            (Some(low), Some(high)) => format!("{} to {}", show(low), show(high)),
            _ if self.kind == "text" => format!("{} values", self.distinct),
            _ => String::new(),
        }
    }

    /// The resolution with two digits.
    pub fn step(&self) -> String {
        let Some(step) = self.resolution else {
            return String::new();
        };
        if self.kind == "time" {
            return format!("{} s", step as f32);
        }
        let digits = 10f64.powf(step.abs().log10().floor() - 1.0);
        (((step / digits).round() * digits) as f32).to_string()
    }

    /// Remarks: missing cells and the offset.
    pub fn remarks(&self) -> String {
        let missing = (self.missing > 0).then(|| format!("{} missing", self.missing));
        let offset = (self.offset != 0.0).then(|| format!("less {}", self.offset));
        let remarks: Vec<String> = missing.into_iter().chain(offset).collect();
        remarks.join(", ")
    }
}

/// `numbers`, NaN where one is none.
fn without<'a>(numbers: &'a [f64], sentinels: &[f64]) -> Cow<'a, [f64]> {
    if sentinels.is_empty() {
        return numbers.into();
    }
    let number = |&number: &f64| match sentinels.contains(&number) {
        true => f64::NAN,
        false => number,
    };
    numbers.iter().map(number).collect()
}

/// The kind of cells, of which these are the `sorted` numbers.
fn kind(cells: &Cells, sorted: &[f64], distinct: usize) -> &'static str {
    let is_flag = || sorted.iter().all(|&number| number == 0.0 || number == 1.0);
    match cells {
        _ if cells.missing() == cells.len() => "empty",
        Cells::Text { .. } => "text",
        Cells::Times(_) => "time",
        Cells::Numbers(_) if distinct == 1 => "constant",
        Cells::Numbers(_) if is_flag() => "flag",
        Cells::Numbers(_) if sorted.iter().all(|number| number.fract() == 0.0) => "whole",
        Cells::Numbers(_) => "real",
    }
}

/// At most [`SAMPLED`] of the numbers that are there, from all over the column, in order.
fn sampled(numbers: &[f64]) -> Vec<f64> {
    let every = numbers.len().div_ceil(SAMPLED).max(1);
    let there = numbers.iter().step_by(every).copied();
    let mut sorted: Vec<f64> = there.filter(|number| !number.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The gap between neighbouring different values that nine of ten have at least.
fn resolution(sorted: &[f64]) -> Option<f64> {
    let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]);
    let mut gaps: Vec<f64> = gaps.filter(|&gap| gap > 0.0).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    gaps.get((SMALLER * gaps.len() as f64) as usize).copied()
}

/// The median distance of one time from the next.
fn step(times: &[f64]) -> Option<f64> {
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    // Rows of one date have no step.
    let mut steps: Vec<f64> = steps.filter(|&step| step > 0.0).collect();
    let middle = steps.len() / 2;
    if steps.is_empty() {
        return None;
    }
    Some(*steps.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Seconds since 1970, or of the day, as people write them.
fn time(seconds: f64) -> String {
    let format = if seconds.abs() < DAY {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    let stamp = DateTime::from_timestamp(seconds.floor() as i64, 0);
    stamp.map_or_else(
        || seconds.to_string(),
        |stamp| stamp.format(format).to_string(),
    )
}

/// Rows that repeat an earlier one in all columns that are read.
fn duplicates(frame: &Frame, roles: &[NamedRole]) -> usize {
    let is_read = |role: &Role| matches!(role, Role::Reading | Role::States(_) | Role::Condition);
    let columns = frame.columns.iter().zip(roles);
    let columns = columns.filter(|(_, named)| is_read(&named.role));
    let columns: Vec<&Cells> = columns.map(|(column, _)| &column.cells).collect();
    let mut seen = HashSet::new();
    let is_new = |row: usize| {
        let mut hasher = DefaultHasher::new();
        for cells in &columns {
            hasher.write_u64(match cells {
                Cells::Numbers(numbers) | Cells::Times(numbers) => numbers[row].to_bits(),
                Cells::Text { codes, .. } => codes[row].map_or(u64::MAX, u64::from),
            });
        }
        hasher.finish()
    };
    let hashes = (0..frame.rows()).map(is_new);
    hashes.filter(|&hash| !seen.insert(hash)).count()
}

impl fmt::Display for DataReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repeated = match self.duplicates {
            0 => String::new(),
            1 => ", 1 of which repeats an earlier one".into(),
            more => format!(", {more} of which repeat an earlier one"),
        };
        writeln!(f, "{}: {} rows{repeated}", self.name, self.rows)?;
        let cells = |column: &ColumnReport| {
            let (title, range, step) = (column.title(), column.range(), column.step());
            [
                title,
                column.role.into(),
                column.kind.into(),
                range,
                step,
                column.remarks(),
            ]
        };
        let header = ["column", "role", "kind", "range", "resolution", ""].map(str::to_owned);
        let rows: Vec<[String; 6]> = std::iter::once(header)
            .chain(self.columns.iter().take(SHOWN).map(cells))
            .collect();
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
        let widths: Vec<usize> = (0..6).map(|at| width(at).unwrap_or(0)).collect();
        for row in &rows {
            let cells = row.iter().zip(&widths);
            let line: Vec<String> = cells
                .map(|(cell, &width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "  {}", line.join("  ").trim_end())?;
        }
        let more = self.columns.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(f, "  and {more} columns more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::frame::Column;

    #[test]
    fn every_column_is_told() {
        let column = |name: &str, cells: Cells| Column::new(Some(name.into()), cells);
        let nan = f64::NAN;
        let columns = vec![
            column(
                "t",
                Cells::Times(vec![1.772e9, 1.772e9 + 60.0, 1.772e9 + 120.0]),
            ),
            column("on", Cells::Numbers(vec![0.0, 1.0, 1.0])),
            column("flow", Cells::Numbers(vec![101.25, nan, 101.5])),
            column("n", Cells::Numbers(vec![3.0, 3.0, 3.0])),
            column(
                "state",
                Cells::Text {
                    values: vec!["a".into(), "b".into()],
                    codes: vec![Some(0), None, Some(1)],
                },
            ),
        ];
        let frame = Frame::new("pump".into(), columns);
        let mut roles: Vec<NamedRole> = [
            ("t", Role::Time),
            ("on", Role::Reading),
            ("flow", Role::Reading),
            ("n", Role::Ignored),
            ("state", Role::States(vec!["a".into(), "b".into()])),
        ]
        .map(|(name, role)| NamedRole::new(Some(name), role))
        .into();
        roles[2].unit = "l/s".into();
        roles[2].offset = 100.0;
        let report = DataReport::new(&frame, &roles);
        let expected = "pump: 3 rows\n\
            \x20 column      role     kind      range                                       resolution\n\
            \x20 t           time     time      2026-02-25 06:13:20 to 2026-02-25 06:15:20  60 s\n\
            \x20 on          reading  flag      0 to 1                                      1\n\
            \x20 flow [l/s]  reading  real      101.25 to 101.5                             0.25        1 missing, less 100\n\
            \x20 n           ignored  constant  3\n\
            \x20 state       state    text      2 values                                                1 missing\n";
        assert_eq!(report.to_string(), expected);
        roles[2].role = Role::Ignored;
        roles[4].role = Role::Ignored;
        assert_eq!(DataReport::new(&frame, &roles).duplicates, 1);
    }

    #[test]
    fn resolutions_are_those_of_most_values() {
        let grid: Vec<f64> = (0..100).map(|n| f64::from(n % 17) * 0.5).collect();
        assert_eq!(resolution(&sampled(&grid)), Some(0.5));
        assert_eq!(resolution(&[]), None);
        assert_eq!(step(&[0.0, 1.0, 2.0, 9.0]), Some(1.0));
        assert_eq!((time(3_661.0).as_str(), step(&[])), ("01:01:01", None));
    }
}
