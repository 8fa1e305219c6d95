//! `trainer baseline`.

use crate::cli::arguments::warn_of_saturation;
use crate::cli::output::decimal;
use crate::cli::output::emit_results;
use crate::config::settings::{Typed, refuse_idle};
use crate::config::{
    ANOMALY_DIGIT, Config, DataConfig, LikelihoodKind, StreamArguments, TrainConfig,
};
use crate::error::Error;
use crate::readings::scoring::{Like, load_for_scoring};
use crate::readings::splits::Splits;
use crate::readings::{Normalization, Readings};
use crate::study::baselines::{
    AutoencoderSettings, Baseline, COMPONENTS, Covariance, ForestSettings, Matrix, Mixture,
    Quantity, Recipe, Worth,
};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    model: Model,
}

/// The baselines.
#[derive(Debug, Subcommand)]
enum Model {
    /// Probabilistic principal component analysis, in closed form
    Ppca {
        #[command(flatten)]
        data: Data,
        /// Principal components
        #[arg(long, value_name = "N", default_value_t = 8)]
        components: usize,
    },
    /// A mixture of Gaussians, by expectation maximization
    Mixture {
        #[command(flatten)]
        data: Data,
        /// Gaussians
        #[arg(long, value_name = "N", default_value_t = COMPONENTS)]
        components: usize,
        /// Covariance of each Gaussian
        #[arg(long, value_enum, default_value_t = Covariance::Diagonal)]
        covariance: Covariance,
    },
    /// An isolation forest: trees of random cuts, in which anomalous readings are alone soon
    Forest {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        settings: ForestSettings,
    },
    /// A plain autoencoder: no noise, no prior, the least mean square of what is lost
    Autoencoder {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        settings: AutoencoderSettings,
    },
}

