//! Pixels as probabilities of ink, and the bits that are made of them.

use std::fmt;
use std::str::FromStr;

use rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::table::{Dataset, Table, is_integer, keep_rows, range};

/// How intensities become bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarization {
    /// Each pixel is drawn from Bernoulli(intensity), anew in each epoch of training (Salakhutdinov and Murray, "On
    /// the quantitative analysis of deep belief networks", 2008, section 5.1); readings that are not trained on are
    /// drawn once, always the same way.
    Dynamic,
    /// Each pixel is drawn once, always the same way.
    Static,
    /// Ink where the intensity is above a half.
    Threshold,
}

impl Binarization {
    /// Every way, with its name.
    const NAMES: [(&'static str, Self); 3] = [
        ("dynamic", Self::Dynamic),
        ("static", Self::Static),
        ("threshold", Self::Threshold),
    ];
}

impl fmt::Display for Binarization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, way)| way == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for Binarization {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let way = Self::NAMES.iter().find(|(name, _)| *name == text);
        way.map(|(_, way)| *way).ok_or_else(|| {
            format!("no such binarization: {text}; use dynamic, static or threshold")
        })
    }
}

/// Readings of pixels, a byte each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intensities {
    width: usize,
    /// The intensity of certain ink: 1 to 255.
    maximum: u8,
    values: Vec<u8>,
}

impl Intensities {
    /// The intensities in `dataset`: whole numbers from 0 to `maximum`, or, where none is above 1, probabilities,
    /// which are rounded to 1/255.
    ///
    /// # Errors
    ///
    /// One line that names the first number that is neither.
    pub fn new(dataset: &Dataset, maximum: u8) -> Result<Self, DataError> {
        let table = &dataset.table;
        let probabilities = range(table).is_none_or(|(_, greatest)| greatest <= 1.0);
        let (limit, scale) = match probabilities {
            true if is_integer(table) => (1.0, 1.0),
            true => (1.0, 255.0),
            false => (f32::from(maximum), 1.0),
        };
        let allowed =
            |value: f32| (0.0..=limit).contains(&value) && (probabilities || value.fract() == 0.0);
        if let Some(at) = table.values().iter().position(|&value| !allowed(value)) {
            return Err(DataError::Data(format!(
                "row {}, column {} of {} is {}: --binarize takes whole numbers from 0 to {maximum}, \
                 or probabilities from 0 to 1; scale the column, or leave --binarize out",
                at / table.width() + 1,
                at % table.width() + 1,
                dataset.name,
                table.values()[at]
            )));
        }
        let values = table.values().iter();
        Ok(Self {
            width: table.width(),
            maximum: if probabilities { scale as u8 } else { maximum },
            values: values.map(|value| (value * scale).round() as u8).collect(),
        })
    }

    /// How many readings.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// Draws the bits of the readings `rows`, reading by reading: one with the probability that an intensity stands
    /// for. A word of `rng` for each pixel that is neither certain ink nor certain paper.
    ///
    /// # Panics
    ///
    /// If there is no such reading.
    pub fn draw(&self, rows: impl ExactSizeIterator<Item = usize>, rng: &mut impl Rng) -> Vec<f32> {
        let mut bits = vec![0.0; rows.len() * self.width];
        self.draw_into(rows, rng, &mut bits);
        bits
    }

    /// Fills `bits` as [`Intensities::draw`] does.
    ///
    /// # Panics
    ///
    /// If there is no such reading.
    pub fn draw_into(
        &self,
        rows: impl Iterator<Item = usize>,
        rng: &mut impl Rng,
        bits: &mut [f32],
    ) {
        let maximum = u64::from(self.maximum);
        for (row, bits) in rows.zip(bits.chunks_exact_mut(self.width)) {
            let pixels = &self.values[row * self.width..][..self.width];
            for (bit, &intensity) in bits.iter_mut().zip(pixels) {
                *bit = match intensity {
                    0 => 0.0,
                    _ if intensity == self.maximum => 1.0,
                    _ => {
                        // Exact but for a part in 2^24.
                        let below =
                            u64::from(rng.next_u32()) * maximum < u64::from(intensity) << 32;
                        f32::from(u8::from(below))
                    }
                };
            }
        }
    }

