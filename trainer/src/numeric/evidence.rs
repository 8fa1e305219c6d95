//! log p(x) from importance weights.

use super::log_sum_exp::scaled;

/// An estimate of log p(x) of one reading by some draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// `ln 1/K sum_k w_k`: in expectation a lower bound on log p(x), nats.
    pub log_evidence: f64,
    /// Its standard error by the delta method, `sd(w) / (sqrt(K) mean(w))`: too small where the
    /// effective sample size is.
    pub standard_error: f64,
    /// `(sum w)^2 / sum w^2`, from 1 to K (Kong, "A note on importance sampling using standardized
    /// weights", 1992).
    pub effective_samples: f64,
}

impl Evidence {
    /// From log weights, at least one.
    pub fn new(log_weights: &[f64]) -> Self {
        let count = log_weights.len() as f64;
        let (highest, weights) = scaled(log_weights);
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let effective_samples = sum * sum / squares;
        let variance = (count / effective_samples - 1.0).max(0.0) / (count - 1.0).max(1.0);
        Self {
            log_evidence: highest + (sum / count).ln(),
            standard_error: variance.sqrt(),
            effective_samples,
        }
    }
}
