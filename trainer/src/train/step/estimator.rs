//! Ascent by any estimator of the gradient, with either kind of latents.

use super::{Step, Turn, counts, variables};
use crate::config::{Config, Target};
use crate::engine::EpochSums;
use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::Vae;
use crate::model::posterior::draw_noise;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus};
use crate::train::gradient::{Estimate, Estimator};
use crate::train::{Epoch, State};
use candle_core::Var;

/// The estimator that the settings name, of the plain bound of whole readings.
pub(in crate::train) struct ByEstimator<'a> {
    vae: &'a Vae,
    config: &'a Config,
    training: &'a Prepared,
    variables: Vec<&'a Var>,
    estimator: Estimator,
    adam: Adam,
    noise: Xoshiro128PlusPlus,
    binarization: Xoshiro128PlusPlus,
}

impl<'a> ByEstimator<'a> {
    pub(in crate::train) fn new(vae: &'a Vae, config: &'a Config, training: &'a Prepared) -> Self {
        let variables = variables(vae);
        let seed = config.train.seed;
        Self {
            vae,
            config,
            training,
            estimator: Estimator::new(config.train.gradient, seed),
            adam: Adam::new(&variables),
            variables,
            noise: random::stream(seed, Purpose::Noise),
            binarization: random::stream(seed, Purpose::Binarization),
        }
    }

    /// One step of the optimizer on the readings `indices`.
    fn step(&mut self, indices: &[u32], rate: f64, sums: &mut EpochSums) -> Result<(), Error> {
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
        sums.objective += bound;
        for &row in indices {
            sums.constant += self.training.constant(row as usize, None);
        }
        Ok(())
    }
}

impl Step for ByEstimator<'_> {
    fn epoch(&mut self, order: &[u32], turn: Turn) -> Result<Epoch, Error> {
        let mut sums = EpochSums::default();
        for indices in order.chunks(self.config.train.batch) {
            self.step(indices, turn.rate, &mut sums)?;
        }
        let means = Epoch::of_sums(turn.epoch, order.len(), &sums)?;
        let train = &self.config.train;
        let is_elbo = train.gradient.target(train.importance_samples) == Target::Elbo;
        Ok(Epoch {
            objective: means.objective.filter(|_| !is_elbo),
            observed_fraction: None,
            ..means
        })
    }

    fn state(&self) -> Result<State, Error> {
        let mut state = State::default();
        let (moments, steps) = self.adam.state()?;
        state.put_optimizer("adam", &moments, steps);
        state.put_stream("noise", &self.noise);
        state.put_stream("binarization", &self.binarization);
        self.estimator.put(&mut state)?;
        Ok(state)
    }

    fn resume(&mut self, state: &State) -> Result<(), Error> {
        let (moments, steps) = state.optimizer("adam", &counts(&self.variables))?;
        self.adam.resume(&self.variables, &moments, steps)?;
        self.noise = state.stream("noise")?;
        self.binarization = state.stream("binarization")?;
        let inputs = self.training.readings.width();
        let device = self.training.batch.inputs.device();
        self.estimator.resume(state, inputs, device)
    }
}
