//! The softplus: the negative log-likelihood of a binary reading under a logit.

use super::tables::{SOFTPLUS, SOFTPLUS_SCALE};

/// ln(1 + e^`x`) in Q16.16.
///
/// # Method
///
/// max(`x`, 0) + ln(1 + e^-|`x`|), after which neither term can overflow and none cancels the
/// other. The second term comes from 96 quadratics of width 1/8 up to |`x`| = 12 and is 0 from
/// there on, where it is 0.41 unit and falling.
///
/// # Domain and special cases
///
/// Total. Never negative. 0 from `x` = -12 downward; `x` itself from 12 upward; no argument
/// saturates. `softplus(x) - softplus(-x)` is exactly `x`, since both take the same second term
/// (`i32::MIN` excepted, whose negative does not exist).
///
/// # Accuracy
///
/// The error is at most 0.6 unit of 2^-16.
///
/// ```
/// use elbow::transcendental::softplus;
///
/// assert_eq!(softplus(0), 45_426); // ln 2
/// assert_eq!(softplus(i32::MAX), i32::MAX);
/// assert_eq!(softplus(i32::MIN), 0);
/// ```
#[must_use]
pub fn softplus(x: i32) -> i32 {
    let magnitude = x.unsigned_abs();
    let piece = (magnitude >> SOFTPLUS_SCALE.fraction_bits) as usize;
    let position = magnitude & ((1 << SOFTPLUS_SCALE.fraction_bits) - 1);
    match SOFTPLUS.get(piece) {
        Some(segment) => x.max(0) + segment.evaluate(position as i32, SOFTPLUS_SCALE),
        None => x.max(0),
    }
}
