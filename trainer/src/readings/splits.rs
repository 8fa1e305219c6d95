//! The data of a run, divided: what is learned from, chosen by and tested on.

use crate::config::StreamSettings;
use crate::config::{Config, LikelihoodKind};
use crate::data::digits::{self, Part};
use crate::data::{
    self, Binarization, DataReport, DataSource, Dataset, Frame, Intensities, Interpreted, Machine,
    NamedRole, SplitOptions,
};
use crate::error::Error;
use crate::readings::division::Division;
use crate::readings::file::{assumed, frame, interpreted};
use crate::readings::kinds;
use crate::readings::labelled::{BYTE, Labelled, binarize, label_digits, lengths, refuse_gaps};
use crate::readings::ranges::{self, Range};
use crate::readings::stream::{self, Windowed};
use crate::readings::{Normalization, Readings};

/// Which of all divisions of a file; independent of the seed of a run, so that runs compare.
const SPLIT_SEED: u64 = 0;

/// A divided data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Splits {
    /// Normal readings to learn from.
    pub train: Dataset,
    /// The intensities that their bits are drawn from anew in each epoch, where they are.
    pub intensities: Option<Intensities>,
    /// Normal readings for early stopping and calibration.
    pub validation: Dataset,
    /// Anomalous ones for calibration, where somebody said which are.
    pub anomalous: Option<Dataset>,
    /// The rest.
    pub test: Labelled,
    /// The likelihood, settled.
    pub likelihood: LikelihoodKind,
    /// The last columns that are conditions.
    pub conditions: usize,
    /// The columns of the file, and what they are; none of the digits.
    pub columns: Vec<NamedRole>,
    /// The report on the file; none of the digits.
    pub report: Option<DataReport>,
    /// Assumptions on the data, one line each.
    pub notes: Vec<String>,
    /// Assumptions that may well be wrong.
    pub doubts: Vec<String>,
    /// Validation windows that follow each other in one recording without a gap: the number of each such stretch, in
    /// their order. Empty where the readings are no stream.
    pub stretches: Vec<usize>,
    /// Readings a second, where the data say it.
    pub rate: Option<f64>,
    /// Where the readings are windows of a stream: all of them, and how they were made.
    pub stream: Option<Windowed>,
}

impl Splits {
    /// Loads and divides the data that `config` names.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit.
    pub fn load(config: &Config) -> Result<Self, Error> {
        let source = DataSource::parse(&config.data.source)?;
        let shadowed = source.shadowed();
        if let Some(line) = shadowed.as_ref().filter(|_| config.data.strict) {
            return Err(assumed(line));
        }
        let mut splits = Self::of_source(config, source)?;
        splits.notes.extend(shadowed);
        Ok(splits)
    }

