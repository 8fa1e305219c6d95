//! The data of a run, divided: what is learned from, chosen by and tested on.

use crate::config::{Config, LikelihoodKind};
use crate::data::digits::{self, Part};
use crate::data::{self, DataSource, Dataset, SplitOptions, Table};
use crate::error::Error;
use std::path::Path;

/// Which of all divisions of a file; independent of the seed of a run, so that runs compare.
const SPLIT_SEED: u64 = 0;

/// Readings and which of them are abnormal.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The readings.
    pub dataset: Dataset,
    /// One for each reading; none where nobody said.
    pub abnormal: Option<Vec<bool>>,
    /// Columns of a reading that is a picture; 0 otherwise.
    pub picture_width: u16,
}

/// A divided data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// Normal readings to learn from.
    pub train: Dataset,
    /// Normal readings for early stopping and calibration.
    pub validation: Dataset,
    /// The rest.
    pub test: Labelled,
    /// The likelihood, settled.
    pub likelihood: LikelihoodKind,
}

impl Parts {
    /// Loads and divides the data that `config` names.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit.
    pub fn load(config: &Config) -> Result<Self, Error> {
        match DataSource::parse(&config.data)? {
            DataSource::Digits => Self::digits(config),
            DataSource::DigitsPart(_) => Err(Error::Setting(format!(
                "{} is a part of the digits: train on `digits`, which brings its own division",
                config.data
            ))),
            DataSource::File(path) => Self::file(config, &path),
        }
    }

    fn digits(config: &Config) -> Result<Self, Error> {
        if config.labels.is_some() {
            return Err(Error::Setting(
                "--labels is for a file: the digits have their own; use --anomaly-digit".into(),
            ));
        }
        let kind = match config.likelihood {
            LikelihoodKind::Auto => LikelihoodKind::Binomial {
                trials: digits::PIXEL_MAX,
            },
            kind => kind,
        };
        let part = |part| digits::part(part, config.anomaly_digit);
        Ok(Self {
            likelihood: kind.resolve(&part(Part::Train))?,
            train: part(Part::Train),
            validation: part(Part::Validation),
            test: label_digits(part(Part::Test), config.anomaly_digit),
        })
    }

    fn file(config: &Config, path: &Path) -> Result<Self, Error> {
        let Labelled {
            dataset, abnormal, ..
        } = load_file(path, config.labels.as_deref())?;
        let likelihood = config.likelihood.resolve(&dataset)?;
        let abnormal = abnormal.unwrap_or_else(|| vec![false; dataset.table.rows()]);
        let options = SplitOptions {
            validation_fraction: config.validation_fraction,
            test_fraction: config.test_fraction,
            seed: SPLIT_SEED,
        };
        let split = data::split(&abnormal, &options)?;
        let of_test = split
            .test
            .iter()
            .map(|&row| abnormal[row])
            .collect::<Vec<_>>();
        Ok(Self {
            train: dataset.select(&split.train),
            validation: dataset.select(&split.validation),
            test: Labelled {
                dataset: dataset.select(&split.test),
                abnormal: config.labels.is_some().then_some(of_test),
                picture_width: 0,
            },
            likelihood,
        })
    }
}

/// Loads readings to be scored: a file, or by default the test part of the digits.
///
/// # Errors
/// [`Error::Data`].
pub fn load_for_scoring(
    source: &str,
    labels: Option<&Path>,
    anomaly_digit: u32,
) -> Result<Labelled, Error> {
    let part = match DataSource::parse(source)? {
        DataSource::File(path) => return load_file(&path, labels),
        DataSource::Digits => Part::Test,
        DataSource::DigitsPart(part) => part,
    };
    if labels.is_some() {
        return Err(Error::Setting(
            "--labels is for a file: the digits have their own".into(),
        ));
    }
    Ok(label_digits(
        digits::part(part, anomaly_digit),
        anomaly_digit,
    ))
}

fn label_digits(dataset: Dataset, anomaly_digit: u32) -> Labelled {
    let abnormal = dataset
        .labels
        .as_ref()
        .map(|labels| labels.iter().map(|&l| l == anomaly_digit).collect());
    Labelled {
        dataset,
        abnormal,
        picture_width: digits::SIDE as u16,
    }
}

fn load_file(path: &Path, labels: Option<&Path>) -> Result<Labelled, Error> {
    let dataset = data::load(path)?;
    let labels = labels
        .map(|path| data::load_labels(path, dataset.table.rows()))
        .transpose()?;
    let abnormal = labels.map(|labels| labels.iter().map(|&label| label != 0).collect());
    Ok(Labelled {
        dataset,
        abnormal,
        picture_width: 0,
    })
}

/// Checks that readings of `table` are as wide as a model's.
///
/// # Errors
/// One line with both widths.
pub fn check_width(name: &str, table: &Table, inputs: usize) -> Result<(), Error> {
    if table.width() == inputs {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "{name} has {} columns, the model takes {inputs}: score the data it was trained for, or train a model for these",
        table.width()
    )))
}
