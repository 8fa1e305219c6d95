//! The readers of arrays share a rectangle of cells, its largest width, and text for messages.

use crate::data::error::FileError;
use crate::data::frame::{Cells, Column};

/// Columns of a table at most: each has a name, a role and statistics, which take more memory than its cells do.
const WIDEST: u64 = 1 << 16;

/// Makes sure that a table of `columns` columns is not too wide.
///
/// # Errors
/// It is.
pub(super) fn check_width(columns: u64) -> Result<(), FileError> {
    if columns <= WIDEST {
        return Ok(());
    }
    Err(FileError::Contents(format!(
        "has {columns} columns, at most {WIDEST} are read; give each reading a row of its own, with fewer values"
    )))
}

/// The purpose of an array decides which shapes it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Purpose {
    /// Readings: (rows, width), or (rows, height, width) whose images become one row each.
    Readings,
    /// Labels: (rows,) or (rows, 1).
    Labels,
}

/// Cells by row, as a file held them: at least one row, at least one column.
#[derive(Debug)]
pub(super) struct Grid {
    /// Cells a row.
    pub(super) width: usize,
    /// The cells, row after row.
    pub(super) values: Vec<f32>,
}

impl Grid {
    /// The columns, without names.
    pub(super) fn columns(&self) -> Vec<Column> {
        let column = |column: usize| {
            let cells = self.values.iter().skip(column).step_by(self.width);
            Column::new(
                None,
                Cells::Numbers(cells.map(|&value| value.into()).collect()),
            )
        };
        (0..self.width).map(column).collect()
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
