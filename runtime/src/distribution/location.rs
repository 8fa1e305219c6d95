//! Real readings: normal or Laplace around a location, with a scale of its own for each input.

use crate::fixed::{FRACTION_BITS, multiply};
use crate::requantize::Multiplier;
use crate::transcendental::exp;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The largest penalty of a term, 8192 nats in Q16.16: 128 standard deviations of a normal, 8192
/// scales of a Laplace distribution. Deviations beyond it count as much.
pub(super) const LARGEST_PENALTY: i32 = 8192 << 16;

/// The deviation of a normal at which its penalty is 8192 nats: 128 in Q16.16.
pub const LARGEST_DEVIATION: i32 = 128 << 16;

/// Log-deviations from the decoder are clamped to this magnitude, 8 in Q16.16.
pub const LARGEST_LOG_DEVIATION: i32 = 8 << 16;

/// The largest magnitude of `log_normalizer`, 4096 nats in Q16.16; with it no term overflows.
pub(crate) const LARGEST_LOG_NORMALIZER: i32 = 4096 << 16;

/// Fraction bits of the difference that `standardize` scales, so that scales down to a quarter of
/// a raw unit have a [`Multiplier`].
pub(crate) const STANDARDIZE_BITS: u32 = 3;

/// The shape of the density.
///
/// Exhaustive on purpose: a compiler error names each place of the trainer that has to learn a new shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Family {
    /// `exp(-d^2 / 2) / sqrt(2 pi)`.
    Normal,
    /// `exp(-|d|) / 2`: heavier tails, so that one wild sensor does not decide alone.
    Laplace,
}

/// A density around `mu_i` with scale `sigma_i` (for Laplace, `b_i`). The decoder speaks in units
/// `u_i` from a centre `c_i`: its output is `o_i = (mu_i - c_i) / u_i`, and
///
/// ```text
/// d_i = ((x_i - c_i) / u_i - o_i) exp(-s_i)
/// log p(x_i|z) = log_normalizer_i - s_i - penalty(d_i)
/// penalty(d) = d^2 / 2 (normal), |d| (Laplace)
/// ```
///
/// Where the scale is the input's own, `u_i = sigma_i` and `s_i = 0`: learned scales cost nothing
/// at run time. Where the decoder gives it (`Sigma_theta(z)`, the heteroscedastic case), a second
/// row for each input is `s_i = ln(sigma_i(z) / u_i)`. The normalizer is `-ln(u_i sqrt(2 pi))` or
/// `-ln(2 u_i)`. The reading enters at its own 16-bit resolution.
#[derive(Clone, Copy, Debug)]
pub struct Location<'a> {
    pub(crate) family: Family,
    /// Whether the decoder gives `s_i`.
    pub(crate) predicted_scale: bool,
    /// `c_i`, in raw reading units.
    pub(crate) centers: &'a [i16],
    /// From eighths of a raw reading unit to units, Q16.16: `2^13 / u_i`.
    pub(crate) standardize: &'a [u32],
    /// From units to raw reading units: `u_i`.
    pub(crate) units: &'a [u32],
    /// Q16.16, in the units that the trainer saw.
    pub(crate) log_normalizers: &'a [i32],
}

/// What of a density does not depend on the decoder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standardized {
    /// `(x_i - c_i) / u_i`, Q16.16.
    value: i32,
    log_normalizer: i32,
}

impl Location<'_> {
    /// The shape of the density.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// Whether the decoder gives the scale of each input.
    #[must_use]
    pub fn has_predicted_scale(&self) -> bool {
        self.predicted_scale
    }

    pub(super) fn rows_per_input(&self) -> usize {
        if self.predicted_scale { 2 } else { 1 }
    }

    /// A reading of which densities are asked for.
    #[inline]
    pub(super) fn standardized(&self, input: usize, x: i16) -> Standardized {
        let center = self.centers.get(input).copied().unwrap_or(0);
        let scale = self.standardize.get(input).copied().unwrap_or(0);
        Standardized {
            value: standardized(x, center, scale),
            log_normalizer: self.log_normalizers.get(input).copied().unwrap_or(0),
        }
    }

    /// The value and the normalizer of [`Location::standardized`], computed in 64 bits at once.
    #[cfg(all(target_arch = "x86_64", feature = "image"))]
    #[inline]
    pub(super) fn standardized_here(&self, input: usize, x: i16) -> (i32, i32) {
        let center = self.centers.get(input).copied().unwrap_or(0);
        let scale = self.standardize.get(input).copied().unwrap_or(0);
        let eighths = (i32::from(x) - i32::from(center)) << STANDARDIZE_BITS;
        let log_normalizer = self.log_normalizers.get(input).copied().unwrap_or(0);
        let value = Multiplier::from_validated(scale).apply_wide(eighths);
        (value, log_normalizer)
    }

    /// `log p(x_i|z)` from the decoder's outputs, Q16.16.
    #[inline]
    pub(super) fn density(&self, x: Standardized, location: i32, log_deviation: i32) -> i32 {
        x.log_normalizer - self.cost(x.value.saturating_sub(location), log_deviation)
    }

    /// `s + penalty(distance exp(-s))`, Q16.16; at most 8200 nats in magnitude.
    #[inline]
    fn cost(&self, distance: i32, log_deviation: i32) -> i32 {
        if !self.predicted_scale {
            return self.family.penalty(distance);
        }
        let log_deviation = log_deviation.clamp(-LARGEST_LOG_DEVIATION, LARGEST_LOG_DEVIATION);
        log_deviation + self.family.penalty(multiply(distance, exp(-log_deviation)))
    }

    /// `mu_i = c_i + u_i o_i`, Q16.16 of raw reading units, saturating.
    pub(super) fn mean(&self, input: usize, output: i32) -> i32 {
        let center = self.centers.get(input).copied().unwrap_or(0);
        let unit = self.units.get(input).copied().unwrap_or(0);
        mean_of(center, unit, output)
    }
}

