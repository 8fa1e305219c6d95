//! Exponentially weighted averages in integers.

use super::error::MonitorError;

/// The largest base-two logarithm of a time constant, 65536 scores.
pub const MAX_TIME_CONSTANT: u8 = 16;

pub(super) fn check_time_constant(have: u8, least: u8) -> Result<(), MonitorError> {
    let most = MAX_TIME_CONSTANT;
    if (least..=most).contains(&have) {
        Ok(())
    } else {
        Err(MonitorError::TimeConstant { have, least, most })
    }
}

/// `state + round((value - state) / 2^constant)`. Between the two, so it stays where both are;
/// both are below 2^62 in magnitude.
pub(super) fn average(state: i64, value: i64, constant: u8) -> i64 {
    state + round_shift(value - state, u32::from(constant.min(MAX_TIME_CONSTANT)))
}

/// `value / 2^shift` rounded half up, for shifts up to 32 and values up to 2^62 in magnitude.
pub(super) fn round_shift(value: i64, shift: u32) -> i64 {
    (value + ((1i64 << shift) >> 1)) >> shift
}
