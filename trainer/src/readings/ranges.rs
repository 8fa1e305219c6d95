//! Ranges of the columns in training, and files that lie elsewhere: another unit, another sensor, columns that
//! changed places.

use crate::data::{Dataset, NamedRole, Number, numbers};
use elbow::Model;
use elbow::image::{ImageSpec, InputSpec};
use serde::{Deserialize, Serialize};

/// The range of a number of a reading in training, in the units of the data less the column's offset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Its lowest value.
    pub lowest: f32,
    /// Its middle one.
    pub median: f32,
    /// Its highest one.
    pub highest: f32,
}

/// Powers of ten that units of one quantity are apart, at most.
const MOST_TENS: f32 = 9.0;
/// Values from which on the middle one says something of a file.
const FEWEST: usize = 5;
/// How near to a power of ten a ratio of medians is to be, as a logarithm.
const NEAR: f32 = 0.1;

impl Range {
    /// The range of the values which are there; none of no value.
    fn of(mut values: Vec<f32>) -> Option<Self> {
        values.sort_unstable_by(f32::total_cmp);
        Some(Self {
            lowest: *values.first()?,
            median: values[values.len() / 2],
            highest: *values.last()?,
        })
    }

    /// The values between which a middle one is as in training: these, and on both sides as much as they span.
    fn reach(&self) -> (f32, f32) {
        let span = self.highest - self.lowest;
        (self.lowest - span, self.highest + span)
    }
}

/// Values that a check of parts keeps, of all columns together, for the middle ones of these.
const KEPT: usize = 1 << 22;
/// Rows of which it keeps the values, at least.
const FEWEST_KEPT: usize = 1 << 10;

/// What is known of a number of readings that come part by part.
#[derive(Clone, Copy, Debug)]
struct Column {
    /// The reach of training.
    low: f32,
    high: f32,
    /// Values that are there.
    there: usize,
    /// Those below the reach, and above it.
    below: usize,
    above: usize,
}

impl Column {
    fn new(range: &Range) -> Self {
        let (low, high) = range.reach();
        Self {
            low,
            high,
            there: 0,
            below: 0,
            above: 0,
        }
    }

    fn push(&mut self, value: f32) {
        self.there += 1;
        self.below += usize::from(value < self.low);
        self.above += usize::from(value > self.high);
    }

    /// Whether the middle one of all values, that at place `there / 2` of those in order, lies outside the reach of training, so
    /// that no anomaly in fewer than half of the rows is the reason.
    fn has_left(&self) -> bool {
        let middle = self.there / 2;
        self.below > middle || self.above >= (self.there - middle).max(1)
    }
}

/// The check of readings that come part by part against the ranges of training.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    ranges: &'a [Range],
    columns: Vec<Column>,
    /// Names of the columns; none before the first part.
    names: Vec<String>,
    rows: usize,
    /// The values of every row, or of one of so many where there are more than fit; NaN where one is missing.
    kept: Vec<f32>,
    every: usize,
    /// Rows of which the values are kept, at most.
    most: usize,
}

impl<'a> Watch<'a> {
    /// No readings yet, of numbers with `ranges` in training.
    pub(super) fn new(ranges: &'a [Range]) -> Self {
        Self {
            ranges,
            columns: ranges.iter().map(Column::new).collect(),
            names: vec![],
            rows: 0,
            kept: vec![],
            every: 1,
            most: (KEPT / ranges.len().max(1)).max(FEWEST_KEPT),
        }
    }

    /// Takes the readings of `dataset`; none where they are not as wide as those of the training.
    pub(super) fn push(&mut self, dataset: &Dataset) {
        let width = dataset.table.width();
        if self.ranges.len() != width {
            return;
        }
        let observed = dataset.observed.as_deref();
        for (row, values) in dataset.table.iter().enumerate() {
            let there = observed.map(|observed| &observed[row * width..][..width]);
            self.push_row(values, there);
        }
        if self.names.is_empty() {
            let names = (0..width).map(|number| dataset.column_name(number));
            self.names = names.collect();
        }
    }

