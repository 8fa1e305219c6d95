//! p(z) in floats: the formulas of `elbow::distribution::Prior`, on tensors.

use super::posterior::Gaussian;
use crate::config::PriorKind;
use crate::error::Error;
use crate::numeric::log_sum_exp::log_sum_exp_over;
use crate::numeric::random::{normals, uniform};
use candle_core::{D, DType, Device, Tensor, Var};
use rand_core::Rng;

/// The range of the log-variances of components, which is that of an image.
const LOG_VARIANCES: (f64, f64) = (-16.0, 8.0);

/// The variables of the prior.
#[derive(Clone, Debug)]
pub enum Prior {
    /// N(0, I): none.
    Standard,
    /// A mixture of diagonal Gaussians.
    Mixture {
        /// Weights are their softmax, (components).
        logits: Var,
        /// (components, latents).
        means: Var,
        /// (components, latents).
        log_variances: Var,
    },
    /// The mean of the posteriors of pseudo-inputs, which are learned (Tomczak and Welling, "VAE with a
    /// VampPrior", AISTATS 2018, equation 9).
    Vamp {
        /// Network inputs, (components, numbers in a reading).
        pseudo_inputs: Var,
    },
    /// Independent bits.
    Factorized {
        /// The log-odds that each is one, (latents).
        log_odds: Var,
    },
}

/// A mixture of diagonal Gaussians.
#[derive(Clone, Debug)]
pub struct Components {
    /// `ln w_c`, (components).
    pub log_weights: Tensor,
    /// (components, latents).
    pub means: Tensor,
    /// (components, latents).
    pub log_variances: Tensor,
}

impl Prior {
    /// The variables of `kind` with random values; bits start as fair coins. Means of components are drawn from N(0, I) and
    /// log-variances are 0; pseudo-inputs are small random numbers.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        kind: PriorKind,
        (numbers, latents): (usize, usize),
        rng: &mut impl Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        Ok(match kind {
            PriorKind::Standard => Self::Standard,
            PriorKind::Mixture { components } => {
                let means = normals(rng, components * latents);
                let shape = (components, latents);
                Self::Mixture {
                    logits: Var::zeros(components, DType::F32, device)?,
                    means: Var::from_vec(means, shape, device)?,
                    log_variances: Var::zeros(shape, DType::F32, device)?,
                }
            }
            PriorKind::Vamp { pseudo_inputs } => {
                let draws = (0..pseudo_inputs * numbers).map(|_| uniform(rng, 0.01));
                let shape = (pseudo_inputs, numbers);
                Self::Vamp {
                    pseudo_inputs: Var::from_vec(draws.collect(), shape, device)?,
                }
            }
            PriorKind::Factorized => Self::Factorized {
                log_odds: Var::zeros(latents, DType::F32, device)?,
            },
        })
    }

    /// Every variable with its name, always in the same order.
    pub fn parameters(&self) -> Vec<(&'static str, &Var)> {
        match self {
            Self::Standard => vec![],
            Self::Mixture {
                logits,
                means,
                log_variances,
            } => vec![
                ("prior.logits", logits),
                ("prior.means", means),
                ("prior.log_variances", log_variances),
            ],
            Self::Vamp { pseudo_inputs } => vec![("prior.pseudo_inputs", pseudo_inputs)],
            Self::Factorized { log_odds } => vec![("prior.log_odds", log_odds)],
        }
    }

    /// The log-odds of bits, (latents), where they are learned.
    pub fn log_odds(&self) -> Option<&Tensor> {
        match self {
            Self::Factorized { log_odds } => Some(log_odds.as_tensor()),
            _ => None,
        }
    }

    /// Makes pseudo-inputs of rows of `inputs`, (readings, numbers), spread evenly over them: what they
    /// start from in training.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn start_from(&self, inputs: &Tensor) -> Result<(), Error> {
        if let Self::Vamp { pseudo_inputs } = self
            && inputs.dim(0)? > 0
        {
            let (count, readings) = (pseudo_inputs.dim(0)?, inputs.dim(0)?);
            let rows: Vec<u32> = (0..count)
                .map(|at| (at * readings / count) as u32)
                .collect();
            let rows = Tensor::new(rows, inputs.device())?;
            pseudo_inputs.set(&inputs.index_select(&rows, 0)?)?;
        }
        Ok(())
    }

    /// The components, by `encode` where they are posteriors; none of N(0, I) and of bits.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn components(
        &self,
        encode: impl Fn(&Tensor) -> Result<Gaussian, Error>,
    ) -> Result<Option<Components>, Error> {
        let (low, high) = LOG_VARIANCES;
        Ok(match self {
            Self::Standard | Self::Factorized { .. } => None,
            Self::Mixture {
                logits,
                means,
                log_variances,
            } => {
                let normalizer = log_sum_exp_over(logits, 0)?;
                Some(Components {
                    log_weights: logits.broadcast_sub(&normalizer)?,
                    means: means.as_tensor().clone(),
                    log_variances: log_variances.clamp(low, high)?,
                })
            }
            Self::Vamp { pseudo_inputs } => {
                let count = pseudo_inputs.dim(0)?;
                let Gaussian { mean, log_variance } = encode(pseudo_inputs)?;
                let (means, log_variances) = (mean.contiguous()?, log_variance.contiguous()?);
                let log_weights = Tensor::full(-(count as f32).ln(), count, means.device())?;
                Some(Components {
                    log_weights,
                    means,
                    log_variances: log_variances.clamp(low, high)?,
                })
            }
        })
    }
}

