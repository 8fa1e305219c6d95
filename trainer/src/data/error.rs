//! Errors of data: one sentence a variant, with the place, what was found and the remedy.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why data could not be loaded, labelled or split.
///
/// Every message is one line and starts with the file or the data it is about.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file, or an array in it, cannot be read.
    #[error("{path}: {fault}")]
    File {
        /// The file, or `FILE:ARRAY`.
        path: PathBuf,
        /// The fault.
        fault: FileError,
    },
    /// There is no such column.
    #[error("{data} has no column {found:?}; its columns are {}; name one of them, or give its number, counted from 1", columns.join(", "))]
    NoColumn {
        /// The name of the data.
        data: String,
        /// The name that was asked for.
        found: String,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// A column cannot be what it is taken for.
    #[error("{data}: {fault}")]
    Column {
        /// The name of the data.
        data: String,
        /// The fault, with its place and the remedy.
        fault: String,
    },
    /// A number is no intensity of a pixel.
    #[error(
        "row {row}, column {column} of {data} is {found}: --binarize takes whole numbers from 0 to {maximum}, \
         or probabilities from 0 to 1; scale the column, or leave --binarize out"
    )]
    Intensity {
        /// The name of the data.
        data: String,
        /// The reading, counted from 1.
        row: usize,
        /// The number in it, counted from 1.
        column: usize,
        /// The number.
        found: f32,
        /// The largest whole number that is one.
        maximum: u8,
    },
    /// A number of values does not make whole rows.
    #[error("{values} values do not make whole rows of {width}; give a multiple of the width")]
    TableShape {
        /// Values a row.
        width: usize,
        /// Values in all.
        values: usize,
    },
    /// `digits:` is followed by a word that names no part.
    #[error(
        "the digits have no part {0:?}; say digits, digits:train, digits:validation, digits:test, \
         digits:held-out or digits:all"
    )]
    UnknownPart(String),
    /// Rows cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
}

impl DataError {
    /// A fault of the data called `data`.
    pub(super) fn in_data(data: &str, fault: impl Into<String>) -> Self {
        let (data, fault) = (data.to_owned(), fault.into());
        Self::Column { data, fault }
    }

    /// The fault of the file `path`, or of an array in it.
    pub(super) fn in_file(path: &Path, fault: FileError) -> Self {
        match fault {
            FileError::Inside { array, fault } => {
                let path: PathBuf = format!("{}:{array}", path.display()).into();
                Self::in_file(&path, *fault)
            }
            fault => Self::File {
                path: path.to_path_buf(),
                fault,
            },
        }
    }
}

/// Why a file cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system refuses it.
    #[error("{}", refusal(.0))]
    Unreadable(#[from] io::Error),
    /// A folder or a pattern has no file.
    #[error(
        "no file of recordings; give a folder with some, or a pattern in quotes, such as 'runs/*.csv'"
    )]
    NoFiles,
    /// A packed file cannot be unpacked.
    #[error("cannot be unpacked: {0}; copy the file again")]
    Packed(String),
    /// A packed file holds more than files of its length do.
    #[error("its {packed} bytes unpack to more than {limit}; unpack it and give what is in it")]
    Unpacked {
        /// Its length in bytes.
        packed: u64,
        /// The most bytes that it may hold.
        limit: u64,
    },
    /// The format is not read.
    #[error("looks like {found}, none of {}; {remedy}", formats.join(", "))]
    Unknown {
        /// The kind of file that it looks like.
        found: &'static str,
        /// The formats that are read.
        formats: Vec<&'static str>,
        /// The remedy for such a file.
        remedy: &'static str,
    },
    /// The trainer was built without the format.
    #[error(
        "is a file of {format}, which this trainer was built without; build it with \
         cargo run --release --features parquet -p elbow-trainer --bin trainer -- fit {path}"
    )]
    NotBuilt {
        /// The format.
        format: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The contents contradict the format.
    #[error("bad {format} file: {reason}")]
    Format {
        /// The format.
        format: &'static str,
        /// The fault and the remedy.
        reason: String,
    },
    /// There is no row of numbers.
    #[error("holds no row of numbers; one row for each reading is expected")]
    NoRows,
    /// A table has more columns than are read.
    #[error(
        "has {columns} columns, at most {most} are read; give each reading a row of its own, with fewer values"
    )]
    TooWide {
        /// How many it has.
        columns: u64,
        /// How many are read.
        most: u64,
    },
    /// A file of labels has more than one column.
    #[error("has {0} columns; labels are one column, of numbers or text")]
    LabelColumns(usize),
    /// There are more or fewer labels than rows.
    #[error("holds {labels} labels for {rows} rows; give one label a row")]
    LabelCount {
        /// How many labels there are.
        labels: usize,
        /// How many rows they should label.
        rows: usize,
    },
    /// The lines of a text table differ.
    #[error(transparent)]
    Text(#[from] TextError),
    /// An array cannot be used.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// An array of several in a file has a fault.
    #[error("{array}: {fault}")]
    Inside {
        /// The name of the array.
        array: String,
        /// The fault.
        fault: Box<Self>,
    },
}

impl FileError {
    /// This fault of the array called `array` in the file.
    pub(super) fn inside(self, array: &str) -> Self {
        Self::Inside {
            array: array.to_owned(),
            fault: Box::new(self),
        }
    }
}

