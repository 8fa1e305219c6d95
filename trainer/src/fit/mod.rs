//! The training loop: ascent on the evidence lower bound.

mod adam;

pub use adam::Adam;

use crate::config::{Config, LikelihoodKind};
use crate::data::shuffle;
use crate::error::Error;
use crate::model::{Architecture, Likelihood, Location, Vae};
use crate::objective::{Batch, Bound};
use crate::random::{self, Purpose, normals};
use crate::readings::{Normalization, Readings};
use candle_core::{Device, Tensor};
use serde::Serialize;

/// Readings as the networks take them in.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The raw readings.
    pub readings: Readings,
    /// The same as tensors, all rows.
    pub batch: Batch,
    /// The part of each reading's log density that no parameter touches.
    pub constants: Vec<f64>,
}

impl Prepared {
    /// Normalizes `readings` for `likelihood`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        readings: Readings,
        normalization: &Normalization,
        likelihood: &Likelihood,
        device: &Device,
    ) -> Result<Self, Error> {
        let shape = (readings.len(), readings.width());
        let inputs = Tensor::from_vec(normalization.apply(&readings), shape, device)?;
        let target = match likelihood {
            Likelihood::Binomial { .. } => {
                let counts = readings
                    .iter()
                    .flatten()
                    .map(|&x| f32::from(x))
                    .collect::<Vec<_>>();
                Tensor::from_vec(counts, shape, device)?
            }
            Likelihood::Location(_) => inputs.clone(),
        };
        let constants = readings
            .iter()
            .map(|row| likelihood.log_constant(row, |_| true))
            .collect();
        Ok(Self {
            readings,
            batch: Batch { inputs, target },
            constants,
        })
    }

    /// The rows `indices` as a batch.
    fn select(&self, indices: &[u32]) -> Result<Batch, Error> {
        let index = Tensor::new(indices, self.batch.inputs.device())?;
        Ok(Batch {
            inputs: self.batch.inputs.index_select(&index, 0)?,
            target: self.batch.target.index_select(&index, 0)?,
        })
    }

    fn mean_constant(&self) -> f64 {
        self.constants.iter().sum::<f64>() / self.constants.len() as f64
    }
}

/// What an epoch came to, in nats a reading: means over the readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// The bound on the training readings, as they were met.
    pub elbo: f64,
    /// Its first term, `E_q[log p(x|z)]`.
    pub reconstruction: f64,
    /// Its second term, `KL(q(z|x) || p(z))`.
    pub kl: f64,
    /// The bound on the validation readings after the epoch, where it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_elbo: Option<f64>,
}

/// A model with random weights for the settings.
///
/// # Errors
/// [`Error::Tensor`].
pub fn initialize(
    config: &Config,
    likelihood: LikelihoodKind,
    normalization: &Normalization,
    device: &Device,
) -> Result<Vae, Error> {
    let likelihood = match likelihood {
        LikelihoodKind::Binomial { trials } => Likelihood::Binomial { trials },
        LikelihoodKind::Location { family, scale } => {
            Likelihood::Location(Location::new(family, scale, normalization, device)?)
        }
        LikelihoodKind::Auto => {
            return Err(Error::Setting(
                "the likelihood `auto` was not settled from data".into(),
            ));
        }
    };
    let architecture = Architecture {
        inputs: normalization.width(),
        encoder: config.encoder.clone(),
        latents: config.latents,
        decoder: config.decoder.clone(),
    };
    let mut rng = random::stream(config.seed, Purpose::Initialization);
    Vae::new(&architecture, likelihood, &mut rng, device)
}

/// Trains `vae`, tells `observe` of each epoch, and leaves it with the parameters of the epoch that
/// had the best bound on `validation`, or of the last one where that is empty.
///
/// # Errors
/// [`Error::Diverged`], [`Error::Tensor`].
pub fn train(
    vae: &Vae,
    config: &Config,
    training: &Prepared,
    validation: &Prepared,
    mut observe: impl FnMut(&Epoch),
) -> Result<Vec<Epoch>, Error> {
    let variables: Vec<_> = vae.parameters().into_iter().map(|(_, var)| var).collect();
    let mut adam = Adam::new(&variables);
    let mut order: Vec<u32> = (0..training.readings.len() as u32).collect();
    let mut shuffling = random::stream(config.seed, Purpose::Shuffling);
    let mut noise = random::stream(config.seed, Purpose::Noise);
    // A bound on the validation readings costs about as much as an epoch over as many.
    let interval = (config.epochs / 200).max(1);
    let mut best: Option<(f64, Vec<Tensor>)> = None;
    let mut history = Vec::with_capacity(config.epochs);
    for epoch in 1..=config.epochs {
        shuffle(&mut order, &mut shuffling);
        let progress = (epoch - 1) as f64 / config.epochs as f64;
        let rate = 0.5 * config.learning_rate * (1.0 + (std::f64::consts::PI * progress).cos());
        let (mut reconstruction, mut kl) = (0.0, 0.0);
        for indices in order.chunks(config.batch) {
            let batch = training.select(indices)?;
            let shape = (indices.len(), vae.latents());
            let noise = Tensor::from_vec(
                normals(&mut noise, shape.0 * shape.1),
                shape,
                batch.inputs.device(),
            )?;
            let bound = Bound::sample(vae, &batch, &noise)?;
            adam.step(&variables, &bound.mean()?.neg()?.backward()?, rate)?;
            vae.likelihood.project()?;
            reconstruction += f64::from(bound.reconstruction.sum_all()?.to_scalar::<f32>()?);
            kl += f64::from(bound.kl.sum_all()?.to_scalar::<f32>()?);
        }
        let readings = order.len() as f64;
        let (reconstruction, kl) = (
            reconstruction / readings + training.mean_constant(),
            kl / readings,
        );
        if !(reconstruction - kl).is_finite() {
            return Err(Error::Diverged { epoch });
        }
        let validate =
            !validation.readings.is_empty() && (epoch % interval == 0 || epoch == config.epochs);
        let validation_elbo = if validate {
            Some(mean_elbo(vae, validation)?)
        } else {
            None
        };
        if let Some(elbo) = validation_elbo
            && elbo.is_finite()
            && best.as_ref().is_none_or(|(highest, _)| elbo > *highest)
        {
            best = Some((elbo, vae.snapshot()?));
        }
        let metrics = Epoch {
            epoch,
            elbo: reconstruction - kl,
            reconstruction,
            kl,
            validation_elbo,
        };
        observe(&metrics);
        history.push(metrics);
    }
    if let Some((_, snapshot)) = best {
        vae.restore(&snapshot)?;
    }
    Ok(history)
}

/// The mean bound over `data` by four samples for each reading, the same ones every time.
fn mean_elbo(vae: &Vae, data: &Prepared) -> Result<f64, Error> {
    let scores = crate::evaluate::float_scores(vae, data, 4)?;
    Ok(scores.iter().sum::<f64>() / scores.len() as f64)
}
