//! What the readers of arrays share: a rectangle of cells, and what a cell may hold.

use crate::data::error::{DataError, Fault};
use std::path::Path;

/// Columns of a table at most: each has a name, a role and statistics, which take more memory than its cells do.
const WIDEST: u64 = 1 << 16;

/// Makes sure that a table of `columns` columns is not too wide.
///
/// # Errors
/// [`DataError::TooWide`].
pub(super) fn check_width(path: &Path, columns: u64) -> Result<(), DataError> {
    if columns <= WIDEST {
        return Ok(());
    }
    Err(DataError::TooWide {
        path: path.to_path_buf(),
        columns,
        most: WIDEST,
    })
}

/// What an array is read for, and so which shapes it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Purpose {
    /// Readings: (rows, width), or (rows, height, width) whose images become one row each.
    Readings,
    /// Labels: (rows,) or (rows, 1).
    Labels,
}

/// Cells by row, as a file held them: at least one row, at least one column.
#[derive(Debug)]
pub(super) struct Grid<T> {
    /// Cells a row.
    pub(super) width: usize,
    /// The cells, row after row.
    pub(super) values: Vec<T>,
}

/// Turns a number into a cell, or says why it cannot be one.
pub(super) type Convert<T> = fn(f64) -> Result<T, Fault>;

/// A value of a reading: finite, and finite in `f32`, to which it is rounded.
pub(super) fn reading(number: f64) -> Result<f32, Fault> {
    let rounded = number as f32;
    if !number.is_finite() {
        Err(Fault::NotFinite)
    } else if rounded.is_infinite() {
        Err(Fault::OutOfRange)
    } else {
        Ok(rounded)
    }
}

/// A value of a table that may have gaps, which are NaN.
pub(super) fn cell(number: f64) -> Result<f32, Fault> {
    if number.is_nan() {
        return Ok(f32::NAN);
    }
    reading(number)
}

/// What turns numbers into cells for `purpose`: a label that is missing is an error of its own.
pub(super) fn of_purpose(purpose: Purpose) -> Convert<f32> {
    match purpose {
        Purpose::Readings => cell,
        Purpose::Labels => reading,
    }
}

/// `text` as a message of one line can have it: control characters, such as a line end in a quoted cell, are blanks.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The beginning of a cell or value, for a message that stays one line.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}
