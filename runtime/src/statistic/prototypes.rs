//! The distance to the nearest of a few typical readings.

use crate::kernel::WeightBits;
use crate::mask::Mask;
use crate::requantize::Multiplier;

/// Typical readings, in the integers that the encoder takes in times one factor. The statistic is the squared distance
/// to the nearest of them: a nearest-neighbour detector whose training readings were condensed by k-means
/// (Ramaswamy, Rastogi and Shim, "Efficient algorithms for mining outliers from large data sets", 2000; Lloyd,
/// "Least squares quantization in PCM", 1982).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prototypes<'a> {
    /// A packed [`Multiplier`] from what the encoder takes in to the unit of the prototypes.
    pub(crate) gain: u32,
    /// Of their numbers. Of four, two are in a byte, the lower half first, and `n` from -8 to 7 stands for `16 n + 8`.
    pub(crate) bits: WeightBits,
    /// One behind the other, each with as many numbers as a reading has inputs, from a byte on.
    pub(crate) rows: &'a [i8],
}

/// The bytes of a prototype of so many numbers.
pub(crate) fn row_bytes(bits: WeightBits, inputs: usize) -> usize {
    match bits {
        WeightBits::Four => inputs.div_ceil(2),
        WeightBits::Eight => inputs,
    }
}

/// The first number of a byte of two.
#[inline(always)]
fn lower(byte: i8) -> i8 {
    (byte << 4) + 8
}

/// The second number of a byte of two.
#[inline(always)]
fn upper(byte: i8) -> i8 {
    (byte & -16) + 8
}

impl Prototypes<'_> {
    /// What a prototype has in the place of an input of which the encoder takes `taken` in.
    #[inline]
    pub(crate) fn unit(&self, taken: i32) -> i8 {
        let value = Multiplier::from_validated(self.gain).apply(taken);
        value.clamp(-127, 127) as i8
    }

    /// The squared distance of `reading`, in units of the prototypes, from the nearest prototype, over the observed inputs:
    /// `min_k sum_i (x_i - c_ki)^2`, below 2^30. Zero without prototypes.
    #[inline(never)]
    pub(crate) fn nearest(&self, reading: &[i8], observed: Mask<'_>) -> i32 {
        let bytes = row_bytes(self.bits, reading.len()).max(1);
        let rows = self.rows.chunks_exact(bytes);
        let narrow = self.bits == WeightBits::Four;
        if !observed.is_whole() {
            let distance = |row: &[i8]| -> i32 {
                let squares = reading.iter().enumerate().map(|(at, &x)| {
                    let byte = row.get(at >> u32::from(narrow));
                    let byte = byte.copied().unwrap_or_default();
                    match (observed.observes(at), narrow, at & 1) {
                        (false, ..) => 0,
                        (true, false, _) => square_of(x, byte),
                        (true, true, 0) => square_of(x, lower(byte)),
                        (true, true, _) => square_of(x, upper(byte)),
                    }
                });
                squares.sum()
            };
            return rows.map(distance).min().unwrap_or(0);
        }
        if narrow {
            let of_pair =
                |&[x, y]: &[i8; 2], byte: i8| square_of(x, lower(byte)) + square_of(y, upper(byte));
            let distance = |row: &[i8]| -> i32 {
                let (fours, rest) = reading.as_chunks::<4>();
                let (own_fours, own_rest) =
                    row.split_at_checked(2 * fours.len()).unwrap_or_default();
                let (own_fours, _) = own_fours.as_chunks::<2>();
                let mut sum = 0;
                for (&[x0, x1, x2, x3], c) in fours.iter().zip(own_fours) {
                    sum += of_pair(&[x0, x1], c[0]) + of_pair(&[x2, x3], c[1]);
                }
                let (pairs, last) = rest.as_chunks::<2>();
                let mut own_rest = own_rest.iter();
                for (pair, &byte) in pairs.iter().zip(&mut own_rest) {
                    sum += of_pair(pair, byte);
                }
                let last = last.iter().zip(own_rest);
                sum + last
                    .map(|(&x, &byte)| square_of(x, lower(byte)))
                    .sum::<i32>()
            };
            return rows.map(distance).min().unwrap_or(0);
        }
        let distance = |row: &[i8]| -> i32 {
            // Four at once: the loop itself costs as much as a square.
            let (fours, rest) = reading.as_chunks::<4>();
            let (own_fours, own_rest) = row.as_chunks::<4>();
            let mut sum = 0;
            for (x, c) in fours.iter().zip(own_fours) {
                sum += square_of(x[0], c[0]) + square_of(x[1], c[1]);
                sum += square_of(x[2], c[2]) + square_of(x[3], c[3]);
            }
            let rest = rest.iter().zip(own_rest);
            sum + rest.map(|(&x, &c)| square_of(x, c)).sum::<i32>()
        };
        rows.map(distance).min().unwrap_or(0)
    }
}

#[inline(always)]
fn square_of(x: i8, c: i8) -> i32 {
    let difference = i32::from(x) - i32::from(c);
    difference * difference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_counts() {
        let prototypes = Prototypes {
            gain: 1 | 1 << 16,
            bits: WeightBits::Eight,
            rows: &[0, 0, 0, 10, 10, 10, -127, -127, -127],
        };
        let nearest = |reading: &[i8]| prototypes.nearest(reading, Mask::ALL);
        assert_eq!(nearest(&[1, 2, -3]), 14);
        assert_eq!(nearest(&[9, 9, 9]), 3);
        assert_eq!(nearest(&[127, -127, -127]), 3 * 127 * 127);
        assert_eq!([prototypes.unit(-9), prototypes.unit(9000)], [-4, 127]);
        let observed = Mask::new(&[0b101], 3).unwrap();
        assert_eq!(prototypes.nearest(&[11, 99, 12], observed), 5);
    }

    #[test]
    fn two_numbers_are_in_a_byte() {
        for number in -8..8i8 {
            let both = number << 4 | number & 15;
            assert_eq!([lower(both), upper(both)], [16 * number + 8; 2]);
        }
        // 8, -8, 24 and -120, 120, 8.
        let prototypes = Prototypes {
            gain: 1 | 1 << 16,
            bits: WeightBits::Four,
            rows: &[-16, 1, 0x78, 0],
        };
        let nearest = |reading: &[i8]| prototypes.nearest(reading, Mask::ALL);
        assert_eq!(nearest(&[9, -10, 27]), 1 + 4 + 9);
        assert_eq!(nearest(&[-127, 121, 8]), 49 + 1);
        let observed = Mask::new(&[0b110], 3).unwrap();
        assert_eq!(prototypes.nearest(&[99, -10, 27], observed), 4 + 9);
    }
}
