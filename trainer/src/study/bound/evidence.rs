//! log p(x) by importance sampling (Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016, equation 8).

use crate::config::Latent;
use crate::engine::Evaluator;
use crate::error::Error;
use crate::model::objective::{Batch, log_ratio};
use crate::model::posterior::draw_noise;
use crate::model::prepared::Prepared;
use crate::model::{Gaussian, Posterior, Vae};
use crate::numeric::evidence::Evidence;
use crate::numeric::random::{self, Purpose, normals};
use crate::numeric::statistics::{error_of_mean, mean_and_error};
use candle_core::Tensor;
use rand_core::Rng;
use serde::Serialize;

/// Decoder passes of latents other than Gaussian that are computed at once: they bound the memory.
const PASSES: usize = 8192;

/// Estimates of log p(x) of each reading by `samples` draws from the encoder's posterior, nats.
///
/// # Errors
/// [`Error::Tensor`].
pub fn evidence(
    vae: &Vae,
    data: &Prepared,
    samples: usize,
    seed: u64,
) -> Result<Vec<Evidence>, Error> {
    if let Some(evaluator) = Evaluator::new(vae, data)? {
        return evaluator.evidence(samples, seed);
    }
    let mut rng = random::stream(seed, Purpose::Evaluation);
    let is_gaussian = vae.latent() == Latent::Gaussian;
    let rows = if is_gaussian {
        1
    } else {
        (PASSES / samples).max(1)
    };
    let mut all = Vec::with_capacity(data.readings.len());
    for start in (0..data.readings.len()).step_by(rows) {
        let length = rows.min(data.readings.len() - start);
        let batch = data.narrow(start, length, None)?;
        let weights = match vae.posterior(&batch.inputs)? {
            Posterior::Gaussian(proposal) => {
                log_weights(vae, &batch, &proposal, samples, &mut rng)?
            }
            proposal => log_weights_by_density(vae, &batch, &proposal, samples, &mut rng)?,
        };
        all.extend(weights.iter().zip(start..).map(|(weights, row)| {
            let evidence = Evidence::new(weights);
            Evidence {
                log_evidence: evidence.log_evidence + data.constant(row, None),
                ..evidence
            }
        }));
    }
    Ok(all)
}

/// log p(x) of normal readings, by importance sampling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogEvidence {
    /// For each reading.
    pub samples: usize,
    /// Nats a reading; none without any.
    pub mean: Option<f64>,
    /// Its standard error over readings; none below two.
    pub standard_error: Option<f64>,
    /// The part of it that the draws have.
    pub sampling_error: Option<f64>,
    /// Mean over the readings.
    pub effective_samples: Option<f64>,
}

impl LogEvidence {
    /// Takes the mean of `all`, by `samples` draws each; without `anomalous`, all readings count as normal.
    pub fn new(all: &[Evidence], samples: usize, anomalous: Option<&[bool]>) -> Self {
        let normal = |row: &usize| anomalous.is_none_or(|anomalous| !anomalous[*row]);
        let rows: Vec<usize> = (0..all.len()).filter(normal).collect();
        let of = |value: fn(&Evidence) -> f64| {
            rows.iter().map(|&row| value(&all[row])).collect::<Vec<_>>()
        };
        let (mean, standard_error) = mean_and_error(&of(|one| one.log_evidence));
        Self {
            samples,
            mean,
            standard_error,
            sampling_error: mean.map(|_| error_of_mean(&of(|one| one.standard_error))),
            effective_samples: mean_and_error(&of(|one| one.effective_samples)).0,
        }
    }
}

/// `log p(x|z) + log p(z) - log q(z)` without the likelihood's constant, (samples) for each
/// reading, at `samples` draws from `proposal`.
///
/// # Errors
/// [`Error::Tensor`].
pub fn log_weights(
    vae: &Vae,
    batch: &Batch,
    proposal: &Gaussian,
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

/// The same of any posterior.
fn log_weights_by_density(
    vae: &Vae,
    batch: &Batch,
    proposal: &Posterior,
    samples: usize,
    rng: &mut impl Rng,
) -> Result<Vec<Vec<f64>>, Error> {
    let shape = (samples, batch.inputs.dim(0)?, vae.latents());
    let noise = draw_noise(vae.latent(), shape, rng, batch.inputs.device())?;
    let z = proposal.sample(&noise)?;
    let log_joint = (batch.log_likelihoods(vae, &z)? + vae.log_prior(&z)?)?;
    by_reading(&(log_joint - proposal.log_density(&z)?)?)
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
