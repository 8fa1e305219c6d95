//! q(z|x) of a batch, of either kind of latents.

use crate::config::Latent;
use crate::error::Error;
use crate::likelihood::softplus;
use crate::model::Vae;
use crate::numeric::random::{normals, uniform};
use candle_core::{D, DType, Device, Tensor};
use rand_core::Rng;

/// q(z|x) for each reading of a batch, differentiable in the encoder.
#[derive(Clone, Debug)]
pub enum Proposal {
    /// `N(mean, diag(exp(log_variance)))`, each (batch, latents).
    Gaussian {
        /// Of each latent.
        mean: Tensor,
        /// `ln sigma^2`.
        log_variance: Tensor,
    },
    /// A bit is one with the chance `sigmoid(logits)`, (batch, latents).
    Bernoulli {
        /// Of each latent.
        logits: Tensor,
    },
}

/// What [`Proposal::sample`] makes latents of: standard normals for Gaussians, numbers uniform in
/// [0, 1) for bits.
///
/// # Errors
/// [`Error::Tensor`].
pub fn draw_noise(
    latent: Latent,
    shape: (usize, usize, usize),
    rng: &mut impl Rng,
    device: &Device,
) -> Result<Tensor, Error> {
    let count = shape.0 * shape.1 * shape.2;
    let values = match latent {
        Latent::Gaussian => normals(rng, count),
        Latent::Bernoulli => (0..count).map(|_| uniform(rng, 0.5) + 0.5).collect(),
    };
    Ok(Tensor::from_vec(values, shape, device)?)
}

/// The noise that makes the opposite draws: of each latent on the other side of its mean, or of its
/// coin.
///
/// # Errors
/// [`Error::Tensor`].
pub fn opposite(latent: Latent, noise: &Tensor) -> Result<Tensor, Error> {
    Ok(match latent {
        Latent::Gaussian => noise.neg()?,
        Latent::Bernoulli => noise.affine(-1.0, 1.0)?,
    })
}

