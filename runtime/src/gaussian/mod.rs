//! The standard normal distribution, drawn by inversion in fixed point.

mod table;

use table::{QUANTILE, QUANTILE_SCALE};

/// The quantile of N(0, 1) at a uniform 32-bit word, in Q16.16: the inverse of the cumulative
/// distribution at (`bits` + 1/2) / 2^32.
///
/// A uniform word makes one draw. No word is rejected and no state is kept, so that the position in
/// the stream of words is known from the number of draws.
///
/// # Method
///
/// Inversion with hierarchical segmentation, after R. C. C. Cheung, D.-U. Lee, W. Luk and J. D.
/// Villasenor, "Hardware Generation of Arbitrary Random Number Distributions From Uniform
/// Distributions Via the Inversion Method", IEEE Transactions on VLSI Systems 15(8), 2007. The
/// leading bit is the sign. The other 31, inverted if it is set, are v in the tail probability p =
/// (v + 1/2) / 2^32 in (0, 1/2). The quantile is singular at p = 0, and so p is split into octaves
/// by a count of leading zeros, and each octave into equal pieces: 8 in each of the 16 octaves down
/// to p = 2^-17, and 4 in each of the 16 below, which one draw in 65536 enters. Each piece is a
/// quadratic in the next 15 bits of p; the 192 pieces take 1536 bytes. Half a unit is rounded up in
/// magnitude.
///
/// # Domain, symmetry and order
///
/// Total. `standard_normal(!bits) == -standard_normal(bits)` for every word, so that an antithetic
/// pair costs one evaluation. A larger word never gives a smaller draw. Every word takes the same
/// path.
///
/// # Accuracy and quantisation
///
/// * The error is at most 1.2 units of 2^-16 up to 4.2 in magnitude, and at most 2.1 units
///   (2^-14.9) beyond.
/// * The largest magnitude is 6.33794, at p = 2^-33; the next is 6.16643. A Gaussian goes beyond
///   the largest once in 2^32 draws, this function never.
/// * Draws are multiples of 2^-16. Up to 4.5 in magnitude the words are closer together than that;
///   further out they are further apart, and not every multiple occurs. 0 stands for an interval of
///   one unit, like every other number, and occurs once in 164,000 draws.
///
/// ```
/// use elbow::gaussian::standard_normal;
///
/// assert_eq!(standard_normal(1 << 31), 0); // the median
/// assert_eq!(standard_normal(0xD762_5E89), 65_536); // 0.841345 of all draws are less than 1
/// ```
#[must_use]
pub fn standard_normal(bits: u32) -> i32 {
    const FRACTION_BITS: u32 = QUANTILE_SCALE.fraction_bits;
    /// Position and piece in one of the upper octaves.
    const OCTAVE_BITS: u32 = FRACTION_BITS + 3;
    let sign = bits.cast_signed() >> 31;
    // 2^33 p, odd, and so never zero; its leading one is then dropped.
    let tail = ((bits ^ sign.cast_unsigned()) << 1) | 1;
    let octave = tail.leading_zeros();
    let below = (tail << octave << 1) >> (32 - OCTAVE_BITS);
    // 1 in the lower octaves, which have half as many pieces, of twice the width.
    let lower = octave >> 4;
    let place = ((octave << OCTAVE_BITS) | below) >> lower;
    let piece = ((place >> FRACTION_BITS) & 127) + (lower << 6);
    let position = place & ((1 << FRACTION_BITS) - 1);
    let magnitude = QUANTILE[piece as usize].evaluate(position as i32, QUANTILE_SCALE);
    // The magnitude belongs to words with the leading bit set.
    (magnitude ^ !sign) - !sign
}
