//! The training loop: ascent on the evidence lower bound, or on the importance-weighted one, of
//! whole readings or of readings with gaps.

mod best;
mod checkpoint;
pub mod gradient;
pub mod inference;
mod integers;

pub use best::Best;
pub use checkpoint::Checkpoint;
pub use integers::train_integers;

use crate::config::{Config, ElboForm, LikelihoodKind, Objective};
use crate::data::shuffle;
use crate::engine::adam::Adam;
use crate::engine::{self, Engine, EpochSums, Settings};
use crate::error::Error;
use crate::model::objective::{Batch, Bound, Weighting};
use crate::model::prepared::Prepared;
use crate::model::{Architecture, Likelihood, Vae};
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus, normals};
use crate::readings::Normalization;
use crate::readings::masks::Masks;
use crate::score::evaluate::float_scores;
use candle_core::{Device, Tensor, Var};
use checkpoint::{Progress, Streams};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Draws for each reading in a bound on validation readings, the same ones every time.
const VALIDATION_SAMPLES: usize = 4;

/// Numbers of an [`Epoch`] but for its count.
const NUMBERS: usize = 7;

/// What an epoch came to, in nats a reading: means over the readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// The evidence lower bound on the training readings, as they were met; on what was observed
    /// of them, where there were gaps.
    pub elbo: f64,
    /// Its first term, `E_q[log p(x|z)]`.
    pub reconstruction: f64,
    /// Its second term, `KL(q(z|x) || p(z))`.
    pub kl: f64,
    /// What was ascended where that is not the ELBO: the importance-weighted bound, or an ELBO with
    /// its divergence weighted, which is no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<f64>,
    /// Where training made gaps: the fraction of inputs that was observed in this epoch, which
    /// are all that the numbers above are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_fraction: Option<f64>,
    /// The ELBO on whole validation readings after the epoch, where it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_elbo: Option<f64>,
    /// Where training makes gaps: the ELBO on validation readings with gaps, always the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_masked_elbo: Option<f64>,
}

impl Epoch {
    /// Its numbers but for the count, NaN for none.
    fn to_numbers(self) -> [f64; NUMBERS] {
        let or_nan = |number: Option<f64>| number.unwrap_or(f64::NAN);
        [
            self.elbo,
            self.reconstruction,
            self.kl,
            or_nan(self.objective),
            or_nan(self.observed_fraction),
            or_nan(self.validation_elbo),
            or_nan(self.validation_masked_elbo),
        ]
    }

    /// Epoch `epoch`, whose numbers these are.
    fn from_numbers(epoch: usize, numbers: [f64; NUMBERS]) -> Self {
        let some = |number: f64| (!number.is_nan()).then_some(number);
        let [
            elbo,
            reconstruction,
            kl,
            objective,
            observed,
            validation,
            masked,
        ] = numbers;
        Self {
            epoch,
            elbo,
            reconstruction,
            kl,
            objective: some(objective),
            observed_fraction: some(observed),
            validation_elbo: some(validation),
            validation_masked_elbo: some(masked),
        }
    }

    /// What early stopping goes by, the higher the better: the ELBO on validation readings, and
    /// where training makes gaps the mean of it and of that on readings with gaps, so that a model
    /// is good at both.
    pub fn criterion(&self) -> Option<f64> {
        let whole = self.validation_elbo?;
        Some(match self.validation_masked_elbo {
            None => whole,
            Some(masked) => 0.5 * (whole + masked),
        })
    }
}

/// A model with random weights for the settings.
///
/// # Errors
/// [`Error::Tensor`].
pub fn initialize(
    config: &Config,
    likelihood: &LikelihoodKind,
    normalization: &Normalization,
    device: &Device,
) -> Result<Vae, Error> {
    // Splits::load has made sure that some input is left.
    let inputs = normalization.width().saturating_sub(config.data.conditions);
    let likelihood = Likelihood::new(likelihood, &normalization.first(inputs), device)?;
    let architecture = Architecture {
        inputs,
        conditions: config.data.conditions,
        encoder: config.model.encoder.clone(),
        latents: config.model.latents,
        decoder: config.model.decoder.clone(),
        prior: config.model.prior,
        latent: config.model.latent,
    };
    let mut rng = random::stream(config.train.seed, Purpose::Initialization);
    Vae::new(&architecture, likelihood, &mut rng, device)
}

