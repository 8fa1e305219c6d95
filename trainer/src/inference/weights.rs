//! log p(x) by importance sampling.

use super::{Posterior, log_likelihoods};
use crate::error::Error;
use crate::model::Vae;
use crate::objective::Batch;
use crate::random::normals;
use candle_core::{D, Tensor};
use rand_core::Rng;

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

/// `log p(x|z) + log p(z) - log q(z)` without the likelihood's constant, (samples) for each
/// reading, at `samples` draws from `proposal` (Burda, Grosse and Salakhutdinov, "Importance
/// weighted autoencoders", 2016, equation 8). With the prior for a proposal it is naive Monte Carlo.
///
/// # Errors
/// [`Error::Tensor`].
pub fn log_weights(
    vae: &Vae,
    batch: &Batch,
    proposal: &Posterior,
    samples: usize,
    rng: &mut impl Rng,
) -> Result<Vec<Vec<f64>>, Error> {
    let (readings, latents) = proposal.mean.dims2()?;
    let shape = (samples, readings, latents);
    let noise = normals(rng, samples * readings * latents);
    let noise = Tensor::from_vec(noise, shape, proposal.mean.device())?;
    let z = proposal.sample(&noise)?;
    let twice = (noise.sqr()? - z.sqr()?)?.broadcast_add(&proposal.log_variance)?;
    let log_ratios = (twice.sum(D::Minus1)? * 0.5)?;
    let log_weights = (log_likelihoods(vae, batch, &z)? + log_ratios)?;
    let by_reading = log_weights.t()?.contiguous()?.to_vec2::<f32>()?;
    Ok(by_reading
        .into_iter()
        .map(|weights| weights.into_iter().map(f64::from).collect())
        .collect())
}
