//! Everything that determines a run, as it stands in `config.toml`: groups of settings, each written once.

mod calibration;
pub(crate) mod capability;
mod data;
mod export;
mod features;
mod gradient;
mod kind;
mod limits;
mod model;
mod objective;
mod prior;
pub mod processor;
mod schedule;
pub mod settings;
mod stream;
mod text;
mod train;
mod weights;

pub use crate::likelihood::{ColumnKind, LikelihoodKind, Scale};
pub use crate::numeric::adam::Clip;
pub use calibration::Calibration;
pub use data::{ANOMALY_DIGIT, DataConfig};
pub use export::{Activations, Core, ExportConfig, JudgedBy};
pub use features::{FeatureChoice, FeatureList, Group, groups, name, unit};
pub use gradient::{Gradient, Latent, Target};
pub use kind::WantedKind;
pub use limits::Limits;
pub use model::{HiddenLayer, ModelConfig};
pub use objective::{ElboForm, Objective};
pub use prior::PriorKind;
pub use schedule::{Patience, Plateau, Schedule};
pub use stream::{StreamArguments, StreamSettings};
pub use train::{Inference, THREADS, TrainConfig, cosine};
pub use weights::Weights;

use crate::error::Error;
use capability::Feature;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeBounds;

/// The settings of a run. With the same data, the same trainer and the same class of machine, they
/// reproduce it. The default is what `trainer fit` does unless it is told otherwise, on the digits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data, and how they are divided.
    pub data: DataConfig,
    /// The networks, and the distributions around them.
    pub model: ModelConfig,
    /// Settings of the training.
    pub train: TrainConfig,
    /// The integers of the image.
    pub export: ExportConfig,
}

/// The part of the epochs that train in integers, where any do.
const INTEGER_EPOCHS: f64 = 0.2;

impl Config {
    /// The same where `column` is that of labels unless somebody said another one.
    #[must_use]
    pub fn labelled_by(&self, column: &str) -> Self {
        let mut config = self.clone();
        if config.data.labels.is_none() && config.data.label.is_none() {
            config.data.label = Some(column.to_owned());
        }
        config
    }

    /// Checks every number that a user may have set, and what goes with what.
    ///
    /// # Errors
    /// One line that names the setting, its value and what would do.
    pub fn validate(&self) -> Result<(), Error> {
        self.train.validate()?;
        self.model.validate()?;
        self.export.validate()?;
        self.data.validate()?;
        if let Some(stream) = &self.data.stream {
            stream.validate()?;
        }
        self.train
            .gradient
            .check(self.model.latent, self.train.importance_samples)
            .map_err(|error| {
                Error::Setting(format!("--gradient, --importance-samples: {error}"))
            })?;
        Feature::check_all(self)
    }

    /// Adam's step size in an epoch, counted from 1, over so many readings, after so many halvings by a [`Plateau`]. In
    /// integers it follows the end of a cosine under every schedule: they end where they are.
    pub fn rate(&self, epoch: usize, readings: usize, halvings: usize) -> f64 {
        let risen = epoch as f64 / (self.train.rate_warm_up + 1) as f64;
        let (first, all) = (self.train.learning_rate, self.train.epochs);
        let rate = match self.train.schedule {
            _ if epoch > self.float_epochs() => first * cosine(epoch - 1, all),
            Schedule::Averaged => self.train.averaged_rate(epoch, readings),
            Schedule::Cosine => first * cosine(epoch - 1, all),
            Schedule::Plateau => first * 0.5f64.powi(halvings as i32),
            Schedule::Constant => first,
        };
        rate * risen.min(1.0)
    }

    /// The course of a step size that follows the held-out bound, with so many training readings, if it does.
    pub fn plateau(&self, readings: usize) -> Option<Plateau> {
        Plateau::of(&self.train, readings)
    }

    /// When the epochs in floats are enough, with so many training readings, if not after all of them.
    pub fn patience(&self, readings: usize) -> Option<Patience> {
        Patience::of(&self.train, readings)
    }

    /// These settings with as many epochs as have so many `floats` among them.
    #[must_use]
    pub fn ending_after(&self, floats: usize) -> Self {
        let mut ended = self.clone();
        if floats < self.float_epochs() {
            let enough = |epochs: &usize| {
                ended.train.epochs = *epochs;
                ended.float_epochs() >= floats
            };
            let epochs = (floats..=self.train.epochs).find(enough);
            ended.train.epochs = epochs.unwrap_or(self.train.epochs);
        }
        ended
    }

    /// Epochs that train in floats; those after them, in the device's integers.
    pub fn float_epochs(&self) -> usize {
        if self.train.qat {
            self.train.epochs - (self.train.epochs as f64 * INTEGER_EPOCHS).ceil() as usize
        } else {
            self.train.epochs
        }
    }

