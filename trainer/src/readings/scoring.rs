//! Readings to be scored: a file like that of the training, or a part of the digits.

use super::labelled::{BYTE, Labelled, binarize, label_digits, lengths};
use super::ranges::{self, Range};
use super::stream;
use super::{Readings, RunConfig};
use crate::config::ANOMALY_DIGIT;
use crate::data::digits::{self, Part};
use crate::data::{
    self, Binarization, DataError, DataSource, Dataset, Frame, Interpreted, NamedRole, Role, Table,
};
use crate::error::Error;
use elbow::Model;
use std::borrow::Cow;
use std::path::Path;

/// The training whose readings those to be scored are like.
#[derive(Clone, Debug)]
pub struct Like<'a> {
    /// The columns of the file that was trained on, and what they are; all are readings where there are none.
    pub columns: Cow<'a, [NamedRole]>,
    /// Numbers of a window's reading, where the training's rows were samples: a file of readings is taken too.
    pub of_windows: Option<usize>,
    /// Labels of normal rows.
    pub normal: &'a [String],
    /// The digit that is anomalous, of the digits.
    pub anomaly_digit: u32,
    /// How pixels become bits, where they do.
    pub binarize: Option<Binarization>,
    /// Ranges of the numbers of a reading in training; none where they are not known.
    pub ranges: Cow<'a, [Range]>,
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
            ranges: Cow::from(run.map_or(&[][..], |run| &run.derived.ranges)),
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
            // Those of a stream are of what is made of its samples.
            if model.stream().is_none() {
                self.ranges = ranges::of_image(model).into();
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
    let source = DataSource::parse(source)?;
    let shadowed = source.shadowed();
    let frame = match &source {
        DataSource::File(path) => Some(data::frame(path)?),
        DataSource::Machine(machine) => Some(machine.frame()?),
        DataSource::Digits | DataSource::DigitsPart(_) => None,
    };
    if let Some(frame) = frame {
        let mut labelled = of_frame(&frame, labels, like)?;
        binarize(&mut labelled.dataset, way, BYTE)?;
        labelled.notes.extend(shadowed);
        return Ok(labelled);
    }
    let part = match source {
        DataSource::DigitsPart(part) => part,
        _ => Part::Test,
    };
    if labels.is_some() {
        return Err(Error::Setting(
            "--labels is for a file: the digits have their own".into(),
        ));
    }
    let mut dataset = digits::part(part, anomaly_digit);
    binarize(&mut dataset, way, digits::PIXEL_MAX)?;
    let mut labelled = label_digits(dataset, anomaly_digit);
    labelled.notes.extend(shadowed);
    Ok(labelled)
}

/// Readings of a file, with the columns of the training, or where nothing is known of these all as they are.
pub fn of_frame(frame: &Frame, labels: Option<&Path>, like: Like<'_>) -> Result<Labelled, Error> {
    let interpreted = interpreted(frame, &like)?;
    let anomalous = match labels {
        None => interpreted.anomalous,
        Some(labels) => Some(data::load_labels(labels, frame.rows(), like.normal)?.0),
    };
    let mut notes = interpreted.notes;
    notes.extend(ranges::notes(
        &like.ranges,
        &interpreted.dataset,
        &like.columns,
    ));
    Ok(Labelled {
        recordings: interpreted.recordings,
        notes,
        ..Labelled::new(interpreted.dataset, anomalous)
    })
}

/// The columns of `frame` in the roles of the training, or where nothing is known of these all as readings.
pub(super) fn interpreted(frame: &Frame, like: &Like<'_>) -> Result<Interpreted, DataError> {
    let columns = &like.columns;
    let width = frame.columns.len();
    let of_windows = like.of_windows == Some(width) && width != columns.len();
    if columns.is_empty() || of_windows {
        data::interpret_like(frame, &data::all_readings(&frame.columns), like.normal)
    } else {
        data::interpret_like(frame, columns, like.normal)
    }
}

/// Where `labelled` is a stream for `model` (a row for each sample, as wide as its channels), the
/// readings of its windows, each anomalous where a sample of it is, and how many samples were beyond
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
        anomalous,
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
    let lengths = lengths(recordings.as_deref(), dataset.table.len());
    let rows = lengths.iter().max().copied().unwrap_or(0);
    if rows < shape.samples {
        return Err(Error::Setting(format!(
            "{} has {rows} samples, a window of the model takes {}: give a longer stream",
            dataset.name, shape.samples
        )));
    }
    let (samples, saturated) = Readings::from_table(&dataset.table, stream.exponents);
    let readings = stream::readings(&samples, &lengths, &stream.front_end, shape.hop)?;
    let table = stream::in_units(&readings, model.exponents())?;
    let names = stream::input_names(&stream.front_end, dataset);
    let anomalous = anomalous.as_deref();
    let windows = Labelled {
        notes: notes.clone(),
        ..Labelled::new(
            Dataset::new(&dataset.name, table).named(names),
            anomalous.map(|samples| stream::anomalous(samples, &lengths, shape)),
        )
    };
    Ok((windows, saturated))
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
