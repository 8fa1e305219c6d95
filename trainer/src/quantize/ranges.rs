//! What activations reach: the ranges that integers stand for.

use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::objective::Batch;
use crate::random::{self, Purpose, normals};
use candle_core::Tensor;

/// Draws from each posterior that the decoder's ranges are measured on.
const CALIBRATION_DRAWS: usize = 4;

/// What the activations reach on the readings that quantization is calibrated with.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    /// Largest network input, magnitude.
    pub input: f64,
    /// Largest output of each unit of each hidden layer of the encoder.
    pub encoder: Vec<Vec<f64>>,
    /// Largest output of each unit of each hidden layer of the decoder.
    pub decoder: Vec<Vec<f64>>,
    /// Lowest and highest log-variance.
    pub log_variance: (f64, f64),
    /// Largest latent or condition, magnitude.
    pub latent: f64,
}

impl Ranges {
    /// Measures them on `batch`, the decoder's at draws from the posteriors.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn measure(vae: &Vae, batch: &Batch) -> Result<Self, Error> {
        let inputs = &batch.inputs;
        let encoder = hidden_maxima(&vae.encoder, inputs)?;
        let (mean, log_variance) = vae.encode(inputs)?;
        let deviation = (&log_variance * 0.5)?.exp()?;
        let conditions = vae.conditions_of(inputs)?;
        let taken_in = |latents: &Tensor| match &conditions {
            None => Ok(latents.clone()),
            Some(conditions) => Tensor::cat(&[latents, conditions], 1),
        };
        let mut decoder = hidden_maxima(&vae.decoder, &taken_in(&mean)?)?;
        let mut latent = match &conditions {
            None => 0.0,
            Some(conditions) => largest(&conditions.abs()?)?,
        };
        let mut rng = random::stream(0, Purpose::Evaluation);
        for _ in 0..CALIBRATION_DRAWS {
            let noise = normals(&mut rng, mean.elem_count());
            let noise = Tensor::from_vec(noise, mean.shape(), mean.device())?;
            let sample = (&mean + (&deviation * noise)?)?;
            latent = latent.max(largest(&sample.abs()?)?);
            decoder = larger(decoder, hidden_maxima(&vae.decoder, &taken_in(&sample)?)?);
        }
        Ok(Self {
            input: largest(&inputs.abs()?)?,
            encoder,
            decoder,
            log_variance: (-largest(&log_variance.neg()?)?, largest(&log_variance)?),
            latent,
        })
    }

    /// The ranges that hold both.
    pub(super) fn hull(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
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

fn largest(tensor: &Tensor) -> Result<f64, Error> {
    Ok(f64::from(tensor.flatten_all()?.max(0)?.to_scalar::<f32>()?))
}

/// The larger of each two ranges, layer by layer and unit by unit.
fn larger(a: Vec<Vec<f64>>, b: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let layer =
        |(a, b): (Vec<f64>, Vec<f64>)| a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect();
    a.into_iter().zip(b).map(layer).collect()
}

fn hidden_maxima(layers: &[Dense], inputs: &Tensor) -> Result<Vec<Vec<f64>>, Error> {
    let mut features = inputs.clone();
    let outputs = layers.iter().map(|layer| {
        features = layer.forward(&features)?.relu()?;
        let maxima = features.max(0)?.to_vec1::<f32>()?;
        Ok(maxima.into_iter().map(f64::from).collect())
    });
    outputs.collect()
}