    /// These settings with so many epochs in integers, at the step sizes of a training that ends with them.
    #[must_use]
    pub fn tuned(&self, epochs: usize) -> Self {
        let mut tuned = self.clone();
        tuned.train.epochs = (epochs as f64 / INTEGER_EPOCHS) as usize;
        tuned.train.qat = true;
        // Warming up is over.
        tuned.train.rate_warm_up = 0;
        tuned.train.objective.kl_warm_up = 0;
        tuned
    }
}

/// Refuses a `value` that is not in `range`, which `words` put into words.
fn within<T: PartialOrd + fmt::Display>(
    name: &str,
    value: T,
    range: impl RangeBounds<T>,
    words: &str,
) -> Result<(), Error> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "{name} is {value}: give a number {words}"
    )))
}

/// [`within`] of a count, from 1 on.
fn count(name: &str, value: usize, most: usize) -> Result<(), Error> {
    within(name, value, 1..=most, &format!("from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight epochs, the first three of which warm up.
    fn config() -> Config {
        let mut config = Config::default();
        config.train.epochs = 8;
        config.train.schedule = Schedule::Cosine;
        config.train.learning_rate = 0.4;
        config.train.rate_warm_up = 3;
        config.train.objective.kl_warm_up = 5;
        config
    }

    /// The options of a command line, without any.
    #[derive(clap::Parser)]
    struct Options {
        #[command(flatten)]
        data: DataConfig,
        #[command(flatten)]
        model: ModelConfig,
        #[command(flatten)]
        train: TrainConfig,
        #[command(flatten)]
        objective: Objective,
        #[command(flatten)]
        export: ExportConfig,
    }

    #[test]
    fn options_have_the_defaults_of_the_settings() {
        let Options {
            data,
            model,
            train,
            objective,
            export,
        } = clap::Parser::parse_from(["fit"]);
        let parsed = Config {
            data,
            model,
            train,
            export,
        };
        assert_eq!(parsed, Config::default());
        assert_eq!(objective, Objective::default());
        let empty: Config = toml::from_str("").unwrap();
        assert_eq!(empty, Config::default());
    }

    #[test]
    fn settings_that_end_after_some_epochs_in_floats_have_so_many() {
        for qat in [true, false] {
            let mut config = config();
            (config.train.epochs, config.train.qat) = (503, qat);
            for floats in 1..config.float_epochs() {
                let ended = config.ending_after(floats);
                assert_eq!(ended.float_epochs(), floats);
                assert!(ended.train.epochs < 503);
            }
            assert_eq!(config.ending_after(config.float_epochs()), config);
        }
    }

    #[test]
    fn tuning_has_as_many_epochs_in_integers() {
        let config = config();
        for epochs in 1..5000 {
            let tuned = config.tuned(epochs);
            assert_eq!(tuned.train.epochs - tuned.float_epochs(), epochs);
            let first = tuned.float_epochs() + 1;
            assert_eq!(tuned.train.objective.weight(first), 1.0);
            assert!(tuned.rate(first, 1000, 0) > 0.08 * tuned.train.learning_rate);
        }
    }

    #[test]
    fn the_step_size_rises_and_falls() {
        let config = config();
        // cos(0), cos(pi / 4), cos(pi / 2) and cos(3 pi / 4), raised and halved.
        let half = std::f64::consts::FRAC_1_SQRT_2 / 2.0;
        for (epoch, exact) in [
            (1, 0.4 / 4.0),
            (3, 0.4 * (0.5 + half) * 3.0 / 4.0),
            (5, 0.4 * 0.5),
            (7, 0.4 * (0.5 - half)),
        ] {
            let rate = config.rate(epoch, 1000, 0);
            assert!((rate - exact).abs() < 1e-12, "{epoch}: {rate} {exact}");
        }
    }
    #[test]
    fn step_sizes_fall_by_halves_or_stay_until_the_epochs_in_integers() {
        let mut config = config();
        config.train.rate_warm_up = 0;
        config.train.schedule = Schedule::Constant;
        // 6 epochs in floats, then the end of a cosine over 8.
        assert_eq!([1, 6].map(|epoch| config.rate(epoch, 1000, 3)), [0.4, 0.4]);
        assert!((config.rate(7, 1000, 3) - 0.4 * cosine(6, 8)).abs() < 1e-12);
        config.train.schedule = Schedule::Plateau;
        assert_eq!(
            [0, 1, 3].map(|halvings| config.rate(6, 1000, halvings)),
            [0.4, 0.2, 0.05]
        );
        assert!((config.rate(8, 1000, 3) - 0.4 * cosine(7, 8)).abs() < 1e-12);
    }
}
