//! What can be wrong with data: one sentence a variant, naming the place, what was found and the remedy.

mod message;

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why data could not be loaded, labelled or split.
///
/// Every message is one line and starts with the file it is about.
#[derive(Debug)]
pub enum DataError {
    /// The file does not exist or could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The file is neither `.npy` nor text.
    NotText {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: &'static str,
        /// What to do with such a file.
        remedy: &'static str,
    },
    /// The file holds no row of numbers.
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// A line has another number of cells than the first.
    RaggedRow {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1 as an editor does.
        line: usize,
        /// How many cells it has.
        cells: usize,
        /// The first line that holds cells.
        first_line: usize,
        /// How many cells that line has.
        expected: usize,
    },
    /// The last line has fewer cells than the others.
    Truncated {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1 as an editor does.
        line: usize,
        /// How many cells it has.
        cells: usize,
        /// How many the others have.
        expected: usize,
    },
    /// There is no such column.
    NoColumn {
        /// The file, without its extension.
        file: String,
        /// What was asked for.
        found: String,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// A column cannot be what it is taken for.
    Column {
        /// The file, without its extension.
        file: String,
        /// What is wrong, with the place and the remedy.
        fault: String,
    },
    /// A cell does not hold what it should.
    Cell {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: Place,
        /// The cell, shortened.
        found: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The header of an `.npy` file cannot be understood.
    NpyHeader {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An `.npy` array has the wrong number of dimensions, or one of an unusable length.
    NpyShape {
        /// The file.
        path: PathBuf,
        /// Its shape.
        shape: Vec<u64>,
        /// The shapes that can be used, and how to get there.
        wanted: &'static str,
    },
    /// An `.npy` array has elements of a type that is not read.
    NpyType {
        /// The file.
        path: PathBuf,
        /// The type as the header writes it.
        found: String,
    },
    /// An `.npy` file is shorter or longer than its header says.
    NpyLength {
        /// The file.
        path: PathBuf,
        /// Bytes after the header.
        found: usize,
        /// Bytes that the header promises.
        promised: u128,
    },
    /// It is not clear which of several arrays to read.
    Arrays {
        /// The file.
        path: PathBuf,
        /// The one that was asked for.
        wanted: Option<String>,
        /// Their names and shapes.
        arrays: Vec<(String, Vec<u64>)>,
    },
    /// A file is of a format that the trainer was built without.
    NotBuilt {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
    },
    /// A folder or a pattern has no file.
    NoFiles {
        /// What was asked for.
        path: PathBuf,
    },
    /// A packed file cannot be unpacked.
    Packed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A packed file holds more than files of its length do.
    Unpacked {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        packed: u64,
        /// The most bytes that it may hold.
        limit: u64,
    },
    /// A table has more columns than are read.
    TooWide {
        /// The file.
        path: PathBuf,
        /// How many it has.
        columns: u64,
        /// How many are read.
        most: u64,
    },
    /// A file cannot be read as what it says it is.
    Format {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        format: &'static str,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A number is no intensity of a pixel.
    Intensity {
        /// What the data are called.
        name: String,
        /// The reading, counted from 1.
        row: usize,
        /// The number in it, counted from 1.
        column: usize,
        /// The number.
        found: f32,
        /// The largest whole number that is one.
        maximum: u8,
    },
    /// A file of labels has more than one column.
    LabelColumns {
        /// The file.
        path: PathBuf,
        /// How many columns it has.
        columns: usize,
    },
    /// There are more or fewer labels than rows.
    LabelCount {
        /// The file with the labels.
        path: PathBuf,
        /// How many labels it has.
        labels: usize,
        /// How many rows they should label.
        rows: usize,
    },
    /// A number of values does not make whole rows.
    TableShape {
        /// Values a row.
        width: usize,
        /// Values in all.
        values: usize,
    },
    /// `digits:` is followed by a word that names no part.
    UnknownPart {
        /// The word.
        found: String,
    },
    /// A fraction to hold out is not in [0, 1).
    Fraction {
        /// Which fraction: `validation` or `test`.
        part: &'static str,
        /// Its value.
        value: f64,
    },
    /// The fractions leave nothing to train on.
    FractionSum {
        /// The validation fraction.
        validation: f64,
        /// The test fraction.
        test: f64,
    },
    /// A part that was asked for gets no rows.
    EmptyPart {
        /// The part that would be empty.
        part: &'static str,
        /// Its fraction of the rows.
        fraction: f64,
        /// Normal rows that can be divided.
        rows: usize,
    },
}

impl std::error::Error for DataError {}

/// Where a cell is, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In an array.
    Row {
        /// The row.
        row: usize,
        /// The value in that row, further dimensions flattened.
        column: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { row, column } => write!(f, "row {row}, column {column}"),
        }
    }
}

/// What is wrong with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is NaN or infinite.
    NotFinite,
    /// It is beyond the range of `f32`.
    OutOfRange,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "is not finite; remove the row or impute the value",
            Self::OutOfRange => {
                "does not fit 32-bit floating point (largest 3.4e38); scale the column down"
            }
        })
    }
}
