//! The standard normal distribution, drawn by inversion in fixed point.

mod table;

use table::{QUANTILE, QUANTILE_SCALE};

/// The quantile of N(0, 1) at a uniform 32-bit word, in Q16.16: the inverse of the cumulative distribution
/// at (`bits` + 1/2) / 2^32.
///
/// A uniform word makes one standard normal draw. One word is one draw, with no rejection and no state, so that the stream
/// position after n draws is known and a stream can be split.
///
/// # Method
///
/// Inversion with hierarchical segmentation: D.-U. Cheung, W. Luk, J. D. Villasenor, P. H. W. Leong, D. B. Thomas and others describe it
/// in "Hardware Generation of Arbitrary Random Number Distributions From Uniform Distributions Via the Inversion
/// Method", IEEE Transactions on VLSI Systems 15(8), 2007. The leading bit is the sign; the other 31 give the tail probability
/// p = (v + 1/2) / 2^32 in (0, 1/2). The quantile is singular at p = 0, and so p is split into octaves by a count of leading
/// zeros and each octave into equal pieces: 8 in each of the 16 octaves down to p = 2^-17, 4 in each of the 16 below,
/// which are flatter and which one draw in 65536 enters. Each piece is a quadratic; 192 pieces of 8 bytes make 1536 bytes.
///
/// # Domain, symmetry and order
///
/// Total. `standard_normal(!bits) == -standard_normal(bits)` for every word, so that an antithetic pair costs one
/// evaluation. A larger word never gives a smaller draw. The path has no branch that depends on the word but a bounds check that never fails.
///
/// # Accuracy and quantisation
///
/// * The error is at most 2^-14.5 (2.8 units of 2^-16), and at most 1.2 units where the magnitude is below 4.2.
/// * The least tail probability is 2^-33, and so no draw exceeds 6.3379 in magnitude (a Gaussian would exceed it once in 4.3e9 draws).
/// * Draws are multiples of 2^-16, the resolution of Q16.16: 0 has probability 6.1e-6, which is the width of its cell times the density there.
///   Beyond 4.9 in magnitude neighbouring words are further apart than that, and the last two are 6.3379 and 6.1190.
#[must_use]
pub fn standard_normal(bits: u32) -> i32 {
    const PIECE_SHIFT: u32 = 28;
    let sign = bits.cast_signed() >> 31;
    // 2^33 p: odd, and so never zero.
    let tail = ((bits ^ sign.cast_unsigned()) << 1) | 1;
    let octave = tail.leading_zeros();
    let normal = tail << octave;
    // 1 in the deep octaves, which have half as many pieces, of twice the width.
    let deep = octave >> 4;
    let index = (((octave << 3) | ((normal >> PIECE_SHIFT) & 7)) >> deep) + (deep << 6);
    let position = (normal >> (PIECE_SHIFT - QUANTILE_SCALE.fraction_bits + deep))
        & ((1 << QUANTILE_SCALE.fraction_bits) - 1);
    let segment = QUANTILE
        .get(index as usize)
        .unwrap_or(&QUANTILE[QUANTILE.len() - 1]);
    let magnitude = segment.evaluate(position as i32, QUANTILE_SCALE);
    // The magnitude belongs to words with the leading bit set.
    (magnitude ^ !sign) - !sign
}
