//! Inner products in plain Rust: the definition of every other one.

/// `sum_c weights[c] * x[c]`, wrapping.
#[inline]
pub(crate) fn dot_i8(weights: &[i8], x: &[i8]) -> i32 {
    weights.iter().zip(x).fold(0i32, |sum, (&w, &x)| {
        sum.wrapping_add(i32::from(w) * i32::from(x))
    })
}

/// `sum_c weights[c] * x[c]`, wrapping.
#[inline]
pub(crate) fn dot_i16(weights: &[i8], x: &[i16]) -> i32 {
    weights.iter().zip(x).fold(0i32, |sum, (&w, &x)| {
        sum.wrapping_add(i32::from(w) * i32::from(x))
    })
}
