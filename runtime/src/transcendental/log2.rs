//! Logarithms to base two and to base e.

use super::tables::{LOG2, LOG2_SCALE};

/// Fractional bits of the logarithm of a mantissa.
const MANTISSA_BITS: u32 = 30;

/// log2 of `x` in Q16.16.
///
/// # Method
///
/// A count of leading zeros splits `x` into 2^n and a mantissa in [1, 2). The mantissa's logarithm
/// comes to 30 fractional bits from 32 quadratics in its leading 20 bits, and one rounding, half
/// up, brings the sum to Q16.16.
///
/// # Domain and special cases
///
/// Total. `log2(0)` is `i32::MIN`, which no other argument gives: the least of the others is -16.0,
/// of one unit. Exact at every power of two.
///
/// # Accuracy
///
/// The error is at most 0.6 unit of 2^-16.
///
/// ```
/// use elbow::transcendental::log2;
///
/// assert_eq!(log2(8 << 16), 3 << 16);
/// assert_eq!(log2(0), i32::MIN);
/// ```
#[must_use]
pub fn log2(x: u32) -> i32 {
    let Some((whole, mantissa)) = split(x) else {
        return i32::MIN;
    };
    const SHIFT: u32 = MANTISSA_BITS - 16;
    (whole << 16) + ((mantissa + (1 << (SHIFT - 1))) >> SHIFT)
}

/// The natural logarithm of `x` in Q16.16.
///
/// # Method
///
/// The method of [`log2`], with n ln 2 and the mantissa's logarithm times ln 2 added at 24 fractional bits
/// before the one rounding. The second product takes 19 bits times ln 2 in 21 bits (5678 / 2^13 +
/// 67 / 2^21), each part of it in 32 bits.
///
/// # Domain and special cases
///
/// Total. `ln(0)` is `i32::MIN`, which no other argument gives: the least of the others is
/// -11.0904, of one unit. `ln(1.0)` is exactly 0.
///
/// # Accuracy
///
/// The error is at most 0.6 unit of 2^-16.
///
/// ```
/// use elbow::transcendental::ln;
///
/// assert_eq!(ln(1 << 16), 0);
/// assert_eq!(ln(178_145), 1 << 16); // 2.71828...
/// assert_eq!(ln(0), i32::MIN);
/// ```
#[must_use]
pub fn ln(x: u32) -> i32 {
    /// ln 2 with 24 fractional bits.
    const LN_2: i32 = 11_629_080;
    const SHIFT: u32 = MANTISSA_BITS - 19;
    let Some((whole, mantissa)) = split(x) else {
        return i32::MIN;
    };
    let mantissa = ((mantissa + (1 << (SHIFT - 1))) >> SHIFT) as u32;
    let scaled = (mantissa * 5678 + ((mantissa * 67) >> 8)) >> 8;
    (whole * LN_2 + scaled as i32 + (1 << 7)) >> 8
}

/// `ln 2` in Q16.16.
const LN_2: i64 = 45_426;

/// The natural logarithm of a Q48.16 number in Q16.16, from its 32 leading bits; `i32::MIN` of 0.
#[must_use]
pub(crate) fn ln_wide(x: u64) -> i64 {
    let shift = (u64::BITS - x.leading_zeros()).saturating_sub(u32::BITS);
    i64::from(ln((x >> shift) as u32)) + i64::from(shift) * LN_2
}

/// The whole part of log2 of `x` units, and the rest with 30 fractional bits; none for zero.
#[inline]
fn split(x: u32) -> Option<(i32, i32)> {
    const PIECE_SHIFT: u32 = 31 - LOG2.len().ilog2();
    const POSITION_SHIFT: u32 = PIECE_SHIFT - LOG2_SCALE.fraction_bits;
    if x == 0 {
        return None;
    }
    let zeros = x.leading_zeros();
    let normal = x << zeros;
    let piece = LOG2[(normal >> PIECE_SHIFT) as usize & (LOG2.len() - 1)];
    let position = (normal >> POSITION_SHIFT) & ((1 << LOG2_SCALE.fraction_bits) - 1);
    Some((
        15 - zeros as i32,
        piece.evaluate(position as i32, LOG2_SCALE),
    ))
}
