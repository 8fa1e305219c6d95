//! The distance to the nearest of a few typical readings.

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
    /// One behind the other, each as long as a reading has inputs.
    pub(crate) rows: &'a [i8],
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
        let rows = self.rows.chunks_exact(reading.len().max(1));
        if !observed.is_whole() {
            let distance = |row: &[i8]| -> i32 {
                let pairs = reading.iter().zip(row).enumerate();
                let pairs = pairs.filter(|&(at, _)| observed.observes(at));
                pairs.map(|(_, (&x, &c))| square_of(x, c)).sum()
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
}