/// Data that it is fitted and tested on.
#[derive(Debug, Args)]
struct Data {
    #[command(flatten)]
    typed: Typed,
    /// A file, or files, as for `fit`, which divides it the same way
    #[arg(default_value = "digits")]
    data: String,
    /// A file with a label for each row, 0 for normal. Others are only tested on, but for the
    /// validation fraction of them, which is not used here
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// With the digits: the digit that the model never sees
    #[arg(long, value_name = "DIGIT", default_value_t = ANOMALY_DIGIT)]
    anomaly_digit: u32,
    /// Test on all rows of this file instead of on a part of DATA; --labels are then its own
    #[arg(long, value_name = "FILE", conflicts_with = "window")]
    test: Option<String>,
    /// Seed of all random draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The part of the readings that `fit` keeps for early stopping and calibration; not used here
    #[arg(long, value_name = "FRACTION", default_value_t = 0.15)]
    validation_fraction: f64,
    /// The part of normal readings that only the evaluation sees
    #[arg(long, value_name = "FRACTION", default_value_t = 0.15)]
    test_fraction: f64,
    #[command(flatten)]
    stream: StreamArguments,
    /// File to write a line of CSV for each test reading to: its score, and its cluster
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Results of a baseline.
#[derive(Debug, Serialize)]
struct Results {
    #[serde(flatten)]
    worth: Worth,
    training_readings: usize,
    normal: usize,
    anomalous: usize,
    /// Whether a log density compares with the bound of a model of the likelihood that `fit` would use.
    comparable: bool,
    /// Iterations of the best start.
    #[serde(skip_serializing_if = "Option::is_none")]
    iterations: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clusters: Vec<Cluster>,
}

/// A component of a mixture and the test readings that most likely came from it.
#[derive(Debug, Serialize)]
struct Cluster {
    weight: f64,
    normal: usize,
    anomalous: usize,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let (recipe, data) = arguments.model.recipe();
    if matches!(recipe, Recipe::Ppca { .. }) && data.typed.has("seed") {
        return Err(Error::Setting(
            "--seed is for random draws, and ppca is in closed form: leave it out".into(),
        ));
    }
    crate::cli::output::prepare_out(data.out.as_deref())?;
    let parts = Splits::load(&data.settings()?)?;
    let normalization = parts.normalization()?;
    warn_of_saturation(parts.stream.as_ref().map_or(0, |stream| stream.saturated));
    let table = |table| matrix(table, &normalization);
    let train = table(&parts.train.table);
    let test = match &data.test {
        None => parts.test,
        Some(path) => {
            let like = Like {
                columns: (&parts.columns).into(),
                anomaly_digit: data.anomaly_digit,
                ..Like::new(None)
            };
            let labelled = load_for_scoring(path, data.labels.as_deref(), like)?;
            let dataset = &labelled.dataset;
            crate::readings::scoring::check_width(
                &dataset.name,
                &dataset.table,
                normalization.width(),
            )?;
            labelled
        }
    };
    let readings = table(&test.dataset.table);
    let baseline = recipe.fit(&train, data.seed)?;
    let anomalous = test.anomalous.as_deref();
    let (worth, scores) = baseline.worth(recipe, [&train, &readings], anomalous)?;
    let mixture = match &baseline {
        Baseline::Mixture(model, training) => Some((model, training)),
        _ => None,
    };
    let clusters = mixture.map(|(model, _)| model.clusters(&readings.values));
    if let Some(path) = &data.out {
        let text = csv(worth.quantity, &scores, clusters.as_deref());
        crate::cli::output::write_out(path, text.as_bytes())?;
    }
    let anomalies = anomalous.map_or(0, |anomalous| anomalous.iter().filter(|&&is| is).count());
    let results = Results {
        worth,
        training_readings: train.values.nrows(),
        normal: scores.len() - anomalies,
        anomalous: anomalies,
        comparable: matches!(parts.likelihood, LikelihoodKind::Location { .. }),
        iterations: mixture.map(|(_, training)| training.log_likelihoods.len() - 1),
        clusters: mixture.map_or_else(Vec::new, |(model, _)| {
            members(model, clusters.as_deref().unwrap_or_default(), anomalous)
        }),
    };
    emit_results(data.json, &results, describe)
}

impl Model {
    fn recipe(&self) -> (Recipe, &Data) {
        match self {
            Self::Ppca { data, components } => {
                let components = *components;
                (Recipe::Ppca { components }, data)
            }
            Self::Mixture {
                data,
                components,
                covariance,
            } => {
                let recipe = Recipe::Mixture {
                    components: *components,
                    covariance: *covariance,
                };
                (recipe, data)
            }
            Self::Forest { data, settings } => (Recipe::Forest(*settings), data),
            Self::Autoencoder { data, settings } => (Recipe::Autoencoder(settings.clone()), data),
        }
    }
}

impl Data {
    /// The settings of a `fit` on the same data, for what divides and normalizes them.
    fn settings(&self) -> Result<Config, Error> {
        let labels = self.labels.clone().filter(|_| self.test.is_none());
        let settings = Config {
            data: DataConfig {
                source: self.data.clone(),
                labels,
                anomaly_digit: self.anomaly_digit,
                validation_fraction: self.validation_fraction,
                test_fraction: self.test_fraction,
                stream: self.stream.settings()?,
                ..DataConfig::default()
            },
            train: TrainConfig {
                seed: self.seed,
                ..TrainConfig::default()
            },
            ..Config::default()
        };
        settings.validate()?;
        refuse_idle(&settings, self.typed.keys())?;
        Ok(settings)
    }
}

/// The numbers that the encoder of a `fit` would see.
fn matrix(table: &crate::data::Table, normalization: &Normalization) -> Matrix {
    let (readings, saturated) = Readings::from_table(table, &normalization.exponents);
    warn_of_saturation(saturated);
    Matrix::new(&readings, normalization)
}

/// The components of a mixture, with the readings of each.
fn members(model: &Mixture, clusters: &[usize], anomalous: Option<&[bool]>) -> Vec<Cluster> {
    let weights = model.weights().into_iter().enumerate();
    let count = |component, kind| {
        let readings = clusters.iter().enumerate();
        let is = |reading: usize| anomalous.is_some_and(|anomalous| anomalous[reading]);
        readings
            .filter(|&(reading, &cluster)| cluster == component && is(reading) == kind)
            .count()
    };
    weights
        .map(|(component, weight)| Cluster {
            weight,
            normal: count(component, false),
            anomalous: count(component, true),
        })
        .collect()
}

fn csv(quantity: Quantity, scores: &[f64], clusters: Option<&[usize]>) -> String {
    let header = if clusters.is_some() { ",cluster" } else { "" };
    let mut text = format!("reading,{}{header}\n", quantity.column());
    for (reading, score) in scores.iter().enumerate() {
        let cluster = clusters.map_or(String::new(), |clusters| format!(",{}", clusters[reading]));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{reading},{score:.6}{cluster}");
    }
    text
}

fn describe(results: &Results) -> String {
    let mut text = describe_worth(&results.worth);
    for (at, cluster) in results.clusters.iter().enumerate() {
        let _ = writeln!(
            text,
            "cluster {at:<3} weight {:.3}  {} normal and {} anomalous test readings",
            cluster.weight, cluster.normal, cluster.anomalous
        );
    }
    let _ = writeln!(
        text,
        "{} training, {} normal and {} anomalous test readings{}",
        results.training_readings,
        results.normal,
        results.anomalous,
        match (results.worth.quantity, results.comparable) {
            (Quantity::LogDensity, true) =>
                "; the density of the values, as in the bound of a gaussian or laplace model",
            (Quantity::LogDensity, false) =>
                "; a density, which does not compare with the bound of a model of counts",
            _ => "",
        }
    );
    text
}

/// A line on a baseline.
pub(in crate::cli) fn describe_worth(worth: &Worth) -> String {
    let number = |number| decimal(number, 3);
    let (name, unit) = match worth.quantity {
        Quantity::LogDensity => ("log p(x)", "nats a reading"),
        Quantity::AnomalyScore => ("anomaly score", "from 0 to 1"),
        Quantity::SquaredError => ("squared error", "an input"),
    };
    format!(
        "{:<46} AUC {}   {name} {} ± {} {unit} (training {})\n",
        worth.recipe.to_string(),
        decimal(worth.auc, 4),
        number(worth.test_mean),
        number(worth.standard_error),
        number(worth.training_mean),
    )
}
