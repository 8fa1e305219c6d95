//! `trainer baseline`.

use super::stream::StreamArguments;
use super::{ANOMALY_DIGIT, decimal, emit_results, warn_of_saturation};
use crate::config::{Config, Core, Gradient, Inference, Latent, LikelihoodKind};
use crate::error::Error;
use crate::evaluate::{auc, mean_and_error};
use crate::parts::Parts;
use crate::processor::Processor;
use crate::readings::{Normalization, Readings};
use crate::run;
use crate::shallow::{Covariance, Matrix, Mixture, PrincipalComponents};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Which shallow model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Probabilistic principal component analysis, in closed form
    Ppca,
    /// A mixture of Gaussians, by expectation maximization
    Mixture,
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The model
    kind: Kind,
    /// A CSV or .npy file as for `fit`, which divides it the same way
    #[arg(default_value = "digits")]
    data: String,
    /// Principal components, or Gaussians in the mixture
    #[arg(long, value_name = "N", default_value_t = 8)]
    components: usize,
    /// Of the mixture's Gaussians
    #[arg(long, value_enum, default_value_t = Covariance::Diagonal)]
    covariance: Covariance,
    /// A file with a label for each row, 0 for normal; others are only tested on
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// With the digits: the digit that the model never sees
    #[arg(long, value_name = "DIGIT", default_value_t = ANOMALY_DIGIT)]
    anomaly_digit: u32,
    /// Test on all rows of this file instead of on a part of DATA; --labels are then its own
    #[arg(long, value_name = "FILE", conflicts_with = "window")]
    test: Option<String>,
    /// Of the mixture's starts
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The part of normal readings that `fit` keeps for early stopping; not used here
    #[arg(long, value_name = "FRACTION", default_value_t = 0.15)]
    validation_fraction: f64,
    /// The part of normal readings that only the evaluation sees
    #[arg(long, value_name = "FRACTION", default_value_t = 0.15)]
    test_fraction: f64,
    #[command(flatten)]
    stream: StreamArguments,
    /// Where to write a line of CSV for each test reading: log p(x), and its cluster
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A fitted model.
#[derive(Debug)]
enum Fitted {
    Ppca(PrincipalComponents),
    Mixture(Mixture),
}

/// What it is worth.
#[derive(Debug, Serialize)]
struct Results {
    model: Kind,
    components: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    covariance: Option<Covariance>,
    training_readings: usize,
    /// Mean log p(x) over the training readings, nats.
    training_log_density: Option<f64>,
    /// Over normal test readings, nats.
    test_log_density: Option<f64>,
    standard_error: Option<f64>,
    auc: Option<f64>,
    normal: usize,
    abnormal: usize,
    /// Whether the numbers compare with the bound of a model of the likelihood that `fit` would use.
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
    abnormal: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(path) = &arguments.out {
        run::prepare_file(path)?;
    }
    let parts = Parts::load(&arguments.settings()?)?;
    let normalization = parts.normalization()?;
    warn_of_saturation(parts.stream.as_ref().map_or(0, |stream| stream.saturated));
    let table = |table| matrix(table, &normalization);
    let train = table(&parts.train.table);
    let test = match &arguments.test {
        None => parts.test,
        Some(path) => {
            let labelled = crate::parts::load_for_scoring(
                path,
                arguments.labels.as_deref(),
                arguments.anomaly_digit,
                None,
            )?;
            let dataset = &labelled.dataset;
            crate::parts::check_width(&dataset.name, &dataset.table, normalization.width())?;
            labelled
        }
    };
    let readings = table(&test.dataset.table);
    let floor = train.floor;
    let (fitted, iterations) = match arguments.kind {
        Kind::Ppca => {
            let model = PrincipalComponents::fit(&train.values, arguments.components, floor)?;
            (Fitted::Ppca(model), None)
        }
        Kind::Mixture => {
            let Arguments {
                components,
                covariance,
                seed,
                ..
            } = *arguments;
            let (model, training) =
                Mixture::fit(&train.values, components, covariance, floor, seed)?;
            let iterations = training.log_likelihoods.len() - 1;
            (Fitted::Mixture(model), Some(iterations))
        }
    };
    let scores = fitted.log_densities(&readings);
    let clusters = fitted.clusters(&readings);
    if let Some(path) = &arguments.out {
        run::write(path, csv(&scores, clusters.as_deref()).as_bytes())?;
    }
    let nobody = vec![false; scores.len()];
    let abnormal = test.abnormal.as_deref().unwrap_or(&nobody);
    let strange = abnormal.iter().filter(|&&is| is).count();
    let normal = scores.iter().zip(abnormal).filter(|(_, is)| !**is);
    let (mean, error) = mean_and_error(&normal.map(|(score, _)| *score).collect::<Vec<_>>());
    let results = Results {
        model: arguments.kind,
        components: arguments.components,
        covariance: (arguments.kind == Kind::Mixture).then_some(arguments.covariance),
        training_readings: train.values.nrows(),
        training_log_density: mean_and_error(&fitted.log_densities(&train)).0,
        test_log_density: mean,
        standard_error: error,
        auc: auc(&scores, abnormal),
        normal: abnormal.len() - strange,
        abnormal: strange,
        comparable: matches!(parts.likelihood, LikelihoodKind::Location { .. }),
        iterations,
        clusters: fitted.members(clusters.as_deref().unwrap_or_default(), abnormal),
    };
    emit_results(arguments.json, &results, describe)
}

