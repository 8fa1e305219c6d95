//! Training: one loop over epochs, for each way to ascend a bound.

mod average;
mod best;
mod checkpoint;
mod divergence;
mod epoch;
pub mod gradient;
pub mod inference;
mod integers;
mod place;
mod state;
mod step;
mod validation;

pub use best::Best;
pub use checkpoint::Checkpoint;
pub use epoch::Epoch;
pub use integers::train_integers;
pub use validation::fixed_masks;

use crate::config::{Config, Inference, LikelihoodKind, Patience, Schedule, cosine};
use crate::data::shuffle;
use crate::engine;
use crate::error::Error;
use crate::model::prepared::Prepared;
use crate::model::{Architecture, Likelihood, Vae};
use crate::numeric::random::{self, Purpose};
use crate::readings::Normalization;
use average::Average;
use candle_core::Device;
use checkpoint::Progress;
pub(crate) use checkpoint::unreadable;
use place::{Pace, Place};
use state::State;
use std::cell::RefCell;
use std::time::{Duration, Instant};
use step::{ByCandle, ByEngine, Locally, Stage, Step, Turn};
use validation::Validation;

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

/// The means to ascend a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Passes written by hand, where [`engine::supports`] says so.
    Engine,
    /// Automatic differentiation, with any estimator of the gradient.
    Candle,
    /// A posterior of each reading's own in the first half of the epochs, and an encoder for the decoder in the second.
    Local,
}

impl Means {
    /// The means that the settings ask for; the engine where it can.
    pub fn new(vae: &Vae, config: &Config, training: &Prepared) -> Self {
        match config.train.inference {
            Inference::Svi => Self::Local,
            Inference::Amortized if engine::supports(vae, config, training) => Self::Engine,
            Inference::Amortized => Self::Candle,
        }
    }
}

/// The course of a training; by default from the start, by the means of [`Means::new`], and without checkpoints.
#[derive(Default)]
pub struct Course<'a> {
    /// The means, if not those of [`Means::new`].
    pub means: Option<Means>,
    /// The checkpoint to go on from. The result is the same, bit for bit, as that of a training that was not interrupted.
    pub checkpoint: Option<Checkpoint>,
    /// Takes checkpoints, so long after each other, the first within [`SOON`], and one at the end.
    pub save: Option<(Duration, &'a mut Save<'a>)>,
    /// Says whether to stop, by a last checkpoint and [`Error::Cancelled`]. It is asked about twice a second, between
    /// batches, and after each epoch.
    pub stop: Option<&'a dyn Fn() -> bool>,
    /// Takes the [`Error::Diverged`] of a training that has parameters to keep, which then ends with them; without it, any
    /// is the error of the training.
    pub diverged: Option<&'a RefCell<Option<Error>>>,
}

/// Time from the start of a training to its first checkpoint, at most, but for the batch or the validation that is under way.
pub const SOON: Duration = Duration::from_secs(2);

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

/// Tells of an epoch; an error ends the training.
type Observe<'a> = dyn FnMut(&Epoch) -> Result<(), Error> + 'a;

/// Trains `vae` on the first data, tells `observe` of each epoch, and leaves it with the parameters of the epoch that
/// had the highest [`Epoch::criterion`] on the second data, or of the last one where these are empty.
///
/// # Errors
/// [`Error::Diverged`], unless [`Course::diverged`] takes it; [`Error::Cancelled`], [`Error::Tensor`], those of saving.
pub fn train(
    vae: &Vae,
    config: &Config,
    (training, validation): (&Prepared, &Prepared),
    course: Course<'_>,
    mut observe: impl FnMut(&Epoch) -> Result<(), Error>,
) -> Result<Vec<Epoch>, Error> {
    let means = course.means;
    let means = means.unwrap_or_else(|| Means::new(vae, config, training));
    let validation = Validation::new(config, validation, None);
    let mut run = Training::new((vae, config), training, course, &mut observe)?;
    if means != Means::Local && !run.is_resumed() {
        vae.start_from(&training.batch.inputs, &training.batch.target)?;
    }
    run.begin(0, Best::default())?;
    let phases = phases(means, (vae, config), training, validation)?;
    for phase in phases {
        run.ascend(phase)?;
    }
    run.finish()
}

