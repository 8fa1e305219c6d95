//! Powers of two and of e.

use super::tables::{EXP2, EXP2_SCALE};

/// Bits of the fraction that [`power`] takes: 5 choose the piece, 15 the position in it.
const FRACTION_BITS: u32 = 20;

/// 2^`x` in Q16.16, saturating.
///
/// # Method
///
/// With n the whole part and f the fraction of `x`, the mantissa 2^f comes to 30 fractional bits
/// from 32 quadratics, and 2^n is a shift with one rounding, half up.
///
/// # Domain and special cases
///
/// Total. `i32::MAX` from `x` = 15.0 upward, where 2^`x` reaches 32768; 0 below -17.0, where it is
/// less than half a unit. Exact at every whole number from -16 to 14.
///
/// # Accuracy
///
/// The error is at most 0.5 unit of 2^-16 plus 2^-22 of the value.
///
/// ```
/// use elbow::transcendental::exp2;
///
/// assert_eq!(exp2(3 << 16), 8 << 16);
/// assert_eq!(exp2(i32::MAX), i32::MAX);
/// assert_eq!(exp2(i32::MIN), 0);
/// ```
#[must_use]
pub fn exp2(x: i32) -> i32 {
    power(x >> 16, (x & 0xFFFF) << (FRACTION_BITS - 16))
}

/// e^`x` in Q16.16, saturating.
///
/// # Method
///
/// 2^(`x` log2 e). The product is formed to 20 fractional bits, four more than those of `x`: log2 e
/// times 16 is 23 + 0.0831206..., and the second part is 1361 / 2^14 plus 27 / 2^19 to within
/// 2^-21, so that three products of 32 bits do where one of 64 would be obvious. The product is off
/// by less than one unit of 2^-20.
///
/// # Domain and special cases
///
/// Total. `i32::MAX` from `x` = 10.3972 (681392 units) upward, where e^`x` reaches 32768; 0 below
/// -11.7836, where it is less than half a unit. `exp(0)` is exactly 1.
///
/// # Accuracy
///
/// The error is at most 0.5 unit of 2^-16 plus 2^-20.5 of the value.
///
/// ```
/// use elbow::transcendental::exp;
///
/// assert_eq!(exp(0), 1 << 16);
/// assert_eq!(exp(1 << 16), 178_145); // 2.71828...
/// ```
#[must_use]
pub fn exp(x: i32) -> i32 {
    /// Beyond 16 the result is saturated on either side; up to there no product exceeds 31 bits.
    const REACH: i32 = 16 << 16;
    let x = x.clamp(-REACH, REACH);
    let small = (x * 1361 + ((x * 27) >> 5) + (1 << 13)) >> 14;
    let y = x * 23 + small;
    power(y >> FRACTION_BITS, y & ((1 << FRACTION_BITS) - 1))
}

/// 2^(`whole` + `fraction` 2^-20), saturating.
#[inline]
fn power(whole: i32, fraction: i32) -> i32 {
    const LARGEST: i32 = 14;
    let shift = LARGEST - whole;
    if shift < 0 {
        return i32::MAX;
    }
    if shift > 31 {
        return 0;
    }
    let piece = EXP2[(fraction >> EXP2_SCALE.fraction_bits) as usize & (EXP2.len() - 1)];
    let position = fraction & ((1 << EXP2_SCALE.fraction_bits) - 1);
    // In [2^30, 2^31), and so is no more than 2^31 - 1 where the shift is 0.
    let mantissa = piece.evaluate(position, EXP2_SCALE) as u32;
    let half = (1_u32 << shift) >> 1;
    ((mantissa + half) >> shift) as i32
}
