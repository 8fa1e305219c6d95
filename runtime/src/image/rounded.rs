//! Numbers of a description in fixed point.

/// Q16.16, rounded to nearest, saturating. NaN, of which `as` would make 0, becomes a number that
/// no reader accepts.
pub(super) fn to_q16(value: f64) -> i32 {
    if value.is_nan() {
        i32::MAX
    } else {
        (value * 65536.0).round() as i32
    }
}
