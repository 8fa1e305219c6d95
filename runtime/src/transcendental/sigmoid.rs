//! The logistic function: a logit as a probability.

use super::tables::{SIGMOID, SIGMOID_SCALE};

/// 1 / (1 + e^-`x`) in Q16.16, from 0 to 65536 inclusive.
///
/// # Method
///
/// The half below zero comes from 96 quadratics of width 1/8 down to `x` = -12 and is 0 beyond,
/// where it is 0.41 unit and falling; the half above zero is one minus its mirror image.
///
/// # Domain and special cases
///
/// Total. `sigmoid(-x) == 65536 - sigmoid(x)` exactly; `sigmoid(0)` is 32768, which is its own
/// mirror image. Exactly 0 from -12 downward and exactly 65536 from 12 upward.
///
/// # Accuracy
///
/// The error is at most 0.6 unit of 2^-16.
///
/// ```
/// use elbow::transcendental::sigmoid;
///
/// assert_eq!(sigmoid(0), 32_768);
/// assert_eq!(sigmoid(-70_000) + sigmoid(70_000), 65_536);
/// ```
#[must_use]
pub fn sigmoid(x: i32) -> i32 {
    const ONE: i32 = 1 << 16;
    let magnitude = x.unsigned_abs();
    let piece = (magnitude >> SIGMOID_SCALE.fraction_bits) as usize;
    let position = magnitude & ((1 << SIGMOID_SCALE.fraction_bits) - 1);
    let below = SIGMOID.get(piece).map_or(0, |segment| {
        segment.evaluate(position as i32, SIGMOID_SCALE)
    });
    if x > 0 { ONE - below } else { below }
}
