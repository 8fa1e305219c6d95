//! log p(x) by importance sampling.

use super::Posterior;
use crate::error::Error;
use crate::model::Vae;
use crate::objective::{Batch, log_ratio};
use crate::random::normals;
use candle_core::Tensor;
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
/// weighted autoencoders", 2016, equation 8).
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
    let log_ratios = log_ratio(vae, &z, &noise, &proposal.log_variance)?;
    by_reading(&(batch.log_likelihoods(vae, &z)? + log_ratios)?)
}

/// `log p(x|z)` without the likelihood's constant, (samples) for each reading, at `samples` draws from
/// the prior: the log weights of naive Monte Carlo.
///
/// # Errors
/// [`Error::Tensor`].
pub fn naive_log_weights(
    vae: &Vae,
    batch: &Batch,
    samples: usize,
    rng: &mut impl Rng,
) -> Result<Vec<Vec<f64>>, Error> {
    let readings = batch.inputs.dim(0)?;
    let shape = (samples, readings, vae.latents());
    let z = match vae.components()? {
        None => {
            let noise = normals(rng, samples * readings * vae.latents());
            Tensor::from_vec(noise, shape, batch.inputs.device())?
        }
        Some(components) => components.sample(samples * readings, rng)?.reshape(shape)?,
    };
    by_reading(&batch.log_likelihoods(vae, &z)?)
}

/// The columns of (samples, readings).
fn by_reading(log_weights: &Tensor) -> Result<Vec<Vec<f64>>, Error> {
    let by_reading = log_weights.t()?.contiguous()?.to_vec2::<f32>()?;
    Ok(by_reading
        .into_iter()
        .map(|weights| weights.into_iter().map(f64::from).collect())
        .collect())
}
