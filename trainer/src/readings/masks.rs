//! Readings with gaps: which inputs were observed.

use crate::data::{self, Dataset, Table};
use crate::error::Error;
use candle_core::{Device, Tensor};
use elbow::{Mask, MaskError};
use rand_core::Rng;
use std::path::Path;

/// A mask for each of some readings, packed as [`Mask`] takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masks {
    width: usize,
    rows: usize,
    /// Row by row, whole bytes each.
    bits: Vec<u8>,
}

impl Masks {
    /// The masks of `rows` readings of `width` inputs, where `observed` says so of a row and an
    /// input; asked row by row, in order.
    pub fn new(rows: usize, width: usize, mut observed: impl FnMut(usize, usize) -> bool) -> Self {
        let stride = width.div_ceil(8);
        let mut bits = vec![0; rows * stride];
        for row in 0..rows {
            for input in 0..width {
                bits[row * stride + input / 8] |= u8::from(observed(row, input)) << (input % 8);
            }
        }
        Self { width, rows, bits }
    }

    /// What was observed, row by row, a bit for each input.
    pub fn bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Draws masks in which each input is missing with probability `rate`, whatever the others
    /// are; at a rate above zero one may observe nothing. One word of `rng` for each input.
    pub fn draw(rows: usize, width: usize, rate: f64, rng: &mut impl Rng) -> Self {
        let missing = (rate * 4_294_967_296.0) as u64;
        Self::new(rows, width, |_, _| u64::from(rng.next_u32()) >= missing)
    }

    /// Loads the masks of `rows` readings of `width` inputs from a file of numbers of that
    /// shape: 1 is observed, 0 is missing.
    ///
    /// # Errors
    /// [`Error::Data`], or one line that names another shape, a number that is neither 0 nor 1, or
    /// a reading of which nothing is observed.
    pub fn load(path: &Path, rows: usize, width: usize) -> Result<Self, Error> {
        let table = data::load(path)?.table;
        check_shape(path, (table.len(), table.width()), (rows, width))?;
        Self::of_table(path, &table)
    }

    /// Loads masks of any shape.
    ///
    /// # Errors
    /// Those of [`Masks::load`], but for the shape.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        Self::of_table(path, &data::load(path)?.table)
    }

    /// The masks in `table`, from the file `path`.
    fn of_table(path: &Path, table: &Table) -> Result<Self, Error> {
        let (rows, width) = (table.len(), table.width());
        let refuse = |what: String| Err(Error::Setting(format!("{}: {what}", path.display())));
        if let Some((row, column, value)) = neither(table) {
            return refuse(format!(
                "row {}, column {} of the mask is {value}: give 1 for observed and 0 for missing",
                row + 1,
                column + 1
            ));
        }
        let masks = Self::new(rows, width, |row, input| table.row(row)[input] != 0.0);
        match masks.nothing_observed() {
            Some(row) => refuse(format!(
                "the mask observes nothing of reading {}: drop the reading, or give it a 1",
                row + 1
            )),
            None => Ok(masks),
        }
    }

    /// The masks of the readings of `dataset`; none where no value is missing.
    pub fn of(dataset: &Dataset) -> Option<Self> {
        let observed = dataset.observed.as_ref()?;
        let width = dataset.table.width();
        let rows = observed.len() / width;
        Some(Self::new(rows, width, |row, input| {
            observed[row * width + input]
        }))
    }

    /// Whether `input` of reading `row` was observed.
    pub fn observes(&self, row: usize, input: usize) -> bool {
        self.packed(row)[input / 8] >> (input % 8) & 1 == 1
    }

    /// The mask of reading `row` for the device.
    ///
    /// # Errors
    /// [`Error::Setting`] where nothing of it is observed.
    pub fn mask(&self, row: usize) -> Result<Mask<'_>, Error> {
        self.mask_of(row)
            .map_err(|error| Error::Setting(format!("reading {}: {error}", row + 1)))
    }

    /// The same, whose error does not name the reading.
    pub(crate) fn mask_of(&self, row: usize) -> Result<Mask<'_>, MaskError> {
        Mask::new(self.packed(row), self.width)
    }

    /// All bits, reading after reading, as firmware takes them.
    pub fn to_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// The masks of the readings `indices`, in that order.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let bits = indices.iter().flat_map(|&row| self.packed(row)).copied();
        Self {
            width: self.width,
            rows: indices.len(),
            bits: bits.collect(),
        }
    }

    /// The inputs that both observe, reading by reading.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let bits = self.bits.iter().zip(&other.bits);
        Self {
            width: self.width,
            rows: self.rows,
            bits: bits.map(|(a, b)| a & b).collect(),
        }
    }

    /// The fraction of all inputs that is observed; one of nothing.
    pub fn observed_fraction(&self) -> f64 {
        let ones: u32 = self.bits.iter().map(|byte| byte.count_ones()).sum();
        match self.rows * self.width {
            0 => 1.0,
            all => f64::from(ones) / all as f64,
        }
    }

    /// One where observed, zero elsewhere, (rows, inputs).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn to_tensor(&self, device: &Device) -> Result<Tensor, Error> {
        let all = (0..self.rows).flat_map(|row| (0..self.width).map(move |input| (row, input)));
        let values: Vec<f32> = all
            .map(|(row, input)| f32::from(u8::from(self.observes(row, input))))
            .collect();
        Ok(Tensor::from_vec(values, (self.rows, self.width), device)?)
    }

    /// The bits of reading `row`, packed as [`Mask`] takes them.
    pub fn packed(&self, row: usize) -> &[u8] {
        let stride = self.width.div_ceil(8);
        &self.bits[row * stride..][..stride]
    }

    /// Whether there are masks for so many rows, of this width.
    pub(super) fn covers(&self, rows: usize, width: usize) -> bool {
        self.width == width && self.rows >= rows
    }

    /// Makes sure that these masks, from the file `path`, are as many and as wide as readings.
    ///
    /// # Errors
    /// One line that names both shapes.
    pub(super) fn check(&self, path: &Path, rows: usize, width: usize) -> Result<(), Error> {
        check_shape(path, (self.rows, self.width), (rows, width))
    }

    /// The first reading of which nothing is observed.
    fn nothing_observed(&self) -> Option<usize> {
        (0..self.rows).find(|&row| self.packed(row).iter().all(|&byte| byte == 0))
    }
}

