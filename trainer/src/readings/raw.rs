//! Readings as a device takes them in, made of data that are like those of the training.

use super::labelled::Labelled;
use super::masks::Masks;
use super::scoring::{check_width, stream_to_readings};
use crate::data::{Dataset, Table};
use crate::error::Error;
use crate::likelihood::LikelihoodKind;
use crate::readings::Readings;
use elbow::Model;

/// Remedy for data that cannot be.
pub const LIKE_THE_TRAINING: &str = "score data like those that the model was trained for";

/// Readings as a device takes them in, and what goes with them.
#[derive(Debug)]
pub struct DeviceReadings {
    /// The raw readings.
    pub readings: Readings,
    /// Inputs that were observed, where not all were.
    pub masks: Option<Masks>,
    /// The readings as they were in the data, with zeros where nothing was observed.
    pub labelled: Labelled,
    /// Values beyond 16 bits, which were clamped.
    pub saturated: usize,
}

impl DeviceReadings {
    /// The readings of `labelled` for `model`: rows, or the windows of a stream. `masks` may say what else was not observed
    /// of so many readings of so many numbers, and `choose` takes some of so many readings.
    ///
    /// # Errors
    /// [`Error::Setting`] where the data do not suit the model, and the errors of `masks` and `choose`.
    pub fn new(
        labelled: Labelled,
        model: &Model<'_>,
        masks: impl FnOnce(usize, usize) -> Result<Option<Masks>, Error>,
        choose: impl FnOnce(usize) -> Result<Vec<usize>, Error>,
    ) -> Result<Self, Error> {
        let (mut labelled, clamped) = stream_to_readings(labelled, model)?;
        let Dataset { name, table, .. } = &labelled.dataset;
        check_width(name, table, model.reading_length())?;
        let masks = match (
            masks(table.len(), table.width())?,
            Masks::of(&labelled.dataset),
        ) {
            (Some(masks), Some(observed)) => Some(masks.and(&observed)),
            (masks, observed) => masks.or(observed),
        };
        let rows = choose(table.len())?;
        labelled.dataset = labelled.dataset.select(&rows);
        if let Some(anomalous) = &mut labelled.anomalous {
            *anomalous = rows.iter().map(|&row| anomalous[row]).collect();
        }
        let masks = masks.map(|masks| masks.select(&rows));
        if let Some(masks) = &masks {
            labelled.dataset.table = without_gaps(&labelled.dataset.table, masks)?;
        }
        let kind = LikelihoodKind::of(model);
        kind.check(&labelled.dataset, model.conditions(), LIKE_THE_TRAINING)?;
        let (readings, saturated) =
            Readings::from_table(&labelled.dataset.table, model.exponents());
        Ok(Self {
            readings,
            masks,
            labelled,
            saturated: clamped + saturated,
        })
    }

    /// All readings of `labelled`, of which everything was observed that is there.
    ///
    /// # Errors
    /// The errors of [`DeviceReadings::new`].
    pub fn all(labelled: Labelled, model: &Model<'_>) -> Result<Self, Error> {
        Self::new(
            labelled,
            model,
            |_, _| Ok(None),
            |rows| Ok((0..rows).collect()),
        )
    }
}

/// `table` with zeros where nothing was observed: whatever stands there is no reading.
pub(crate) fn without_gaps(table: &Table, masks: &Masks) -> Result<Table, Error> {
    let rows = table.iter().enumerate();
    let values = rows.flat_map(|(row, values)| {
        let inputs = values.iter().enumerate();
        inputs.map(move |(input, &value)| {
            if masks.observes(row, input) {
                value
            } else {
                0.0
            }
        })
    });
    Ok(Table::new(table.width(), values.collect())?)
}