/// The phases of a training in floats.
fn phases<'a>(
    means: Means,
    (vae, config): (&'a Vae, &'a Config),
    training: &'a Prepared,
    validation: Validation<'a>,
) -> Result<Vec<Phase<'a>>, Error> {
    let last = config.float_epochs();
    let step: Box<dyn Step> = match means {
        Means::Engine => Box::new(ByEngine::new(vae, config, training)?),
        Means::Candle => Box::new(ByCandle::new(vae, config, training)),
        Means::Local => {
            let half = last.div_ceil(2);
            let falling = move |done, epochs| config.train.learning_rate * cosine(done, epochs);
            let decoder = Locally::new(vae, config, training, Stage::Decoder)?;
            let encoder = Locally::new(vae, config, training, Stage::Encoder)?;
            let first = Phase {
                step: Box::new(decoder),
                validation: None,
                rate: Box::new(move |epoch, _| falling(epoch - 1, half)),
                is_averaged: false,
                patience: None,
                last: half,
            };
            let second = Phase {
                step: Box::new(encoder),
                validation: Some(validation),
                rate: Box::new(move |epoch, _| falling(epoch - half - 1, last - half)),
                is_averaged: false,
                patience: None,
                last,
            };
            return Ok(vec![first, second]);
        }
    };
    let readings = training.readings.len();
    let plateau = config.plateau(readings);
    let halvings = move |history: &[Epoch]| {
        plateau.map_or(0, |plateau| plateau.halvings(history, Epoch::criterion))
    };
    Ok(vec![Phase {
        step,
        validation: Some(validation),
        rate: Box::new(move |epoch, history| config.rate(epoch, readings, halvings(history))),
        is_averaged: config.train.schedule == Schedule::Averaged,
        patience: config.patience(readings),
        last,
    }])
}

/// Adam's step size in an epoch, counted from 1, after those so far.
type Rate<'p> = Box<dyn Fn(usize, &[Epoch]) -> f64 + 'p>;

/// Epochs of one kind, in orders of their own.
struct Phase<'p> {
    step: Box<dyn Step + 'p>,
    /// The readings that the parameters to keep are chosen by, if any are chosen.
    validation: Option<Validation<'p>>,
    /// Adam's step size in an epoch.
    rate: Rate<'p>,
    /// Whether the parameters to keep are averages over the epochs.
    is_averaged: bool,
    /// What ends it before the last epoch, if anything does.
    patience: Option<Patience>,
    /// The last epoch.
    last: usize,
}

impl Phase<'_> {
    /// Whether no epoch follows those of `history`.
    fn is_over(&self, history: &[Epoch]) -> bool {
        self.patience
            .is_some_and(|patience| patience.is_over(history, Epoch::criterion))
    }
}

/// A training on its way through its phases.
struct Training<'a, 'c> {
    vae: &'a Vae,
    config: &'a Config,
    readings: usize,
    course: Course<'c>,
    observe: &'a mut Observe<'a>,
    pace: Pace,
    /// When the next checkpoint is due, if ever.
    due: Option<Instant>,
    /// The epochs after which the last checkpoint was made, if it was between epochs.
    saved: Option<usize>,
    /// Epochs that are done, those of an earlier training included.
    done: usize,
    /// The last epoch of the phases that are over.
    over: usize,
    average: Average,
    best: Best,
    history: Vec<Epoch>,
    /// Whether it ended before its last epoch, with the best parameters.
    has_diverged: bool,
}

