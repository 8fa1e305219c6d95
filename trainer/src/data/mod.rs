//! Data: from a path, or from memory, to readings whose columns have roles.
//!
//! The way of the data, and its modules:
//!
//! 1. A [`DataSource`] is what a path means: a file, an array in it, a folder or a pattern of recordings, or what ships
//!    with the trainer: the [`digits`], the log of a [`Machine`].
//! 2. Each format has a reader, and what it reads is a [`Frame`]: columns of numbers, times or text ([`frame()`],
//!    [`frame_sampled`], [`frame_of_bytes`]). A frame is made in memory, too.
//! 3. [`interpret`] gives each column a [`Role`], as [`Wanted`] says or by what is obvious, and makes a [`Dataset`] of
//!    the columns that are read. [`load`] does so with a file of numbers alone, [`load_labels`] reads labels.
//! 4. A [`DataReport`] says what a frame holds.
//! 5. [`split()`] divides rows into training, validation and test.
//!
//! [`Intensities`] are readings of pixels that become bits.
//!
//! A loaded table has at least one row and one column, and every value is finite: nothing after this module
//! looks for gaps. A column of labels among the readings would be learned like any other; [`interpret`] says which may be one.

mod columns;
mod error;
mod formats;
mod frame;
mod intensities;
mod report;
mod source;
mod split;
mod table;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;

pub(crate) use columns::fits;
pub use columns::{
    Interpreted, NamedRole, Number, Role, Sentinels, Wanted, all_readings, interpret,
    interpret_like, numbers,
};
pub use error::{DataError, FileError, SplitError};
pub(crate) use frame::FRONT as LEAST_SAMPLE;
pub use frame::{Cells, Column, Frame};
pub use intensities::{Binarization, Intensities};
pub(crate) use report::SMALLER;
pub use report::{ColumnReport, DataReport};
pub use source::{DataSource, Machine, STANDARD, digits};
pub use split::{FEWEST_GROUPS, Split, SplitOptions, shuffle, split, split_groups, split_in_time};
pub use table::{
    ColumnMoments, Dataset, RowMajor, Table, column_mean_std, constant_columns, is_integer, range,
};

pub use formats::LiveTable;
use formats::Purpose;
use source::{parts, recordings};

/// The name of standard input.
const STANDARD_INPUT: &str = "standard input";

/// Reads a file as it is, one row a reading or a sample.
///
/// * `.npy`: (rows, width), or (rows, height, width) whose images become one row each; integers, floats and
///   booleans of either byte order, in C or Fortran order.
/// * IDX: (rows, ...) of unsigned bytes.
/// * `.npz`: its only array, or `X` with the labels `y` beside it, or one that is named: `FILE.npz:NAME`.
/// * MATLAB's `.mat` up to version 7: likewise.
/// * Parquet and Arrow (Feather), with the feature `parquet` of this crate: numbers, booleans, times and text.
/// * WAV: a column for each channel, a row for each sample.
/// * Anything else is text: any of commas, semicolons, tabs, bars or blanks between the cells, with or without
///   a header, lines before it, and a row of units; decimal commas, marks of thousands; times of the usual formats; UTF-8,
///   UTF-16 and Latin-1. Blank lines and lines that begin with `#` are skipped.
///
/// A folder of such files, or a pattern such as `runs/*.csv`, is several recordings with the same columns.
///
/// A file packed with gzip or Zstandard is unpacked first. `-` is standard input, a file of any of these formats.
///
/// # Errors
///
/// One line that names the file, the place in it, what was found and the remedy.
pub fn frame(path: impl AsRef<Path>) -> Result<Frame, DataError> {
    let path = path.as_ref();
    if path.as_os_str() == STANDARD {
        let bytes = standard_input()?;
        return frame_of_bytes(STANDARD_INPUT, &bytes);
    }
    if recordings::is_several(path) {
        return recordings::read(path);
    }
    formats::read(path, Purpose::Readings)
}

/// Reads a file as [`frame`] does, but samples the rows of a large text file, or of any text file where at most so many
/// `rows` are wanted. Each row has the same chance, and their order stays. [`Frame::of_rows`] says how many there are.
///
/// # Errors
///
/// The errors of [`frame`].
pub fn frame_sampled(path: impl AsRef<Path>, rows: Option<usize>) -> Result<Frame, DataError> {
    let path = path.as_ref();
    if path.as_os_str() != STANDARD
        && !recordings::is_several(path)
        && let Some(frame) = formats::read_sampled(path, rows)?
    {
        return Ok(frame);
    }
    frame(path)
}

/// Reads a file, or several, as [`frame()`] does, and hands the rows to `take`, at most `rows` at a time, until that has
/// enough. Files of a folder or a pattern come one behind the other. Text that nothing packed, Parquet and Arrow are never
/// whole in memory; a file of another format is. [`Frame::first_row`] counts on over all files.
///
/// # Errors
///
/// The errors of [`frame()`]; the rows before the fault have been taken.
pub fn frame_parts(
    path: impl AsRef<Path>,
    rows: usize,
    take: &mut dyn FnMut(Frame) -> bool,
) -> Result<(), DataError> {
    parts::read(path.as_ref(), rows, take)
}

/// The bytes of standard input.
fn standard_input() -> Result<Vec<u8>, DataError> {
    let mut bytes = vec![];
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    let bad = |error| {
        DataError::Data(format!(
            "cannot read {STANDARD_INPUT}: {error}; give a file"
        ))
    };
    read.map_err(bad)?;
    Ok(bytes)
}

/// Reads `bytes` as [`frame()`] does a file called `name` that holds them: for data that are not in a file.
///
/// # Errors
///
/// The errors of [`frame()`].
pub fn frame_of_bytes(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Frame, DataError> {
    formats::read_bytes(name.as_ref(), bytes, Purpose::Readings)
}

/// Loads a file of numbers alone: each column is read as it is, and no cell is missing. Numbers are rounded to `f32`.
///
/// # Errors
///
/// The errors of [`frame()`], and a column that holds text, or a cell that is missing.
pub fn load(path: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let frame = frame(path)?;
    let roles = all_readings(&frame.columns);
    let Interpreted { dataset, .. } = interpret_like(&frame, &roles, &[])?;
    match dataset.first_gap() {
        None => Ok(dataset),
        Some((row, column)) => Err(frame.fault(format!(
            "{} of row {} is missing; give a number for each cell",
            dataset.column_name(column),
            row + 1
        ))),
    }
}

/// Loads labels, one for each of `expected_rows` rows, and tells which rows are anomalous: a file with one column of
/// numbers or text, with or without a header, or a `.npy` of shape (rows,) or (rows, 1). `normal` are the labels of
/// normal rows; without any, 0 is, or what usually is called normal, or the most frequent one, with a note.
///
/// # Errors
///
/// The errors of [`frame()`], and another number of columns or rows.
pub fn load_labels(
    path: impl AsRef<Path>,
    expected_rows: usize,
    normal: &[String],
) -> Result<(Vec<bool>, Option<String>), DataError> {
    let path = path.as_ref();
    let frame = formats::read(path, Purpose::Labels)?;
    let refuse = |fault| Err(DataError::in_file(path, fault));
    if frame.columns.len() != 1 {
        return refuse(FileError::Contents(format!(
            "has {} columns; labels are one column, of numbers or text",
            frame.columns.len()
        )));
    }
    if frame.rows() != expected_rows {
        return refuse(FileError::label_count(frame.rows(), expected_rows));
    }
    columns::labels(&frame, 0, normal)
}
