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

/// Values of a column that are taken for its middle one, of all columns together: what a check of parts keeps of them.
const KEPT: usize = 1 << 22;
/// The same of one column, at least.
const LEAST_KEPT: usize = 1 << 10;

/// What is known of a number of readings that come part by part.
#[derive(Clone, Debug, Default)]
struct Column {
    /// Values that are there.
    there: usize,
    /// Those below the reach of training, and above it.
    outside: [usize; 2],
    /// Every value, or one of so many where there are more than fit.
    kept: Vec<f32>,
    every: usize,
}

impl Column {
    /// Takes `values`, of which no more than `most` are kept.
    fn push(&mut self, range: &Range, values: impl Iterator<Item = f32>, most: usize) {
        let (low, high) = range.reach();
        self.every = self.every.max(1);
        for value in values {
            self.outside[0] += usize::from(value < low);
            self.outside[1] += usize::from(value > high);
            if self.there.is_multiple_of(self.every) {
                self.kept.push(value);
            }
            self.there += 1;
            if self.kept.len() > most {
                let mut at = 0..;
                self.kept
                    .retain(|_| at.next().is_none_or(|at: usize| at.is_multiple_of(2)));
                self.every *= 2;
            }
        }
    }

    /// Whether the middle one of all values lies outside the reach of training, so that no anomaly in fewer than half of the
    /// rows is the reason: the value at place `there / 2` of those in order.
    fn has_left(&self) -> bool {
        let middle = self.there / 2;
        self.outside[0] > middle || self.outside[1] >= (self.there - middle).max(1)
    }

    /// The middle one of what is kept: of all values, or of one of so many.
    fn median(&mut self) -> Option<f32> {
        let middle = self.kept.len() / 2;
        let within = middle < self.kept.len();
        within.then(|| *self.kept.select_nth_unstable_by(middle, f32::total_cmp).1)
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
    /// Values of a column that are kept.
    most: usize,
}

impl<'a> Watch<'a> {
    /// No readings yet, of numbers with `ranges` in training.
    pub(super) fn new(ranges: &'a [Range]) -> Self {
        let width = ranges.len();
        Self {
            ranges,
            columns: vec![Column::default(); width],
            names: vec![],
            rows: 0,
            most: (KEPT / width.max(1)).max(LEAST_KEPT),
        }
    }

    /// Takes the readings of `dataset`; none where they are not as wide as those of the training.
    pub(super) fn push(&mut self, dataset: &Dataset) {
        let width = dataset.table.width();
        if self.ranges.len() != width {
            return;
        }
        self.rows += dataset.table.len();
        let observed = dataset.observed.as_deref();
        for (number, (column, range)) in self.columns.iter_mut().zip(self.ranges).enumerate() {
            let values = dataset.table.values().iter().skip(number).step_by(width);
            match observed {
                None => column.push(range, values.copied(), self.most),
                Some(observed) => {
                    let there = observed.iter().skip(number).step_by(width);
                    let values = values.zip(there).filter(|(_, there)| **there);
                    column.push(range, values.map(|(value, _)| *value), self.most);
                }
            }
        }
        if self.names.is_empty() {
            self.names = (0..width)
                .map(|number| dataset.column_name(number))
                .collect();
        }
    }

    /// A line on each number that lies elsewhere than in training; `columns` are those of the training.
    pub(super) fn notes(mut self, columns: &[NamedRole]) -> Vec<String> {
        if self.rows < FEWEST {
            return vec![];
        }
        let known = numbers(columns);
        let mut notes = vec![];
        for (number, (column, then)) in self.columns.iter_mut().zip(self.ranges).enumerate() {
            if column.has_left()
                && let Some(median) = column.median()
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
