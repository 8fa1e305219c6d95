//! Stochastic variational inference at a fixed decoder.

use super::local::Local;
use crate::error::Error;
use crate::model::Gaussian;
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::numeric::random::normals;
use candle_core::{Device, Tensor};
use rand_core::Rng;

/// Samples in a step, in antithetic pairs.
const SAMPLES: usize = 16;
/// Samples of the bound that tells whether a round has gained anything, always the same.
const CHECK_SAMPLES: usize = 64;
/// Steps from one such check to the next.
const ROUND: usize = 50;
/// The factor of the step size after a round without gain.
const DECAY: f64 = 0.5;
/// The part of the first step size below which the ascent has converged.
const FINEST: f64 = 0.001;

/// The end of an ascent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ascent {
    /// So many steps, of a size that falls to zero along a line: semi-amortized inference.
    Steps {
        /// At least one.
        steps: usize,
        /// Adam's step size in the first.
        rate: f64,
    },
    /// Until it has converged: a round of steps that gains less than `tolerance` nats a reading makes
    /// the steps smaller, until they are a thousandth of the first.
    Converge {
        /// Adam's first step size.
        rate: f64,
        /// Nats a reading.
        tolerance: f64,
        /// Steps at most.
        most: usize,
    },
}

/// The result of an ascent.
#[derive(Clone, Debug)]
pub struct Refined {
    /// For each reading.
    pub posterior: Gaussian,
    /// Steps that were taken.
    pub steps: usize,
    /// Whether it stopped by itself.
    pub converged: bool,
}

/// Ascends the bound in `phi_i = (mu_i, ln sigma_i)` of each reading of `batch` with the decoder
/// fixed, from `start`, by reparameterized gradients (Hoffman et al., "Stochastic variational
/// inference", 2013; from an encoder's answer: Kim et al., "Semi-amortized variational
/// autoencoders", 2018).
///
/// # Errors
/// [`Error::Tensor`].
pub fn refine(
    vae: &Vae,
    batch: &Batch,
    start: &Gaussian,
    ascent: Ascent,
    rng: &mut impl Rng,
) -> Result<Refined, Error> {
    let (readings, latents) = start.mean.dims2()?;
    let device = start.mean.device();
    let rows: Vec<u32> = (0..readings as u32).collect();
    let mut local = Local::new(start)?;
    let check = antithetic(CHECK_SAMPLES, readings, latents, rng, device)?;
    let value = |local: &Local| -> Result<f64, Error> {
        let posterior = local.variables(&rows, device)?.posterior()?;
        let bounds = posterior.bounds(vae, batch, &check)?.mean_all()?;
        Ok(f64::from(bounds.to_scalar::<f32>()?))
    };
    let (first, most) = match ascent {
        Ascent::Steps { steps, rate } => (rate, steps),
        Ascent::Converge { rate, most, .. } => (rate, most),
    };
    let (mut rate, mut last) = (first, f64::NEG_INFINITY);
    let mut step = 0;
    while step < most && rate >= FINEST * first {
        if let Ascent::Steps { steps, .. } = ascent {
            rate = first * (steps - step) as f64 / steps as f64;
            if rate < FINEST * first {
                rate = FINEST * first;
            }
        }
        let noise = antithetic(SAMPLES, readings, latents, rng, device)?;
        let variables = local.variables(&rows, device)?;
        let bounds = variables.posterior()?.bounds(vae, batch, &noise)?;
        // Each reading has the whole gradient of its own bound.
        let gradients = bounds.mean(0)?.sum_all()?.backward()?;
        if let Some(gradient) = gradients.get(variables.var()) {
            local.ascend(&rows, gradient, rate)?;
        }
        step += 1;
        if let Ascent::Converge { tolerance, .. } = ascent
            && step.is_multiple_of(ROUND)
        {
            let now = value(&local)?;
            if now - last < tolerance {
                rate *= DECAY;
            }
            last = now;
        }
    }
    let posterior = local.variables(&rows, device)?.posterior()?;
    Ok(Refined {
        posterior: posterior.detach(),
        steps: step,
        converged: rate < FINEST * first,
    })
}

/// Noise (samples, readings, latents) in pairs of opposite sign; an even number of samples.
pub(in crate::train) fn antithetic(
    samples: usize,
    readings: usize,
    latents: usize,
    rng: &mut impl Rng,
    device: &Device,
) -> Result<Tensor, Error> {
    let half = (samples / 2).max(1);
    let noise = normals(rng, half * readings * latents);
    let noise = Tensor::from_vec(noise, (half, readings, latents), device)?;
    Ok(Tensor::cat(&[&noise, &noise.neg()?], 0)?)
}
