//! p(z) in floats, of one vector.

use crate::error::Error;
use crate::model::Vae;

/// The prior.
#[derive(Clone, Debug)]
pub(super) enum Prior {
    /// N(0, I).
    Standard,
    /// A mixture.
    Mixture(Vec<Component>),
}

/// One of its Gaussians.
#[derive(Clone, Debug)]
pub(super) struct Component {
    log_weight: f64,
    mean: Vec<f64>,
    log_variance: Vec<f64>,
}

impl Prior {
    /// That of `vae`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub(super) fn new(vae: &Vae) -> Result<Self, Error> {
        let Some(components) = vae.components()? else {
            return Ok(Self::Standard);
        };
        let log_weights = components.log_weights.to_vec1::<f32>()?;
        let means = components.means.to_vec2::<f32>()?;
        let log_variances = components.log_variances.to_vec2::<f32>()?;
        let wide = |row: Vec<f32>| row.into_iter().map(f64::from).collect::<Vec<_>>();
        let shapes = means.into_iter().zip(log_variances);
        let all = log_weights.into_iter().zip(shapes);
        let all = all.map(|(log_weight, (mean, log_variance))| Component {
            log_weight: log_weight.into(),
            mean: wide(mean),
            log_variance: wide(log_variance),
        });
        Ok(Self::Mixture(all.collect()))
    }

    /// `KL(q || p)` of a diagonal Gaussian, nats: see [`Vae::divergence`].
    pub(super) fn divergence(&self, mean: &[f64], log_variance: &[f64]) -> f64 {
        match self {
            Self::Standard => divergence(mean, log_variance, |_| (0.0, 0.0)),
            Self::Mixture(components) => -log_sum_exp(components.iter().map(|component| {
                let of = |at: usize| (component.mean[at], component.log_variance[at]);
                component.log_weight - divergence(mean, log_variance, of)
            })),
        }
    }

    /// `ln p(z)` without `-Z/2 ln 2 pi`.
    pub(super) fn log_density(&self, z: &[f64]) -> f64 {
        match self {
            Self::Standard => -0.5 * z.iter().map(|z| z * z).sum::<f64>(),
            Self::Mixture(components) => log_sum_exp(components.iter().map(|component| {
                let shape = component.mean.iter().zip(&component.log_variance);
                let twice = z
                    .iter()
                    .zip(shape)
                    .map(|(z, (mean, log))| (z - mean).powi(2) * (-log).exp() + log);
                component.log_weight - 0.5 * twice.sum::<f64>()
            })),
        }
    }
}

/// `KL(N(mean, e^log_variance) || N(m, e^l))` of diagonal Gaussians, `of` giving m and l of each latent.
fn divergence(mean: &[f64], log_variance: &[f64], of: impl Fn(usize) -> (f64, f64)) -> f64 {
    let latents = mean.iter().zip(log_variance).enumerate();
    let twice = latents.map(|(at, (mean, log_variance))| {
        let (center, log) = of(at);
        let ratio = log_variance - log;
        (mean - center).powi(2) * (-log).exp() + ratio.exp() - 1.0 - ratio
    });
    0.5 * twice.sum::<f64>()
}

/// `ln sum exp`.
pub(super) fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let highest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    highest + terms.map(|term| (term - highest).exp()).sum::<f64>().ln()
}
