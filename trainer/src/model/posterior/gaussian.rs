//! Diagonal Gaussians: `z = mu + sigma noise` with standard normal noise.

use crate::config::ElboForm;
use crate::error::Error;
use candle_core::{D, DType, Device, Tensor};

/// The lowest and the highest log-variance that an image may have.
pub const LOG_VARIANCES: (f64, f64) = (-20.0, 4.0);

/// `N(mean, diag(exp(log_variance)))` for each reading of a batch. Its functions fail with [`Error::Tensor`].
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// (batch, latents).
    pub mean: Tensor,
    /// `ln sigma^2`, (batch, latents).
    pub log_variance: Tensor,
}

impl Gaussian {
    /// Numbers that a latent has among the heads: all means, then all log-variances.
    pub const HEADS: usize = 2;

    /// The posteriors of `heads` (batch, 2 * latents).
    pub fn of_heads(heads: &Tensor) -> Result<Self, Error> {
        let latents = heads.dim(1)? / Self::HEADS;
        Ok(Self {
            mean: heads.narrow(1, 0, latents)?,
            log_variance: heads.narrow(1, latents, latents)?,
        })
    }

    /// The prior N(0, I), for every reading.
    pub fn prior(readings: usize, latents: usize, device: &Device) -> Result<Self, Error> {
        let zeros = Tensor::zeros((readings, latents), DType::F32, device)?;
        Ok(Self {
            mean: zeros.clone(),
            log_variance: zeros,
        })
    }

    /// The posteriors of `length` readings from `start`.
    pub fn narrow(&self, start: usize, length: usize) -> Result<Self, Error> {
        Ok(Self {
            mean: self.mean.narrow(0, start, length)?,
            log_variance: self.log_variance.narrow(0, start, length)?,
        })
    }

    /// A copy without gradient.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self {
            mean: self.mean.detach(),
            log_variance: self.log_variance.detach(),
        }
    }

    /// The same with log-variances within [`LOG_VARIANCES`].
    pub fn clamp(&self) -> Result<Self, Error> {
        let (low, high) = LOG_VARIANCES;
        Ok(Self {
            mean: self.mean.clone(),
            log_variance: self.log_variance.clamp(low, high)?,
        })
    }

    /// `z = mu + sigma * noise` for noise (samples, batch, latents).
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor, Error> {
        let deviation = (&self.log_variance * 0.5)?.exp()?;
        Ok(noise.broadcast_mul(&deviation)?.broadcast_add(&self.mean)?)
    }

    /// `log q(z|x)` without `-Z/2 ln 2 pi`, (samples, batch).
    pub fn log_density(&self, latents: &Tensor) -> Result<Tensor, Error> {
        let precision = (&self.log_variance * -0.5)?.exp()?;
        let deviation = latents.broadcast_sub(&self.mean)?;
        let deviation = deviation.broadcast_mul(&precision)?;
        let squares = deviation.sqr()?.sum(D::Minus1)?;
        let twice = squares.broadcast_add(&self.log_variance.sum(D::Minus1)?)?;
        Ok((twice * -0.5)?)
    }

    /// The part of each latent in `KL(q || N(0, I))`, (batch, latents).
    pub fn divergences(&self) -> Result<Tensor, Error> {
        let (mean, log_variance) = (&self.mean, &self.log_variance);
        let twice = ((mean.sqr()? + log_variance.exp()?)? - log_variance)?;
        Ok(((twice - 1.0)? * 0.5)?)
    }

    /// The estimate of [`Gaussian::divergences`] at `latents` (samples, batch, latents): `E_q[-log p(z)]` less the entropy, which is
    /// `1/2 z^2 - 1/2 (1 + ln sigma^2)`.
    pub fn divergences_at(&self, latents: &Tensor) -> Result<Tensor, Error> {
        let twice = (latents.sqr()?.mean(0)? - &self.log_variance)?;
        Ok(((twice - 1.0)? * 0.5)?)
    }

    /// The entropy without `Z/2 ln 2 pi`, (batch).
    pub fn entropy(&self) -> Result<Tensor, Error> {
        Ok(((&self.log_variance + 1.0)?.sum(D::Minus1)? * 0.5)?)
    }

    /// The Fisher information that a draw has of each head, (batch, 2 * latents): 1 / sigma^2 of a mean, 1/2 of a
    /// log-variance.
    pub fn information(&self) -> Result<Tensor, Error> {
        let log_variance = self.clamp()?.log_variance;
        let of_log_variance = (log_variance.zeros_like()? + 0.5)?;
        let of_mean = log_variance.neg()?.exp()?;
        Ok(Tensor::cat(&[&of_mean, &of_log_variance], 1)?)
    }
}

/// The posterior of one latent of one reading, in numbers.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// `mu`.
    pub mean: f32,
    /// `ln sigma^2`.
    pub log_variance: f32,
    /// `sigma`.
    pub deviation: f32,
}

/// A divergence, and its derivatives.
#[derive(Clone, Copy, Debug)]
pub struct Divergence {
    /// Nats.
    pub value: f32,
    /// Derivative by the mean.
    pub of_mean: f32,
    /// Derivative by the log-variance.
    pub of_log_variance: f32,
}

impl Axis {
    /// `KL(q || N(0, 1))`.
    pub fn divergence(&self) -> f32 {
        let variance = self.deviation * self.deviation;
        0.5 * (self.mean * self.mean + variance - self.log_variance - 1.0)
    }

    /// The divergence as `form` estimates it at `z = mu + sigma noise`.
    pub fn divergence_at(&self, form: ElboForm, z: f32, noise: f32) -> Divergence {
        match form {
            ElboForm::Divergence => Divergence {
                value: self.divergence(),
                of_mean: self.mean,
                of_log_variance: 0.5 * (self.deviation * self.deviation - 1.0),
            },
            ElboForm::Entropy => Divergence {
                value: 0.5 * (z * z - self.log_variance - 1.0),
                of_mean: z,
                of_log_variance: 0.5 * z * noise * self.deviation - 0.5,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `KL(N(m, v) || N(m + d, v))` is `d^2 / 2v`, and of log-variances d apart `(e^-d - 1 + d) / 2`, about `d^2 / 4`.
    #[test]
    fn draws_tell_means_by_their_precision_and_log_variances_alike() {
        let heads = Tensor::new(&[[0.3f32, -2.0, 4.0f32.ln(), 0.5f32.ln()]], &Device::Cpu).unwrap();
        let information = Gaussian::of_heads(&heads).unwrap().information().unwrap();
        let information = information.to_vec2::<f32>().unwrap();
        for (found, exact) in information[0].iter().zip([0.25, 2.0, 0.5, 0.5]) {
            assert!((found - exact).abs() < 1e-6, "{information:?}");
        }
    }
}