impl<'a, 'c> Training<'a, 'c> {
    fn new(
        (vae, config): (&'a Vae, &'a Config),
        training: &Prepared,
        course: Course<'c>,
        observe: &'a mut Observe<'a>,
    ) -> Result<Self, Error> {
        let readings = training.readings.len();
        if let Some(checkpoint) = &course.checkpoint {
            checkpoint.check(readings)?;
        }
        let interval = course.save.as_ref().map(|(interval, _)| *interval);
        let first = interval.unwrap_or(SOON).min(SOON);
        Ok(Self {
            vae,
            config,
            readings,
            course,
            observe,
            pace: Pace::new(config.train.batch),
            due: Instant::now().checked_add(first),
            saved: None,
            done: 0,
            over: 0,
            average: Average::default(),
            best: Best::default(),
            history: vec![],
            has_diverged: false,
        })
    }

    fn is_resumed(&self) -> bool {
        self.course.checkpoint.is_some()
    }

    /// Begins after `earlier` epochs with the parameters `best`, or where the checkpoint was made.
    fn begin(&mut self, earlier: usize, best: Best) -> Result<(), Error> {
        (self.done, self.over, self.best) = (earlier, earlier, best);
        if let Some(checkpoint) = &self.course.checkpoint {
            self.vae.restore(&checkpoint.values)?;
            self.average = Average::new(checkpoint.average.clone());
            self.best = checkpoint.best();
            self.history.clone_from(&checkpoint.progress.history);
            self.done += self.history.len();
            self.saved = (checkpoint.progress.passed == 0).then_some(self.done);
        }
        Ok(())
    }

    /// Goes through the epochs of a phase that are not done yet.
    fn ascend(&mut self, mut phase: Phase<'_>) -> Result<(), Error> {
        if self.has_diverged || phase.is_over(&self.history) {
            self.over = phase.last;
            return Ok(());
        }
        let mut place = self.place(&mut phase)?;
        self.over = phase.last;
        match self.epochs(phase, &mut place) {
            Err(error @ Error::Diverged { .. }) => self.keep(error),
            other => other,
        }
    }

    /// Ends a training that diverged, by what it has to keep.
    fn keep(&mut self, error: Error) -> Result<(), Error> {
        let Some(taken) = self
            .course
            .diverged
            .filter(|_| self.best.values().is_some())
        else {
            return Err(error);
        };
        taken.replace(Some(error.keeping(self.done)));
        self.has_diverged = true;
        Ok(())
    }

    /// The epochs of a phase from `place` on.
    fn epochs(&mut self, mut phase: Phase<'_>, place: &mut Place) -> Result<(), Error> {
        for epoch in self.done + 1..=phase.last {
            let rate = (phase.rate)(epoch, &self.history);
            let turn = Turn { epoch, rate };
            self.pass(&mut *phase.step, place, turn)?;
            divergence::check(self.vae, epoch)?;
            let mut results = phase.step.end(self.readings, turn)?;
            results.learning_rate = Some(rate);
            if phase.is_averaged {
                self.average.add(self.vae, epoch)?;
            }
            self.validate(&phase, &mut results)?;
            (self.observe)(&results)?;
            self.history.push(results);
            self.done = epoch;
            place.passed = 0;
            self.rest(&*phase.step, place)?;
            if phase.is_over(&self.history) {
                break;
            }
        }
        Ok(())
    }

    /// Adds the held-out bounds to the results of an epoch where they are due, and keeps the parameters where they are the
    /// best so far; without held-out readings, those of each epoch.
    fn validate(&mut self, phase: &Phase<'_>, results: &mut Epoch) -> Result<(), Error> {
        let validation = phase.validation.as_ref();
        let Some(validation) = validation.filter(|own| own.is_due(results.epoch)) else {
            return Ok(());
        };
        let (vae, best) = (self.vae, &mut self.best);
        self.average.show(vae, || {
            validation.after(vae, results)?;
            let last = validation.is_empty().then_some(results.epoch as f64);
            best.offer(vae, results.criterion().or(last))?;
            Ok(())
        })
    }

