//! The mean and the root mean square deviation of the samples of a channel.

use super::feature::MAX_FRACTION_BITS;
use crate::fixed::{divide, mean, saturate, saturate_i16, square_root};
use core::num::{NonZeroU32, NonZeroU64};

/// The sum over at most [`super::MAX_SAMPLES`] samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum<'a> {
    samples: &'a [i16],
    count: NonZeroU32,
    /// At most 2^29 in magnitude.
    sum: i32,
}

impl<'a> Sum<'a> {
    pub(super) fn new(samples: &'a [i16]) -> Self {
        Self {
            samples,
            count: NonZeroU32::new(samples.len() as u32).unwrap_or(NonZeroU32::MIN),
            sum: samples.iter().map(|&x| i32::from(x)).sum(),
        }
    }

    /// `saturate16(round(2^bits sum / count))`.
    pub(super) fn mean(&self, bits: u8) -> i16 {
        let wide = mean(
            i64::from(self.sum) << bits.min(MAX_FRACTION_BITS),
            self.count,
        );
        saturate_i16(saturate(wide))
    }

    /// `saturate16(round(2^bits sqrt(D) / count))`, where `D` is the count times the sum of squares
    /// less the square of the sum, the root from
    /// as many bits as 64 hold: `s` is the largest shift that leaves `D * 2^(2s)` below 2^64.
    pub(super) fn rms(&self, bits: u8) -> i16 {
        let square = |&x: &i16| u64::from(u32::from(x.unsigned_abs()).pow(2));
        // At most 2^44, and 2^58 times their count.
        let squares: u64 = self.samples.iter().map(square).sum();
        let count = u64::from(self.count.get());
        let sum = u64::from(self.sum.unsigned_abs());
        // The difference is not negative by the inequality of Cauchy and Schwarz.
        let scatter = (count * squares).saturating_sub(sum * sum);
        let shift = scatter.leading_zeros().min(62) / 2;
        let root = u64::from(square_root(scatter << (2 * shift)));
        let divisor = NonZeroU64::new(count << shift).unwrap_or(NonZeroU64::MIN);
        let numerator = (root << bits.min(MAX_FRACTION_BITS)) + (divisor.get() >> 1);
        divide(numerator, divisor).min(i16::MAX.unsigned_abs().into()) as i16
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::{vec, vec::Vec};

    #[test]
    fn means_and_deviations_match_floats() {
        let mut words = rng::stream(2, 0);
        for round in 0..4000 {
            let count = 1 + words.next_u32() as usize % if round % 100 == 0 { 16384 } else { 40 };
            let (shift, offset) = (words.next_u32() % 17, words.next_u32() as i16);
            let sample = |word: u32| ((word as i32) >> 16 >> shift) as i16;
            let window: Vec<i16> = (0..count)
                .map(|_| sample(words.next_u32()).saturating_add(offset))
                .collect();
            let n = count as f64;
            let mean = window.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let scatter = window.iter().map(|&x| (f64::from(x) - mean).powi(2));
            let deviation = (scatter.sum::<f64>() / n).sqrt();
            for fraction_bits in 0..=MAX_FRACTION_BITS {
                let unit = f64::from(1u32 << fraction_bits);
                let sum = Sum::new(&window);
                let found = f64::from(sum.mean(fraction_bits));
                let exact = (mean * unit).clamp(-32768.0, 32767.0);
                assert!((found - exact).abs() <= 0.500_001, "{found} {exact}");
                let found = f64::from(sum.rms(fraction_bits));
                let exact = (deviation * unit).min(32767.0);
                assert!((found - exact).abs() <= 0.501, "{found} {exact}");
            }
        }
    }

    #[test]
    fn halves_round_up_and_edges_saturate() {
        let mean = |window: &[i16], bits| Sum::new(window).mean(bits);
        assert_eq!([mean(&[1, 2], 0), mean(&[-1, -2], 0)], [2, -1]);
        assert_eq!([mean(&[1, 2], 1), mean(&[-1, -2], 1)], [3, -3]);
        assert_eq!([mean(&[200], 8), mean(&[-200], 8)], [i16::MAX, i16::MIN]);
        let longest = vec![i16::MIN; 16384];
        assert_eq!(mean(&longest, 0), i16::MIN);
        let mut square = longest;
        square[8192..].fill(i16::MAX);
        for bits in [0, 8] {
            assert_eq!(Sum::new(&square).rms(bits), 32767);
        }
    }
}
