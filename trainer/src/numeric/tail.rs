//! Beyond the largest of many numbers.

/// A generalized Pareto distribution of excesses over a threshold (Pickands, "Statistical inference using extreme
/// order statistics", 1975).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// What is exceeded.
    pub threshold: f64,
    /// The chance of exceeding it.
    pub rate: f64,
    /// The shape; 0 is an exponential distribution.
    pub shape: f64,
    /// The scale, in units of the numbers.
    pub scale: f64,
}

/// The part of all numbers, the largest, that tails are fitted to.
pub const PART: f64 = 0.1;
/// Excesses below which the shape is taken to be 0: of so few it cannot be told.
const ENOUGH: usize = 30;
/// The heaviest tail: of a heavier one the variance is infinite, and a fit by moments is worth nothing.
const HEAVIEST: f64 = 0.5;

impl Tail {
    /// The tail of the largest `part` of `values`, by probability-weighted moments (Hosking and Wallis, "Parameter and
    /// quantile estimation for the generalized Pareto distribution", 1987), with a shape from 0 to 1/2: a bounded tail is not
    /// believed, since what lies beyond its bound could never be told from what lies farther beyond. None where fewer than
    /// three numbers, or none that differ, are there.
    pub fn fit(values: &[f64], part: f64) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let count = ((part * values.len() as f64).ceil() as usize).max(3);
        let first = sorted.len().checked_sub(count)?;
        let threshold = *sorted.get(first.checked_sub(1)?)?;
        let excesses = sorted[first..].iter().map(|value| value - threshold);
        let (mut mean, mut weighted) = (0.0, 0.0);
        for (at, excess) in excesses.enumerate() {
            // Plotting positions (i - 0.35) / n of Hosking and Wallis.
            let position = (at as f64 + 0.65) / count as f64;
            mean += excess / count as f64;
            weighted += (1.0 - position) * excess / count as f64;
        }
        if mean <= 0.0 {
            return None;
        }
        let spread = mean - 2.0 * weighted;
        let shape = if count < ENOUGH || spread <= 0.0 {
            0.0
        } else {
            (2.0 - mean / spread).clamp(0.0, HEAVIEST)
        };
        Some(Self {
            threshold,
            rate: (count as f64 + 1.0) / (values.len() as f64 + 1.0),
            shape,
            // The mean of the distribution is scale / (1 - shape).
            scale: mean * (1.0 - shape),
        })
    }

    /// `-ln` of the chance that a number is above `value`; below the threshold that of the threshold.
    pub fn surprise(&self, value: f64) -> f64 {
        let excess = ((value - self.threshold) / self.scale).max(0.0);
        let survival = if self.shape > 0.0 {
            (self.shape * excess).ln_1p() / self.shape
        } else {
            excess
        };
        survival - self.rate.ln()
    }

    /// The number whose surprise is `surprise`, which is at least that of the threshold.
    pub fn value(&self, surprise: f64) -> f64 {
        let survival = surprise + self.rate.ln();
        let excess = if self.shape > 0.0 {
            (self.shape * survival).exp_m1() / self.shape
        } else {
            survival
        };
        self.threshold + self.scale * excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{Purpose, stream};
    use rand_core::Rng;

    /// Draws of the distribution of this shape with scale 2.
    fn draws(shape: f64, count: usize) -> Vec<f64> {
        let mut rng = stream(3, Purpose::Evaluation);
        let draw = |_| {
            let u = (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
            if shape == 0.0 {
                -2.0 * u.ln()
            } else {
                2.0 * (u.powf(-shape) - 1.0) / shape
            }
        };
        (0..count).map(draw).collect()
    }

    #[test]
    fn known_tails_are_found() {
        for shape in [0.0, 0.25] {
            let tail = Tail::fit(&draws(shape, 100_000), 0.1).unwrap();
            // Excesses over a threshold u have scale 2 + shape u. The standard deviation of both estimates
            // is below 0.03 with 10,000 excesses.
            let scale = 2.0 + shape * tail.threshold;
            assert!((tail.shape - shape).abs() < 0.1, "{tail:?}");
            assert!((tail.scale / scale - 1.0).abs() < 0.1, "{tail:?}");
            // One in a million: of an exponential of scale 2 at 27.6.
            let value = tail.value(1e6f64.ln());
            assert!((tail.surprise(value) - 1e6f64.ln()).abs() < 1e-9);
        }
        let exponential = Tail::fit(&draws(0.0, 100_000), 0.1).unwrap();
        assert!((exponential.value(1e6f64.ln()) / 27.63 - 1.0).abs() < 0.25);
    }

    #[test]
    fn bounded_tails_are_taken_for_exponential_ones() {
        let uniform: Vec<f64> = (0..1000).map(f64::from).collect();
        let tail = Tail::fit(&uniform, 0.1).unwrap();
        assert_eq!(tail.shape, 0.0);
        assert!(tail.surprise(1200.0) > tail.surprise(999.0));
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        assert_eq!(Tail::fit(&[1.0, 2.0, 3.0], 0.1), None);
        assert_eq!(Tail::fit(&[1.0; 50], 0.1), None);
        assert_eq!(Tail::fit(&[], 0.1), None);
        assert!(Tail::fit(&[1.0, 2.0, 3.0, 5.0], 0.1).is_some());
    }
}
