//! The data of a run, divided: what is learned from, chosen by and tested on.

use crate::config::StreamSettings;
use crate::config::{ANOMALY_DIGIT, Config, LikelihoodKind, Scale};
use crate::data::digits::{self, Part};
use crate::data::{
    self, Binarization, DataReport, DataSource, Dataset, Intensities, Interpreted, NamedRole, Role,
    SplitOptions, Table,
};
use crate::error::Error;
use crate::numeric::random::{self, Purpose};

use crate::readings::division::Division;
use crate::readings::kinds;
use crate::readings::stream::{self, Fractions, Windowed};
use crate::readings::{Normalization, Readings, RunConfig};
use elbow::Model;
use elbow::distribution::Family;
use std::borrow::Cow;
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
    /// For each row its recording, where there are several, one behind the other.
    pub recordings: Option<Vec<u32>>,
    /// What was assumed of the file that they are from, one line each, where training did not say it.
    pub notes: Vec<String>,
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
    /// The columns of the file, and what they are; none of the digits.
    pub columns: Vec<NamedRole>,
    /// What the file holds; none of the digits.
    pub report: Option<DataReport>,
    /// What was assumed of the data, one line each.
    pub notes: Vec<String>,
    /// What was assumed and may well be wrong.
    pub doubts: Vec<String>,
    /// Where the readings are windows of a stream: all of them, and how they were made.
    pub stream: Option<Windowed>,
}