    fn push_row(&mut self, values: &[f32], there: Option<&[bool]>) {
        let is_kept = self.rows.is_multiple_of(self.every);
        self.rows += 1;
        let Some(there) = there else {
            for (column, &value) in self.columns.iter_mut().zip(values) {
                column.push(value);
            }
            return self.keep(is_kept, values.iter().copied());
        };
        let cells = values.iter().zip(there);
        for (column, (&value, _)) in self
            .columns
            .iter_mut()
            .zip(cells.clone())
            .filter(|(_, (_, there))| **there)
        {
            column.push(value);
        }
        let cells = cells.map(|(&value, &there)| if there { value } else { f32::NAN });
        self.keep(is_kept, cells);
    }

    /// Keeps the values of a row, and of fewer rows where there are too many.
    fn keep(&mut self, is_kept: bool, values: impl Iterator<Item = f32>) {
        if !is_kept {
            return;
        }
        self.kept.extend(values);
        let width = self.columns.len().max(1);
        if self.kept.len() > self.most * width {
            let rows = self.kept.chunks_exact(width).step_by(2);
            self.kept = rows.flatten().copied().collect();
            self.every *= 2;
        }
    }

    /// The middle one of what is kept of a number: of all values, or of those of one row of so many.
    fn median(&self, number: usize) -> Option<f32> {
        let values = self
            .kept
            .iter()
            .skip(number)
            .step_by(self.columns.len().max(1));
        let mut values: Vec<f32> = values.copied().filter(|value| !value.is_nan()).collect();
        let middle = values.len() / 2;
        let within = middle < values.len();
        within.then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
    }

    /// A line on each number that lies elsewhere than in training; `columns` are those of the training.
    pub(super) fn notes(&self, columns: &[NamedRole]) -> Vec<String> {
        if self.rows < FEWEST {
            return vec![];
        }
        let known = numbers(columns);
        let mut notes = vec![];
        for (number, (column, then)) in self.columns.iter().zip(self.ranges).enumerate() {
            if column.has_left()
                && let Some(median) = self.median(number)
            {
                notes.push(note(&self.names[number], known.get(number), then, median));
            }
        }
        notes
    }
}

/// The ranges of all numbers of the readings of `dataset`.
pub(super) fn of(dataset: &Dataset) -> Vec<Range> {
    let width = dataset.table.width();
    let observed = dataset.observed.as_deref();
    let there =
        |row: usize, column: usize| observed.is_none_or(|observed| observed[row * width + column]);
    let column = |column: usize| {
        let rows = dataset.table.iter().enumerate();
        let rows = rows.filter(|&(row, _)| there(row, column));
        Range::of(rows.map(|(_, numbers)| numbers[column]).collect())
    };
    let nothing = Range {
        lowest: f32::NEG_INFINITY,
        median: 0.0,
        highest: f32::INFINITY,
    };
    let all = (0..width).map(|number| column(number).unwrap_or(nothing));
    all.collect()
}

/// The range of each number before the encoder of `model` saturates: all that an image alone knows of ranges.
pub(super) fn of_image(model: &Model<'_>) -> Vec<Range> {
    let spec = ImageSpec::of(model);
    let ceiling = f64::from(spec.input_ceiling);
    let range = |input: &InputSpec| {
        let step = 2f64.powi(input.exponent.into());
        let center = f64::from(input.center);
        let reach = ceiling / input.gain.to_f64().max(f64::MIN_POSITIVE);
        Range {
            lowest: ((center - reach) * step) as f32,
            median: (center * step) as f32,
            highest: ((center + reach) * step) as f32,
        }
    };
    spec.inputs.iter().map(range).collect()
}

/// A line on each number of `dataset` that lies elsewhere than in training; `columns` are those of the training.
pub(super) fn notes(ranges: &[Range], dataset: &Dataset, columns: &[NamedRole]) -> Vec<String> {
    let mut watch = Watch::new(ranges);
    watch.push(dataset);
    watch.notes(columns)
}

