//! Real numbers around a location: normal, Laplace and Student-t.

use crate::distribution::location::{LARGEST_LOG_NORMALIZER, standardized};
use crate::fixed::{FRACTION_BITS, ONE, saturate};
use crate::requantize::Multiplier;
use crate::transcendental::ln_wide;

/// Whether the words are in range: two multipliers, and the constant of the density.
#[inline(always)]
pub(super) fn is_valid(&[first, second, third]: &[u32; 3]) -> bool {
    let constants = -LARGEST_LOG_NORMALIZER..=LARGEST_LOG_NORMALIZER;
    let mut multipliers = [first, second].into_iter();
    multipliers.all(|word| Multiplier::from_word(word).is_some())
        && constants.contains(&(third as i32))
}

/// `log p(x|z)` in each lane, Q16.16, of a density that falls with the distance from its location by `penalty`.
#[inline(always)]
pub(super) fn densities<'l>(
    penalty: impl Fn(i32) -> i32,
    (x, center): (i16, i16),
    [first, _, third]: [u32; 3],
    lanes: impl Iterator<Item = (i32, &'l mut i32)>,
) {
    let x = standardized(x, center, first);
    for (output, density) in lanes {
        *density = third as i32 - penalty(x.saturating_sub(output));
    }
}

/// `(v + 1) / 2 ln(1 + t^2)` of a Student-t distribution with v degrees of freedom, Q16.16.
pub(super) fn tail(degrees: u8, distance: i32) -> i32 {
    let square = (i64::from(distance) * i64::from(distance)).unsigned_abs();
    let square = (square + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
    let logarithm = saturate(ln_wide(square + u64::from(ONE.unsigned_abs())));
    ((i32::from(degrees) + 1) * logarithm + 1) >> 1
}
