//! Inner products in plain Rust: the definition of every other one.
//!
//! They are not inlined: one copy for each number of lanes serves every layer of every half.

/// `start + sum_c weights[c] * x[c][k]` for each lane `k`, wrapping.
#[inline(never)]
pub(crate) fn dot_i8<const K: usize>(start: i32, weights: &[i8], x: &[[i8; K]]) -> [i32; K] {
    dot(start, weights, x)
}

/// `start + sum_c weights[c] * x[c][k]` for each lane `k`, wrapping.
#[inline(never)]
pub(crate) fn dot_i16<const K: usize>(start: i32, weights: &[i8], x: &[[i16; K]]) -> [i32; K] {
    dot(start, weights, x)
}

#[inline(always)]
fn dot<X: Copy + Into<i32>, const K: usize>(start: i32, weights: &[i8], x: &[[X; K]]) -> [i32; K] {
    let mut sums = [start; K];
    for (&weight, lanes) in weights.iter().zip(x) {
        for (sum, &lane) in sums.iter_mut().zip(lanes) {
            *sum = sum.wrapping_add(i32::from(weight) * lane.into());
        }
    }
    sums
}