    fn of_source(config: &Config, source: DataSource) -> Result<Self, Error> {
        match source {
            DataSource::Digits | DataSource::DigitsPart(_) if config.data.stream.is_some() => {
                Err(Error::Setting(
                    "--window is for a file with a stream: the digits are whole readings".into(),
                ))
            }
            DataSource::Digits => Self::digits(config),
            DataSource::DigitsPart(_) => Err(Error::Setting(format!(
                "{} is a part of the digits: train on `digits`, which brings its own division",
                config.data.source
            ))),
            DataSource::Machine(machine) => {
                Self::of_frame(&config.labelled_by(Machine::LABEL), machine.frame()?)
            }
            DataSource::File(path) if path.as_os_str() == data::STANDARD => {
                Err(Error::Setting(
                    "- is standard input, which a run cannot read again when it is scored: write it to a file, and give that as DATA".into(),
                ))
            }
            DataSource::File(path) => Self::of_frame(config, frame(config, &path)?),
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
        let kind = match (config.model.likelihood.clone(), config.data.binarize) {
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
        let mut settings = config.clone();
        settings.model.likelihood = kind;
        let (likelihood, _) = kinds::settle(&settings, &train, 0, &[])?;
        Ok(Self {
            likelihood,
            conditions: 0,
            train,
            intensities: intensities
                .filter(|_| config.data.binarize == Some(Binarization::Dynamic)),
            validation: part(Part::Validation)?.0,
            // No reading of the digit that is held out is seen before the test.
            anomalous: None,
            test: label_digits(part(Part::Test)?.0, config.data.anomaly_digit),
            columns: vec![],
            report: None,
            notes: vec![],
            doubts: vec![],
            stretches: vec![],
            rate: None,
            stream: None,
        })
    }

    /// Divides the rows of `frame`, whose columns have the roles that `config` says, or that are obvious.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit.
    pub fn of_frame(config: &Config, frame: Frame) -> Result<Self, Error> {
        let labels = config.data.labels.as_deref();
        let labels = labels.map(|path| data::load_labels(path, frame.rows(), &config.data.normal));
        Self::of_labelled(config, frame, labels.transpose()?)
    }

    /// Divides the rows of `frame` as [`Splits::of_frame`] does; labels that lie elsewhere say which rows are anomalous,
    /// and what that was assumed by.
    ///
    /// # Errors
    /// The errors of [`Splits::of_frame`], or another number of labels than of rows.
    pub fn of_labelled(
        config: &Config,
        frame: Frame,
        labels: Option<(Vec<bool>, Option<String>)>,
    ) -> Result<Self, Error> {
        let mut interpreted = interpreted(config, frame, labels)?;
        if !config.data.normal.is_empty() && interpreted.anomalous.is_none() {
            return Err(Error::Setting(format!(
                "--normal {} is for labels, and {} has none: say where they are by --label or --labels, or leave --normal out",
                config.data.normal.join(","),
                interpreted.dataset.name
            )));
        }
        match (&config.data.stream, interpreted.rate) {
            (Some(settings), _) => Self::stream(config, settings, interpreted),
            (None, Some(_)) => {
                let settings = StreamSettings::of_signals();
                let line = format!(
                    "the signals are cut into windows of {} samples, a new one after {}, of which {} make a reading (--window, --hop, --features)",
                    settings.window, settings.hop, settings.features
                );
                if config.data.strict {
                    return Err(assumed(&line));
                }
                interpreted.notes.push(line);
                Self::stream(config, &settings, interpreted)
            }
            (None, None) => Self::of(config, interpreted),
        }
    }

    /// Divides the readings `dataset` as `config` says; `anomalous` has an entry for each of them, where anybody said.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit, or there are not as many labels as
    /// readings.
    pub fn divide(
        config: &Config,
        dataset: Dataset,
        anomalous: Option<Vec<bool>>,
    ) -> Result<Self, Error> {
        Self::of(config, Interpreted::of_readings(dataset, anomalous))
    }

    /// Divides readings whose columns are known.
    fn of(config: &Config, mut interpreted: Interpreted) -> Result<Self, Error> {
        check_labels(&interpreted)?;
        leave_out_empty_rows(&mut interpreted);
        let Interpreted {
            mut dataset,
            anomalous: labels,
            groups,
            recordings,
            in_time,
            conditions,
            roles,
            report,
            mut notes,
            doubts,
            sampling,
            ..
        } = interpreted;
        let intensities = binarize(&mut dataset, config.data.binarize, BYTE)?;
        let conditions = conditions + config.data.conditions;
        check_conditions(&dataset, conditions)?;
        let (likelihood, note) = kinds::settle(config, &dataset, conditions, &roles)?;
        notes.extend(note);
        let labelled = labels.is_some();
        let is_anomalous = labels.unwrap_or_else(|| vec![false; dataset.table.len()]);
        let division = Division::of(groups.as_deref(), recordings.as_deref(), in_time);
        notes.extend(division.note());
        let split = division.split(&is_anomalous, &options(config));
        let split = split.map_err(data::DataError::from)?;
        let of_test = split.test.iter().map(|&row| is_anomalous[row]).collect();
        let validation = dataset.select(&split.validation);
        let anomalous = (!split.anomalous.is_empty()).then(|| dataset.select(&split.anomalous));
        let test = dataset.select(&split.test);
        // Most readings are among these: a copy of them would be most of the memory.
        dataset.keep(&split.train);
        let is_dynamic = config.data.binarize == Some(Binarization::Dynamic);
        let intensities = intensities.filter(|_| is_dynamic).map(|mut intensities| {
            intensities.keep(&split.train);
            intensities
        });
        Ok(Self {
            train: dataset,
            intensities,
            validation,
            anomalous,
            test: Labelled::new(test, labelled.then_some(of_test)),
            likelihood,
            conditions,
            columns: roles,
            report,
            notes,
            doubts,
            stretches: vec![],
            rate: sampling,
            stream: None,
        })
    }

    /// The windows of a stream, divided by time: [`stream::divide`].
    fn stream(
        config: &Config,
        settings: &StreamSettings,
        interpreted: Interpreted,
    ) -> Result<Self, Error> {
        let likelihood = kinds::of_windows(config)?;
        let Interpreted {
            dataset,
            anomalous,
            recordings,
            sampling,
            roles,
            report,
            mut notes,
            doubts,
            ..
        } = interpreted;
        let taken = roles.iter().any(|named| !named.sentinels.is_empty());
        let what = match taken {
            true => {
                "windows of a stream, in which --sentinels none keeps what was taken for missing,"
            }
            false => "windows of a stream",
        };
        refuse_gaps(&dataset, what)?;
        let rows = dataset.table.len();
        let lengths = lengths(recordings.as_deref(), rows);
        settings.check(&dataset, &lengths)?;
        let shape = settings.shape(dataset.table.width());
        let labelled = anomalous.is_some();
        let samples = anomalous.unwrap_or_else(|| vec![false; rows]);
        let anomalous = stream::anomalous(&samples, &lengths, shape);
        let windows = lengths.iter().map(|&length| stream::count(length, shape));
        let windows: Vec<usize> = windows.collect();
        if let Some(recordings) = &recordings {
            let many = stream::are_groups(&windows);
            notes.extend(Division::of_recordings(recordings, many).note());
        }
        let split = stream::divide(&anomalous, &windows, shape, &options(config))?;
        let windowed = settings.prepare(&dataset, &lengths, sampling, &split.train)?;
        let of_test = split.test.iter().map(|&window| anomalous[window]).collect();
        let test = windowed.dataset.select(&split.test);
        Ok(Self {
            train: windowed.dataset.select(&split.train),
            intensities: None,
            validation: windowed.dataset.select(&split.validation),
            anomalous: None,
            test: Labelled::new(test, labelled.then_some(of_test)),
            likelihood,
            conditions: 0,
            columns: roles,
            report,
            notes,
            doubts,
            stretches: stream::stretches(&split.validation, &windows),
            rate: sampling.map(|rate| rate / shape.hop as f64),
            stream: Some(windowed),
        })
    }

    /// The anomalous readings to calibrate with.
    pub fn anomalous_readings(&self, normalization: &Normalization) -> Option<Readings> {
        let anomalous = self.anomalous.as_ref()?;
        Some(Readings::from_table(&anomalous.table, &normalization.exponents).0)
    }

    /// Ranges of the numbers of a reading in training; none of windows, and of the digits, which have no unit.
    pub fn ranges(&self) -> Vec<Range> {
        if self.stream.is_some() || self.columns.is_empty() {
            return vec![];
        }
        ranges::of(&self.train)
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
            .map(|&(column, value)| {
                let value = self.train.value(column, value);
                format!("{} ({value})", self.train.column_name(column))
            })
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
        match (&self.stream, &self.likelihood) {
            (Some(stream), _) => stream.normalization(&self.train),
            (None, kind @ LikelihoodKind::Columns(_)) => {
                Normalization::real(&self.train, &kind.whole_numbers(0))
            }
            (None, LikelihoodKind::Binomial { trials }) => {
                let width = self.train.table.width();
                let counts = Normalization::counts(width - self.conditions, *trials);
                if self.conditions == 0 {
                    return Ok(counts);
                }
                let behind = self.train.columns(width - self.conditions..width)?;
                Ok(counts.followed_by(Normalization::real(&behind, &[])?))
            }
            (None, _) => Normalization::real(&self.train, &[]),
        }
    }
}

/// How the rows of a file are divided.
fn options(config: &Config) -> SplitOptions {
    SplitOptions {
        validation_fraction: config.data.validation_fraction,
        test_fraction: config.data.test_fraction,
        seed: SPLIT_SEED,
    }
}

/// Makes sure that there is a label for each reading, where there are labels.
fn check_labels(
    Interpreted {
        dataset, anomalous, ..
    }: &Interpreted,
) -> Result<(), Error> {
    let rows = dataset.table.len();
    match anomalous.as_ref().map(Vec::len) {
        Some(labels) if labels != rows => Err(Error::Setting(format!(
            "{} has {rows} readings and {labels} labels: give one for each",
            dataset.name
        ))),
        _ => Ok(()),
    }
}

/// Makes sure that not all columns are conditions.
fn check_conditions(dataset: &Dataset, conditions: usize) -> Result<(), Error> {
    let width = dataset.table.width();
    if conditions < width {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "--conditions is {conditions} and {} has {width} columns: the last columns are conditions, leave at least 1 before them",
        dataset.name
    )))
}

/// Leaves out the rows in which no value is there.
fn leave_out_empty_rows(interpreted: &mut Interpreted) {
    let Interpreted { dataset, notes, .. } = interpreted;
    let Some(observed) = &dataset.observed else {
        return;
    };
    let missing = observed.iter().filter(|there| !**there).count();
    notes.push(format!(
        "{missing} of {} values are missing: they are neither learned from nor scored",
        observed.len()
    ));
    let rows = observed.chunks_exact(dataset.table.width()).enumerate();
    let rows = rows.filter(|(_, row)| row.contains(&true));
    let rows: Vec<usize> = rows.map(|(row, _)| row).collect();
    let empty = dataset.table.len() - rows.len();
    if empty == 0 {
        return;
    }
    notes.push(format!("{empty} rows hold no value and are left out"));
    dataset.keep(&rows);
    keep(&mut interpreted.anomalous, &rows);
    keep(&mut interpreted.groups, &rows);
    keep(&mut interpreted.recordings, &rows);
}

/// Leaves what is said of `rows`.
fn keep<T: Copy>(values: &mut Option<Vec<T>>, rows: &[usize]) {
    if let Some(values) = values {
        *values = rows.iter().map(|&row| values[row]).collect();
    }
}