impl Family {
    /// What a standardized distance costs, Q16.16 nats; at most 8192.
    #[inline]
    pub(super) fn penalty(self, distance: i32) -> i32 {
        match self {
            Self::Normal => half_square(distance.clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)),
            Self::Laplace => distance.saturating_abs().min(LARGEST_PENALTY),
        }
    }
}

/// `(x - c) / u` by the multiplier of `2^13 / u`, Q16.16.
#[inline]
pub(super) fn standardized(x: i16, center: i16, multiplier: u32) -> i32 {
    let eighths = (i32::from(x) - i32::from(center)) << STANDARDIZE_BITS;
    Multiplier::from_validated(multiplier).apply(eighths)
}

/// `c + u o` by the multiplier of `u`, Q16.16 of raw reading units, saturating.
pub(super) fn mean_of(center: i16, multiplier: u32, output: i32) -> i32 {
    let offset = Multiplier::from_validated(multiplier).apply(output);
    (i32::from(center) << FRACTION_BITS).saturating_add(offset)
}

/// `d^2 / 2` of a Q16.16 number of magnitude at most 2^23, rounded half up.
fn half_square(d: i32) -> i32 {
    ((i64::from(d) * i64::from(d) + (1 << 16)) >> (FRACTION_BITS + 1)) as i32
}

#[cfg(all(test, feature = "image"))]
mod tests {
    use super::*;

    const UNITS: [f64; 3] = [0.5, 3.0, 700.0];
    const CENTERS: [i16; 3] = [0, -1000, 12_000];
    const X: [i16; 3] = [1, -990, 15_000];

    /// The likelihood of three inputs; a second output row each where `predicted_scale`.
    fn check(family: Family, predicted_scale: bool, outputs: &[f64]) {
        let pack = |factors: [f64; 3]| factors.map(|f| Multiplier::nearest(f).unwrap().to_word());
        let (standardize, units) = (pack(UNITS.map(|u| 8192.0 / u)), pack(UNITS));
        let location = Location {
            family,
            predicted_scale,
            centers: &CENTERS,
            standardize: &standardize,
            units: &units,
            log_normalizers: &[5 << 16, 0, -1 << 16],
        };
        let rows = location.rows_per_input();
        let exact: f64 = (0..3)
            .map(|i| {
                let s = if predicted_scale {
                    outputs[2 * i + 1]
                } else {
                    0.0
                };
                let x = (f64::from(X[i]) - f64::from(CENTERS[i])) / UNITS[i];
                let d = (x - outputs[rows * i]) * (-s).exp();
                let penalty = match family {
                    Family::Normal => d * d / 2.0,
                    Family::Laplace => d.abs(),
                };
                [5.0, 0.0, -1.0][i] - s - penalty
            })
            .sum();
        let wide = |row: usize| (outputs[row] * 65536.0).round() as i32;
        let mut got = 0;
        for i in 0..3 {
            let log_deviation = if predicted_scale { wide(2 * i + 1) } else { 0 };
            let standardized = location.standardized(i, X[i]);
            got += i64::from(location.density(standardized, wide(rows * i), log_deviation));
            let exact = f64::from(CENTERS[i]) + UNITS[i] * outputs[rows * i];
            let mean = f64::from(location.mean(i, wide(rows * i))) / 65536.0;
            assert!((mean - exact).abs() < 0.05, "{i}");
        }
        let got = got as f64 / 65536.0;
        assert!(
            (got - exact).abs() < 2e-3,
            "{family:?} {predicted_scale}: {got} {exact}"
        );
    }

    #[test]
    fn densities_and_means_match_floats() {
        for family in [Family::Normal, Family::Laplace] {
            check(family, false, &[-0.25, 1.5, 2.0]);
            check(family, true, &[-0.25, -1.5, 1.5, 0.75, 2.0, 0.125]);
        }
    }

    #[test]
    fn a_far_reading_saturates() {
        for family in [Family::Normal, Family::Laplace] {
            for predicted_scale in [false, true] {
                let far = Location {
                    family,
                    predicted_scale,
                    centers: &[i16::MIN],
                    standardize: &[0x7fff],
                    units: &[1],
                    log_normalizers: &[-LARGEST_LOG_NORMALIZER],
                };
                let got = far.density(far.standardized(0, i16::MAX), i32::MIN, i32::MIN);
                let log_deviation = if predicted_scale { -8 } else { 0 };
                assert_eq!(got, -((4096 + 8192 + log_deviation) << 16));
            }
        }
    }
}