impl Arguments {
    /// The settings of a `fit` on the same data, for what divides and normalizes them.
    fn settings(&self) -> Result<Config, Error> {
        let labels = self.labels.clone().filter(|_| self.test.is_none());
        let settings = Config {
            data: self.data.clone(),
            labels,
            anomaly_digit: self.anomaly_digit,
            likelihood: LikelihoodKind::Auto,
            encoder: vec![],
            latents: 1,
            decoder: vec![],
            epochs: 1,
            batch: 1,
            learning_rate: 1.0,
            missing: 0.0,
            importance_samples: 1,
            gradient: Gradient::default(),
            latent: Latent::default(),
            objective: Default::default(),
            conditions: 0,
            keep_dead_latents: false,
            prior: Default::default(),
            core: Core::default(),
            calibration: Default::default(),
            activations: Default::default(),
            qat: false,
            weights: Default::default(),
            binarize: None,
            inference: Inference::Amortized,
            processor: Processor::Cpu,
            threads: 1,
            seed: self.seed,
            validation_fraction: self.validation_fraction,
            test_fraction: self.test_fraction,
            stream: self.stream.settings()?,
        };
        settings.validate()?;
        Ok(settings)
    }
}

/// The numbers that the encoder of a `fit` would see.
fn matrix(table: &crate::data::Table, normalization: &Normalization) -> Matrix {
    let (readings, saturated) = Readings::from_table(table, &normalization.exponents);
    warn_of_saturation(saturated);
    Matrix::new(&readings, normalization)
}

impl Fitted {
    /// Of the values in the data, nats.
    fn log_densities(&self, data: &Matrix) -> Vec<f64> {
        data.of_values(&match self {
            Self::Ppca(model) => model.log_densities(&data.values),
            Self::Mixture(model) => model.log_densities(&data.values),
        })
    }

    fn clusters(&self, data: &Matrix) -> Option<Vec<usize>> {
        match self {
            Self::Ppca(_) => None,
            Self::Mixture(model) => Some(model.clusters(&data.values)),
        }
    }

    fn members(&self, clusters: &[usize], abnormal: &[bool]) -> Vec<Cluster> {
        let Self::Mixture(model) = self else {
            return vec![];
        };
        let weights = model.weights().into_iter().enumerate();
        let count = |component, kind| {
            let pairs = clusters.iter().zip(abnormal);
            pairs.filter(|pair| *pair == (&component, &kind)).count()
        };
        weights
            .map(|(component, weight)| Cluster {
                weight,
                normal: count(component, false),
                abnormal: count(component, true),
            })
            .collect()
    }
}

fn csv(scores: &[f64], clusters: Option<&[usize]>) -> String {
    let header = if clusters.is_some() { ",cluster" } else { "" };
    let mut text = format!("reading,log_density{header}\n");
    for (reading, score) in scores.iter().enumerate() {
        let cluster = clusters.map_or(String::new(), |clusters| format!(",{}", clusters[reading]));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{reading},{score:.6}{cluster}");
    }
    text
}

fn describe(results: &Results) -> String {
    let mut text = format!(
        "log p(x)  {} ± {} nats a reading (training {})   AUC {}\n",
        decimal(results.test_log_density, 3),
        decimal(results.standard_error, 3),
        decimal(results.training_log_density, 3),
        decimal(results.auc, 4),
    );
    for (at, cluster) in results.clusters.iter().enumerate() {
        let _ = writeln!(
            text,
            "cluster {at:<3} weight {:.3}  {} normal and {} abnormal test readings",
            cluster.weight, cluster.normal, cluster.abnormal
        );
    }
    let _ = writeln!(
        text,
        "{} training, {} normal and {} abnormal test readings{}",
        results.training_readings,
        results.normal,
        results.abnormal,
        if results.comparable {
            "; the density of the values, as in the bound of a gaussian or laplace model"
        } else {
            "; a density, which does not compare with the bound of a model of counts"
        }
    );
    text
}
