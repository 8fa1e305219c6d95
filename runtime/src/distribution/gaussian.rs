//! Real readings: a normal distribution with a standard deviation of its own for each input.

use crate::fixed::FRACTION_BITS;
use crate::requantize::Multiplier;

/// Deviations are clamped to this magnitude, 128 standard deviations in Q16.16: a term is then
/// 8192 nats.
pub const LARGEST_DEVIATION: i32 = 128 << 16;

/// Fraction bits of the difference that `standardize` scales, so that deviations down to a
/// quarter of a raw unit have a [`Multiplier`].
pub(crate) const STANDARDIZE_BITS: u32 = 3;

/// `p(x_i|z) = N(mu_i, sigma_i^2)`. The decoder speaks in standard deviations from a centre
/// `c_i`: its output is `o_i = (mu_i - c_i) / sigma_i`, so that
///
/// ```text
/// d_i = (x_i - c_i) / sigma_i - o_i
/// log p(x|z) = log_normalizer - sum_i d_i^2 / 2,    log_normalizer = -sum_i ln(sigma_i sqrt(2 pi))
/// ```
///
/// and the learned deviations cost nothing at run time. The reading enters at its own 16-bit
/// resolution.
#[derive(Clone, Copy, Debug)]
pub struct Gaussian<'a> {
    /// `c_i`, in raw reading units.
    pub(crate) centers: &'a [i16],
    /// From eighths of a raw reading unit to standard deviations, Q16.16: `2^13 / sigma_i`.
    pub(crate) standardize: &'a [u32],
    /// From standard deviations to raw reading units: `sigma_i`.
    pub(crate) deviations: &'a [u32],
    /// The constant of the density, Q47.16, in the units that the trainer saw.
    pub(crate) log_normalizer: i64,
}

impl Gaussian<'_> {
    pub(super) fn log_density(&self, x: &[i16], outputs: impl Iterator<Item = i32>) -> i64 {
        let inputs = x.iter().zip(self.centers).zip(self.standardize);
        let mut squares = 0i64;
        for (((&x, &center), &scale), output) in inputs.zip(outputs) {
            let eighths = (i32::from(x) - i32::from(center)) << STANDARDIZE_BITS;
            let standardized = Multiplier::from_validated(scale).apply(eighths);
            let deviation = standardized
                .saturating_sub(output)
                .clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION);
            squares += half_square(deviation);
        }
        self.log_normalizer - squares
    }

    /// `mu_i = c_i + sigma_i o_i`, Q16.16 of raw reading units, saturating.
    pub(super) fn mean(&self, outputs: impl Iterator<Item = i32>, mean: &mut [i32]) {
        let inputs = self.centers.iter().zip(self.deviations);
        for ((mean, (&center, &scale)), output) in mean.iter_mut().zip(inputs).zip(outputs) {
            let offset = Multiplier::from_validated(scale).apply(output);
            *mean = (i32::from(center) << FRACTION_BITS).saturating_add(offset);
        }
    }
}

/// `d^2 / 2` of a Q16.16 number of magnitude at most 2^23, rounded half up.
fn half_square(d: i32) -> i64 {
    (i64::from(d) * i64::from(d) + (1 << 16)) >> (FRACTION_BITS + 1)
}

#[cfg(all(test, feature = "encode"))]
mod tests {
    use super::*;

    #[test]
    fn density_and_mean_match_floats() {
        let (sigma, center) = ([0.5f64, 3.0, 700.0], [0i16, -1000, 12_000]);
        let pack = |factors: [f64; 3]| factors.map(|f| Multiplier::nearest(f).unwrap().to_word());
        let standardize = pack(sigma.map(|s| 8192.0 / s));
        let deviations = pack(sigma);
        let gaussian = Gaussian {
            centers: &center,
            standardize: &standardize,
            deviations: &deviations,
            log_normalizer: 5 << 16,
        };
        let outputs = [-0.25f64, 1.5, 2.0].map(|o| (o * 65536.0) as i32);
        let x = [1i16, -990, 15_000];
        let exact = 5.0
            - (0..3)
                .map(|i| {
                    let d = (f64::from(x[i]) - f64::from(center[i])) / sigma[i]
                        - f64::from(outputs[i]) / 65536.0;
                    0.5 * d * d
                })
                .sum::<f64>();
        let got = gaussian.log_density(&x, outputs.into_iter()) as f64 / 65536.0;
        assert!((got - exact).abs() < 1e-3, "{got} {exact}");
        let mut mean = [0; 3];
        gaussian.mean(outputs.into_iter(), &mut mean);
        for i in 0..3 {
            let exact = f64::from(center[i]) + sigma[i] * f64::from(outputs[i]) / 65536.0;
            assert!((f64::from(mean[i]) / 65536.0 - exact).abs() < 0.05, "{i}");
        }
    }

    #[test]
    fn a_far_reading_saturates() {
        let far = Gaussian {
            centers: &[i16::MIN],
            standardize: &[0x7fff],
            deviations: &[1],
            log_normalizer: 0,
        };
        let got = far.log_density(&[i16::MAX], [i32::MIN].into_iter());
        assert_eq!(got, -(8192 << 16));
    }
}
