//! q(z|x) of a batch: a kind of latents a file.

mod bernoulli;
pub mod gaussian;

pub use bernoulli::Bernoulli;
pub use gaussian::{Gaussian, LOG_VARIANCES};

use crate::config::Latent;
use crate::error::Error;
use crate::numeric::random::{normals, uniform};
use candle_core::{Device, Tensor};
use rand_core::Rng;

/// q(z|x) for each reading of a batch, differentiable in the encoder.
#[derive(Clone, Debug)]
pub enum Posterior {
    /// Diagonal Gaussians.
    Gaussian(Gaussian),
    /// Independent bits.
    Bernoulli(Bernoulli),
}

impl Latent {
    /// Numbers that the encoder gives for so many latents.
    pub fn heads(self, latents: usize) -> usize {
        match self {
            Self::Gaussian => Gaussian::HEADS * latents,
            Self::Bernoulli => Bernoulli::HEADS * latents,
        }
    }
}

/// Draws the noise that [`Posterior::sample`] makes latents of: standard normals for Gaussians, numbers uniform in
/// [0, 1) for bits.
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
pub fn opposite(latent: Latent, noise: &Tensor) -> Result<Tensor, Error> {
    Ok(match latent {
        Latent::Gaussian => noise.neg()?,
        Latent::Bernoulli => noise.affine(-1.0, 1.0)?,
    })
}

impl Posterior {
    /// The posterior of `heads` (batch, [`Latent::heads`]).
    pub fn of_heads(latent: Latent, heads: Tensor) -> Result<Self, Error> {
        Ok(match latent {
            Latent::Gaussian => Self::Gaussian(Gaussian::of_heads(&heads)?),
            Latent::Bernoulli => Self::Bernoulli(Bernoulli { logits: heads }),
        })
    }

    /// The mean of each latent, (batch, latents).
    pub fn mean(&self) -> Result<Tensor, Error> {
        match self {
            Self::Gaussian(gaussian) => Ok(gaussian.mean.clone()),
            Self::Bernoulli(bernoulli) => bernoulli.mean(),
        }
    }

    /// The latents at which a device takes one pass, (batch, latents): the means, or the most probable bits.
    pub fn typical(&self) -> Result<Tensor, Error> {
        match self {
            Self::Gaussian(gaussian) => Ok(gaussian.mean.clone()),
            Self::Bernoulli(bernoulli) => bernoulli.mode(),
        }
    }

    /// The heads whose range an image limits, (batch, latents): log-variances, or logits.
    pub fn limited(&self) -> &Tensor {
        match self {
            Self::Gaussian(gaussian) => &gaussian.log_variance,
            Self::Bernoulli(bernoulli) => &bernoulli.logits,
        }
    }

    /// The same within the limits that all images have.
    pub fn clamp(&self) -> Result<Self, Error> {
        match self {
            Self::Gaussian(gaussian) => Ok(Self::Gaussian(gaussian.clamp()?)),
            Self::Bernoulli(_) => Ok(self.clone()),
        }
    }

    /// The Fisher information that a draw has of each head, (batch, heads).
    pub fn information(&self) -> Result<Tensor, Error> {
        match self {
            Self::Gaussian(gaussian) => gaussian.information(),
            Self::Bernoulli(bernoulli) => bernoulli.information(),
        }
    }

    /// A copy without gradient.
    #[must_use]
    pub fn detach(&self) -> Self {
        match self {
            Self::Gaussian(gaussian) => Self::Gaussian(gaussian.detach()),
            Self::Bernoulli(Bernoulli { logits }) => Self::Bernoulli(Bernoulli {
                logits: logits.detach(),
            }),
        }
    }

    /// Latents (samples, batch, latents) from noise of that shape; of Gaussians they are
    /// differentiable.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor, Error> {
        match self {
            Self::Gaussian(gaussian) => gaussian.sample(noise),
            Self::Bernoulli(bernoulli) => bernoulli.sample(noise),
        }
    }

    /// `log q(z|x)`, (samples, batch), of Gaussians without `-Z/2 ln 2 pi`.
    pub fn log_density(&self, latents: &Tensor) -> Result<Tensor, Error> {
        match self {
            Self::Gaussian(gaussian) => gaussian.log_density(latents),
            Self::Bernoulli(bernoulli) => bernoulli.log_density(latents),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Architecture, Likelihood, Vae};
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

    fn bits(logits: &[f32]) -> Posterior {
        let logits = Tensor::from_slice(logits, (1, logits.len()), &Device::Cpu).unwrap();
        Posterior::Bernoulli(Bernoulli { logits })
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
            model().log_prior(&all()).unwrap(),
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
        for (at, information) in list(&q.information().unwrap()).into_iter().enumerate() {
            let ones = log_q
                .iter()
                .enumerate()
                .filter(|(code, _)| code >> at & 1 == 1);
            let chance: f64 = ones.map(|(_, log)| log.exp()).sum();
            assert!((information - chance * (1.0 - chance)).abs() < 1e-6, "{at}");
        }
        let got = list(&model().divergence(&q).unwrap())[0];
        assert!((got - exact).abs() < 1e-6, "{got} {exact}");
    }

    /// Frequencies of 100,000 draws are within five standard errors.
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
        let kl = list(&model().divergence(&q).unwrap())[0];
        assert!((kl - 4f64.ln()).abs() < 1e-5, "{kl}");
        let log_q = list(&q.log_density(&all()).unwrap());
        assert!((log_q[1] + 2f64.ln()).abs() < 1e-4 && log_q.iter().all(|log| log.is_finite()));
    }
}
