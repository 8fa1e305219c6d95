//! Ranges of activations, which integers stand for.

use super::operand::LARGEST_LATENT;
use crate::error::Error;
use crate::model::objective::Batch;
use crate::model::posterior::draw_noise;
use crate::model::{Dense, Posterior, Vae};
use crate::numeric::random::{self, Purpose};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// Draws from each posterior that the decoder's ranges are measured on.
const DRAWS: usize = 4;

/// Ranges of the activations on the readings that quantization is calibrated with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    /// Largest magnitude of each network input.
    pub inputs: Vec<f64>,
    /// Largest output of each unit of each hidden layer of the encoder.
    pub encoder: Vec<Vec<f64>>,
    /// Largest output of each unit of each hidden layer of the decoder.
    pub decoder: Vec<Vec<f64>>,
    /// Lowest and highest log-variance: of [`Posterior::limited`].
    pub log_variance: (f64, f64),
    /// Largest latent or condition, magnitude.
    pub latent: f64,
}

impl Ranges {
    /// Measures them on `batch`, the decoder's at draws from the posteriors. Of each input and each hidden
    /// unit it is what it exceeds on the fraction `1 - quantile` of the readings; 1 for the largest.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn measure(vae: &Vae, batch: &Batch, quantile: f64) -> Result<Self, Error> {
        let inputs = &batch.inputs;
        let encoder = hidden_outputs(&vae.encoder, inputs)?;
        let posterior = vae.posterior(inputs)?.detach();
        let taken_in = draws(vae, inputs, &posterior)?;
        let decoder = hidden_outputs(&vae.decoder, &taken_in)?;
        let limited = posterior.limited();
        let each = |layers: Vec<Tensor>| -> Result<Vec<Vec<f64>>, Error> {
            let layers = layers.iter();
            layers.map(|rows| quantiles(rows, quantile)).collect()
        };
        Ok(Self {
            inputs: quantiles(&inputs.abs()?, quantile)?,
            encoder: each(encoder)?,
            decoder: each(decoder)?,
            log_variance: (-largest(&limited.neg()?)?, largest(limited)?),
            latent: largest(&taken_in.abs()?)?,
        })
    }

    /// The ranges that hold both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            inputs: larger_each(self.inputs, other.inputs),
            encoder: larger(self.encoder, other.encoder),
            decoder: larger(self.decoder, other.decoder),
            log_variance: (
                self.log_variance.0.min(other.log_variance.0),
                self.log_variance.1.max(other.log_variance.1),
            ),
            latent: self.latent.max(other.latent),
        }
    }
}

/// Inputs of the decoder for readings `inputs`: the means of their posteriors, or the most probable bits, and draws from them, with
/// the conditions behind, (draws * batch, taken in). Posteriors and latents are clamped to what an image holds.
pub(super) fn draws(vae: &Vae, inputs: &Tensor, posterior: &Posterior) -> Result<Tensor, Error> {
    let conditions = vae.conditions_of(inputs)?;
    // As the image does: far from all that was learned, an encoder may answer anything.
    let posterior = posterior.clamp()?;
    let shape = (1, inputs.dim(0)?, vae.latents());
    let mut rng = random::stream(0, Purpose::Evaluation);
    let mut all = vec![];
    for draw in 0..=DRAWS {
        let latents = if draw == 0 {
            posterior.typical()?
        } else {
            let noise = draw_noise(vae.latent(), shape, &mut rng, inputs.device())?;
            posterior.sample(&noise)?.squeeze(0)?
        };
        let latents = latents.clamp(-LARGEST_LATENT, LARGEST_LATENT)?;
        all.push(match &conditions {
            None => latents,
            Some(conditions) => Tensor::cat(&[&latents, conditions], 1)?,
        });
    }
    Ok(Tensor::cat(&all, 0)?)
}

fn largest(tensor: &Tensor) -> Result<f64, Error> {
    Ok(f64::from(tensor.flatten_all()?.max(0)?.to_scalar::<f32>()?))
}

/// The larger of each two ranges, layer by layer and unit by unit.
fn larger(a: Vec<Vec<f64>>, b: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let layers = a.into_iter().zip(b);
    layers.map(|(a, b)| larger_each(a, b)).collect()
}

fn larger_each(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect()
}

/// The quantile of each column, an order statistic.
fn quantiles(rows: &Tensor, quantile: f64) -> Result<Vec<f64>, Error> {
    let columns = rows.t()?.contiguous()?.to_vec2::<f32>()?;
    let of = |mut column: Vec<f32>| {
        let place = (quantile * (column.len() - 1) as f64).ceil() as usize;
        f64::from(*column.select_nth_unstable_by(place, f32::total_cmp).1)
    };
    Ok(columns.into_iter().map(of).collect())
}

/// The outputs of each of some hidden layers.
pub(super) fn hidden_outputs(layers: &[Dense], inputs: &Tensor) -> Result<Vec<Tensor>, Error> {
    let mut features = inputs.clone();
    let outputs = layers.iter().map(|layer| {
        // What they were computed from would stay in memory with them.
        features = layer.forward(&features)?.relu()?.detach();
        Ok(features.clone())
    });
    outputs.collect()
}
