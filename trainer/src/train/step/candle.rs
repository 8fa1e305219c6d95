//! Ascent by automatic differentiation and any estimator of the gradient, on any processor.

use super::{SUMS, Step, Turn, counts, reported, variables, weighting};
use crate::config::{Config, Gradient};
use crate::engine::EpochSums;
use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::{Batch, Weighting};
use crate::model::posterior::draw_noise;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus};
use crate::readings::masks::Masks;
use crate::train::gradient::{Estimator, through_samples};
use crate::train::{Epoch, State, divergence};
use candle_core::Var;

/// Reparameterized gradients of any objective of whole readings, or of readings with gaps; or another estimator of the
/// gradient of the plain bound.
pub(in crate::train) struct ByCandle<'a> {
    vae: &'a Vae,
    config: &'a Config,
    training: &'a Prepared,
    variables: Vec<&'a Var>,
    /// The estimator, where it is not the reparameterized one.
    estimator: Option<Estimator>,
    adam: Adam,
    sums: EpochSums,
    noise: Xoshiro128PlusPlus,
    missing: Xoshiro128PlusPlus,
    binarization: Xoshiro128PlusPlus,
}

impl<'a> ByCandle<'a> {
    pub(in crate::train) fn new(vae: &'a Vae, config: &'a Config, training: &'a Prepared) -> Self {
        let variables = variables(vae);
        let stream = |purpose| random::stream(config.train.seed, purpose);
        Self {
            vae,
            config,
            training,
            estimator: (config.train.gradient != Gradient::Reparameterized)
                .then(|| Estimator::new(config.train.gradient, config.train.seed)),
            adam: Adam::new(&variables).clipped(config.train.clip),
            variables,
            sums: EpochSums::default(),
            noise: stream(Purpose::Noise),
            missing: stream(Purpose::Missing),
            binarization: stream(Purpose::Binarization),
        }
    }

    /// One step of the optimizer on the readings `indices`.
    fn step(
        &mut self,
        indices: &[u32],
        turn: Turn,
        weighting: Option<Weighting>,
    ) -> Result<(), Error> {
        let (batch, masks) = self.batch(indices)?;
        let samples = self.config.train.importance_samples;
        let shape = (samples, indices.len(), self.vae.latents());
        let device = batch.inputs.device();
        let noise = draw_noise(self.vae.latent(), shape, &mut self.noise, device)?;
        let estimate = match &mut self.estimator {
            Some(estimator) => estimator.estimate(self.vae, &batch, &noise)?,
            None => through_samples(self.vae, &batch, &noise, weighting)?,
        };
        if ![estimate.bound, estimate.reconstruction, estimate.kl]
            .iter()
            .all(|sum| sum.is_finite())
        {
            let place = divergence::find(self.vae, &batch, &noise)?;
            return Err(divergence::diverged(turn.epoch, place));
        }
        let gradients = &estimate.gradients;
        self.adam.step(&self.variables, gradients, turn.rate)?;
        self.vae.likelihood.project()?;
        let sums = &mut self.sums;
        sums.reconstruction += estimate.reconstruction;
        sums.kl += estimate.kl;
        sums.objective += estimate.bound;
        for (at, &row) in indices.iter().enumerate() {
            let mask = masks.as_ref().map(|masks| (masks, at));
            sums.constant += self.training.constant(row as usize, mask);
        }
        let fraction = masks.as_ref().map_or(1.0, Masks::observed_fraction);
        sums.observed += fraction * indices.len() as f64;
        Ok(())
    }

    /// The readings `indices`, with fresh gaps where there are to be any.
    fn batch(&mut self, indices: &[u32]) -> Result<(Batch, Option<Masks>), Error> {
        let whole = self.training.select(indices, &mut self.binarization)?;
        let width = self.training.readings.width();
        let rate = self.config.train.missing;
        let drawn =
            (rate > 0.0).then(|| Masks::draw(indices.len(), width, rate, &mut self.missing));
        let Some(masks) = self.training.masks_of(indices, drawn) else {
            return Ok((whole, None));
        };
        let batch = whole.observe(masks.to_tensor(whole.inputs.device())?)?;
        Ok((batch, Some(masks)))
    }
}

impl Step for ByCandle<'_> {
    fn ascend(&mut self, readings: &[u32], turn: Turn) -> Result<(), Error> {
        let weighting = weighting(self.config, turn.epoch);
        for indices in readings.chunks(self.config.train.batch) {
            self.step(indices, turn, weighting)?;
        }
        Ok(())
    }

    fn end(&mut self, readings: usize, turn: Turn) -> Result<Epoch, Error> {
        let sums = std::mem::take(&mut self.sums);
        let means = Epoch::of_sums(turn.epoch, readings, &sums);
        Ok(reported(self.config, means))
    }

    fn state(&self) -> Result<State, Error> {
        let mut state = State::default();
        state.put_optimizer("adam", self.adam.state()?)?;
        state.put(SUMS, &self.sums.parts())?;
        state.put_stream("noise", &self.noise);
        state.put_stream("missing", &self.missing);
        state.put_stream("binarization", &self.binarization);
        if let Some(estimator) = &self.estimator {
            estimator.put(&mut state)?;
        }
        Ok(state)
    }

    fn resume(&mut self, state: &State) -> Result<(), Error> {
        let (moments, steps) = state.optimizer("adam", &counts(&self.variables))?;
        self.adam.resume(&self.variables, &moments, steps)?;
        let sums: Vec<f64> = state.numbers(SUMS, EpochSums::PARTS)?;
        self.sums = EpochSums::from_parts(&sums);
        self.noise = state.stream("noise")?;
        self.missing = state.stream("missing")?;
        self.binarization = state.stream("binarization")?;
        let inputs = &self.training.batch.inputs;
        match &mut self.estimator {
            Some(estimator) => estimator.resume(state, inputs.dim(1)?, inputs.device()),
            None => Ok(()),
        }
    }
}
