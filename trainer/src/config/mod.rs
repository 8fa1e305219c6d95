//! Everything that determines a run, as it stands in `config.toml`.

mod activations;
mod calibration;
mod features;
mod gradient;
mod limits;
mod objective;
mod prior;
pub mod processor;
mod schedule;
mod stream;
mod weights;

pub use activations::Activations;
pub use calibration::Calibration;
pub use features::{FeatureChoice, FeatureList, Group, groups, name, unit};
pub use gradient::{Gradient, Latent, Target};
pub use limits::Limits;
pub use objective::{ElboForm, Objective};
pub use prior::PriorKind;
pub use schedule::cosine;
pub use stream::StreamSettings;
pub use weights::Weights;

use crate::config::processor::Processor;
use crate::data::{Binarization, Dataset, Table};
use crate::error::Error;
use clap::ValueEnum;
use elbow::distribution::Family;
use elbow::kernel::Packing;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The digit that training never sees unless another is named.
pub const ANOMALY_DIGIT: u32 = 4;

/// The settings of a run. With the same data, the same trainer and the same class of machine, they
/// reproduce it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `digits`, or the file that was trained on.
    pub data: String,
    /// A file with a label for each reading: 0 is normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// With `digits`: the digit that training never sees.
    pub anomaly_digit: u32,
    /// How pixels become bits, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binarize: Option<Binarization>,
    /// The last columns of the data that are given, not modelled: speed, load, temperature.
    #[serde(default)]
    pub conditions: usize,
    /// p(x|z).
    pub likelihood: LikelihoodKind,
    /// p(z).
    #[serde(default)]
    pub prior: PriorKind,
    /// Hidden widths of the encoder, from the reading to the latents.
    pub encoder: Vec<usize>,
    /// Numbers in a latent vector.
    pub latents: usize,
    /// What kind of numbers.
    #[serde(default)]
    pub latent: Latent,
    /// Hidden widths of the decoder, from the latents to the reading.
    pub decoder: Vec<usize>,
    /// Passes over the training readings.
    pub epochs: usize,
    /// Readings in a step of the optimizer.
    pub batch: usize,
    /// Of the first epoch; it falls to zero along a cosine.
    pub learning_rate: f64,
    /// The first epochs, over which the step size rises to that cosine: without them, large first steps leave units
    /// of wide networks dead for good.
    #[serde(default)]
    pub rate_warm_up: usize,
    /// The fraction of inputs that training hides at random, anew each time: 0 for none.
    #[serde(default)]
    pub missing: f64,
    /// Samples of a reading in training: with more than one, estimators of the gradient through the
    /// samples, and VIMCO, ascend the importance-weighted bound.
    #[serde(default = "one")]
    pub importance_samples: usize,
    /// How the gradient of the bound is estimated.
    #[serde(default)]
    pub gradient: Gradient,
    /// What is ascended with one sample, where that is not the plain ELBO.
    #[serde(default)]
    pub objective: Objective,
    /// Whether latents that carry nothing stay in the model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_dead_latents: bool,
    /// The core that the image is packed for; it runs on every core.
    #[serde(default)]
    pub core: Core,
    /// How the ranges of activations are found.
    #[serde(default)]
    pub calibration: Calibration,
    /// How many bits the weights of the image have.
    #[serde(default)]
    pub weights: Weights,
    /// How many bits activations have.
    #[serde(default)]
    pub activations: Activations,
    /// Whether the last epochs train in the device's integers.
    #[serde(default)]
    pub qat: bool,
    /// How the posteriors of training readings are found.
    #[serde(default)]
    pub inference: Inference,
    /// What trains.
    #[serde(default, rename = "device")]
    pub processor: Processor,
    /// Threads that train; one number of them gives one artefact.
    #[serde(default = "threads")]
    pub threads: usize,
    /// Of everything that is random in the run.
    pub seed: u64,
    /// The part of normal readings that early stopping and calibration look at.
    pub validation_fraction: f64,
    /// The part of normal readings that only the evaluation looks at.
    pub test_fraction: f64,
    /// Where the data are a stream: how it is cut into windows and what is made of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSettings>,
}

