//! Training by any estimator of the gradient.

use super::{Estimate, Estimator};
use crate::config::{Config, Target};
use crate::data::shuffle;
use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::Vae;
use crate::model::posterior::draw_noise;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus};
use crate::train::{Best, Epoch, Validation};
use candle_core::Var;

/// Trains `vae`, of either kind of latents, by the estimator that `config` names; otherwise as
/// [`fit::train`](crate::train::train) does.
///
/// # Errors
/// [`Error::Diverged`], [`Error::Tensor`].
pub fn train(
    vae: &Vae,
    config: &Config,
    training: &Prepared,
    validation: &Prepared,
    mut observe: impl FnMut(&Epoch) -> Result<(), Error>,
) -> Result<Vec<Epoch>, Error> {
    vae.start_from(&training.batch.inputs, &training.batch.target)?;
    let mut ascent = Ascent::new(vae, config, training);
    let validation = Validation::new(config, validation);
    let mut best = Best::default();
    let mut history = Vec::with_capacity(config.train.epochs);
    for epoch in 1..=config.train.epochs {
        let mut metrics = ascent.epoch(epoch)?;
        validation.after(vae, &mut metrics)?;
        best.offer(vae, metrics.criterion())?;
        observe(&metrics)?;
        history.push(metrics);
    }
    best.restore(vae)?;
    Ok(history)
}

/// The state of a training beside the parameters.
struct Ascent<'a> {
    vae: &'a Vae,
    config: &'a Config,
    training: &'a Prepared,
    variables: Vec<&'a Var>,
    estimator: Estimator,
    adam: Adam,
    order: Vec<u32>,
    shuffling: Xoshiro128PlusPlus,
    noise: Xoshiro128PlusPlus,
    binarization: Xoshiro128PlusPlus,
}

/// Sums over the readings of an epoch, nats.
#[derive(Default)]
struct Sums {
    reconstruction: f64,
    kl: f64,
    bound: f64,
}

impl<'a> Ascent<'a> {
    fn new(vae: &'a Vae, config: &'a Config, training: &'a Prepared) -> Self {
        let variables: Vec<_> = vae.parameters().into_iter().map(|(_, var)| var).collect();
        Self {
            vae,
            config,
            training,
            estimator: Estimator::new(config.train.gradient, config.train.seed),
            adam: Adam::new(&variables),
            variables,
            order: (0..training.readings.len() as u32).collect(),
            shuffling: random::stream(config.train.seed, Purpose::Shuffling),
            noise: random::stream(config.train.seed, Purpose::Noise),
            binarization: random::stream(config.train.seed, Purpose::Binarization),
        }
    }

    /// Passes over the training readings once, in an order of its own.
    fn epoch(&mut self, epoch: usize) -> Result<Epoch, Error> {
        let mut order = std::mem::take(&mut self.order);
        shuffle(&mut order, &mut self.shuffling);
        let rate = self.config.rate(epoch);
        let mut sums = Sums::default();
        for indices in order.chunks(self.config.train.batch) {
            self.step(indices, rate, &mut sums)?;
        }
        self.order = order;
        self.metrics(epoch, &sums)
    }

    /// One step of the optimizer on the readings `indices`.
    fn step(&mut self, indices: &[u32], rate: f64, sums: &mut Sums) -> Result<(), Error> {
        let batch = self.training.select(indices, &mut self.binarization)?;
        let samples = self.config.train.importance_samples;
        let shape = (samples, indices.len(), self.vae.latents());
        let device = batch.inputs.device();
        let noise = draw_noise(self.vae.latent(), shape, &mut self.noise, device)?;
        let Estimate {
            gradients,
            reconstruction,
            kl,
            bound,
        } = self.estimator.estimate(self.vae, &batch, &noise)?;
        self.adam.step(&self.variables, &gradients, rate)?;
        self.vae.likelihood.project()?;
        sums.reconstruction += reconstruction;
        sums.kl += kl;
        sums.bound += bound;
        Ok(())
    }

    fn metrics(&self, epoch: usize, sums: &Sums) -> Result<Epoch, Error> {
        let readings = self.order.len() as f64;
        let constants = self.order.iter();
        let constants = constants.map(|&row| self.training.constant(row as usize, None));
        let constant = constants.sum::<f64>() / readings;
        let (reconstruction, kl) = (
            sums.reconstruction / readings + constant,
            sums.kl / readings,
        );
        if !(reconstruction - kl).is_finite() || !sums.bound.is_finite() {
            return Err(Error::Diverged { epoch });
        }
        let target = self
            .config
            .train
            .gradient
            .target(self.config.train.importance_samples);
        Ok(Epoch {
            epoch,
            elbo: reconstruction - kl,
            reconstruction,
            kl,
            objective: (target != Target::Elbo).then_some(sums.bound / readings + constant),
            ..Epoch::default()
        })
    }
}
