//! Raw readings: the 16-bit integers that a device takes in, and what they mean.
//!
//! Training starts from raw readings, so that the trainer never sees a resolution or a range that
//! the device does not have.

pub mod batches;
mod derived;
pub mod device;
mod division;
mod file;
mod kinds;
mod labelled;
pub mod masks;
mod ranges;
pub mod raw;
pub mod scoring;
pub mod splits;
pub mod stream;
pub mod telemetry;

pub use derived::{Derived, RunConfig};
pub use labelled::{Labelled, refuse_gaps};
pub use ranges::Range;

use crate::data::{self, Dataset, RowMajor, Table};
use crate::error::Error;
use elbow::distribution::LARGEST_DEVIATION;
use serde::{Deserialize, Serialize};

/// The smallest learned standard deviation, in raw units: that of rounding to an integer,
/// `1 / sqrt(12)`. A reading of 16 bits says nothing below it.
pub const SMALLEST_DEVIATION: f64 = 0.288_675_134_594_812_9;

/// The largest magnitude of a network input, that from which a device's penalty grows no more. Only what was constant in
/// training, or as good as that, is ever farther from its centre; networks of floats would overflow on it.
const LARGEST_INPUT: f32 = (LARGEST_DEVIATION >> 16) as f32;

/// How values become raw readings and network inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// A raw reading stands for `raw * 2^exponent`.
    pub exponents: Vec<i8>,
    /// Subtracted from a raw reading.
    pub centers: Vec<i16>,
    /// Raw units that make 1.0 of network input.
    pub units: Vec<f32>,
    /// The smallest standard deviation that is learned for each number, in raw units: that of rounding to a
    /// multiple of the column's own resolution, [`SMALLEST_DEVIATION`] times it. Below it a density tells
    /// values apart that the recording does not have.
    pub floors: Vec<f64>,
}

/// Raw readings, row-major.
pub type Readings = RowMajor<i16>;

impl Readings {
    /// The readings whose numbers are `values`, row after row of `width` numbers, at least one.
    pub fn new(width: usize, values: Vec<i16>) -> Self {
        Self {
            width: width.max(1),
            values,
        }
    }

    /// Converts `table` by `exponents`, rounding to nearest; also counts the values beyond 16 bits,
    /// which saturate.
    pub fn from_table(table: &Table, exponents: &[i8]) -> (Self, usize) {
        let mut saturated = 0;
        let mut values = Vec::with_capacity(table.values().len());
        for row in table {
            values.extend(row.iter().zip(exponents).map(|(&value, &exponent)| {
                let value = f64::from(value);
                let scaled = value * 2f64.powi(-i32::from(exponent));
                saturated += usize::from(!(-32768.5..32767.5).contains(&scaled));
                elbow::raw_reading(value, exponent)
            }));
        }
        (
            Self {
                width: table.width(),
                values,
            },
            saturated,
        )
    }

    /// Adds `others`, which are as wide.
    pub fn extend(&mut self, others: &Self) {
        self.values.extend_from_slice(&others.values);
    }

    /// The first `limit` readings.
    #[must_use]
    pub fn first(&self, limit: usize) -> Self {
        let length = self.values.len().min(limit.saturating_mul(self.width));
        Self {
            width: self.width,
            values: self.values[..length].to_vec(),
        }
    }

    /// Little-endian bytes, as the firmware reads them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }
}

impl Normalization {
    /// The normalization of counts up to `trials`: raw readings are the counts, network inputs lie
    /// in `[-1, 1]`.
    pub fn counts(width: usize, trials: u8) -> Self {
        let center = i16::from(trials / 2);
        let unit = f32::from(trials) - f32::from(center);
        Self {
            exponents: vec![0; width],
            centers: vec![center; width],
            units: vec![unit; width],
            floors: vec![SMALLEST_DEVIATION; width],
        }
    }

    /// The normalization of real values: network inputs have mean 0 and variance 1 over what is there of `dataset`. A column that
    /// varies by less than its resolution, a constant one among them, has the unit of its floor.
    ///
    /// [`exponents`] says which raw readings stand for the values; those of columns that are `whole` (none behind the last
    /// entry) are the values.
    ///
    /// # Errors
    /// A column whose spread 16 bits cannot resolve: one line that names it.
    pub fn real(dataset: &Dataset, whole: &[bool]) -> Result<Self, Error> {
        let (train, observed) = (&dataset.table, dataset.observed.as_deref());
        let moments = data::column_mean_std(train, observed);
        let mut exponents = exponents(train);
        for (exponent, _) in exponents.iter_mut().zip(whole).filter(|(_, whole)| **whole) {
            *exponent = 0;
        }
        let spread = moments.standard_deviation.iter().zip(&exponents);
        for (column, (&deviation, &exponent)) in spread.enumerate() {
            let step = 2f64.powi(exponent.into());
            // Whole numbers are resolved as they are.
            if exponent != 0 && deviation > 0.0 && deviation < step * SMALLEST_DEVIATION {
                return Err(Error::Setting(format!(
                    "{} of {} varies by {deviation} around {}, a 16-bit reading resolves {step}: subtract an offset from the column, or scale it up",
                    dataset.column_name(column),
                    dataset.name,
                    moments.mean[column]
                )));
            }
        }
        Ok(Self::over(dataset, exponents))
    }

