//! Means and variances of gradients over draws.

/// Mean and variance of each number of vectors that come one by one (Welford, "Note on a method for
/// calculating corrected sums of squares and products", 1962).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunningMoments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl RunningMoments {
    /// Takes one more vector in, as long as the others.
    pub fn add(&mut self, values: &[f64]) {
        if self.mean.is_empty() {
            self.mean = vec![0.0; values.len()];
            self.squares = vec![0.0; values.len()];
        }
        self.count += 1.0;
        let state = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), value) in state.zip(values) {
            let before = value - *mean;
            *mean += before / self.count;
            *squares += before * (value - *mean);
        }
    }

    /// The mean of each number.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The unbiased variance of each number; at least two vectors.
    pub fn variances(&self) -> Vec<f64> {
        let degrees = self.count - 1.0;
        self.squares
            .iter()
            .map(|squares| squares / degrees)
            .collect()
    }

    /// The standard error of the mean of each number; at least two vectors.
    pub fn standard_errors(&self) -> Vec<f64> {
        let variances = self.variances().into_iter();
        variances
            .map(|variance| (variance / self.count).sqrt())
            .collect()
    }

    /// Signal and noise of a gradient; at least two vectors.
    pub fn quality(&self) -> Quality {
        let variance: f64 = self.variances().iter().sum();
        let squares: f64 = self.mean.iter().map(|mean| mean * mean).sum();
        // Noise in the mean lengthens it.
        let signal = (squares - variance / self.count).max(0.0).sqrt();
        Quality {
            signal,
            variance,
            signal_to_noise: if variance > 0.0 {
                signal / variance.sqrt()
            } else {
                f64::INFINITY
            },
        }
    }
}

/// The signal and the noise of a gradient.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Quality {
    /// Euclidean norm of the expected gradient, nats per unit of the parameters; its square is an unbiased
    /// estimate, or 0 where that is negative.
    pub signal: f64,
    /// Trace of the covariance of one gradient.
    pub variance: f64,
    /// `signal / sqrt(variance)`.
    pub signal_to_noise: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_list() {
        let mut moments = RunningMoments::default();
        for x in [1.0, 2.0, 6.0] {
            moments.add(&[x, -10.0 * x]);
        }
        assert_eq!(moments.mean(), [3.0, -30.0]);
        assert_eq!(moments.variances(), [7.0, 700.0]);
        let error = (7f64 / 3.0).sqrt();
        assert!((moments.standard_errors()[0] - error).abs() < 1e-12);
        let Quality {
            signal,
            variance,
            signal_to_noise,
        } = moments.quality();
        let exact = (909.0f64 - 707.0 / 3.0).sqrt();
        assert!((signal - exact).abs() < 1e-9 && variance == 707.0);
        assert!((signal_to_noise - exact / 707f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn noise_alone_has_no_signal() {
        let mut moments = RunningMoments::default();
        for x in [1.0, -1.0, 1.0, -1.0] {
            moments.add(&[x]);
        }
        assert_eq!(moments.quality().signal_to_noise, 0.0);
    }
}
