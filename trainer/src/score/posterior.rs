//! Diagonal Gaussians over the latents of single readings.

use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Batch;
use candle_core::{Device, Tensor};

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