    /// The normalization with `exponents` of columns like those of `dataset`.
    pub fn over(dataset: &Dataset, exponents: Vec<i8>) -> Self {
        let (train, observed) = (&dataset.table, dataset.observed.as_deref());
        let moments = data::column_mean_std(train, observed);
        let raw = moments.mean.iter().zip(&exponents);
        let centers = raw.map(|(&mean, &exponent)| elbow::raw_reading(mean, exponent));
        let resolutions = resolutions(&Readings::from_table(train, &exponents).0);
        let floors: Vec<f64> = resolutions
            .into_iter()
            .map(|resolution| f64::from(resolution) * SMALLEST_DEVIATION)
            .collect();
        let spread = moments.standard_deviation.iter().zip(&exponents);
        let units = spread.zip(&floors).map(|((deviation, &exponent), &floor)| {
            (deviation / 2f64.powi(exponent.into())).max(floor) as f32
        });
        Self {
            centers: centers.collect(),
            units: units.collect(),
            exponents,
            floors,
        }
    }

    /// Numbers in a reading.
    pub fn width(&self) -> usize {
        self.centers.len()
    }

    /// The normalization of the first `count` numbers of a reading.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        Self {
            exponents: self.exponents[..count].to_vec(),
            centers: self.centers[..count].to_vec(),
            units: self.units[..count].to_vec(),
            floors: self.floors[..count].to_vec(),
        }
    }

    /// The normalization of a reading with the numbers of `other` behind its own.
    #[must_use]
    pub fn followed_by(mut self, other: Self) -> Self {
        self.exponents.extend(other.exponents);
        self.centers.extend(other.centers);
        self.units.extend(other.units);
        self.floors.extend(other.floors);
        self
    }

    /// Checks one that was read from a file.
    ///
    /// # Errors
    /// One line that names what does not fit.
    pub fn validate(&self) -> Result<(), Error> {
        let lengths = [
            self.exponents.len(),
            self.centers.len(),
            self.units.len(),
            self.floors.len(),
        ];
        let [exponents, centers, units, floors] = lengths;
        if lengths != [centers; 4] || centers == 0 {
            return Err(Error::Setting(format!(
                "the normalization has {exponents} exponents, {centers} centers, {units} units and {floors} floors: they must be as many, 1 or more"
            )));
        }
        let units = self.units.iter().map(|&unit| f64::from(unit));
        let bad = |value: &f64| !(value.is_finite() && *value > 0.0);
        match units.chain(self.floors.iter().copied()).find(bad) {
            Some(value) => Err(Error::Setting(format!(
                "the normalization has a unit or a floor of {value}: both are above 0"
            ))),
            None => Ok(()),
        }
    }

    /// The network inputs of `readings`, row-major.
    pub fn apply(&self, readings: &Readings) -> Vec<f32> {
        let mut inputs = Vec::with_capacity(readings.len() * readings.width());
        for row in readings {
            let scales = self.centers.iter().zip(&self.units);
            inputs.extend(row.iter().zip(scales).map(|(&raw, (&center, &unit))| {
                let input = (f32::from(raw) - f32::from(center)) / unit;
                input.clamp(-LARGEST_INPUT, LARGEST_INPUT)
            }));
        }
        inputs
    }
}

/// For each column the power of two that a raw reading stands for: 0 for all where `train` has whole
/// numbers that fit 16 bits alone, else the one that leaves a factor of four above the largest
/// magnitude of the column.
pub fn exponents(train: &Table) -> Vec<i8> {
    let fits = |(low, high)| low >= -32768.0 && high <= 32767.0;
    if data::is_integer(train) && data::range(train).is_some_and(fits) {
        return vec![0; train.width()];
    }
    let largest = |column: usize| {
        let magnitudes = train.iter().map(|row| f64::from(row[column].abs()));
        magnitudes.fold(0.0, f64::max)
    };
    (0..train.width())
        .map(|column| exponent_for(largest(column)))
        .collect()
}

/// The exponent with which `4 * largest` still fits 16 bits. A column of zeros has that of a quarter: what it
/// ever becomes is resolved to 2^-14, and is beyond 16 bits from 2 on.
fn exponent_for(largest: f64) -> i8 {
    let largest = if largest > 0.0 { largest } else { 0.25 };
    let exponent = (4.0 * largest / 32767.0).log2().ceil();
    exponent.clamp(-120.0, 120.0) as i8
}