/// What computes gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Passes written by hand, where [`engine::supports`] says so.
    Engine,
    /// Automatic differentiation.
    Candle,
}

/// How to go about a training; by default from the start, by the fastest means, and without checkpoints.
#[derive(Default)]
pub struct Course<'a> {
    /// Those of choice; the engine where it can, if none.
    pub means: Option<Means>,
    /// What to go on from. The result is the same, bit for bit, as that of a training that was not interrupted.
    pub checkpoint: Option<Checkpoint>,
    /// Is handed a checkpoint after the first epoch that ends so long after the last one.
    pub save: Option<(Duration, &'a mut Save<'a>)>,
}

impl std::fmt::Debug for Course<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let interval = self.save.as_ref().map(|(interval, _)| interval);
        f.debug_struct("Course")
            .field("means", &self.means)
            .field("checkpoint", &self.checkpoint)
            .field("interval", &interval)
            .finish_non_exhaustive()
    }
}

/// Keeps a checkpoint.
pub type Save<'a> = dyn FnMut(&Checkpoint) -> Result<(), Error> + 'a;

/// Trains `vae` on the first data, tells `observe` of each epoch, and leaves it with the parameters of the epoch that
/// had the highest [`Epoch::criterion`] on the second data, or of the last one where these are empty.
///
/// # Errors
/// [`Error::Diverged`], [`Error::Tensor`], those of saving.
pub fn train(
    vae: &Vae,
    config: &Config,
    (training, validation): (&Prepared, &Prepared),
    course: Course<'_>,
    mut observe: impl FnMut(&Epoch) -> Result<(), Error>,
) -> Result<Vec<Epoch>, Error> {
    let Course {
        means,
        checkpoint,
        mut save,
    } = course;
    let means = means.unwrap_or(if engine::supports(vae, config, training) {
        Means::Engine
    } else {
        Means::Candle
    });
    match &checkpoint {
        None => vae.start_from(&training.batch.inputs, &training.batch.target)?,
        Some(checkpoint) => {
            checkpoint.check(training.readings.len())?;
            vae.restore(&checkpoint.values)?;
        }
    }
    let mut ascent = Ascent::new(means, vae, config, training)?;
    let validation = Validation::new(config, validation);
    let (mut best, mut history) = match checkpoint {
        None => (Best::default(), Vec::with_capacity(config.train.epochs)),
        Some(checkpoint) => ascent.resume(checkpoint)?,
    };
    let mut saved = Instant::now();
    for epoch in history.len() + 1..=config.float_epochs() {
        let mut metrics = ascent.epoch(epoch)?;
        validation.after(vae, &mut metrics)?;
        best.offer(vae, metrics.criterion())?;
        observe(&metrics)?;
        history.push(metrics);
        match &mut save {
            Some((interval, save))
                if saved.elapsed() >= *interval && epoch < config.train.epochs =>
            {
                save(&ascent.checkpoint(&best, &history)?)?;
                saved = Instant::now();
            }
            _ => {}
        }
    }
    best.restore(vae)?;
    Ok(history)
}

/// The masks of `data` that do not change from epoch to epoch; none where training makes no gaps.
pub fn fixed_masks(config: &Config, data: &Prepared) -> Option<Masks> {
    let mut rng = random::stream(0, Purpose::EvaluationMissing);
    let (rows, width) = (data.readings.len(), data.readings.width());
    (config.train.missing > 0.0).then(|| Masks::draw(rows, width, config.train.missing, &mut rng))
}

/// The readings that a model is chosen by.
#[derive(Debug)]
pub struct Validation<'a> {
    data: &'a Prepared,
    masks: Option<Masks>,
    epochs: usize,
    /// The last epoch in floats.
    last: usize,
}

impl<'a> Validation<'a> {
    /// Those of `data`, with gaps too where training makes some.
    pub fn new(config: &Config, data: &'a Prepared) -> Self {
        Self {
            data,
            masks: fixed_masks(config, data),
            epochs: config.train.epochs,
            last: config.float_epochs(),
        }
    }

