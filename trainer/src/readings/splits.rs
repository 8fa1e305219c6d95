//! The data of a run, divided: what is learned from, chosen by and tested on.

use crate::config::StreamSettings;
use crate::config::{Config, LikelihoodKind, Scale};
use crate::data::digits::{self, Part};
use crate::data::{self, Binarization, DataSource, Dataset, Intensities, SplitOptions, Table};
use crate::error::Error;
use crate::numeric::random::{self, Purpose};
use crate::readings::stream::{self, Fractions, Windowed};
use crate::readings::{Normalization, Readings};
use elbow::Model;
use elbow::distribution::Family;
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
pub struct Splits {
    /// Normal readings to learn from.
    pub train: Dataset,
    /// What their bits are drawn from anew in each epoch, where they are.
    pub intensities: Option<Intensities>,
    /// Normal readings for early stopping and calibration.
    pub validation: Dataset,
    /// Abnormal ones for calibration, where somebody said which are.
    pub strange: Option<Dataset>,
    /// The rest.
    pub test: Labelled,
    /// The likelihood, settled.
    pub likelihood: LikelihoodKind,
    /// The last columns that are conditions.
    pub conditions: usize,
    /// A line on each column that is probably no reading.
    pub suspects: Vec<String>,
    /// Where the readings are windows of a stream: all of them, and how they were made.
    pub stream: Option<Windowed>,
}

impl Splits {
    /// Loads and divides the data that `config` names.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit.
    pub fn load(config: &Config) -> Result<Self, Error> {
        match (DataSource::parse(&config.data.source)?, &config.data.stream) {
            (DataSource::File(path), Some(stream)) => Self::stream(config, stream, &path),
            (_, Some(_)) => Err(Error::Setting(
                "--window is for a file with a stream: the digits are whole readings".into(),
            )),
            (source, None) => Self::readings(config, source),
        }
    }

    fn readings(config: &Config, source: DataSource) -> Result<Self, Error> {
        match source {
            DataSource::Digits => Self::digits(config),
            DataSource::DigitsPart(_) => Err(Error::Setting(format!(
                "{} is a part of the digits: train on `digits`, which brings its own division",
                config.data.source
            ))),
            DataSource::File(path) => Self::file(config, &path),
        }
    }

    fn digits(config: &Config) -> Result<Self, Error> {
        if config.data.conditions > 0 {
            return Err(Error::Setting(format!(
                "--conditions is {}: the digits are pictures, which have none; leave it out",
                config.data.conditions
            )));
        }
        if config.data.labels.is_some() {
            return Err(Error::Setting(
                "--labels is for a file: the digits have their own; use --anomaly-digit".into(),
            ));
        }
        let kind = match (config.model.likelihood, config.data.binarize) {
            (LikelihoodKind::Auto, None) => LikelihoodKind::Binomial {
                trials: digits::PIXEL_MAX,
            },
            (kind, _) => kind,
        };
        let part = |part| {
            let mut dataset = digits::part(part, config.data.anomaly_digit);
            let intensities = binarize(&mut dataset, config.data.binarize, digits::PIXEL_MAX)?;
            Ok::<_, Error>((dataset, intensities))
        };
        let (train, intensities) = part(Part::Train)?;
        Ok(Self {
            likelihood: kind.resolve(&train, 0)?,
            conditions: 0,
            train,
            intensities: intensities
                .filter(|_| config.data.binarize == Some(Binarization::Dynamic)),
            validation: part(Part::Validation)?.0,
            // No reading of the digit that is held out is seen before the test.
            strange: None,
            test: label_digits(part(Part::Test)?.0, config.data.anomaly_digit),
            suspects: vec![],
            stream: None,
        })
    }

    fn file(config: &Config, path: &Path) -> Result<Self, Error> {
        let Labelled {
            dataset, abnormal, ..
        } = load_file(path, config.data.labels.as_deref())?;
        Self::divide(config, dataset, abnormal)
    }