/// The resolution of each column of `readings`, in raw units, at least 1. Where values repeat, as those of flags,
/// counts and coarse sensors do, it is the gap between neighbouring values that nine of ten gaps have at least;
/// a gap weighs as much as the rarer of its two values, so that a few values off the grid do not count. A column
/// that rarely repeats is as fine as its raw units.
fn resolutions(readings: &Readings) -> Vec<u16> {
    let of = |column: usize| {
        let mut values: Vec<i16> = readings.iter().map(|row| row[column]).collect();
        values.sort_unstable();
        let groups: Vec<&[i16]> = values.chunk_by(i16::eq).collect();
        if 2 * groups.len() > values.len() {
            return 1;
        }
        let pairs = groups.windows(2).map(|pair| {
            let gap = pair[1][0].abs_diff(pair[0][0]);
            (gap, pair[0].len().min(pair[1].len()))
        });
        let mut gaps: Vec<(u16, usize)> = pairs.collect();
        gaps.sort_unstable();
        let total: usize = gaps.iter().map(|&(_, weight)| weight).sum();
        let mut below = 0;
        let resolution = gaps.iter().find(|&&(_, weight)| {
            below += weight;
            below as f64 > data::SMALLER * total as f64
        });
        resolution.map_or(1, |&(gap, _)| gap)
    };
    (0..readings.width()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(width: usize, values: &[f32]) -> Dataset {
        Dataset::new("d.csv", Table::new(width, values.to_vec()).unwrap())
    }

    #[test]
    fn counts_lie_in_the_unit_interval() {
        let normalization = Normalization::counts(2, 16);
        let table = Table::new(2, vec![0.0, 16.0, 8.0, 4.0]).unwrap();
        let (readings, saturated) = Readings::from_table(&table, &normalization.exponents);
        assert_eq!(
            (normalization.apply(&readings), saturated),
            (vec![-1.0, 1.0, 0.0, -0.5], 0)
        );
        let odd = Normalization::counts(1, 1);
        assert_eq!((odd.centers[0], odd.units[0]), (0, 1.0));
    }

    #[test]
    fn whole_numbers_stay_as_they_are() {
        let data = dataset(1, &[-100.0, 300.0]);
        let normalization = Normalization::real(&data, &[]).unwrap();
        assert_eq!(
            (normalization.exponents[0], normalization.centers[0]),
            (0, 100)
        );
    }

    #[test]
    fn fractions_get_a_power_of_two_with_headroom() {
        let data = dataset(1, &[0.25, 1.0]);
        let normalization = Normalization::real(&data, &[]).unwrap();
        assert_eq!(normalization.exponents[0], -12);
        let (readings, saturated) = Readings::from_table(&dataset(1, &[0.5, 9.0]).table, &[-12]);
        assert_eq!(
            (readings.row(0), readings.row(1), saturated),
            (&[2048i16][..], &[32767i16][..], 1)
        );
    }

    #[test]
    fn constant_columns_have_the_unit_of_their_floor() {
        let constant = dataset(3, &[1.0, 5.0, 0.0, 2.0, 5.0, 0.0]);
        let normalization = Normalization::real(&constant, &[]).unwrap();
        assert_eq!(normalization.floors, [SMALLEST_DEVIATION; 3]);
        assert_eq!(normalization.units[1], SMALLEST_DEVIATION as f32);
        assert_eq!(normalization.centers[1], 5);
        // Not all whole: a constant zero is resolved to 2^-14.
        let zero = dataset(2, &[1.5, 0.0, 2.0, 0.0]);
        let normalization = Normalization::real(&zero, &[]).unwrap();
        assert_eq!(normalization.exponents[1], -14);
    }

    #[test]
    fn whole_numbers_with_a_small_deviation_are_fine() {
        let values: Vec<f32> = (0..100).map(|row| f32::from(u8::from(row == 7))).collect();
        let rare = dataset(1, &values);
        let normalization = Normalization::real(&rare, &[]).unwrap();
        assert_eq!(normalization.units[0], SMALLEST_DEVIATION as f32);
    }

    #[test]
    fn a_repeating_column_resolves_the_distance_of_its_values() {
        // A grid of 0.25 in raw units of 2^-11, where one value of forty is off it; beside it what never repeats.
        let values = (0..40u16).flat_map(|row| {
            let grid = f32::from(row % 4) * 0.25 + if row == 3 { 0.01 } else { 0.0 };
            [grid, f32::from(row) / 17.0]
        });
        let data = dataset(2, &values.collect::<Vec<_>>());
        let normalization = Normalization::real(&data, &[]).unwrap();
        let step = 2f64.powi(normalization.exponents[0].into());
        assert_eq!(
            normalization.floors,
            [0.25 / step * SMALLEST_DEVIATION, SMALLEST_DEVIATION]
        );
    }

    #[test]
    fn columns_that_16_bits_do_not_resolve_are_named() {
        let fine = dataset(1, &[101_325.01, 101_325.02]);
        let message = Normalization::real(&fine, &[]).unwrap_err().to_string();
        assert!(message.contains("subtract an offset"), "{message}");
    }
}