impl Components {
    /// `-ln sum_c w_c exp(-KL(q || N_c))`, (batch), of diagonal Gaussians (batch, latents): at least the
    /// divergence from the mixture (Hershey and Olsen, "Approximating the Kullback Leibler
    /// divergence between Gaussian mixture models", ICASSP 2007, section 6), and what a device computes.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn divergence(&self, mean: &Tensor, log_variance: &Tensor) -> Result<Tensor, Error> {
        let (mean, log_variance) = (mean.unsqueeze(1)?, log_variance.unsqueeze(1)?);
        let distance = mean.broadcast_sub(&self.means.unsqueeze(0)?)?;
        // Of q standardized by the component: KL(N(d/s, ratio) || N(0, I)).
        let shift = distance.broadcast_mul(&(&self.log_variances * -0.5)?.exp()?.unsqueeze(0)?)?;
        let log_ratio = log_variance.broadcast_sub(&self.log_variances.unsqueeze(0)?)?;
        let standardized = Gaussian {
            mean: shift,
            log_variance: log_ratio,
        };
        let divergences = standardized.divergences()?.sum(D::Minus1)?;
        let terms = divergences.neg()?.broadcast_add(&self.log_weights)?;
        Ok(log_sum_exp_over(&terms, D::Minus1)?.neg()?)
    }

    /// `ln p(z)` without `-Z/2 ln 2 pi`, of latents (..., latents), one less dimension.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn log_density(&self, latents: &Tensor) -> Result<Tensor, Error> {
        let shape = latents.dims().to_vec();
        let size = shape[shape.len() - 1];
        let flat = latents.reshape(((), size))?.unsqueeze(1)?;
        let precision = (&self.log_variances * -0.5)?.exp()?.unsqueeze(0)?;
        let distance = flat.broadcast_sub(&self.means.unsqueeze(0)?)?;
        let squares = distance.broadcast_mul(&precision)?.sqr()?.sum(D::Minus1)?;
        let spreads = self.log_variances.sum(D::Minus1)?;
        let twice = squares.broadcast_add(&spreads)?;
        let terms = (twice * -0.5)?.broadcast_add(&self.log_weights)?;
        Ok(log_sum_exp_over(&terms, D::Minus1)?.reshape(&shape[..shape.len() - 1])?)
    }

    /// `count` draws, (count, latents).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn sample(&self, count: usize, rng: &mut impl Rng) -> Result<Tensor, Error> {
        let weights = self.log_weights.exp()?.to_vec1::<f32>()?;
        let choices: Vec<u32> = (0..count).map(|_| choose(&weights, rng)).collect();
        let choices = Tensor::new(choices, self.means.device())?;
        let latents = self.means.dim(1)?;
        let noise = normals(rng, count * latents);
        let noise = Tensor::from_vec(noise, (count, latents), self.means.device())?;
        let deviations = (&self.log_variances * 0.5)?
            .exp()?
            .index_select(&choices, 0)?;
        Ok(((noise * deviations)? + self.means.index_select(&choices, 0)?)?)
    }
}

