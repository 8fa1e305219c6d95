//! Errors of data: a sentence each, with the place, what was found and the remedy.

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
    /// The data are not what they are taken for: the fault with its place, and the remedy.
    #[error("{0}")]
    Data(String),
    /// Rows cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
}

impl DataError {
    /// A fault of the data called `data`.
    pub(super) fn in_data(data: &str, fault: impl Into<String>) -> Self {
        Self::Data(format!("{data}: {}", fault.into()))
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
    /// Its contents cannot be used: the fault with its place, and the remedy.
    #[error("{0}")]
    Contents(String),
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
    /// More or fewer labels than rows.
    pub(super) fn label_count(labels: usize, rows: usize) -> Self {
        let fault = format!("holds {labels} labels for {rows} rows; give one label a row");
        Self::Contents(fault)
    }

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