    /// Where the first epoch of `phase` begins or, where the checkpoint is of this phase, goes on.
    fn place(&mut self, phase: &mut Phase<'_>) -> Result<Place, Error> {
        let mut place = self.start();
        let checkpoint = self.course.checkpoint.as_ref();
        let passed = checkpoint.map_or(0, |checkpoint| checkpoint.progress.passed);
        // A phase that is over or has not begun has no state in the checkpoint.
        let first = self.over + usize::from(passed == 0);
        if (first..phase.last).contains(&self.done)
            && let Some(mut checkpoint) = self.course.checkpoint.take()
        {
            phase.step.resume(&checkpoint.take_state())?;
            place.shuffling = checkpoint
                .progress
                .shuffling
                .ok_or_else(|| unreadable("it has no shuffling"))?;
            (place.order, place.passed) = (checkpoint.order, passed);
        }
        Ok(place)
    }

    /// Passes over the readings of an epoch that are left, with rests.
    fn pass(&mut self, step: &mut dyn Step, place: &mut Place, turn: Turn) -> Result<(), Error> {
        if place.passed == 0 {
            shuffle(&mut place.order, &mut place.shuffling);
        }
        while place.passed < self.readings {
            let begin = Instant::now();
            let end = self.readings.min(place.passed + self.pace.readings());
            step.ascend(&place.order[place.passed..end], turn)?;
            self.pace.adjust(begin.elapsed());
            place.passed = end;
            // Results follow, unless nobody waits for them.
            if end < self.readings || self.is_to_stop() {
                self.rest(step, place)?;
            }
        }
        Ok(())
    }

    fn is_to_stop(&self) -> bool {
        self.course.stop.is_some_and(|stop| stop())
    }

    /// Saves a checkpoint where it is time for one, and stops where it is to.
    fn rest(&mut self, step: &dyn Step, place: &Place) -> Result<(), Error> {
        let is_to_stop = self.is_to_stop();
        let is_due = self.due.is_some_and(|due| Instant::now() >= due);
        if self.course.save.is_some() && (is_to_stop || is_due) {
            self.save(step.state()?, place)?;
        }
        match is_to_stop {
            true => Err(Error::Cancelled {
                epoch: self.done,
                resume: None,
            }),
            false => Ok(()),
        }
    }

    fn save(&mut self, state: State, place: &Place) -> Result<(), Error> {
        let State { streams, numbers } = state;
        let checkpoint = Checkpoint {
            progress: Progress {
                criterion: self.best.criterion(),
                averaged: self.average.values().is_some(),
                passed: place.passed,
                shuffling: Some(place.shuffling.clone()),
                streams,
                history: self.history.clone(),
            },
            order: place.order.clone(),
            values: self.vae.snapshot()?,
            average: self.average.values().map(<[_]>::to_vec),
            best: self.best.values().map(<[_]>::to_vec),
            state: numbers,
        };
        if let Some((interval, save)) = &mut self.course.save {
            save(&checkpoint)?;
            self.due = Instant::now().checked_add(*interval);
            self.saved = (place.passed == 0).then_some(self.done);
        }
        Ok(())
    }

    /// Where a phase begins.
    fn start(&self) -> Place {
        Place {
            order: (0..self.readings as u32).collect(),
            shuffling: random::stream(self.config.train.seed, Purpose::Shuffling),
            passed: 0,
        }
    }

    /// Leaves the model with the parameters to keep, saves that the training is over, and gives the epochs.
    fn finish(mut self) -> Result<Vec<Epoch>, Error> {
        // Who goes on with one that diverged comes there again.
        let is_saved = self.saved == Some(self.done) || self.has_diverged;
        if self.course.save.is_some() && !is_saved {
            self.save(State::default(), &self.start())?;
        }
        if let Some(averages) = self.average.values() {
            self.vae.restore(averages)?;
        }
        self.best.restore(self.vae)?;
        Ok(self.history)
    }
}