/// An index drawn by its weight.
fn choose(weights: &[f32], rng: &mut impl Rng) -> u32 {
    let fraction = f64::from(rng.next_u32()) / 4_294_967_296.0;
    let mut below = 0.0;
    let chosen = weights.iter().position(|&weight| {
        below += f64::from(weight);
        fraction < below
    });
    chosen.unwrap_or(weights.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{self, Purpose};

    fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
    }

    fn components() -> Components {
        Components {
            log_weights: tensor(&[0.7f32.ln(), 0.3f32.ln()], &[2]),
            means: tensor(&[-2.0, 0.5, 1.0, -0.5], &[2, 2]),
            log_variances: tensor(&[0.0, -1.0, 0.5, -2.0], &[2, 2]),
        }
    }

    fn scalar(tensor: &Tensor) -> f64 {
        f64::from(tensor.sum_all().unwrap().to_scalar::<f32>().unwrap())
    }

    /// One standard component is N(0, I).
    #[test]
    fn one_component_is_the_closed_form() {
        let one = Components {
            log_weights: tensor(&[0.0], &[1]),
            means: tensor(&[0.0; 3], &[1, 3]),
            log_variances: tensor(&[0.0; 3], &[1, 3]),
        };
        let (mean, log_variance) = (
            tensor(&[0.5, -1.0, 2.0], &[1, 3]),
            tensor(&[-1.0, 0.2, -4.0], &[1, 3]),
        );
        let q = Gaussian {
            mean: mean.clone(),
            log_variance: log_variance.clone(),
        };
        let exact = scalar(&q.divergences().unwrap());
        let got = scalar(&one.divergence(&mean, &log_variance).unwrap());
        assert!((got - exact).abs() < 1e-5, "{got} {exact}");
        let z = tensor(&[0.3, -0.7, 1.1], &[1, 1, 3]);
        let density = scalar(&one.log_density(&z).unwrap());
        assert!((density + 0.5 * (0.09 + 0.49 + 1.21)).abs() < 1e-5);
    }

    /// The divergence is at least what 100,000 draws say, but for five standard errors, and no more than
    /// the entropy of the choice of a component above it.
    #[test]
    fn the_divergence_is_an_upper_bound_near_the_mean_of_draws() {
        let (prior, mut rng) = (components(), random::stream(3, Purpose::Noise));
        for (mean, log_variance) in [([-2.0, 0.5], [0.0f32, -1.0]), ([0.0, 0.0], [-1.0, -3.0])] {
            let count = 100_000;
            let noise = tensor(&normals(&mut rng, 2 * count), &[count, 2]);
            let deviation = tensor(&log_variance.map(|l| (0.5 * l).exp()), &[1, 2]);
            let z = noise.broadcast_mul(&deviation).unwrap();
            let z = z.broadcast_add(&tensor(&mean, &[1, 2])).unwrap();
            let of_q = (noise.sqr().unwrap().sum(1).unwrap() * -0.5).unwrap();
            let of_q = (of_q - 0.5 * f64::from(log_variance[0] + log_variance[1])).unwrap();
            let draws = (of_q - prior.log_density(&z).unwrap())
                .unwrap()
                .to_vec1::<f32>()
                .unwrap();
            let exact = draws.iter().map(|&d| f64::from(d)).sum::<f64>() / count as f64;
            let squares: f64 = draws.iter().map(|&d| (f64::from(d) - exact).powi(2)).sum();
            let error = (squares / (count * count) as f64).sqrt();
            let (mean, log_variance) = (tensor(&mean, &[1, 2]), tensor(&log_variance, &[1, 2]));
            let bound = scalar(&prior.divergence(&mean, &log_variance).unwrap());
            assert!(
                bound > exact - 5.0 * error && bound < exact + 2f64.ln(),
                "{bound} {exact}"
            );
        }
    }

    /// Over 100,000 draws, mean and variance of each latent are those of the mixture within five
    /// standard errors of the mean, and 3 % of the variance.
    #[test]
    fn draws_have_the_moments_of_the_mixture() {
        let (prior, mut rng) = (components(), random::stream(4, Purpose::Noise));
        let count = 100_000;
        let draws = prior
            .sample(count, &mut rng)
            .unwrap()
            .to_vec2::<f32>()
            .unwrap();
        let (means, log_variances) = ([[-2.0f64, 0.5], [1.0, -0.5]], [[0.0f64, -1.0], [0.5, -2.0]]);
        for j in 0..2 {
            let mean = 0.7 * means[0][j] + 0.3 * means[1][j];
            let second = |c: usize| log_variances[c][j].exp() + means[c][j].powi(2);
            let variance = 0.7 * second(0) + 0.3 * second(1) - mean * mean;
            let column = || draws.iter().map(|row| f64::from(row[j]));
            let got = column().sum::<f64>() / count as f64;
            assert!(
                (got - mean).abs() < 5.0 * (variance / count as f64).sqrt(),
                "{got} {mean}"
            );
            let spread = column().map(|z| (z - got).powi(2)).sum::<f64>() / count as f64;
            assert!(
                (spread / variance - 1.0).abs() < 0.03,
                "{spread} {variance}"
            );
        }
    }
}