impl Proposal {
    /// The encoder's answer to inputs (batch, inputs).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn encode(vae: &Vae, inputs: &Tensor) -> Result<Self, Error> {
        Ok(match vae.latent() {
            Latent::Gaussian => {
                let (mean, log_variance) = vae.encode(inputs)?;
                Self::Gaussian { mean, log_variance }
            }
            Latent::Bernoulli => Self::Bernoulli {
                logits: vae.encoder_outputs(inputs)?,
            },
        })
    }

    /// The same, constant.
    pub fn detach(&self) -> Self {
        match self {
            Self::Gaussian { mean, log_variance } => Self::Gaussian {
                mean: mean.detach(),
                log_variance: log_variance.detach(),
            },
            Self::Bernoulli { logits } => Self::Bernoulli {
                logits: logits.detach(),
            },
        }
    }

    /// Latents (samples, batch, latents) from noise of that shape; of Gaussians they are
    /// differentiable.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Gaussian { mean, log_variance } => {
                let deviation = (log_variance * 0.5)?.exp()?;
                noise.broadcast_mul(&deviation)?.broadcast_add(mean)?
            }
            Self::Bernoulli { logits } => {
                // sigmoid(l) = 1 / (1 + exp(-l)): an overflow of the exponential makes it zero.
                let chances = (logits.detach().neg()?.exp()? + 1.0)?.recip()?;
                noise.broadcast_lt(&chances)?.to_dtype(DType::F32)?
            }
        })
    }

    /// `log q(z|x)`, (samples, batch), of Gaussians without `-Z/2 ln 2 pi`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn log_density(&self, latents: &Tensor) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Gaussian { mean, log_variance } => {
                let precision = (log_variance * -0.5)?.exp()?;
                let deviation = latents.broadcast_sub(mean)?.broadcast_mul(&precision)?;
                let squares = deviation.sqr()?.sum(D::Minus1)?;
                let twice = squares.broadcast_add(&log_variance.sum(D::Minus1)?)?;
                (twice * -0.5)?
            }
            Self::Bernoulli { logits } => {
                let chosen = latents.broadcast_mul(logits)?.sum(D::Minus1)?;
                chosen.broadcast_sub(&softplus(logits)?.sum(D::Minus1)?)?
            }
        })
    }

    /// `log p(z)`, (samples, batch), of Gaussians without `-Z/2 ln 2 pi`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn log_prior(&self, vae: &Vae, latents: &Tensor) -> Result<Tensor, Error> {
        let (samples, batch, size) = latents.dims3()?;
        Ok(match self {
            Self::Gaussian { .. } => vae.log_prior(latents)?,
            Self::Bernoulli { .. } => {
                let coins = -(size as f32) * std::f32::consts::LN_2;
                Tensor::full(coins, (samples, batch), latents.device())?
            }
        })
    }

    /// `KL(q(z|x) || p(z))`, (batch): of Gaussians [`Vae::divergence`]; of bits in closed form, `Z ln 2`
    /// less the entropies, `softplus(l) - l sigmoid(l)` each.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn divergence(&self, vae: &Vae) -> Result<Tensor, Error> {
        match self {
            Self::Gaussian { mean, log_variance } => vae.divergence(mean, log_variance),
            Self::Bernoulli { logits } => {
                let chances = (logits.neg()?.exp()? + 1.0)?.recip()?;
                let entropies = (softplus(logits)? - (logits * chances)?)?;
                let coins = std::f64::consts::LN_2 * logits.dim(1)? as f64;
                Ok((entropies.sum(D::Minus1)?.neg()? + coins)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Architecture, Likelihood};
    use crate::numeric::random::{self, Purpose};

    fn model() -> Vae {
        let architecture = Architecture {
            inputs: 2,
            latents: 3,
            latent: Latent::Bernoulli,
            ..Architecture::default()
        };
        let mut rng = random::stream(0, Purpose::Initialization);
        let likelihood = Likelihood::binomial(1, 2).unwrap();
        Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap()
    }

    fn bits(logits: &[f32]) -> Proposal {
        let logits = Tensor::from_slice(logits, (1, logits.len()), &Device::Cpu).unwrap();
        Proposal::Bernoulli { logits }
    }

    fn list(tensor: &Tensor) -> Vec<f64> {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f64::from).collect()
    }

    /// All 2^3 latents, (8, 1, 3).
    fn all() -> Tensor {
        let values =
            (0..8).flat_map(|code| (0..3).map(move |at| f32::from((code >> at & 1) as u8)));
        Tensor::from_vec(values.collect(), (8, 1, 3), &Device::Cpu).unwrap()
    }

    #[test]
    fn bits_have_the_densities_and_the_divergence_of_their_table() {
        let q = bits(&[0.3, -2.0, 4.0]);
        let (log_q, log_p) = (
            q.log_density(&all()).unwrap(),
            q.log_prior(&model(), &all()).unwrap(),
        );
        let (log_q, log_p) = (list(&log_q), list(&log_p));
        let total: f64 = log_q.iter().map(|log| log.exp()).sum();
        assert!((total - 1.0).abs() < 1e-6, "{total}");
        assert!(log_p.iter().all(|log| (log + 8f64.ln()).abs() < 1e-6));
        let exact: f64 = log_q
            .iter()
            .zip(&log_p)
            .map(|(q, p)| q.exp() * (q - p))
            .sum();
        let got = list(&q.divergence(&model()).unwrap())[0];
        assert!((got - exact).abs() < 1e-6, "{got} {exact}");
    }

    /// Of 100,000 draws, each within five standard errors.
    #[test]
    fn bits_are_one_as_often_as_their_logits_say() {
        let logits = [0.3, -2.0, 4.0];
        let mut rng = random::stream(1, Purpose::Noise);
        let noise = draw_noise(Latent::Bernoulli, (100_000, 1, 3), &mut rng, &Device::Cpu);
        let drawn = bits(&logits).sample(&noise.unwrap()).unwrap();
        let means = list(&drawn.mean(0).unwrap());
        for (mean, logit) in means.into_iter().zip(logits) {
            let chance = 1.0 / (1.0 + f64::from(-logit).exp());
            let error = (chance * (1.0 - chance) / 100_000.0).sqrt();
            assert!((mean - chance).abs() < 5.0 * error, "{mean} {chance}");
        }
    }

    #[test]
    fn extreme_logits_are_certain() {
        let q = bits(&[500.0, -500.0, 0.0]);
        let kl = list(&q.divergence(&model()).unwrap())[0];
        assert!((kl - 4f64.ln()).abs() < 1e-5, "{kl}");
        let log_q = list(&q.log_density(&all()).unwrap());
        assert!((log_q[1] + 2f64.ln()).abs() < 1e-4 && log_q.iter().all(|log| log.is_finite()));
    }
}
