//! Inner products in plain Rust: the definition of every other one.
//!
//! They are not inlined: one copy for each number of lanes serves every layer of both halves.

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
    let (mut s0, mut s1, mut s2, mut s3) = (start, start, start, start);
    let step = |sum: i32, weight: i8, x: X| sum.wrapping_add(i32::from(weight) * x.into());
    for (&w, lanes) in weights.iter().zip(x) {
        // The number of lanes is known to the compiler, which keeps one arm and its sums.
        match *lanes.as_slice() {
            [a] => s0 = step(s0, w, a),
            [a, b] => (s0, s1) = (step(s0, w, a), step(s1, w, b)),
            [a, b, c, d] => {
                (s0, s1) = (step(s0, w, a), step(s1, w, b));
                (s2, s3) = (step(s2, w, c), step(s3, w, d));
            }
            _ => const { assert!(matches!(K, 1 | 2 | 4), "one, two or four lanes") },
        }
    }
    let sums = [s0, s1, s2, s3];
    core::array::from_fn(|lane| sums.get(lane).copied().unwrap_or(start))
}