impl Default for Config {
    /// What `trainer fit` does unless it is told otherwise, on the digits.
    fn default() -> Self {
        Self {
            data: "digits".into(),
            labels: None,
            anomaly_digit: ANOMALY_DIGIT,
            binarize: None,
            conditions: 0,
            likelihood: LikelihoodKind::Auto,
            prior: PriorKind::default(),
            encoder: vec![64],
            latents: 8,
            latent: Latent::default(),
            decoder: vec![64],
            epochs: 600,
            batch: 64,
            learning_rate: 0.002,
            rate_warm_up: 0,
            missing: 0.0,
            importance_samples: 1,
            gradient: Gradient::default(),
            objective: Objective::default(),
            keep_dead_latents: false,
            core: Core::default(),
            calibration: Calibration::default(),
            weights: Weights::default(),
            activations: Activations::default(),
            qat: true,
            inference: Inference::default(),
            processor: Processor::default(),
            threads: THREADS,
            seed: 0,
            validation_fraction: 0.15,
            test_fraction: 0.15,
            stream: None,
        }
    }
}

/// A Cortex-M, by its short name: weights are packed as its kernels read them fastest. Results do not
/// depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Core {
    M0,
    M3,
    #[default]
    M4,
    M7,
    M33,
    M55,
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        f.write_str(name.as_ref().map_or("", |name| name.get_name()))
    }
}

impl Core {
    /// What its kernels read fastest.
    pub fn packing(self) -> Packing {
        match self {
            Self::M0 | Self::M3 => Packing::Tiles,
            Self::M4 | Self::M7 | Self::M33 => Packing::PairedTiles,
            Self::M55 => Packing::Rows,
        }
    }
}

/// How the posteriors of training readings are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Inference {
    /// By the encoder, trained together with the decoder
    #[default]
    Amortized,
    /// Each reading has its own, until the decoder is trained; then an encoder learns them
    Svi,
}

/// Which likelihood. Written as `auto`, `bernoulli`, `binomial:N`, `gaussian` or `laplace`, the last
/// two also with `:shared` or `:predicted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LikelihoodKind {
    /// Binomial(16) for the digits, Bernoulli where all values are 0 or 1, Gaussian otherwise.
    Auto,
    /// Counts in `0..=trials`; Bernoulli is one trial.
    Binomial {
        /// From 1 to 255.
        trials: u8,
    },
    /// Real values around a location.
    Location {
        /// Normal or Laplace.
        family: Family,
        /// Whose scale.
        scale: Scale,
    },
}

/// Where the scale of a [`LikelihoodKind::Location`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Learned, one for all inputs, in units of their own spread.
    Shared,
    /// Learned, one for each input.
    Input,
    /// Given by the decoder, for each input and reading: `Sigma_theta(z)`.
    Predicted,
}

/// The names of the likelihoods around a location.
const LOCATIONS: [(&str, LikelihoodKind); 6] = {
    const fn kind(family: Family, scale: Scale) -> LikelihoodKind {
        LikelihoodKind::Location { family, scale }
    }
    [
        ("gaussian", kind(Family::Normal, Scale::Input)),
        ("gaussian:shared", kind(Family::Normal, Scale::Shared)),
        ("gaussian:predicted", kind(Family::Normal, Scale::Predicted)),
        ("laplace", kind(Family::Laplace, Scale::Input)),
        ("laplace:shared", kind(Family::Laplace, Scale::Shared)),
        ("laplace:predicted", kind(Family::Laplace, Scale::Predicted)),
    ]
};

impl fmt::Display for LikelihoodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Binomial { trials: 1 } => f.write_str("bernoulli"),
            Self::Binomial { trials } => write!(f, "binomial:{trials}"),
            kind => {
                let name = LOCATIONS.iter().find(|(_, location)| location == kind);
                f.write_str(name.map_or("location", |(name, _)| name))
            }
        }
    }
}

impl FromStr for LikelihoodKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "no such likelihood: {text}; use auto, bernoulli, binomial:N (N from 1 to 255), gaussian, laplace, or one of the last two with :shared or :predicted"
            )
        };
        match text {
            "auto" => Ok(Self::Auto),
            "bernoulli" => Ok(Self::Binomial { trials: 1 }),
            _ => match text.strip_prefix("binomial:").map(str::parse) {
                Some(Ok(trials)) if trials > 0 => Ok(Self::Binomial { trials }),
                Some(_) => Err(unknown()),
                None => {
                    let location = LOCATIONS.iter().find(|(name, _)| *name == text);
                    location.map(|(_, kind)| *kind).ok_or_else(unknown)
                }
            },
        }
    }
}

impl TryFrom<String> for LikelihoodKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<LikelihoodKind> for String {
    fn from(kind: LikelihoodKind) -> Self {
        kind.to_string()
    }
}