/// The line on the number called `name`, whose middle value is `median` now.
fn note(name: &str, known: Option<&Number>, then: &Range, median: f32) -> String {
    let offset = known.map_or(0.0, |known| known.offset);
    let unit = known.map_or("", |known| known.unit.as_str());
    let value = |value: f32| offset + f64::from(value);
    let ratio = (value(median) / value(then.median)).abs().log10() as f32;
    let tens = ratio.round();
    let is_unit = (ratio - tens).abs() < NEAR && tens != 0.0 && tens.abs() <= MOST_TENS;
    let factor = match is_unit {
        true => format!(", about 10^{tens} times as much"),
        false => String::new(),
    };
    let of_unit = match unit {
        "" => "unit".to_owned(),
        unit => format!("unit, which was {unit} in training"),
    };
    format!(
        "the middle value of {name} is {:.5}, in training it was {:.5} and all were {:.5} to {:.5}{factor}: check the {of_unit}, and whether columns changed places",
        value(median),
        value(then.median),
        value(then.lowest),
        value(then.highest),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Table;

    fn dataset(values: &[f32]) -> Dataset {
        Dataset::new("new", Table::new(1, values.to_vec()).unwrap())
    }

    /// What a file says is the same part by part, and the middle value by counts is that of all values in order.
    #[test]
    fn parts_say_what_the_whole_says() {
        let mut word = 1u32;
        let mut draw = || {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (word >> 8) as f32 / (1 << 24) as f32
        };
        let ranges = of(&dataset(&(0..100).map(|_| draw()).collect::<Vec<_>>()));
        for rows in [5, 6, 99, 100, 5000] {
            for shift in [0.0, 0.5, 1.4, 1.5, 1.6, 3.0, -1.4, -1.6] {
                let values: Vec<f32> = (0..rows).map(|_| draw() + shift).collect();
                let whole = dataset(&values);
                let (low, high) = ranges[0].reach();
                let middle = of(&whole)[0].median;
                let said = notes(&ranges, &whole, &[]);
                assert_eq!(
                    said.is_empty(),
                    (low..=high).contains(&middle),
                    "{rows} {shift}"
                );
                let mut watch = Watch::new(&ranges);
                for part in values.chunks(7) {
                    watch.push(&dataset(part));
                }
                assert_eq!(watch.notes(&[]), said);
                // Where not all values are kept, the decision stays, and the middle value is that of some rows.
                let mut few = Watch::new(&ranges);
                few.most = 8;
                few.push(&whole);
                assert_eq!(few.notes(&[]).len(), said.len());
                assert!(few.kept.len() <= 8 && few.every.is_power_of_two());
            }
        }
        let mut empty = dataset(&[0.0; 6]);
        empty.observed = Some(vec![false; 6]);
        assert_eq!(notes(&ranges, &empty, &[]), [""; 0]);
    }

    #[test]
    fn another_unit_is_told_and_anomalies_are_not() {
        let trained = dataset(&[20.0, 25.0, 30.0, 28.0, 22.0]);
        let ranges = of(&trained);
        let said = |values: &[f32]| notes(&ranges, &dataset(values), &[]);
        assert_eq!(said(&[21.0, 35.0, 24.0]), [""; 0]);
        // Two of five far away, the middle one is not.
        assert_eq!(said(&[21.0, 400.0, 24.0, 900.0, 26.0]), [""; 0]);
        assert_eq!(said(&[24_000.0; 4]), [""; 0]);
        let lines = said(&[20_500.0, 24_000.0, 26_000.0, 23_000.0, 25_000.0]);
        assert_eq!(lines.len(), 1);
        for word in [
            "column 1 is 24000",
            "20.00000 to 30.00000",
            "about 10^3 times",
            "check the unit",
        ] {
            assert!(lines[0].contains(word), "{lines:?} lacks {word}");
        }
        // Degrees of another scale are no power of ten.
        let lines = said(&[70.0, 75.0, 80.0, 71.0, 79.0]);
        assert!(lines.len() == 1 && !lines[0].contains("10^"), "{lines:?}");
    }
}
