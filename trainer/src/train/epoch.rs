//! The results of an epoch.

use crate::engine::EpochSums;
use serde::{Deserialize, Serialize};

/// The results of an epoch, in nats a reading: means over the readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// The evidence lower bound on the training readings, as they were met; on what was observed
    /// of them, where there were gaps.
    pub elbo: f64,
    /// Its first term, `E_q[log p(x|z)]`.
    pub reconstruction: f64,
    /// Its second term, `KL(q(z|x) || p(z))`.
    pub kl: f64,
    /// The objective of training where it is not the ELBO: the importance-weighted bound, or an ELBO with
    /// its divergence weighted, which is no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<f64>,
    /// The fraction of inputs that was observed in this epoch, where training made gaps; the numbers above are about
    /// these inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_fraction: Option<f64>,
    /// Adam's step size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// The ELBO on whole validation readings after the epoch, where it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_elbo: Option<f64>,
    /// The ELBO on validation readings with gaps, always the same, where training makes gaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_masked_elbo: Option<f64>,
}

impl Epoch {
    /// The means of `sums` over `readings` readings of epoch `epoch`, without validation.
    pub(super) fn of_sums(epoch: usize, readings: usize, sums: &EpochSums) -> Self {
        let readings = readings as f64;
        let constant = sums.constant / readings;
        let reconstruction = sums.reconstruction / readings + constant;
        let kl = sums.kl / readings;
        let objective = sums.objective / readings + constant;
        Self {
            epoch,
            elbo: reconstruction - kl,
            reconstruction,
            kl,
            objective: Some(objective),
            observed_fraction: Some(sums.observed / readings),
            ..Self::default()
        }
    }

    /// The criterion of early stopping, the higher the better: the ELBO on validation readings, and
    /// where training makes gaps the mean of it and of that on readings with gaps, so that a model
    /// is good at both.
    pub fn criterion(&self) -> Option<f64> {
        let whole = self.validation_elbo?;
        Some(match self.validation_masked_elbo {
            None => whole,
            Some(masked) => 0.5 * (whole + masked),
        })
    }
}
