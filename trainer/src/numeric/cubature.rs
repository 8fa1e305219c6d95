//! Points whose weighted mean is an expectation over standard normals, without bias and nearly without noise where what
//! is averaged is nearly quadratic (Genz and Monahan, "Stochastic integration rules for infinite regions", SIAM Journal
//! on Scientific Computing 19, 1998: the spherical-radial rule of degree 3). With an orthogonal matrix Q, drawn
//! uniformly, and `rho^2` from the chi-squared distribution with n + 2 degrees of freedom,
//!
//! ```text
//! f(0) + n / rho^2 ( sum_j (f(rho q_j) + f(-rho q_j)) / 2n  -  f(0) )
//! ```
//!
//! has the expectation of f over n standard normals for a mean, and is that expectation wherever f is a polynomial of
//! degree 3.

use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus, normals};
use rand_core::Rng;
use std::ops::Range;

/// One drawing of the rule.
#[derive(Clone, Debug)]
pub struct Turn {
    numbers: usize,
    points: Vec<f32>,
    weight: f64,
}

impl Turn {
    /// For an expectation over so many standard normals.
    pub fn draw(rng: &mut impl Rng, numbers: usize) -> Self {
        let squares = normals(rng, numbers + 2).into_iter();
        let squares: f64 = squares.map(|number| f64::from(number).powi(2)).sum();
        // Sixteen fraction bits may all be zero.
        let square = squares.max(1e-6);
        let radius = square.sqrt();
        let points = orthonormal(rng, numbers).into_iter();
        Self {
            numbers,
            points: points.map(|part| (radius * part) as f32).collect(),
            weight: numbers as f64 / square,
        }
    }

    /// `rho q_j`, j counted from 0; its opposite belongs to the rule too.
    pub fn point(&self, j: usize) -> &[f32] {
        &self.points[j * self.numbers..][..self.numbers]
    }

    /// The weight of each of the `2 n` points: `1 / (2 rho^2)`.
    pub fn of_point(&self) -> f64 {
        self.weight / (2 * self.numbers) as f64
    }

    /// The weight of the origin: `1 - n / rho^2`.
    pub fn of_origin(&self) -> f64 {
        1.0 - self.weight
    }
}

/// The expectation over `numbers` standard normals for each of `rows`, each by so many turns of its own. `values` gives
/// the numbers to average, row by row, at points (rows, numbers).
///
/// # Errors
/// The errors of `values`.
pub fn expectations<E>(
    rows: Range<usize>,
    numbers: usize,
    turns: usize,
    mut values: impl FnMut(&[f32]) -> Result<Vec<f64>, E>,
) -> Result<Vec<f64>, E> {
    let mut sums = vec![0.0; rows.len()];
    let mut of_origin = vec![0.0; rows.len()];
    let mut points = vec![0.0; rows.len() * numbers];
    let mut streams: Vec<_> = rows.map(stream).collect();
    for _ in 0..turns {
        let drawn = streams.iter_mut().map(|rng| Turn::draw(rng, numbers));
        let drawn: Vec<Turn> = drawn.collect();
        let weights = of_origin.iter_mut().zip(&drawn);
        weights.for_each(|(sum, turn)| *sum += turn.of_origin());
        for j in 0..numbers {
            for sign in [-1.0, 1.0] {
                for (point, turn) in points.chunks_exact_mut(numbers).zip(&drawn) {
                    let pairs = point.iter_mut().zip(turn.point(j));
                    pairs.for_each(|(to, part)| *to = sign * part);
                }
                let values = values(&points)?.into_iter().zip(&drawn);
                let terms = sums.iter_mut().zip(values);
                terms.for_each(|(sum, (value, turn))| *sum += turn.of_point() * value);
            }
        }
    }
    points.fill(0.0);
    let origins = values(&points)?;
    let all = sums.into_iter().zip(origins).zip(of_origin);
    Ok(all
        .map(|((sum, origin), weight)| (sum + weight * origin) / turns as f64)
        .collect())
}

/// The stream that the turns of reading `row` are drawn from.
pub fn stream(row: usize) -> Xoshiro128PlusPlus {
    random::stream(row as u64, Purpose::Evaluation)
}

/// Turns with which an expectation over so many normals takes `points` points or a few more.
pub fn count(points: usize, numbers: usize) -> usize {
    points.div_ceil(2 * numbers).max(1)
}