    /// Puts the bounds after an epoch in where it is their turn: computing them costs about as much
    /// as an epoch over as many readings.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn after(&self, vae: &Vae, metrics: &mut Epoch) -> Result<(), Error> {
        let interval = (self.epochs / 200).max(1);
        let turn = metrics.epoch.is_multiple_of(interval) || metrics.epoch == self.last;
        if self.data.readings.is_empty() || !turn {
            return Ok(());
        }
        metrics.validation_elbo = Some(self.mean_elbo(vae, None)?);
        if let Some(masks) = &self.masks {
            metrics.validation_masked_elbo = Some(self.mean_elbo(vae, Some(masks))?);
        }
        Ok(())
    }

    fn mean_elbo(&self, vae: &Vae, masks: Option<&Masks>) -> Result<f64, Error> {
        let scores = float_scores(vae, self.data, masks, VALIDATION_SAMPLES)?;
        Ok(scores.iter().sum::<f64>() / scores.len() as f64)
    }
}

/// The state of a training beside the parameters.
struct Ascent<'a> {
    vae: &'a Vae,
    config: &'a Config,
    training: &'a Prepared,
    variables: Vec<&'a Var>,
    adam: Adam,
    order: Vec<u32>,
    shuffling: Xoshiro128PlusPlus,
    noise: Xoshiro128PlusPlus,
    missing: Xoshiro128PlusPlus,
    binarization: Xoshiro128PlusPlus,
    /// What trains where it can; else candle does.
    engine: Option<Engine<'a>>,
    /// The range of the likelihood's own parameters.
    bounds: Vec<(f32, f32)>,
}

impl<'a> Ascent<'a> {
    fn new(
        by: Means,
        vae: &'a Vae,
        config: &'a Config,
        training: &'a Prepared,
    ) -> Result<Self, Error> {
        let variables: Vec<_> = vae.parameters().into_iter().map(|(_, var)| var).collect();
        let engine = match by {
            Means::Engine => Some(Engine::new(vae, &Settings::new(config), training)?),
            Means::Candle => None,
        };
        Ok(Self {
            vae,
            config,
            training,
            adam: Adam::new(&variables),
            variables,
            order: (0..training.readings.len() as u32).collect(),
            shuffling: random::stream(config.train.seed, Purpose::Shuffling),
            noise: random::stream(config.train.seed, Purpose::Noise),
            missing: random::stream(config.train.seed, Purpose::Missing),
            binarization: random::stream(config.train.seed, Purpose::Binarization),
            engine,
            bounds: vae.likelihood.bounds()?,
        })
    }

    /// What the epochs to come need.
    fn checkpoint(&self, best: &Best, history: &[Epoch]) -> Result<Checkpoint, Error> {
        let (moments, steps, [noise, missing, binarization]) = match &self.engine {
            Some(engine) => engine.state(),
            None => {
                let (moments, steps) = self.adam.state()?;
                let streams = [&self.noise, &self.missing, &self.binarization];
                (moments, steps, streams.map(Clone::clone))
            }
        };
        Ok(Checkpoint {
            progress: Progress {
                steps,
                streams: Streams {
                    shuffling: self.shuffling.clone(),
                    noise,
                    missing,
                    binarization,
                },
            },
            history: history.to_vec(),
            order: self.order.clone(),
            values: self.vae.snapshot()?,
            moments,
            best: best.clone(),
        })
    }

    /// Goes on from there; the variables have their values already.
    fn resume(&mut self, checkpoint: Checkpoint) -> Result<(Best, Vec<Epoch>), Error> {
        let Checkpoint {
            progress,
            history,
            order,
            moments,
            best,
            ..
        } = checkpoint;
        let Streams {
            shuffling,
            noise,
            missing,
            binarization,
        } = progress.streams;
        match &mut self.engine {
            Some(engine) => {
                let streams = [noise, missing, binarization];
                engine.resume(&moments, progress.steps, streams);
            }
            None => {
                self.adam
                    .resume(&self.variables, &moments, progress.steps)?;
                (self.noise, self.missing, self.binarization) = (noise, missing, binarization);
            }
        }
        (self.order, self.shuffling) = (order, shuffling);
        Ok((best, history))
    }