/// Says what the operating system refuses.
fn refusal(reason: &io::Error) -> String {
    match reason.kind() {
        io::ErrorKind::NotFound => {
            "no such file; check the path, or say `digits` for the digits that ship with the trainer".into()
        }
        _ => format!("cannot be read ({reason}); name a file that can be opened"),
    }
}

/// Why the lines of a text file make no table. Lines are counted from 1, as an editor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// A line has another number of cells than the first.
    #[error(
        "line {line} has {cells} cells, line {first_line} has {expected}; \
         give every line the same number of cells, with one delimiter throughout"
    )]
    Ragged {
        /// The line.
        line: usize,
        /// How many cells it has.
        cells: usize,
        /// The first line that holds cells.
        first_line: usize,
        /// How many cells that line has.
        expected: usize,
    },
    /// The last line has fewer cells than the others.
    #[error(
        "ends in line {line}, which has {cells} cells of {expected}; remove the line, or copy the file again"
    )]
    Truncated {
        /// The line.
        line: usize,
        /// How many cells it has.
        cells: usize,
        /// How many the others have.
        expected: usize,
    },
}

/// Why an array cannot be used.
#[derive(Debug, Error)]
pub enum ArrayError {
    /// The header of an `.npy` file cannot be understood.
    #[error("bad .npy header: {0}; save the array again with numpy.save")]
    Header(String),
    /// The array has the wrong number of dimensions, or one of an unusable length.
    #[error("the array has shape {}, {wanted}", tuple(shape))]
    Shape {
        /// Its shape.
        shape: Vec<u64>,
        /// The shapes that can be used, and how to get there.
        wanted: &'static str,
    },
    /// Its elements are of a type that is not read, as the header writes it.
    #[error(
        "elements of type {0:?} are not read; save a plain numeric array, for instance array.astype(numpy.float32)"
    )]
    Type(String),
    /// The file is shorter than its header says.
    #[error(
        "is truncated: {found} bytes follow the header, which promises {promised}; copy or save it again"
    )]
    Truncated {
        /// Bytes after the header.
        found: usize,
        /// Bytes that the header promises.
        promised: u128,
    },
    /// The file is longer than its header says.
    #[error(
        "goes on after its array: {found} bytes follow the header, which promises {promised}; save one array a file"
    )]
    Continued {
        /// Bytes after the header.
        found: usize,
        /// Bytes that the header promises.
        promised: u128,
    },
    /// An element is no number of a reading. Rows and columns are counted from 1.
    #[error("row {row}, column {column}: {found:?} {fault}")]
    Element {
        /// The row.
        row: usize,
        /// The value in that row, further dimensions flattened.
        column: usize,
        /// The element.
        found: String,
        /// The fault.
        fault: NumberError,
    },
    /// It is not clear which of several arrays to read.
    #[error("{}", choice(path, wanted.as_deref(), arrays))]
    Choice {
        /// The file.
        path: PathBuf,
        /// The one that was asked for.
        wanted: Option<String>,
        /// Their names and shapes.
        arrays: Vec<(String, Vec<u64>)>,
    },
}

/// Why a number is none of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NumberError {
    /// It is NaN or infinite.
    #[error("is not finite; remove the row or impute the value")]
    NotFinite,
    /// It is beyond the range of `f32`.
    #[error("does not fit 32-bit floating point (largest 3.4e38); scale the column down")]
    OutOfRange,
}

/// A shape as Python writes it.
fn tuple(shape: &[u64]) -> String {
    let lengths: Vec<String> = shape.iter().map(u64::to_string).collect();
    let comma = if lengths.len() == 1 { "," } else { "" };
    format!("({}{comma})", lengths.join(", "))
}

/// Says which arrays a file holds, and how one is named.
fn choice(path: &Path, wanted: Option<&str>, arrays: &[(String, Vec<u64>)]) -> String {
    let path = path.display();
    let Some((first, _)) = arrays.first() else {
        return "holds no array of numbers; save one with numpy.savez(FILE, X=readings), or as CSV"
            .into();
    };
    let all: Vec<String> = arrays
        .iter()
        .map(|(name, shape)| format!("{name} {}", tuple(shape)))
        .collect();
    let all = all.join(", ");
    match wanted {
        Some(wanted) => {
            format!("holds no array {wanted:?} but {all}; name one of them, as {path}:{first}")
        }
        None => format!(
            "holds {all}, and none says that it alone is the readings; name the one to read, as {path}:{first}"
        ),
    }
}

/// Why rows cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SplitError {
    /// A fraction to hold out is not in [0, 1).
    #[error("the {split} fraction is {value}; choose one from 0 to below 1")]
    Fraction {
        /// Which fraction: `validation` or `test`.
        split: &'static str,
        /// Its value.
        value: f64,
    },
    /// The fractions leave nothing to train on.
    #[error(
        "the fractions {validation} for validation and {test} for test leave no row to train on; \
         let their sum stay below 1"
    )]
    FractionSum {
        /// The validation fraction.
        validation: f64,
        /// The test fraction.
        test: f64,
    },
    /// A split that was asked for gets no rows.
    #[error(
        "a fraction {fraction} of {rows} normal rows leaves none for {split}; give more rows or another fraction"
    )]
    Empty {
        /// The split that would be empty.
        split: &'static str,
        /// Its fraction of the rows.
        fraction: f64,
        /// Normal rows that can be split.
        rows: usize,
    },
}
