//! Baselines that a model must beat: shallow models with an exact log p(x), which are also the ground truth of
//! tests, an isolation forest and a plain autoencoder. On matrices with a reading in each row.

mod autoencoder;
mod forest;
mod mixture;
mod principal;

pub use autoencoder::{Autoencoder, Settings as AutoencoderSettings};
pub use forest::{Forest, Settings as ForestSettings};
pub use mixture::{Covariance, Mixture, Training};
pub use principal::PrincipalComponents;

use crate::config::{Config, HiddenLayer};
use crate::error::Error;
use crate::numeric::statistics::auc;
use crate::numeric::statistics::mean_and_error;
use crate::readings::RunConfig;
use crate::readings::splits::Splits;
use crate::readings::{Normalization, Readings, SMALLEST_DEVIATION};
use nalgebra::DMatrix;
use serde::Serialize;
use std::fmt;

/// `ln 2 pi`.
const LN_2PI: f64 = 1.837_877_066_409_345_5;

/// Components of a mixture, where nobody says another number.
pub const COMPONENTS: usize = 10;

/// A baseline to be fitted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "model")]
pub enum Recipe {
    /// Probabilistic principal component analysis.
    Ppca {
        /// How many.
        components: usize,
    },
    /// A mixture of Gaussians.
    Mixture {
        /// How many.
        components: usize,
        /// Covariances of each.
        covariance: Covariance,
    },
    /// An isolation forest.
    Forest(ForestSettings),
    /// A plain autoencoder.
    Autoencoder(AutoencoderSettings),
}

/// A fitted baseline.
#[derive(Clone, Debug)]
pub enum Baseline {
    /// Probabilistic principal component analysis.
    Ppca(PrincipalComponents),
    /// A mixture of Gaussians, and how it was fitted.
    Mixture(Mixture, Training),
    /// An isolation forest.
    Forest(Forest),
    /// A plain autoencoder.
    Autoencoder(Autoencoder),
}

/// Worth of a baseline on readings that it was not fitted on.
#[derive(Clone, Debug, Serialize)]
pub struct Worth {
    /// Name and size.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// Name of the score that the means are of.
    pub quantity: Quantity,
    /// Over the readings that it was fitted on.
    pub training_mean: Option<f64>,
    /// Over the normal ones among the others.
    pub test_mean: Option<f64>,
    /// Standard error of the mean.
    pub standard_error: Option<f64>,
    /// Where some of them are anomalous.
    pub auc: Option<f64>,
}

/// Kind of score that a baseline gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// log p(x) of the values in the data, nats.
    LogDensity,
    /// Anomaly score from 0 to 1, the higher the more anomalous.
    AnomalyScore,
    /// The mean square of what is lost of a reading, in network units, the higher the more anomalous.
    SquaredError,
}

impl Recipe {
    /// Baselines that a model of these settings is compared with: of as many components as it has latents, and
    /// an autoencoder of its own shape and training.
    pub fn beside(config: &Config, inputs: usize) -> Vec<Self> {
        let units = |layers: &[HiddenLayer]| layers.iter().map(|layer| layer.units()).collect();
        vec![
            Self::Ppca {
                components: config.model.latents.min(inputs.saturating_sub(1)).max(1),
            },
            Self::Mixture {
                components: COMPONENTS,
                covariance: Covariance::Diagonal,
            },
            Self::Forest(ForestSettings::default()),
            Self::Autoencoder(AutoencoderSettings {
                encoder: units(&config.model.encoder),
                latents: config.model.latents,
                decoder: units(&config.model.decoder),
                epochs: config.train.epochs,
                batch: config.train.batch,
                learning_rate: config.train.learning_rate,
            }),
        ]
    }

    /// Fits it on the rows of `data`.
    ///
    /// # Errors
    /// [`Error::Setting`] where the data are too few or too narrow for it, those of training.
    pub fn fit(&self, data: &Matrix, seed: u64) -> Result<Baseline, Error> {
        Ok(match self {
            &Self::Ppca { components } => Baseline::Ppca(PrincipalComponents::fit(
                &data.values,
                components,
                data.floor,
            )?),
            &Self::Mixture {
                components,
                covariance,
            } => {
                let (model, training) =
                    Mixture::fit(&data.values, components, covariance, data.floor, seed)?;
                Baseline::Mixture(model, training)
            }
            &Self::Forest(settings) => Baseline::Forest(Forest::fit(data, settings, seed)?),
            Self::Autoencoder(settings) => {
                Baseline::Autoencoder(Autoencoder::fit(data, settings, seed)?)
            }
        })
    }
}