    /// Passes over the training readings once, in an order of its own.
    fn epoch(&mut self, epoch: usize) -> Result<Epoch, Error> {
        let mut order = std::mem::take(&mut self.order);
        shuffle(&mut order, &mut self.shuffling);
        let rate = self.config.rate(epoch);
        let sums = if self.engine.is_some() {
            self.engine_epoch(&order, rate, epoch)?
        } else {
            let mut sums = EpochSums::default();
            for indices in order.chunks(self.config.train.batch) {
                self.step(indices, rate, self.weighting(epoch), &mut sums)?;
            }
            sums
        };
        self.order = order;
        self.metrics(epoch, &sums)
    }

    /// The same by the engine, which leaves the variables as they are at the end.
    fn engine_epoch(&mut self, order: &[u32], rate: f64, epoch: usize) -> Result<EpochSums, Error> {
        let weighting = self.weighting(epoch).unwrap_or(Weighting {
            form: ElboForm::Divergence,
            weight: 1.0,
            free_bits: 0.0,
        });
        let bounds = &self.bounds;
        let project = |values: &mut [f32]| {
            for (value, &(lowest, highest)) in values.iter_mut().zip(bounds) {
                *value = value.max(lowest).min(highest);
            }
        };
        let Some(engine) = &mut self.engine else {
            return Ok(EpochSums::default());
        };
        let sums = engine.epoch(order, weighting, rate, &project)?;
        engine.write(self.vae)?;
        Ok(sums)
    }

    /// What the divergence counts for in an epoch; none where the plain bound is ascended.
    fn weighting(&self, epoch: usize) -> Option<Weighting> {
        let objective = &self.config.train.objective;
        (*objective != Objective::default()).then(|| Weighting {
            form: objective.form,
            weight: objective.weight(epoch),
            free_bits: objective.free_bits,
        })
    }

    /// One step of the optimizer on the readings `indices`.
    fn step(
        &mut self,
        indices: &[u32],
        rate: f64,
        weighting: Option<Weighting>,
        sums: &mut EpochSums,
    ) -> Result<(), Error> {
        let (batch, masks) = self.batch(indices)?;
        let shape = (
            self.config.train.importance_samples,
            indices.len(),
            self.vae.latents(),
        );
        let noise = normals(&mut self.noise, shape.0 * shape.1 * shape.2);
        let noise = Tensor::from_vec(noise, shape, batch.inputs.device())?;
        let bound = Bound::sample(self.vae, &batch, &noise)?;
        let objective = match weighting {
            None => bound.objective()?.mean_all()?,
            Some(weighting) => bound.weighted(self.vae, &weighting)?,
        };
        let gradients = objective.neg()?.backward()?;
        self.adam.step(&self.variables, &gradients, rate)?;
        self.vae.likelihood.project()?;
        sums.reconstruction += total(&bound.reconstruction)?;
        sums.kl += total(&bound.kl)?;
        sums.objective += total(&objective)? * indices.len() as f64;
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

    /// Whether it is not the ELBO that is ascended.
    fn ascends_another(&self) -> bool {
        self.config.train.importance_samples > 1 || !self.config.train.objective.is_bound()
    }

    fn metrics(&self, epoch: usize, sums: &EpochSums) -> Result<Epoch, Error> {
        let readings = self.order.len() as f64;
        let constant = sums.constant / readings;
        let (reconstruction, kl) = (
            sums.reconstruction / readings + constant,
            sums.kl / readings,
        );
        let objective = sums.objective / readings + constant;
        if !(reconstruction - kl).is_finite() || !objective.is_finite() {
            return Err(Error::Diverged { epoch });
        }
        Ok(Epoch {
            epoch,
            elbo: reconstruction - kl,
            reconstruction,
            kl,
            objective: self.ascends_another().then_some(objective),
            observed_fraction: (self.config.train.missing > 0.0)
                .then_some(sums.observed / readings),
            ..Epoch::default()
        })
    }
}

fn total(tensor: &Tensor) -> Result<f64, Error> {
    Ok(f64::from(tensor.sum_all()?.to_scalar::<f32>()?))
}
