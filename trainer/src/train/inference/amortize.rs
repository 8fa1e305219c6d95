//! Training with a posterior of each reading's own, and an encoder for the result.

use super::local::Local;
use super::refine::antithetic;
use crate::config::Config;
use crate::config::cosine;
use crate::data::shuffle;
use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::Gaussian;
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus};
use crate::score::evaluate::float_scores;
use crate::train::{Best, Epoch};
use candle_core::{Tensor, Var};

/// Steps in a reading's own posterior before each step of the decoder.
const LOCAL_STEPS: usize = 4;
/// Samples of a local step and of a step of the decoder.
const SAMPLES: usize = 2;
/// Step size in the posteriors, as a multiple of that in the networks.
const LOCAL_RATE: f64 = 10.0;
/// Draws of the bound on validation readings.
const VALIDATION_SAMPLES: usize = 4;

/// What is being learned.
enum Stage {
    /// The decoder, with the posteriors of the training readings.
    Decoder(Local),
    /// The encoder, for that decoder.
    Encoder,
}

/// Trains without amortization, then amortizes. In the first half of the epochs every training
/// reading has its own `phi_i`: a few steps of ascent in the `phi_i` of a batch, then one in the
/// decoder, alternate (variational expectation maximization; Hoffman et al., "Stochastic
/// variational inference", 2013). No encoder takes part. In the second half the decoder stays
/// fixed and the encoder ascends the same bound, so that a device can score; the parameters with
/// the highest bound on `validation` are kept, or the last ones where that is empty.
///
/// Epochs of the first half tell the bound with the readings' own posteriors.
///
/// # Errors
/// [`Error::Diverged`], [`Error::Tensor`].
pub fn train_locally(
    vae: &Vae,
    config: &Config,
    training: &Prepared,
    validation: &Prepared,
    mut observe: impl FnMut(&Epoch) -> Result<(), Error>,
) -> Result<Vec<Epoch>, Error> {
    let readings = training.readings.len();
    let half = config.train.epochs.div_ceil(2);
    let prior = Gaussian::prior(readings, vae.latents(), training.batch.inputs.device())?;
    let (encoder, decoder) = halves(vae);
    let mut course = Course::new(vae, config, training, decoder, half);
    let mut stage = Stage::Decoder(Local::new(&prior)?);
    let mut best = Best::default();
    let mut history = Vec::with_capacity(config.train.epochs);
    for epoch in 1..=config.train.epochs {
        if epoch == half + 1 {
            stage = Stage::Encoder;
            course = Course::new(
                vae,
                config,
                training,
                encoder.clone(),
                config.train.epochs - half,
            );
        }
        let mut metrics = course.epoch(&mut stage, epoch)?;
        let interval = (config.train.epochs / 200).max(1);
        let turn = epoch.is_multiple_of(interval) || epoch == config.train.epochs;
        if epoch > half && turn && !validation.readings.is_empty() {
            let scores = float_scores(vae, validation, None, VALIDATION_SAMPLES)?;
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            metrics.validation_elbo = Some(mean);
            best.offer(vae, Some(mean))?;
        }
        observe(&metrics)?;
        history.push(metrics);
    }
    best.restore(vae)?;
    Ok(history)
}

/// The variables of q(z|x), and those of p(x|z).
fn halves(vae: &Vae) -> (Vec<&Var>, Vec<&Var>) {
    let parameters = vae.parameters();
    let pick = |wanted| {
        let of = parameters.iter();
        of.filter(|(name, _)| Vae::is_of_encoder(name) == wanted)
            .map(|(_, var)| *var)
            .collect()
    };
    (pick(true), pick(false))
}

/// The epochs of one stage.
struct Course<'a> {
    vae: &'a Vae,
    config: &'a Config,
    training: &'a Prepared,
    variables: Vec<&'a Var>,
    adam: Adam,
    epochs: usize,
    done: usize,
    order: Vec<u32>,
    shuffling: Xoshiro128PlusPlus,
    noise: Xoshiro128PlusPlus,
}

impl<'a> Course<'a> {
    fn new(
        vae: &'a Vae,
        config: &'a Config,
        training: &'a Prepared,
        variables: Vec<&'a Var>,
        epochs: usize,
    ) -> Self {
        Self {
            vae,
            config,
            training,
            adam: Adam::new(&variables),
            variables,
            epochs,
            done: 0,
            order: (0..training.readings.len() as u32).collect(),
            shuffling: random::stream(config.train.seed, Purpose::Shuffling),
            noise: random::stream(config.train.seed, Purpose::Inference),
        }
    }

    /// Passes over the training readings once.
    fn epoch(&mut self, stage: &mut Stage, epoch: usize) -> Result<Epoch, Error> {
        let mut order = std::mem::take(&mut self.order);
        shuffle(&mut order, &mut self.shuffling);
        let rate = self.config.train.learning_rate * cosine(self.done, self.epochs);
        let (mut bounds, mut kls) = (0.0, 0.0);
        for rows in order.chunks(self.config.train.batch) {
            let (bound, kl) = self.step(stage, rows, rate)?;
            let constants = rows
                .iter()
                .map(|&row| self.training.constant(row as usize, None));
            bounds += bound + constants.sum::<f64>();
            kls += kl;
        }
        self.done += 1;
        let readings = order.len() as f64;
        self.order = order;
        let (elbo, kl) = (bounds / readings, kls / readings);
        if !elbo.is_finite() {
            return Err(Error::Diverged { epoch });
        }
        Ok(Epoch {
            epoch,
            elbo,
            reconstruction: elbo + kl,
            kl,
            ..Epoch::default()
        })
    }

    /// One step of the optimizer; sums of the bound, without its constant, and of the divergence.
    fn step(&mut self, stage: &mut Stage, rows: &[u32], rate: f64) -> Result<(f64, f64), Error> {
        let batch = self.training.select(rows, &mut self.noise)?;
        let posterior = match stage {
            Stage::Encoder => self.vae.gaussian(&batch.inputs)?,
            Stage::Decoder(local) => self.ascend_locally(local, &batch, rows, rate)?,
        };
        let bounds = posterior.bounds(self.vae, &batch, &self.draw(rows.len())?)?;
        let gradients = bounds.mean_all()?.neg()?.backward()?;
        self.adam.step(&self.variables, &gradients, rate)?;
        if matches!(stage, Stage::Decoder(_)) {
            self.vae.likelihood.project()?;
        }
        let mean = f64::from(bounds.mean_all()?.to_scalar::<f32>()?);
        let kl = f64::from(
            self.vae
                .divergence_of(&posterior)?
                .sum_all()?
                .to_scalar::<f32>()?,
        );
        Ok((mean * rows.len() as f64, kl))
    }

    /// The steps in the posteriors of the readings `rows`, and where they lead.
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
        antithetic(
            SAMPLES,
            readings,
            self.vae.latents(),
            &mut self.noise,
            device,
        )
    }
}