/// Worth of the baselines of [`Recipe::beside`] on `test`, fitted on the readings that a run learned
/// from: its data are loaded anew.
///
/// # Errors
/// Errors of loading and fitting.
pub fn beside(
    run: &RunConfig,
    test: &Readings,
    anomalous: Option<&[bool]>,
) -> Result<Vec<Worth>, Error> {
    let RunConfig { settings, derived } = run;
    let normalization = &derived.normalization;
    let train = Splits::load(settings)?.train.table;
    let (readings, _) = Readings::from_table(&train, &normalization.exponents);
    let [train, test] = [&readings, test].map(|readings| Matrix::new(readings, normalization));
    let recipes = Recipe::beside(settings, test.values.ncols()).into_iter();
    let one = |recipe: Recipe| {
        let baseline = recipe.fit(&train, settings.train.seed)?;
        Ok(baseline.worth(recipe, [&train, &test], anomalous)?.0)
    };
    recipes.map(one).collect()
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ppca { components } => write!(f, "probabilistic PCA, {components} components"),
            Self::Mixture {
                components,
                covariance,
            } => {
                let covariance = match covariance {
                    Covariance::Diagonal => "diagonal",
                    Covariance::Full => "full",
                };
                write!(f, "mixture of {components} Gaussians, {covariance}")
            }
            Self::Forest(ForestSettings { trees, sample }) => {
                write!(f, "isolation forest, {trees} trees of {sample} readings")
            }
            Self::Autoencoder(settings) => {
                let middle = [settings.latents];
                let hidden = settings.encoder.iter().chain(&middle);
                let widths: Vec<_> = hidden
                    .chain(&settings.decoder)
                    .map(usize::to_string)
                    .collect();
                let (widths, epochs) = (widths.join("-"), settings.epochs);
                write!(f, "autoencoder {widths}, {epochs} epochs")
            }
        }
    }
}

impl Baseline {
    /// Kind of [`Baseline::scores`].
    pub fn quantity(&self) -> Quantity {
        match self {
            Self::Ppca(_) | Self::Mixture(..) => Quantity::LogDensity,
            Self::Forest(_) => Quantity::AnomalyScore,
            Self::Autoencoder(_) => Quantity::SquaredError,
        }
    }

    /// Its worth on `test`, of which some rows are `anomalous`, and its scores of them.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn worth(
        &self,
        recipe: Recipe,
        [training, test]: [&Matrix; 2],
        anomalous: Option<&[bool]>,
    ) -> Result<(Worth, Vec<f64>), Error> {
        let scores = self.scores(test)?;
        let nobody = vec![false; scores.len()];
        let anomalous = anomalous.unwrap_or(&nobody);
        let normal = scores.iter().zip(anomalous).filter(|(_, is)| !**is);
        let (test_mean, standard_error) =
            mean_and_error(&normal.map(|(score, _)| *score).collect::<Vec<_>>());
        let worth = Worth {
            recipe,
            quantity: self.quantity(),
            training_mean: mean_and_error(&self.scores(training)?).0,
            test_mean,
            standard_error,
            auc: self.quantity().auc(&scores, anomalous),
        };
        Ok((worth, scores))
    }

    /// One for each row of `data`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn scores(&self, data: &Matrix) -> Result<Vec<f64>, Error> {
        Ok(match self {
            Self::Ppca(model) => data.of_values(&model.log_densities(&data.values)),
            Self::Mixture(model, _) => data.of_values(&model.log_densities(&data.values)),
            Self::Forest(model) => model.scores(&data.values),
            Self::Autoencoder(model) => model.errors(&data.values)?,
        })
    }
}

impl Quantity {
    /// [`auc`] of such scores, the anomalous ones those of readings that are less likely.
    pub fn auc(self, scores: &[f64], anomalous: &[bool]) -> Option<f64> {
        match self {
            Self::LogDensity => auc(scores, anomalous),
            Self::AnomalyScore | Self::SquaredError => auc(
                &scores.iter().map(|score| -score).collect::<Vec<_>>(),
                anomalous,
            ),
        }
    }

    /// Name of the column in a file.
    pub fn column(self) -> &'static str {
        match self {
            Self::LogDensity => "log_density",
            Self::AnomalyScore => "anomaly_score",
            Self::SquaredError => "squared_error",
        }
    }
}

/// Readings as baselines take them in: those numbers that the encoder of a `fit` on the same
/// data sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// (readings, inputs), in network units.
    pub values: DMatrix<f64>,
    /// `sum_i ln u_i` of the network units in units of the data: what a log density in network
    /// units has to be lowered by to be one of the values themselves.
    pub log_units: f64,
    /// The smallest variance that 16-bit readings resolve, in squared network units: that of
    /// rounding in the input with the smallest unit.
    pub floor: f64,
}

impl Matrix {
    /// Normalizes `readings`.
    pub fn new(readings: &Readings, normalization: &Normalization) -> Self {
        let values = normalization.apply(readings).into_iter().map(f64::from);
        let units = normalization.units.iter().map(|&unit| f64::from(unit));
        let largest = units.clone().fold(f64::MIN_POSITIVE, f64::max);
        let exponents = normalization.exponents.iter().map(|&e| f64::from(e));
        let log_units = units
            .zip(exponents)
            .map(|(unit, exponent)| unit.ln() + exponent * std::f64::consts::LN_2);
        Self {
            values: DMatrix::from_row_iterator(readings.len(), readings.width(), values),
            log_units: log_units.sum(),
            floor: (SMALLEST_DEVIATION / largest).powi(2),
        }
    }

    /// Log densities in network units as those of the values in the data, nats a reading.
    #[must_use]
    pub fn of_values(&self, log_densities: &[f64]) -> Vec<f64> {
        log_densities
            .iter()
            .map(|log_density| log_density - self.log_units)
            .collect()
    }
}

/// Refuses a number of components that the data cannot have.
fn check_components(components: usize, most: usize, why: &str) -> Result<(), Error> {
    if (1..=most).contains(&components) {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "--components is {components}: give a number from 1 to {most}, {why}"
    )))
}