    /// Ones where the intensity is above a half.
    fn threshold(&self) -> Vec<f32> {
        let ink = |&intensity: &u8| 2 * u16::from(intensity) > u16::from(self.maximum);
        self.values
            .iter()
            .map(|pixel| f32::from(u8::from(ink(pixel))))
            .collect()
    }

    /// Bits that are always the same: those above a half, or draws from `rng`.
    ///
    /// # Errors
    ///
    /// None in practice: the table has the shape of the intensities.
    pub fn fixed(&self, way: Binarization, rng: &mut impl Rng) -> Result<Table, DataError> {
        let bits = match way {
            Binarization::Threshold => self.threshold(),
            Binarization::Dynamic | Binarization::Static => self.draw(0..self.rows(), rng),
        };
        Table::new(self.width, bits)
    }

    /// Leaves the readings with these indices, which ascend.
    ///
    /// # Panics
    ///
    /// If there is no such reading.
    pub fn keep(&mut self, indices: &[usize]) {
        keep_rows(&mut self.values, self.width, indices);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_xoshiro::Xoshiro128PlusPlus;

    fn intensities(values: &[f32]) -> Result<Intensities, String> {
        let dataset = Dataset::new("pixels", Table::new(values.len(), values.to_vec()).unwrap());
        Intensities::new(&dataset, 255).map_err(|error| error.to_string())
    }

    #[test]
    fn bits_come_at_their_intensity() {
        let pixels = intensities(&[0.0, 1.0, 64.0, 128.0, 254.0, 255.0]).unwrap();
        let mut rng = Xoshiro128PlusPlus::seed_from_u64(1);
        const DRAWS: usize = 20_000;
        let bits = pixels.draw(std::iter::repeat_n(0, DRAWS), &mut rng);
        for (column, intensity) in [0.0, 1.0, 64.0, 128.0, 254.0, 255.0]
            .into_iter()
            .enumerate()
        {
            let ones: f32 = bits.iter().skip(column).step_by(6).sum();
            let (mean, p) = (f64::from(ones) / DRAWS as f64, intensity / 255.0);
            // Five standard deviations of a binomial; nothing at the ends.
            let tolerance = 5.0 * (p * (1.0 - p) / DRAWS as f64).sqrt();
            assert!((mean - p).abs() <= tolerance, "{intensity}: {mean}");
        }
    }

    #[test]
    fn probabilities_bits_and_bytes_are_told_apart() {
        let maximum = |values: &[f32]| intensities(values).map(|pixels| pixels.maximum);
        assert_eq!(maximum(&[0.0, 1.0]), Ok(1));
        assert_eq!(maximum(&[0.0, 0.5]), Ok(255));
        assert_eq!(maximum(&[0.0, 2.0]), Ok(255));
        for (bad, at) in [([0.5, 2.0], 1), ([-0.5, 1.0], 1), ([0.0, 256.0], 2)] {
            let message = maximum(&bad).unwrap_err();
            assert!(
                message.contains(&format!("row 1, column {at} of pixels")),
                "{message}"
            );
        }
    }

    #[test]
    fn fixed_bits_are_always_the_same() {
        let pixels = intensities(&[0.0, 127.0, 128.0, 200.0, 255.0]).unwrap();
        let fixed = |way| {
            let mut rng = Xoshiro128PlusPlus::seed_from_u64(1);
            pixels.fixed(way, &mut rng).unwrap()
        };
        assert_eq!(
            fixed(Binarization::Threshold).values(),
            [0.0, 0.0, 1.0, 1.0, 1.0]
        );
        assert_eq!(fixed(Binarization::Static), fixed(Binarization::Dynamic));
        for (name, way) in Binarization::NAMES {
            assert_eq!((name.parse(), way.to_string()), (Ok(way), name.to_string()));
        }
        assert!("soft".parse::<Binarization>().is_err());
    }
}
