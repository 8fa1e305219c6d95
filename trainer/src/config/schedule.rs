//! Schedules of the step size.

/// The step size after `done` of `epochs`, relative to the first: half a cosine from 1 to 0 (Loshchilov and Hutter,
/// "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5).
pub fn cosine(done: usize, epochs: usize) -> f64 {
    let progress = done as f64 / epochs as f64;
    0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}
