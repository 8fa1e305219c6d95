//! Ascent with a posterior of each reading's own, and an encoder for the result.

use super::{SUMS, Step, Turn, counts, total};
use crate::config::Config;
use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::objective::Batch;
use crate::model::prepared::Prepared;
use crate::model::{Gaussian, Vae};
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus};
use crate::train::inference::{Local, antithetic};
use crate::train::{Epoch, State, divergence};
use candle_core::{Tensor, Var};

/// Steps in a reading's own posterior before each step of the decoder.
const LOCAL_STEPS: usize = 4;
/// Samples of a local step and of a step of the decoder.
const SAMPLES: usize = 2;
/// Step size in the posteriors, as a multiple of that in the networks.
const LOCAL_RATE: f64 = 10.0;

/// The half of the model that learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::train) enum Stage {
    /// The decoder, with the posteriors of the training readings.
    Decoder,
    /// The encoder, for that decoder.
    Encoder,
}

/// Stochastic variational inference (Hoffman et al., "Stochastic variational inference", 2013). In the first stage every
/// training reading has its own `phi_i`: a few steps of ascent in the `phi_i` of a batch, then one in the decoder,
/// alternate, and no encoder takes part. In the second stage the decoder stays fixed and the encoder ascends the same
/// bound, so that a device can score.
pub(in crate::train) struct Locally<'a> {
    vae: &'a Vae,
    config: &'a Config,
    training: &'a Prepared,
    variables: Vec<&'a Var>,
    adam: Adam,
    /// Sums of an epoch: the bound, and the divergence.
    sums: [f64; 2],
    /// The posteriors of the readings in the first stage.
    local: Option<Local>,
    noise: Xoshiro128PlusPlus,
}

impl<'a> Locally<'a> {
    pub(in crate::train) fn new(
        vae: &'a Vae,
        config: &'a Config,
        training: &'a Prepared,
        stage: Stage,
    ) -> Result<Self, Error> {
        let (readings, device) = (training.readings.len(), training.batch.inputs.device());
        let local = match stage {
            Stage::Encoder => None,
            Stage::Decoder => Some(Local::new(&Gaussian::prior(
                readings,
                vae.latents(),
                device,
            )?)?),
        };
        let of_encoder = stage == Stage::Encoder;
        let variables = vae.parameters().into_iter();
        let variables = variables.filter(|(name, _)| Vae::is_of_encoder(name) == of_encoder);
        let variables: Vec<_> = variables.map(|(_, var)| var).collect();
        Ok(Self {
            vae,
            config,
            training,
            adam: Adam::new(&variables).clipped(config.train.clip),
            variables,
            sums: [0.0; 2],
            local,
            noise: random::stream(config.train.seed, Purpose::Inference),
        })
    }

    /// One step of the optimizer; sums of the bound, without its constant, and of the divergence.
    fn step(&mut self, rows: &[u32], Turn { epoch, rate }: Turn) -> Result<(f64, f64), Error> {
        let batch = self.training.select(rows, &mut self.noise)?;
        let posterior = match self.local.take() {
            None => self.vae.gaussian(&batch.inputs)?,
            Some(mut local) => {
                let posterior = self.ascend_locally(&mut local, &batch, rows, rate)?;
                self.local = Some(local);
                posterior
            }
        };
        let bounds = posterior.bounds(self.vae, &batch, &self.draw(rows.len())?)?;
        let mean = f64::from(bounds.mean_all()?.to_scalar::<f32>()?);
        if !mean.is_finite() {
            let place = "the bound of a reading's own posterior".into();
            return Err(divergence::diverged(epoch, place));
        }
        let gradients = bounds.mean_all()?.neg()?.backward()?;
        self.adam.step(&self.variables, &gradients, rate)?;
        if self.local.is_some() {
            self.vae.likelihood.project()?;
        }
        let kl = total(&self.vae.divergence_of(&posterior)?)?;
        Ok((mean * rows.len() as f64, kl))
    }

    /// The posteriors of the readings `rows` after steps in them.
    fn ascend_locally(
        &mut self,
        local: &mut Local,
        batch: &Batch,
        rows: &[u32],
        rate: f64,
    ) -> Result<Gaussian, Error> {
        let device = batch.inputs.device();
        for _ in 0..LOCAL_STEPS {
            let noise = self.draw(rows.len())?;
            let variables = local.variables(rows, device)?;
            let bounds = variables.posterior()?.bounds(self.vae, batch, &noise)?;
            let gradients = bounds.mean(0)?.sum_all()?.backward()?;
            if let Some(gradient) = gradients.get(variables.var()) {
                local.ascend(rows, gradient, LOCAL_RATE * rate)?;
            }
        }
        local.variables(rows, device)?.posterior()
    }

    fn draw(&mut self, readings: usize) -> Result<Tensor, Error> {
        let device = self.training.batch.inputs.device();
        let latents = self.vae.latents();
        antithetic(SAMPLES, readings, latents, &mut self.noise, device)
    }
}

impl Step for Locally<'_> {
    fn ascend(&mut self, readings: &[u32], turn: Turn) -> Result<(), Error> {
        for rows in readings.chunks(self.config.train.batch) {
            let (bound, kl) = self.step(rows, turn)?;
            let constants = rows
                .iter()
                .map(|&row| self.training.constant(row as usize, None));
            self.sums[0] += bound + constants.sum::<f64>();
            self.sums[1] += kl;
        }
        Ok(())
    }

    fn end(&mut self, readings: usize, Turn { epoch, .. }: Turn) -> Result<Epoch, Error> {
        let [elbo, kl] = std::mem::take(&mut self.sums).map(|sum| sum / readings as f64);
        Ok(Epoch {
            epoch,
            elbo,
            reconstruction: elbo + kl,
            kl,
            ..Epoch::default()
        })
    }

    fn state(&self) -> Result<State, Error> {
        let mut state = State::default();
        state.put_optimizer("adam", self.adam.state()?)?;
        state.put(SUMS, &self.sums)?;
        state.put_stream("noise", &self.noise);
        if let Some(local) = &self.local {
            local.put(&mut state)?;
        }
        Ok(state)
    }

    fn resume(&mut self, state: &State) -> Result<(), Error> {
        let (moments, steps) = state.optimizer("adam", &counts(&self.variables))?;
        self.adam.resume(&self.variables, &moments, steps)?;
        self.sums.copy_from_slice(&state.numbers(SUMS, 2)?);
        self.noise = state.stream("noise")?;
        if let Some(local) = &mut self.local {
            local.resume(state)?;
        }
        Ok(())
    }
}
