//! Everything that determines a run, as it stands in `config.toml`: groups of settings, each written once.

mod activations;
mod calibration;
mod core;
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
mod stream;
mod train;
mod weights;

pub use crate::likelihood::{ColumnKind, LikelihoodKind, Scale};
pub use activations::Activations;
pub use calibration::Calibration;
pub use core::Core;
pub use data::{ANOMALY_DIGIT, DataConfig};
pub use export::ExportConfig;
pub use features::{FeatureChoice, FeatureList, Group, groups, name, unit};
pub use gradient::{Gradient, Latent, Target};
pub use kind::WantedKind;
pub use limits::Limits;
pub use model::ModelConfig;
pub use objective::{ElboForm, Objective};
pub use prior::PriorKind;
pub use schedule::cosine;
pub use stream::StreamSettings;
pub use train::{Inference, THREADS, TrainConfig};
pub use weights::Weights;

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// The settings of a run. With the same data, the same trainer and the same class of machine, they
/// reproduce it. The default is what `trainer fit` does unless it is told otherwise, on the digits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data, and how they are divided.
    pub data: DataConfig,
    /// The networks, and the distributions around them.
    pub model: ModelConfig,
    /// How the model is trained.
    pub train: TrainConfig,
    /// The integers of the image.
    pub export: ExportConfig,
}

/// The part of the epochs that train in integers, where any do.
const INTEGER_EPOCHS: f64 = 0.2;

