//! Loss by quantization, in nats, reading by reading.

use crate::error::Error;
use crate::model::Vae;
use crate::model::posterior::{draw_noise, opposite};
use crate::model::prepared::Prepared;
use crate::readings::device::{device_scores, elbos};
use candle_core::Tensor;
use elbow::image::{ImageSpec, WriteError};
use elbow::{Estimator, Model};
use serde::Serialize;

/// The device's estimator: one draw and its mirror image.
const ESTIMATOR: Estimator = Estimator::MonteCarlo { samples: 2 };
/// Seed of the device's draws; reading `i` draws from its stream `i`.
const SEED: u64 = 0;

/// Readings scored in floats with the very draws that the device scores them with, so that what is left
/// between the scores is what quantization does.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    /// Normal and anomalous ones.
    parts: [Part<'a>; 2],
}

#[derive(Clone, Debug)]
struct Part<'a> {
    data: &'a Prepared,
    float: Vec<f64>,
    /// Weight of a nat of each reading.
    weights: Vec<f64>,
}

/// Device against float, nats a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Loss {
    /// The mean over normal readings of device minus float.
    pub difference: f64,
    /// The mean over normal readings of `|device - float|`, each divided by how many standard deviations of
    /// normal readings it is from their mean, where these are more than one: a nat means less where
    /// readings are far from each other.
    pub normal: f64,
    /// The same mean over anomalous readings.
    pub anomalous: f64,
}

impl Loss {
    /// The sum that is to be small.
    pub fn cost(&self) -> f64 {
        self.normal + self.anomalous
    }
}

impl<'a> Judge<'a> {
    /// Scores `normal` readings, at least two, and `anomalous` ones, in floats.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(vae: &Vae, normal: &'a Prepared, anomalous: &'a Prepared) -> Result<Self, Error> {
        let of_normal = float_scores(vae, normal)?;
        let count = of_normal.len() as f64;
        let mean = of_normal.iter().sum::<f64>() / count;
        let squares = of_normal.iter().map(|score| (score - mean).powi(2));
        let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt().max(1e-6);
        let weight = |score: &f64| 1.0 / ((score - mean).abs() / deviation).max(1.0);
        let part = |data, float: Vec<f64>| Part {
            data,
            weights: float.iter().map(weight).collect(),
            float,
        };
        let of_anomalous = float_scores(vae, anomalous)?;
        Ok(Self {
            parts: [part(normal, of_normal), part(anomalous, of_anomalous)],
        })
    }

    /// Loss of the image of `spec`.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Setting`].
    pub fn loss(&self, spec: &ImageSpec) -> Result<Loss, Error> {
        let image = spec.write(&[])?;
        let model = Model::parse(&image).map_err(WriteError::Image)?;
        let [normal, anomalous] = &self.parts;
        let (difference, normal) = normal.loss(&model)?;
        let (_, anomalous) = anomalous.loss(&model)?;
        Ok(Loss {
            difference,
            normal,
            anomalous,
        })
    }
}

impl Part<'_> {
    /// The mean difference, and the weighted one of its magnitude.
    fn loss(&self, model: &Model<'_>) -> Result<(f64, f64), Error> {
        let scores = device_scores(model, &self.data.readings, None, ESTIMATOR, SEED)?;
        let pairs = elbos(&scores).into_iter().zip(&self.float);
        let differences: Vec<f64> = pairs.map(|(device, float)| device - float).collect();
        let weighted = differences.iter().zip(&self.weights);
        let weighted: f64 = weighted.map(|(d, weight)| d.abs() * weight).sum();
        let count = differences.len() as f64;
        Ok((differences.iter().sum::<f64>() / count, weighted / count))
    }
}

/// The bounds of all readings in floats, at the draws of the device.
fn float_scores(vae: &Vae, data: &Prepared) -> Result<Vec<f64>, Error> {
    let (rows, latents) = (data.readings.len(), vae.latents());
    let device = data.batch.inputs.device();
    let noise = (0..rows).map(|row| {
        let mut rng = elbow::rng::stream(SEED, row as u64);
        draw_noise(vae.latent(), (1, 1, latents), &mut rng, device)
    });
    let noise = Tensor::cat(&noise.collect::<Result<Vec<_>, _>>()?, 1)?;
    let others = data.batch.elbos_at(vae, &opposite(vae.latent(), &noise)?)?;
    let pairs = data.batch.elbos_at(vae, &noise)?.into_iter().zip(others);
    let means = pairs.map(|(one, other)| 0.5 * (one + other));
    Ok(means
        .enumerate()
        .map(|(row, mean)| mean + data.constant(row, None))
        .collect())
}
