//! Settings of the training.

use super::processor::Processor;
use super::{Clip, Gradient, Objective, Schedule, count, within};
use crate::error::Error;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// Threads where nobody says otherwise: the same on every machine, so that a run can be repeated.
pub const THREADS: usize = 2;

/// Way to find the posteriors of training readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Inference {
    /// The encoder gives them, trained together with the decoder
    #[default]
    Amortized,
    /// Each reading has its own, until the decoder is trained; then an encoder learns them
    Svi,
}

/// Settings of the training.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training readings, at most: `--patience` ends them
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().epochs)]
    pub epochs: usize,
    /// Readings in a step of the optimizer
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().batch)]
    pub batch: usize,
    /// Epochs that the held-out bound is given to rise by --least-gain before training ends; 0 trains all epochs
    /// [default: a third of the epochs so far with --schedule averaged; 10 before each halving with plateau; else 0]
    #[arg(long, value_name = "EPOCHS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Rise of the held-out bound that is worth to train on for
    #[arg(long, value_name = "NATS", default_value_t = TrainConfig::default().least_gain)]
    pub least_gain: f64,
    /// Adam's step size in the first epoch.
    #[arg(skip = TrainConfig::default().learning_rate)]
    pub learning_rate: f64,
    /// The course of the step size.
    #[arg(skip)]
    pub schedule: Schedule,
    /// The first epochs, over which the step size rises: for wide networks, whose units large first steps may leave
    /// dead
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    pub rate_warm_up: usize,
    /// Limit of the gradient of all parameters in a step: none, norm:X (scaled to the norm X where it is larger) or
    /// value:X (each number to at most X in size)
    #[arg(long, value_name = "LIMIT", default_value_t = Clip::None)]
    pub clip: Clip,
    /// Hide this fraction of the inputs of each training reading, at random and anew each time, so
    /// that the model can score and fill in readings with gaps
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    pub missing: f64,
    /// Samples of a reading in training: with more than one, estimators of the gradient through the
    /// samples, and VIMCO, ascend the importance-weighted bound.
    #[arg(skip = TrainConfig::default().importance_samples)]
    pub importance_samples: usize,
    /// The estimator of the gradient of the bound.
    #[arg(skip)]
    pub gradient: Gradient,
    /// The objective with one sample, where that is not the plain ELBO.
    #[arg(skip)]
    pub objective: Objective,
    /// Whether the last fifth of the epochs trains in the device's integers.
    #[arg(skip = TrainConfig::default().qat)]
    pub qat: bool,
    /// Way to find the posteriors of training readings
    #[arg(long, value_enum, default_value_t = Inference::Amortized)]
    pub inference: Inference,
    /// Threads that train; the last bits of the artefact depend on their number
    #[arg(long, value_name = "N", default_value_t = THREADS)]
    pub threads: usize,
    /// The processor that trains
    #[arg(id = "device", long, value_enum, default_value_t)]
    #[serde(rename = "device")]
    pub processor: Processor,
    /// Seed of all random draws; one seed gives one artefact
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 400,
            batch: 64,
            patience: None,
            least_gain: 0.015,
            learning_rate: Schedule::Averaged.learning_rate(),
            schedule: Schedule::Averaged,
            rate_warm_up: 0,
            clip: Clip::None,
            missing: 0.0,
            importance_samples: 1,
            gradient: Gradient::default(),
            objective: Objective::default(),
            qat: true,
            inference: Inference::default(),
            threads: THREADS,
            processor: Processor::default(),
            seed: 0,
        }
    }
}

impl TrainConfig {
    /// Checks every number that a user may have set.
    ///
    /// # Errors
    /// One line that names the setting, its value and what would do.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let Objective {
            beta,
            kl_warm_up,
            free_bits,
            ..
        } = self.objective;
        count("--epochs", self.epochs, 1_000_000)?;
        count("--batch", self.batch, 1_000_000)?;
        count("--threads", self.threads, 256)?;
        count("--importance-samples", self.importance_samples, 1000)?;
        let rates = (Bound::Excluded(0.0), Bound::Included(1.0));
        let such = "above 0 and up to 1, such as 0.002";
        within("--learning-rate", self.learning_rate, rates, such)?;
        let such = "from 0 to 1000000, such as 0.015";
        within("--least-gain", self.least_gain, 0.0..=1e6, such)?;
        let such = "from 0 to below 1, such as 0.3";
        within("--missing", self.missing, 0.0..1.0, such)?;
        let such = "from 0 to 1000000, such as";
        within("--beta", beta, 0.0..=1e6, &format!("{such} 4"))?;
        within("--free-bits", free_bits, 0.0..=1e6, &format!("{such} 0.1"))?;
        for (name, first) in [
            ("--rate-warm-up", self.rate_warm_up),
            ("--kl-warm-up", kl_warm_up),
        ] {
            if first >= self.epochs && first > 0 {
                return Err(Error::Setting(format!(
                    "{name} is {first} epochs and there are {}: give fewer, or raise --epochs",
                    self.epochs
                )));
            }
        }
        Ok(())
    }
}

/// The step size after `done` of `epochs`, relative to the first: half a cosine from 1 to 0 (Loshchilov and Hutter,
/// "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5).
pub fn cosine(done: usize, epochs: usize) -> f64 {
    let progress = done as f64 / epochs as f64;
    0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}