impl Config {
    /// Checks every number that a user may have set.
    ///
    /// # Errors
    /// One line that names the setting, its value and what would do.
    pub fn validate(&self) -> Result<(), Error> {
        let at_least_one = |name: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::Setting(format!(
                "{name} is {value}: give a number from 1 to {most}"
            )))
        };
        at_least_one("--epochs", self.train.epochs, 1_000_000)?;
        at_least_one("--batch", self.train.batch, 1_000_000)?;
        at_least_one("--threads", self.train.threads, 256)?;
        at_least_one(
            "--latents",
            self.model.latents,
            elbow::format::MAX_LATENTS.into(),
        )?;
        for (name, widths) in [
            ("--encoder", &self.model.encoder),
            ("--decoder", &self.model.decoder),
        ] {
            if widths.len() > elbow::format::MAX_LAYERS {
                return Err(Error::Setting(format!(
                    "{name} has {} hidden layers: an image has room for {}",
                    widths.len(),
                    elbow::format::MAX_LAYERS
                )));
            }
            for &width in widths {
                at_least_one(name, width, 16_384)?;
            }
        }
        if let Some(stream) = &self.data.stream {
            stream.validate()?;
        }
        if self.data.binarize.is_some() {
            self.validate_binarization()?;
        }
        if !(self.train.learning_rate > 0.0 && self.train.learning_rate <= 1.0) {
            return Err(Error::Setting(format!(
                "--learning-rate is {}: give a number above 0 and up to 1, such as 0.002",
                self.train.learning_rate
            )));
        }
        if self.train.rate_warm_up >= self.train.epochs && self.train.rate_warm_up > 0 {
            return Err(Error::Setting(format!(
                "--rate-warm-up is {} epochs and there are {}: give fewer, or raise --epochs",
                self.train.rate_warm_up, self.train.epochs
            )));
        }
        at_least_one("--importance-samples", self.train.importance_samples, 1000)?;
        Objective::validate(self)?;
        self.validate_prior()?;
        self.validate_gradient()?;
        self.validate_qat()?;
        if self.data.conditions > 0 && (self.data.binarize.is_some() || self.data.stream.is_some())
        {
            return Err(Error::Setting(format!(
                "--conditions is {}: conditions are the last columns of a table of readings, not of pictures or streams; leave out --conditions, or --binarize and --window",
                self.data.conditions
            )));
        }
        let plain = self.train.missing == 0.0
            && self.train.importance_samples == 1
            && self.train.objective == Objective::default();
        if self.train.inference == Inference::Svi && !plain {
            return Err(Error::Setting(format!(
                "--inference svi ascends the ELBO of whole readings, here --missing is {} and the objective the {}: leave these settings out, or use --inference amortized",
                self.train.missing,
                Objective::name(self)
            )));
        }
        if self.train.inference == Inference::Svi && self.train.rate_warm_up > 0 {
            return Err(Error::Setting(format!(
                "--rate-warm-up is {} and --inference svi takes its steps by another schedule: leave one of them out",
                self.train.rate_warm_up
            )));
        }
        if !(0.0..1.0).contains(&self.train.missing) {
            return Err(Error::Setting(format!(
                "--missing is {}: give a number from 0 to below 1, such as 0.3",
                self.train.missing
            )));
        }
        Ok(())
    }

    /// Adam's step size in an epoch, counted from 1.
    pub fn rate(&self, epoch: usize) -> f64 {
        let risen = epoch as f64 / (self.train.rate_warm_up + 1) as f64;
        self.train.learning_rate * cosine(epoch - 1, self.train.epochs) * risen.min(1.0)
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

    /// The setting that the device's integers cannot be trained with, if any.
    pub fn without_qat(&self) -> Option<String> {
        let refused = [
            (
                self.model.latent != Latent::Gaussian,
                "--latent bernoulli".to_string(),
            ),
            (
                self.model.prior != PriorKind::Standard,
                format!("--prior {}", self.model.prior),
            ),
            (
                self.train.gradient != Gradient::Reparameterized,
                "a --gradient other than reparameterized".into(),
            ),
            (
                self.train.objective.free_bits > 0.0,
                format!("--free-bits {}", self.train.objective.free_bits),
            ),
            (
                self.train.inference == Inference::Svi,
                "--inference svi".into(),
            ),
            (
                self.train.epochs < 2,
                format!("--epochs {}", self.train.epochs),
            ),
        ];
        let found = refused.into_iter().find(|(is, _)| *is);
        found.map(|(_, setting)| setting)
    }

    fn validate_qat(&self) -> Result<(), Error> {
        match self.without_qat() {
            Some(setting) if self.train.qat => Err(Error::Setting(format!(
                "--qat trains in the device's integers, which there is no training in with {setting}: use --no-qat"
            ))),
            _ => Ok(()),
        }
    }

    fn validate_prior(&self) -> Result<(), Error> {
        if self.model.prior == PriorKind::Standard {
            return Ok(());
        }
        if self.train.objective.free_bits > 0.0 {
            return Err(Error::Setting(format!(
                "--free-bits is {} and --prior {}: a mixture has no divergence of single latents; leave one of them out",
                self.train.objective.free_bits, self.model.prior
            )));
        }
        if matches!(self.model.prior, PriorKind::Vamp { .. })
            && self.train.inference == Inference::Svi
        {
            return Err(Error::Setting(format!(
                "--prior {} is made of the encoder's answers, --inference svi trains the decoder without an encoder: use --prior mixture:N, or --inference amortized",
                self.model.prior
            )));
        }
        Ok(())
    }

    fn validate_binarization(&self) -> Result<(), Error> {
        match &self.model.likelihood {
            LikelihoodKind::Auto | LikelihoodKind::Binomial { trials: 1 } => {}
            kind => {
                return Err(Error::Setting(format!(
                    "--binarize makes bits, --likelihood is {kind}: use bernoulli, or leave one of them out"
                )));
            }
        }
        if self.data.stream.is_some() {
            return Err(Error::Setting(
                "--binarize is for pictures, --window for streams: leave one of them out".into(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight epochs, the first three of which warm up.
    fn config() -> Config {
        let mut config = Config::default();
        config.train.epochs = 8;
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
    fn tuning_has_as_many_epochs_in_integers() {
        let config = config();
        for epochs in 1..5000 {
            let tuned = config.tuned(epochs);
            assert_eq!(tuned.train.epochs - tuned.float_epochs(), epochs);
            let first = tuned.float_epochs() + 1;
            assert_eq!(tuned.train.objective.weight(first), 1.0);
            assert!(tuned.rate(first) > 0.08 * tuned.train.learning_rate);
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
            let rate = config.rate(epoch);
            assert!((rate - exact).abs() < 1e-12, "{epoch}: {rate} {exact}");
        }
    }
}
