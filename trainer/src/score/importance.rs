//! log p(x) by importance sampling.

use crate::error::Error;
use crate::model::objective::{Batch, log_ratio};
use crate::model::{Gaussian, Vae};
use crate::numeric::random::normals;
use candle_core::Tensor;
use rand_core::Rng;

/// `log p(x|z) + log p(z) - log q(z)` without the likelihood's constant, (samples) for each
/// reading, at `samples` draws from `proposal` (Burda, Grosse and Salakhutdinov, "Importance
/// weighted autoencoders", 2016, equation 8).
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