impl LikelihoodKind {
    /// Settles [`LikelihoodKind::Auto`], and checks that the data are in the support, but for the last
    /// columns, which are conditions.
    ///
    /// # Errors
    /// One line that names the first reading that cannot be.
    pub fn resolve(self, dataset: &Dataset, conditions: usize) -> Result<Self, Error> {
        let kind = match self {
            Self::Auto if is_binary(&dataset.table, conditions) => Self::Binomial { trials: 1 },
            Self::Auto => Self::Location {
                family: Family::Normal,
                scale: Scale::Input,
            },
            kind => kind,
        };
        let remedy = "use --likelihood gaussian, or scale the column";
        kind.check(dataset, conditions, remedy)?;
        Ok(kind)
    }

    /// Checks that the data are in the support, but for the last columns, which are conditions.
    ///
    /// # Errors
    /// One line that names the first reading that cannot be, and says `remedy`.
    pub fn check(self, dataset: &Dataset, conditions: usize, remedy: &str) -> Result<(), Error> {
        let Self::Binomial { trials } = self else {
            return Ok(());
        };
        let largest = f32::from(trials);
        let width = dataset.table.width();
        let modelled = width.saturating_sub(conditions);
        let outside = |(at, x): (usize, &f32)| {
            at % width < modelled && (!(0.0..=largest).contains(x) || x.fract() != 0.0)
        };
        let Some(at) = dataset.table.values().iter().enumerate().position(outside) else {
            return Ok(());
        };
        let (row, column) = (at / width, at % width);
        Err(Error::Setting(format!(
            "{} of reading {} of {} is {}, the likelihood {self} counts whole numbers from 0 to {trials}: {remedy}",
            dataset.column_name(column),
            row + 1,
            dataset.name,
            dataset.table.values()[at]
        )))
    }
}

/// The part of the epochs that train in integers, where any do.
const INTEGER_EPOCHS: f64 = 0.2;

/// What a config says that does not.
fn threads() -> usize {
    THREADS
}

/// Threads where nobody says otherwise: the same on every machine, so that a run can be repeated.
pub const THREADS: usize = 2;

/// What a config says that does not: the ELBO.
fn one() -> usize {
    1
}

