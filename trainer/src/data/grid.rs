//! What the readers of both file formats share: a rectangle of cells, and what a cell may hold.

use super::error::Fault;

/// The largest label.
const LABEL_MAX: f64 = 65535.0;

/// Cells by row, as a file held them: at least one row, at least one column.
#[derive(Debug)]
pub(super) struct Grid<T> {
    /// Names from the header, one a column.
    pub(super) columns: Option<Vec<String>>,
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

/// A label: a whole number from 0 to 65535.
pub(super) fn label(number: f64) -> Result<u32, Fault> {
    if (0.0..=LABEL_MAX).contains(&number) && number.fract() == 0.0 {
        Ok(number as u32)
    } else if number.is_finite() {
        Err(Fault::NotALabel)
    } else {
        Err(Fault::NotFinite)
    }
}

/// The beginning of a cell or value, for a message that stays one line.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}