/// Makes sure that a mask from the file `path` has the shape of its readings: rows and columns.
fn check_shape(path: &Path, own: (usize, usize), readings: (usize, usize)) -> Result<(), Error> {
    if own == readings {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "{}: the mask has {} rows of {} columns, the readings {} of {}: give a 0 or a 1 for each number of each reading",
        path.display(),
        own.0,
        own.1,
        readings.0,
        readings.1
    )))
}

/// The first cell that is neither 0 nor 1: row, column, value.
fn neither(table: &Table) -> Option<(usize, usize, f32)> {
    let at = table
        .values()
        .iter()
        .position(|&value| value != 0.0 && value != 1.0)?;
    let (row, column) = (at / table.width(), at % table.width());
    Some((row, column, table.values()[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{self, Purpose};

    #[test]
    fn bits_are_packed_row_by_row() {
        let masks = Masks::new(2, 9, |row, input| (row + input) % 2 == 0);
        for row in 0..2 {
            let mask = masks.mask(row).unwrap();
            for input in 0..9 {
                assert_eq!(masks.observes(row, input), (row + input) % 2 == 0);
                assert_eq!(masks.observes(row, input), mask.observes(input));
            }
        }
        assert_eq!(masks.observed_fraction(), 0.5);
        let second = masks.select(&[1]);
        assert_eq!((second.rows, second.observes(0, 1)), (1, true));
        let tensor = second.to_tensor(&Device::Cpu).unwrap();
        let expected = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        assert_eq!(tensor.to_vec2::<f32>().unwrap(), [expected]);
    }

    #[test]
    fn gaps_come_at_the_rate() {
        let mut rng = random::stream(0, Purpose::Missing);
        for rate in [0.0, 0.3, 0.99] {
            let masks = Masks::draw(1000, 50, rate, &mut rng);
            // Five standard deviations of a binomial of 50,000.
            let tolerance = 5.0 * (rate * (1.0 - rate) / 50_000.0).sqrt();
            let missing = 1.0 - masks.observed_fraction();
            assert!((missing - rate).abs() <= tolerance, "{rate}: {missing}");
        }
    }

    #[test]
    fn files_of_other_shapes_or_numbers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.csv");
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Masks::load(&path, 2, 3).map_err(|error| error.to_string())
        };
        let masks = load("1,0,1\n0,0,1\n").unwrap();
        assert!(masks.observes(0, 2) && !masks.observes(1, 1));
        for (text, word) in [
            ("1,0,1\n", "1 rows of 3 columns, the readings 2 of 3"),
            ("1,0\n1,1\n", "2 rows of 2 columns"),
            ("1,0,1\n0,2,1\n", "row 2, column 2 of the mask is 2"),
            ("1,0,0.5\n0,1,1\n", "row 1, column 3 of the mask is 0.5"),
            ("1,0,1\n0,0,0\n", "observes nothing of reading 2"),
        ] {
            let message = load(text).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }
}