impl Splits {
    /// Loads and divides the data that `config` names.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit.
    pub fn load(config: &Config) -> Result<Self, Error> {
        match DataSource::parse(&config.data.source)? {
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
            strange: None,
            test: label_digits(part(Part::Test)?.0, config.data.anomaly_digit),
            columns: vec![],
            report: None,
            notes: vec![],
            doubts: vec![],
            stream: None,
        })
    }

    fn file(config: &Config, path: &Path) -> Result<Self, Error> {
        let mut interpreted = interpreted(config, path)?;
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

    /// Divides the readings `dataset` as `config` says; `abnormal` has an entry for each of them, where anybody said.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Setting`] where the likelihood does not fit, or there are not as many labels as
    /// readings.
    pub fn divide(
        config: &Config,
        dataset: Dataset,
        abnormal: Option<Vec<bool>>,
    ) -> Result<Self, Error> {
        Self::of(config, Interpreted::of_readings(dataset, abnormal))
    }

    /// Divides readings whose columns are known.
    fn of(config: &Config, interpreted: Interpreted) -> Result<Self, Error> {
        let Interpreted {
            mut dataset,
            abnormal,
            groups,
            recordings,
            in_time,
            conditions,
            roles,
            report,
            mut notes,
            doubts,
            ..
        } = interpreted;
        let rows = dataset.table.rows();
        if let Some(labels) = abnormal.as_ref().filter(|labels| labels.len() != rows) {
            return Err(Error::Setting(format!(
                "{} has {rows} readings and {} labels: give one for each",
                dataset.name,
                labels.len()
            )));
        }
        let labelled = abnormal.is_some();
        let kept = without_empty_rows(&mut dataset, &mut notes);
        let abnormal = abnormal.map(|abnormal| kept_of(abnormal, kept.as_deref()));
        let groups = groups.map(|groups| kept_of(groups, kept.as_deref()));
        let recordings = recordings.map(|recordings| kept_of(recordings, kept.as_deref()));
        let rows = dataset.table.rows();
        let intensities = binarize(&mut dataset, config.data.binarize, BYTE)?;
        let conditions = conditions + config.data.conditions;
        let width = dataset.table.width();
        if conditions >= width {
            return Err(Error::Setting(format!(
                "--conditions is {conditions} and {} has {width} columns: the last columns are conditions, leave at least 1 before them",
                dataset.name
            )));
        }
        let (likelihood, note) = kinds::settle(config, &dataset, conditions, &roles)?;
        notes.extend(note);
        let abnormal = abnormal.unwrap_or_else(|| vec![false; rows]);
        let options = SplitOptions {
            validation_fraction: config.data.validation_fraction,
            test_fraction: config.data.test_fraction,
            seed: SPLIT_SEED,
        };
        let division = Division::of(groups.as_deref(), recordings.as_deref(), in_time);
        notes.extend(division.note());
        let split = division.split(&abnormal, &options)?;
        let of_test = split
            .test
            .iter()
            .map(|&row| abnormal[row])
            .collect::<Vec<_>>();
        let validation = dataset.select(&split.validation);
        let strange = (!split.strange.is_empty()).then(|| dataset.select(&split.strange));
        let test = dataset.select(&split.test);
        // Most readings are among these: a copy of them would be most of the memory.
        dataset.keep(&split.train);
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
                recordings: None,
                notes: vec![],
            },
            likelihood,
            conditions,
            columns: roles,
            report,
            notes,
            doubts,
            stream: None,
        })
    }

    /// The windows of a stream, divided by time: [`stream::divide`].
    fn stream(
        config: &Config,
        settings: &StreamSettings,
        interpreted: Interpreted,
    ) -> Result<Self, Error> {
        if let Some(wanted) = config.data.kind.first() {
            return Err(Error::Setting(format!(
                "--kind is {wanted}: the features of windows are real values; leave it out"
            )));
        }
        let likelihood = match config.model.likelihood.clone() {
            LikelihoodKind::Auto => LikelihoodKind::Location {
                family: Family::Normal,
                scale: Scale::Input,
            },
            kind @ LikelihoodKind::Location { .. } => kind,
            kind @ (LikelihoodKind::Binomial { .. } | LikelihoodKind::Columns(_)) => {
                return Err(Error::Setting(format!(
                    "the likelihood is {kind}, the features of windows are real values: use --likelihood gaussian or laplace"
                )));
            }
        };
        let Interpreted {
            dataset,
            abnormal,
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
        let lengths = lengths(recordings.as_deref(), dataset.table.rows());
        settings.check(&dataset, &lengths)?;
        let shape = settings.shape(dataset.table.width());
        let labelled = abnormal.is_some();
        let samples = abnormal.unwrap_or_else(|| vec![false; dataset.table.rows()]);
        let abnormal = stream::abnormal(&samples, &lengths, shape);
        let windows = lengths.iter().map(|&length| stream::count(length, shape));
        let windows: Vec<usize> = windows.collect();
        if let Some(recordings) = &recordings {
            let many = stream::are_groups(&windows);
            notes.extend(Division::of_recordings(recordings, many).note());
        }
        let fractions = Fractions {
            validation: config.data.validation_fraction,
            test: config.data.test_fraction,
        };
        let split = stream::divide(&abnormal, &windows, shape, fractions)?;
        let windowed = settings.prepare(&dataset, &lengths, sampling, &split.train)?;
        let of_test = split.test.iter().map(|&window| abnormal[window]).collect();
        Ok(Self {
            train: windowed.dataset.select(&split.train),
            intensities: None,
            validation: windowed.dataset.select(&split.validation),
            strange: None,
            test: Labelled {
                dataset: windowed.dataset.select(&split.test),
                abnormal: labelled.then_some(of_test),
                picture_width: 0,
                recordings: None,
                notes: vec![],
            },
            likelihood,
            conditions: 0,
            columns: roles,
            report,
            notes,
            doubts,
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
            (None, LikelihoodKind::Columns(kinds)) => {
                let whole = kinds
                    .iter()
                    .flat_map(|kind| std::iter::repeat_n(kind.is_discrete(), kind.numbers()));
                Normalization::real(&self.train, &whole.collect::<Vec<_>>())
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
        dataset,
        abnormal,
        recordings,
        notes,
        ..
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
    let lengths = lengths(recordings.as_deref(), dataset.table.rows());
    let rows = lengths.iter().max().copied().unwrap_or(0);
    if rows < shape.samples {
        return Err(Error::Setting(format!(
            "{} has {rows} samples, a window of the model takes {}: give a longer stream",
            dataset.name, shape.samples
        )));
    }
    let (samples, saturated) = Readings::from_table(&dataset.table, stream.exponents);
    let readings = stream::readings(&samples, &lengths, &stream.front_end, shape.hop)?;
    let windows = Labelled {
        dataset: Dataset {
            name: dataset.name.clone(),
            columns: Some(stream::input_names(&stream.front_end, dataset)),
            table: stream::in_units(&readings, model.exponents())?,
            labels: None,
            observed: None,
            offsets: vec![],
        },
        abnormal: abnormal
            .as_deref()
            .map(|samples| stream::abnormal(samples, &lengths, shape)),
        picture_width: 0,
        recordings: None,
        notes: notes.clone(),
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

/// What readings to be scored are like: those of a training.
#[derive(Clone, Debug)]
pub struct Like<'a> {
    /// The columns of the file that was trained on, and what they are; all are readings where there are none.
    pub columns: Cow<'a, [NamedRole]>,
    /// Numbers of a window's reading, where the training's rows were samples: a file of readings is taken too.
    pub of_windows: Option<usize>,
    /// Labels of normal rows.
    pub normal: &'a [String],
    /// Of the digits, the one that is abnormal.
    pub anomaly_digit: u32,
    /// How pixels become bits, where they do.
    pub binarize: Option<Binarization>,
}

impl<'a> Like<'a> {
    /// Readings like those of `run`, or of nothing known.
    pub fn new(run: Option<&'a RunConfig>) -> Self {
        let data = run.map(|run| &run.settings.data);
        Self {
            columns: Cow::from(run.map_or(&[][..], |run| &run.derived.columns)),
            of_windows: run.and_then(|run| {
                let derived = &run.derived;
                derived
                    .stream
                    .as_ref()
                    .map(|_| derived.normalization.exponents.len())
            }),
            normal: data.map_or(&[][..], |data| &data.normal),
            anomaly_digit: data.map_or(ANOMALY_DIGIT, |data| data.anomaly_digit),
            binarize: data.and_then(|data| data.binarize),
        }
    }

    /// The same where nothing is known but an image: the columns that it knows.
    #[must_use]
    pub fn or_image(mut self, model: &Model<'_>) -> Self {
        if self.columns.is_empty() {
            let roles = (0..model.columns()).filter_map(|index| image_role(model, index));
            let roles: Vec<NamedRole> = roles.collect();
            let known = |named: &NamedRole| !named.name.is_empty() || named.offset != 0.0;
            if roles.iter().any(known) {
                self.columns = roles.into();
                self.of_windows = model.stream().map(|_| model.inputs());
            }
        }
        self
    }
}

/// The role of a column of the data of `model`; none beyond its last one.
fn image_role(model: &Model<'_>, index: usize) -> Option<NamedRole> {
    let column = model.column(index)?;
    let role = match model.stream() {
        None if index >= model.inputs() => Role::Condition,
        _ => Role::Reading,
    };
    Some(NamedRole {
        unit: column.unit().to_owned(),
        offset: column.value(0.0),
        ..NamedRole::new(Some(column.name()), role)
    })
}

/// Loads readings to be scored: a file, or by default the test part of the digits; with columns, labels and bits as in
/// training.
///
/// # Errors
/// [`Error::Data`].
pub fn load_for_scoring(
    source: &str,
    labels: Option<&Path>,
    like: Like<'_>,
) -> Result<Labelled, Error> {
    let Like {
        anomaly_digit,
        binarize: way,
        ..
    } = like;
    let part = match DataSource::parse(source)? {
        DataSource::File(path) => {
            let mut labelled = load_file(&path, labels, like)?;
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

/// The file `path` with the roles that `config` says, and the labels that it names.
fn interpreted(config: &Config, path: &Path) -> Result<Interpreted, Error> {
    let frame = data::frame(path)?;
    let labels = config.data.labels.as_deref();
    let mut interpreted = data::interpret(&frame, &config.data.wanted(), labels.is_some())?;
    if let Some(labels) = labels {
        let (abnormal, note) = data::load_labels(labels, frame.rows(), &config.data.normal)?;
        interpreted.abnormal = Some(abnormal);
        interpreted.notes.extend(note);
    }
    match interpreted.notes.iter().chain(&interpreted.doubts).next() {
        Some(line) if config.data.strict => Err(assumed(line)),
        _ => {
            // What the file says is not assumed.
            interpreted.notes.splice(0..0, frame.facts);
            Ok(interpreted)
        }
    }
}

/// The error of `line`, which says what was assumed.
fn assumed(line: &str) -> Error {
    Error::Setting(format!("--strict assumes nothing, and here: {line}"))
}

/// Readings of a file, with the columns of the training, or where nothing is known of these all as they are.
fn load_file(path: &Path, labels: Option<&Path>, like: Like<'_>) -> Result<Labelled, Error> {
    let Like {
        columns,
        of_windows,
        normal,
        ..
    } = like;
    let frame = data::frame(path)?;
    let width = frame.columns.len();
    let of_windows = of_windows == Some(width) && width != columns.len();
    let interpreted = if columns.is_empty() || of_windows {
        data::interpret_like(&frame, &data::all_readings(&frame.columns), normal)?
    } else {
        data::interpret_like(&frame, &columns, normal)?
    };
    let abnormal = match labels {
        None => interpreted.abnormal,
        Some(labels) => Some(data::load_labels(labels, frame.rows(), normal)?.0),
    };
    Ok(Labelled {
        dataset: interpreted.dataset,
        abnormal,
        picture_width: 0,
        recordings: interpreted.recordings,
        notes: interpreted.notes,
    })
}

/// Leaves the rows of `dataset` out of which nothing is there, and gives the others, where there are such.
fn without_empty_rows(dataset: &mut Dataset, notes: &mut Vec<String>) -> Option<Vec<usize>> {
    let observed = dataset.observed.as_ref()?;
    let missing = observed.iter().filter(|there| !**there).count();
    notes.push(format!(
        "{missing} of {} values are missing: they are neither learned from nor scored",
        observed.len()
    ));
    let width = dataset.table.width();
    let rows = observed.chunks_exact(width).enumerate();
    let rows = rows.filter(|(_, row)| row.contains(&true));
    let rows: Vec<usize> = rows.map(|(row, _)| row).collect();
    let empty = dataset.table.rows() - rows.len();
    if empty == 0 {
        return None;
    }
    notes.push(format!("{empty} rows hold no value and are left out"));
    dataset.keep(&rows);
    Some(rows)
}

/// What is said of the rows `kept`, or of all.
fn kept_of<T: Copy>(values: Vec<T>, kept: Option<&[usize]>) -> Vec<T> {
    match kept {
        None => values,
        Some(rows) => rows.iter().map(|&row| values[row]).collect(),
    }
}

/// The rows of each recording; of one alone `rows`.
fn lengths(recordings: Option<&[u32]>, rows: usize) -> Vec<usize> {
    match recordings {
        None => vec![rows],
        Some(recordings) => recordings.chunk_by(u32::eq).map(<[u32]>::len).collect(),
    }
}

/// Makes sure that no value of `dataset` is missing.
///
/// # Errors
/// One line that names the first one and says what cannot have gaps.
pub fn refuse_gaps(dataset: &Dataset, what: &str) -> Result<(), Error> {
    match dataset.first_gap() {
        None => Ok(()),
        Some((row, column)) => Err(Error::Setting(format!(
            "{} of row {} of {} is missing, and {what} have no gaps: fill it in, or leave the column out by --ignore",
            dataset.column_name(column),
            row + 1,
            dataset.name
        ))),
    }
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
        recordings: None,
        notes: vec![],
    }
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
