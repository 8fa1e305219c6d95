//! log p(x) by importance sampling.

use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::{Batch, log_ratio};
use crate::numeric::random::normals;
use candle_core::{Device, Tensor};
use rand_core::Rng;

/// A diagonal Gaussian q(z) for each reading of a batch.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// (batch, latents).
    pub mean: Tensor,
    /// `ln sigma^2`, (batch, latents).
    pub log_variance: Tensor,
}

impl Posterior {
    /// The prior N(0, I), for every reading.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn prior(readings: usize, latents: usize, device: &Device) -> Result<Self, Error> {
        let zeros = Tensor::zeros((readings, latents), candle_core::DType::F32, device)?;
        Ok(Self {
            mean: zeros.clone(),
            log_variance: zeros,
        })
    }

    /// The encoder's answer to a batch.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn encode(vae: &Vae, batch: &Batch) -> Result<Self, Error> {
        let (mean, log_variance) = vae.encode(&batch.inputs)?;
        Ok(Self { mean, log_variance })
    }

    /// The posteriors of `length` readings from `start`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn narrow(&self, start: usize, length: usize) -> Result<Self, Error> {
        Ok(Self {
            mean: self.mean.narrow(0, start, length)?,
            log_variance: self.log_variance.narrow(0, start, length)?,
        })
    }

    /// `z = mu + sigma * noise` for noise (samples, batch, latents).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor, Error> {
        let deviation = (&self.log_variance * 0.5)?.exp()?;
        Ok(noise.broadcast_mul(&deviation)?.broadcast_add(&self.mean)?)
    }

    /// `KL(q || p(z))`, (batch), nats.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn kl(&self, vae: &Vae) -> Result<Tensor, Error> {
        vae.divergence(&self.mean, &self.log_variance)
    }

    /// The bound without the likelihood's constant, (samples, batch), at each sample of the noise
    /// (samples, batch, latents); the divergence in closed form.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn bounds(&self, vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Tensor, Error> {
        let log_likelihoods = batch.log_likelihoods(vae, &self.sample(noise)?)?;
        Ok(log_likelihoods.broadcast_sub(&self.kl(vae)?)?)
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