    /// Divides the readings `dataset` as `config` says; `abnormal` has an entry for each of them, where anybody said.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit, or there are not as many labels as
    /// readings.
    pub fn divide(
        config: &Config,
        mut dataset: Dataset,
        abnormal: Option<Vec<bool>>,
    ) -> Result<Self, Error> {
        let rows = dataset.table.rows();
        if let Some(labels) = abnormal.as_ref().filter(|labels| labels.len() != rows) {
            return Err(Error::Setting(format!(
                "{} has {rows} readings and {} labels: give one for each",
                dataset.name,
                labels.len()
            )));
        }
        let labelled = abnormal.is_some();
        let suspects = data::suspects(&dataset);
        let intensities = binarize(&mut dataset, config.data.binarize, BYTE)?;
        let (conditions, width) = (config.data.conditions, dataset.table.width());
        if conditions >= width {
            return Err(Error::Setting(format!(
                "--conditions is {conditions} and {} has {width} columns: the last columns are conditions, leave at least 1 before them",
                dataset.name
            )));
        }
        let likelihood = config.model.likelihood.resolve(&dataset, conditions)?;
        let abnormal = abnormal.unwrap_or_else(|| vec![false; rows]);
        let options = SplitOptions {
            validation_fraction: config.data.validation_fraction,
            test_fraction: config.data.test_fraction,
            seed: SPLIT_SEED,
        };
        let split = data::split(&abnormal, &options)?;
        let of_test = split
            .test
            .iter()
            .map(|&row| abnormal[row])
            .collect::<Vec<_>>();
        let validation = dataset.select(&split.validation);
        let strange = (!split.strange.is_empty()).then(|| dataset.select(&split.strange));
        let test = dataset.select(&split.test);
        // Most readings are among these: a copy of them would be most of the memory.
        dataset.table.keep(&split.train);
        dataset.labels = None;
        let mut intensities =
            intensities.filter(|_| config.data.binarize == Some(Binarization::Dynamic));
        if let Some(intensities) = &mut intensities {
            intensities.keep(&split.train);
        }
        Ok(Self {
            train: dataset,
            intensities,
            validation,
            strange,
            test: Labelled {
                dataset: test,
                abnormal: labelled.then_some(of_test),
                picture_width: 0,
            },
            likelihood,
            conditions,
            suspects,
            stream: None,
        })
    }

    /// The windows of a stream, divided by time: [`stream::divide`].
    fn stream(config: &Config, settings: &StreamSettings, path: &Path) -> Result<Self, Error> {
        let likelihood = match config.model.likelihood {
            LikelihoodKind::Auto => LikelihoodKind::Location {
                family: Family::Normal,
                scale: Scale::Input,
            },
            kind @ LikelihoodKind::Location { .. } => kind,
            kind @ LikelihoodKind::Binomial { .. } => {
                return Err(Error::Setting(format!(
                    "the likelihood {kind} counts, the features of windows are real values: use --likelihood gaussian or laplace"
                )));
            }
        };
        let Labelled {
            dataset, abnormal, ..
        } = load_file(path, config.data.labels.as_deref())?;
        settings.check(&dataset)?;
        let shape = settings.shape(dataset.table.width());
        let samples = abnormal.unwrap_or_else(|| vec![false; dataset.table.rows()]);
        let abnormal = stream::abnormal(&samples, shape);
        let fractions = Fractions {
            validation: config.data.validation_fraction,
            test: config.data.test_fraction,
        };
        let split = stream::divide(&abnormal, shape, fractions)?;
        let windowed = settings.prepare(&dataset, &split.train)?;
        let of_test = split.test.iter().map(|&window| abnormal[window]).collect();
        Ok(Self {
            train: windowed.dataset.select(&split.train),
            intensities: None,
            validation: windowed.dataset.select(&split.validation),
            strange: None,
            test: Labelled {
                dataset: windowed.dataset.select(&split.test),
                abnormal: config.data.labels.is_some().then_some(of_test),
                picture_width: 0,
            },
            likelihood,
            conditions: 0,
            suspects: data::suspects(&dataset),
            stream: Some(windowed),
        })
    }

    /// The abnormal readings to calibrate with.
    pub fn strange_readings(&self, normalization: &Normalization) -> Option<Readings> {
        let strange = self.strange.as_ref()?;
        Some(Readings::from_table(&strange.table, &normalization.exponents).0)
    }

    /// A line on the columns that never change in training, where the likelihood has a deviation for them.
    pub fn constants(&self) -> Option<String> {
        /// Columns that are named, at most.
        const NAMED: usize = 4;
        if matches!(self.likelihood, LikelihoodKind::Binomial { .. }) {
            return None;
        }
        let constant = data::constant_columns(&self.train.table);
        let named = constant.iter().take(NAMED);
        let mut names: Vec<String> = named
            .map(|&(column, value)| format!("{} ({value})", self.train.column_name(column)))
            .collect();
        let more = constant.len().saturating_sub(NAMED);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        (!names.is_empty()).then(|| {
            format!(
                "{} never changed in training: any other value will score as anomalous; leave the column out if it may change",
                names.join(", ")
            )
        })
    }