fn is_binary(table: &Table, conditions: usize) -> bool {
    let modelled = table.width().saturating_sub(conditions);
    let mut numbers = table.iter().flat_map(|row| &row[..modelled]);
    numbers.all(|&x| x == 0.0 || x == 1.0)
}

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
        at_least_one("--epochs", self.epochs, 1_000_000)?;
        at_least_one("--batch", self.batch, 1_000_000)?;
        at_least_one("--threads", self.threads, 256)?;
        at_least_one("--latents", self.latents, elbow::format::MAX_LATENTS.into())?;
        for (name, widths) in [("--encoder", &self.encoder), ("--decoder", &self.decoder)] {
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
        if let Some(stream) = &self.stream {
            stream.validate()?;
        }
        if self.binarize.is_some() {
            self.validate_binarization()?;
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return Err(Error::Setting(format!(
                "--learning-rate is {}: give a number above 0 and up to 1, such as 0.002",
                self.learning_rate
            )));
        }
        if self.rate_warm_up >= self.epochs && self.rate_warm_up > 0 {
            return Err(Error::Setting(format!(
                "--rate-warm-up is {} epochs and there are {}: give fewer, or raise --epochs",
                self.rate_warm_up, self.epochs
            )));
        }
        at_least_one("--importance-samples", self.importance_samples, 1000)?;
        Objective::validate(self)?;
        self.validate_prior()?;
        self.validate_gradient()?;
        self.validate_qat()?;
        if self.conditions > 0 && (self.binarize.is_some() || self.stream.is_some()) {
            return Err(Error::Setting(format!(
                "--conditions is {}: conditions are the last columns of a table of readings, not of pictures or streams; leave out --conditions, or --binarize and --window",
                self.conditions
            )));
        }
        let plain = self.missing == 0.0
            && self.importance_samples == 1
            && self.objective == Objective::default();
        if self.inference == Inference::Svi && !plain {
            return Err(Error::Setting(format!(
                "--inference svi ascends the ELBO of whole readings, here --missing is {} and the objective the {}: leave these settings out, or use --inference amortized",
                self.missing,
                Objective::name(self)
            )));
        }
        if self.inference == Inference::Svi && self.rate_warm_up > 0 {
            return Err(Error::Setting(format!(
                "--rate-warm-up is {} and --inference svi takes its steps by another schedule: leave one of them out",
                self.rate_warm_up
            )));
        }
        if !(0.0..1.0).contains(&self.missing) {
            return Err(Error::Setting(format!(
                "--missing is {}: give a number from 0 to below 1, such as 0.3",
                self.missing
            )));
        }
        Ok(())
    }

    /// Adam's step size in an epoch, counted from 1.
    pub fn rate(&self, epoch: usize) -> f64 {
        let risen = epoch as f64 / (self.rate_warm_up + 1) as f64;
        self.learning_rate * cosine(epoch - 1, self.epochs) * risen.min(1.0)
    }

    /// Epochs that train in floats; those after them, in the device's integers.
    pub fn float_epochs(&self) -> usize {
        if self.qat {
            self.epochs - (self.epochs as f64 * INTEGER_EPOCHS).ceil() as usize
        } else {
            self.epochs
        }
    }

    /// These settings with so many epochs in integers, at the step sizes of a training that ends with them.
    #[must_use]
    pub fn tuned(&self, epochs: usize) -> Self {
        Self {
            epochs: (epochs as f64 / INTEGER_EPOCHS) as usize,
            qat: true,
            // Warming up is over.
            rate_warm_up: 0,
            objective: Objective {
                kl_warm_up: 0,
                ..self.objective
            },
            ..self.clone()
        }
    }

    /// The setting that the device's integers cannot be trained with, if any.
    pub fn without_qat(&self) -> Option<String> {
        let refused = [
            (
                self.latent != Latent::Gaussian,
                "--latent bernoulli".to_string(),
            ),
            (
                self.prior != PriorKind::Standard,
                format!("--prior {}", self.prior),
            ),
            (
                self.gradient != Gradient::Reparameterized,
                "a --gradient other than reparameterized".into(),
            ),
            (
                self.objective.free_bits > 0.0,
                format!("--free-bits {}", self.objective.free_bits),
            ),
            (self.inference == Inference::Svi, "--inference svi".into()),
            (self.epochs < 2, format!("--epochs {}", self.epochs)),
        ];
        let found = refused.into_iter().find(|(is, _)| *is);
        found.map(|(_, setting)| setting)
    }

    fn validate_qat(&self) -> Result<(), Error> {
        match self.without_qat() {
            Some(setting) if self.qat => Err(Error::Setting(format!(
                "--qat trains in the device's integers, which there is no training in with {setting}: use --no-qat"
            ))),
            _ => Ok(()),
        }
    }

    fn validate_prior(&self) -> Result<(), Error> {
        if self.prior == PriorKind::Standard {
            return Ok(());
        }
        if self.objective.free_bits > 0.0 {
            return Err(Error::Setting(format!(
                "--free-bits is {} and --prior {}: a mixture has no divergence of single latents; leave one of them out",
                self.objective.free_bits, self.prior
            )));
        }
        if matches!(self.prior, PriorKind::Vamp { .. }) && self.inference == Inference::Svi {
            return Err(Error::Setting(format!(
                "--prior {} is made of the encoder's answers, --inference svi trains the decoder without an encoder: use --prior mixture:N, or --inference amortized",
                self.prior
            )));
        }
        Ok(())
    }

    fn validate_binarization(&self) -> Result<(), Error> {
        match self.likelihood {
            LikelihoodKind::Auto | LikelihoodKind::Binomial { trials: 1 } => {}
            kind => {
                return Err(Error::Setting(format!(
                    "--binarize makes bits, --likelihood is {kind}: use bernoulli, or leave one of them out"
                )));
            }
        }
        if self.stream.is_some() {
            return Err(Error::Setting(
                "--binarize is for pictures, --window for streams: leave one of them out".into(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    const TEXT: &str = "data = \"digits\"\nanomaly_digit = 4\nlikelihood = \"auto\"\nencoder = [64, 32]\nlatents = 8\ndecoder = [48]\nepochs = 8\nbatch = 64\nlearning_rate = 0.4\nrate_warm_up = 3\nseed = 0\nvalidation_fraction = 0.15\ntest_fraction = 0.15\n\n[objective]\nform = \"divergence\"\nbeta = 1.0\nkl_warm_up = 5\nfree_bits = 0.0\n";

    #[test]
    fn tuning_has_as_many_epochs_in_integers() {
        let config: Config = toml::from_str(TEXT).unwrap();
        for epochs in 1..5000 {
            let tuned = config.tuned(epochs);
            assert_eq!(tuned.epochs - tuned.float_epochs(), epochs);
            let first = tuned.float_epochs() + 1;
            assert_eq!(tuned.objective.weight(first), 1.0);
            assert!(tuned.rate(first) > 0.08 * tuned.learning_rate);
        }
    }

    #[test]
    fn the_step_size_rises_and_falls() {
        let config: Config = toml::from_str(TEXT).unwrap();
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
