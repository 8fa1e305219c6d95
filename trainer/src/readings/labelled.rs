//! Readings and what is said of them.

use crate::data::digits;
use crate::data::{Binarization, Dataset, Intensities};
use crate::error::Error;
use crate::numeric::random::{self, Purpose};

/// Readings and which of them are anomalous.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The readings.
    pub dataset: Dataset,
    /// One for each reading; none where nobody said.
    pub anomalous: Option<Vec<bool>>,
    /// Columns of a reading that is a picture; 0 otherwise.
    pub picture_width: u16,
    /// For each row its recording, where there are several, one behind the other.
    pub recordings: Option<Vec<u32>>,
    /// Assumptions on the file that they are from, one line each, where training did not say it.
    pub notes: Vec<String>,
}

impl Labelled {
    /// Readings of one recording, or in no order; `anomalous` has an entry for each.
    pub fn new(dataset: Dataset, anomalous: Option<Vec<bool>>) -> Self {
        Self {
            dataset,
            anomalous,
            picture_width: 0,
            recordings: None,
            notes: vec![],
        }
    }

    /// The rows of each recording, one behind the other.
    pub fn lengths(&self) -> Vec<usize> {
        lengths(self.recordings.as_deref(), self.dataset.table.len())
    }
}

/// The intensity of certain ink in files.
pub(super) const BYTE: u8 = 255;

/// Makes bits of the intensities in `dataset`, always the same, and gives what they were made of.
pub(super) fn binarize(
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

/// The rows of each recording; of one alone `rows`.
pub(super) fn lengths(recordings: Option<&[u32]>, rows: usize) -> Vec<usize> {
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

pub(super) fn label_digits(dataset: Dataset, anomaly_digit: u32) -> Labelled {
    let anomalous = dataset
        .labels
        .as_ref()
        .map(|labels| labels.iter().map(|&l| l == anomaly_digit).collect());
    Labelled {
        picture_width: digits::SIDE as u16,
        ..Labelled::new(dataset, anomalous)
    }
}