    /// How values become raw readings and network inputs.
    ///
    /// # Errors
    /// [`Error::Setting`] where an input has no density or 16 bits do not resolve it.
    pub fn normalization(&self) -> Result<Normalization, Error> {
        match (&self.stream, self.likelihood) {
            (Some(stream), _) => stream.normalization(&self.train.table),
            (None, LikelihoodKind::Binomial { trials }) => {
                let width = self.train.table.width();
                let counts = Normalization::counts(width - self.conditions, trials);
                if self.conditions == 0 {
                    return Ok(counts);
                }
                let behind = self.train.columns(width - self.conditions..width)?;
                Ok(counts.followed_by(Normalization::real(&behind, &behind.table)?))
            }
            (None, _) => Normalization::real(&self.train, &self.train.table),
        }
    }
}

/// Where `labelled` is a stream for `model` (a row for each sample, as wide as its channels), the
/// readings of its windows, each abnormal where a sample of it is, and how many samples were beyond
/// 16 bits; readings as they are. Data as wide as both the channels and the readings of a model
/// are taken for a stream.
///
/// # Errors
/// [`Error::Setting`] where the data are neither, or the samples do not make a window.
pub fn stream_to_readings(
    labelled: Labelled,
    model: &Model<'_>,
) -> Result<(Labelled, usize), Error> {
    let Some(stream) = model.stream() else {
        return Ok((labelled, 0));
    };
    let Labelled {
        dataset, abnormal, ..
    } = &labelled;
    let shape = stream.shape();
    let (width, channels) = (dataset.table.width(), shape.channels);
    if width != channels && width == model.inputs() {
        return Ok((labelled, 0));
    }
    if width != channels {
        return Err(Error::Setting(format!(
            "{} has {width} columns, the model takes streams of {channels} channels or their readings of {} numbers: give data like those that it was trained for",
            dataset.name,
            model.inputs()
        )));
    }
    let rows = dataset.table.rows();
    if rows < shape.samples {
        return Err(Error::Setting(format!(
            "{} has {rows} samples, a window of the model takes {}: give a longer stream",
            dataset.name, shape.samples
        )));
    }
    let (samples, saturated) = Readings::from_table(&dataset.table, stream.exponents);
    let readings = stream::readings(&samples, &stream.front_end, shape.hop)?;
    let windows = Labelled {
        dataset: Dataset {
            name: dataset.name.clone(),
            columns: Some(stream::input_names(&stream.front_end, dataset)),
            table: stream::in_units(&readings, model.exponents())?,
            labels: None,
        },
        abnormal: abnormal
            .as_deref()
            .map(|samples| stream::abnormal(samples, shape)),
        picture_width: 0,
    };
    Ok((windows, saturated))
}

/// What certain ink is in files.
const BYTE: u8 = 255;

/// Makes bits of the intensities in `dataset`, always the same, and gives what they were made of.
fn binarize(
    dataset: &mut Dataset,
    way: Option<Binarization>,
    maximum: u8,
) -> Result<Option<Intensities>, Error> {
    let Some(way) = way else { return Ok(None) };
    let intensities = Intensities::new(dataset, maximum)?;
    let mut rng = random::stream(0, Purpose::EvaluationBinarization);
    drop(dataset.table.take());
    dataset.table = intensities.fixed(way, &mut rng)?;
    Ok(Some(intensities))
}

/// Loads readings to be scored: a file, or by default the test part of the digits; made bits of as
/// in the run, where it was.
///
/// # Errors
/// [`Error::Data`].
pub fn load_for_scoring(
    source: &str,
    labels: Option<&Path>,
    anomaly_digit: u32,
    way: Option<Binarization>,
) -> Result<Labelled, Error> {
    let part = match DataSource::parse(source)? {
        DataSource::File(path) => {
            let mut labelled = load_file(&path, labels)?;
            binarize(&mut labelled.dataset, way, BYTE)?;
            return Ok(labelled);
        }
        DataSource::Digits => Part::Test,
        DataSource::DigitsPart(part) => part,
    };
    if labels.is_some() {
        return Err(Error::Setting(
            "--labels is for a file: the digits have their own".into(),
        ));
    }
    let mut dataset = digits::part(part, anomaly_digit);
    binarize(&mut dataset, way, digits::PIXEL_MAX)?;
    Ok(label_digits(dataset, anomaly_digit))
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