/// An orthogonal matrix, uniformly drawn: the rows of one of normals, by the method of Gram and Schmidt, each made
/// orthogonal to those before it twice, so that it is so to the last bits.
fn orthonormal(rng: &mut impl Rng, count: usize) -> Vec<f64> {
    let mut all: Vec<f64> = Vec::with_capacity(count * count);
    while all.len() < count * count {
        let mut row: Vec<f64> = normals(rng, count).into_iter().map(f64::from).collect();
        for _ in 0..2 {
            for before in all.chunks_exact(count) {
                let pairs = row.iter().zip(before);
                let along: f64 = pairs.map(|(a, b)| a * b).sum();
                let pairs = row.iter_mut().zip(before);
                pairs.for_each(|(part, before)| *part -= along * before);
            }
        }
        let length = row.iter().map(|part| part * part).sum::<f64>().sqrt();
        // What lies among the rows before is drawn again.
        if length > 1e-3 {
            all.extend(row.into_iter().map(|part| part / length));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 5;

    /// The rule once, of `f`.
    fn mean(turn: &Turn, f: impl Fn(&[f64]) -> f64) -> f64 {
        let of = |point: &[f32], sign: f64| {
            let point: Vec<f64> = point.iter().map(|&part| sign * f64::from(part)).collect();
            f(&point)
        };
        let both = |point: &[f32]| of(point, 1.0) + of(point, -1.0);
        let sum: f64 = (0..N).map(|j| both(turn.point(j))).sum();
        turn.of_point() * sum + turn.of_origin() * f(&[0.0; N])
    }

    #[test]
    fn polynomials_of_degree_three_come_out_exactly() {
        let mut rng = random::stream(1, Purpose::Noise);
        let f = |x: &[f64]| {
            3.0 + x[0] - 2.0 * x[1] * x[1] + x[2] * x[3] + 0.7 * x[4] * x[4] - x[0].powi(3)
        };
        for _ in 0..100 {
            let turn = Turn::draw(&mut rng, N);
            let found = mean(&turn, f);
            assert!((found - 1.7).abs() < 1e-4 * (1.0 + turn.weight), "{found}");
        }
    }

    /// `E exp(a'x) = exp(|a|^2 / 2)` and `E |x_0| = sqrt(2 / pi)`, within four standard errors of 20,000 turns; the smooth
    /// one with less than a hundredth of the variance of as many draws, which is `e^|a|^2 (e^|a|^2 - 1)` each.
    #[test]
    fn other_functions_come_out_in_the_mean() {
        let exponential = |x: &[f64]| (0.3 * x[0] - 0.2 * x[1] + 0.1 * x[4]).exp();
        let magnitude = |x: &[f64]| x[0].abs();
        let exact = [(0.5 * 0.14f64).exp(), (2.0 / std::f64::consts::PI).sqrt()];
        for (which, exact) in exact.into_iter().enumerate() {
            let f = |x: &[f64]| [exponential(x), magnitude(x)][which];
            let mut rng = random::stream(2, Purpose::Noise);
            let values: Vec<f64> = (0..20_000)
                .map(|_| mean(&Turn::draw(&mut rng, N), f))
                .collect();
            let count = values.len() as f64;
            let average = values.iter().sum::<f64>() / count;
            let squares = values.iter().map(|value| (value - average).powi(2));
            let spread = squares.sum::<f64>() / (count - 1.0);
            let error = (spread / count).sqrt();
            assert!(
                (average - exact).abs() < 4.0 * error,
                "{average} {exact} {error}"
            );
            let of_draws = 0.14f64.exp() * (0.14f64.exp() - 1.0) / (2 * N + 1) as f64;
            assert!(
                which == 1 || spread < 0.01 * of_draws,
                "{spread} {of_draws}"
            );
        }
    }

    #[test]
    fn rows_are_orthonormal_and_signs_are_drawn() {
        let mut rng = random::stream(3, Purpose::Noise);
        let mut positive = 0;
        for _ in 0..200 {
            let all = orthonormal(&mut rng, 7);
            for (i, a) in all.chunks_exact(7).enumerate() {
                for (j, b) in all.chunks_exact(7).enumerate() {
                    let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    let exact = f64::from(u8::from(i == j));
                    assert!((product - exact).abs() < 1e-12);
                }
            }
            positive += usize::from(all[48] > 0.0);
        }
        assert!((70..130).contains(&positive), "{positive}");
        assert_eq!([count(256, 8), count(256, 24), count(256, 200)], [16, 6, 1]);
    }
}
