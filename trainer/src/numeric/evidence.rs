//! log p(x) from importance weights.

/// What some draws say of log p(x) of one reading.
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
        let highest = log_weights
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        // Of weights over the largest of them.
        let (mut sum, mut squares) = (0.0, 0.0);
        for log_weight in log_weights {
            let weight = (log_weight - highest).exp();
            sum += weight;
            squares += weight * weight;
        }
        let effective_samples = sum * sum / squares;
        let variance = (count / effective_samples - 1.0).max(0.0) / (count - 1.0).max(1.0);
        Self {
            log_evidence: highest + (sum / count).ln(),
            standard_error: variance.sqrt(),
            effective_samples,
        }
    }
}
