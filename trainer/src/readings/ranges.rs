//! Ranges of the columns in training, and files that lie elsewhere: another unit, another sensor, columns that
//! changed places.

use crate::data::{Dataset, NamedRole, numbers};
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

    /// Whether the middle one of `other` values lies outside of these by more than all that they span, so that no anomaly in
    /// fewer than half of the rows is the reason.
    fn is_left_by(&self, other: &Self) -> bool {
        let span = self.highest - self.lowest;
        let (low, high) = (self.lowest - span, self.highest + span);
        !(low..=high).contains(&other.median)
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
    if ranges.len() != dataset.table.width() {
        return vec![];
    }
    let known = numbers(columns);
    let now = of(dataset);
    let pairs = ranges.iter().zip(&now).enumerate();
    let left = pairs.filter(|(_, (then, now))| now.median.is_finite() && then.is_left_by(now));
    let left = left.filter(|_| dataset.table.len() >= FEWEST);
    let line = |(number, (then, now)): (usize, (&Range, &Range))| {
        let known = known.get(number);
        let offset = known.map_or(0.0, |known| known.offset);
        let unit = known.map_or("", |known| known.unit.as_str());
        let value = |value: f32| offset + f64::from(value);
        let ratio = (value(now.median) / value(then.median)).abs().log10() as f32;
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
            "the middle value of {} is {:.5}, in training it was {:.5} and all were {:.5} to {:.5}{factor}: check the {of_unit}, and whether columns changed places",
            dataset.column_name(number),
            value(now.median),
            value(then.median),
            value(then.lowest),
            value(then.highest),
        )
    };
    left.map(line).collect()
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
