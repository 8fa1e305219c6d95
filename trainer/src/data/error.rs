//! What can be wrong with data: one sentence a variant, naming the place, what was found and the remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

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

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason } if reason.kind() == io::ErrorKind::NotFound => {
                write!(
                    f,
                    "{}: no such file; check the path, or say `digits` for the digits that ship with the trainer",
                    path.display()
                )
            }
            Self::Unreadable { path, reason } => {
                write!(
                    f,
                    "{}: cannot be read ({reason}); name a CSV or .npy file that can be opened",
                    path.display()
                )
            }
            Self::NotText {
                path,
                found,
                remedy,
            } => {
                write!(
                    f,
                    "{}: looks like {found}, neither text nor .npy; {remedy}",
                    path.display()
                )
            }
            Self::NoRows { path } => {
                write!(
                    f,
                    "{}: holds no row of numbers; one row for each reading is expected",
                    path.display()
                )
            }
            Self::RaggedRow {
                path,
                line,
                cells,
                first_line,
                expected,
            } => write!(
                f,
                "{}: line {line} has {cells} cells, line {first_line} has {expected}; \
                 give every line the same number of cells, with one delimiter throughout",
                path.display()
            ),
            Self::Truncated {
                path,
                line,
                cells,
                expected,
            } => write!(
                f,
                "{}: ends in line {line}, which has {cells} cells of {expected}; remove the line, or copy the file again",
                path.display()
            ),
            Self::NoColumn {
                file,
                found,
                columns,
            } => write!(
                f,
                "{file} has no column {found:?}; its columns are {}; name one of them, or give its number, counted from 1",
                columns.join(", ")
            ),
            Self::Column { file, fault } => write!(f, "{file}: {fault}"),
            Self::Cell {
                path,
                place,
                found,
                fault,
            } => {
                write!(f, "{}: {place}: {found:?} {fault}", path.display())
            }
            Self::NpyHeader { path, reason } => {
                write!(
                    f,
                    "{}: bad .npy header: {reason}; save the array again with numpy.save",
                    path.display()
                )
            }
            Self::NpyShape {
                path,
                shape,
                wanted,
            } => {
                write!(
                    f,
                    "{}: the array has shape {}, {wanted}",
                    path.display(),
                    Shape(shape)
                )
            }
            Self::NpyType { path, found } => write!(
                f,
                "{}: elements of type {found:?} are not read; save a plain numeric array, \
                 for instance array.astype(numpy.float32)",
                path.display()
            ),
            Self::NpyLength {
                path,
                found,
                promised,
            } => {
                let (fault, remedy) = if (*found as u128) < *promised {
                    ("is truncated", "copy or save it again")
                } else {
                    ("goes on after its array", "save one array a file")
                };
                write!(
                    f,
                    "{}: {fault}: {found} bytes follow the header, which promises {promised}; {remedy}",
                    path.display()
                )
            }
            Self::Arrays {
                path,
                wanted,
                arrays,
            } => write_arrays(f, path, wanted.as_deref(), arrays),
            Self::NotBuilt { path, format } => write!(
                f,
                "{path}: is a file of {format}, which this trainer was built without; build it with \
                 cargo run --release --features parquet -p elbow-trainer --bin trainer -- fit {path}",
                path = path.display()
            ),
            Self::NoFiles { path } => write!(
                f,
                "{}: no file of recordings; give a folder with some, or a pattern in quotes, such as 'runs/*.csv'",
                path.display()
            ),
            Self::Packed { path, reason } => {
                write!(
                    f,
                    "{}: cannot be unpacked: {reason}; copy the file again",
                    path.display()
                )
            }
            Self::Unpacked {
                path,
                packed,
                limit,
            } => write!(
                f,
                "{}: its {packed} bytes unpack to more than {limit}; unpack it and give what is in it",
                path.display()
            ),
            Self::Format {
                path,
                format,
                reason,
            } => write!(f, "{}: bad {format} file: {reason}", path.display()),
            Self::Intensity {
                name,
                row,
                column,
                found,
                maximum,
            } => write!(
                f,
                "row {row}, column {column} of {name} is {found}: --binarize takes whole numbers from 0 to {maximum}, \
                 or probabilities from 0 to 1; scale the column, or leave --binarize out"
            ),
            Self::LabelColumns { path, columns } => {
                write!(
                    f,
                    "{}: has {columns} columns; labels are one column, of numbers or text",
                    path.display()
                )
            }
            Self::LabelCount { path, labels, rows } => {
                write!(
                    f,
                    "{}: holds {labels} labels for {rows} rows; give one label a row",
                    path.display()
                )
            }
            Self::TableShape { width, values } => {
                write!(
                    f,
                    "{values} values do not make whole rows of {width}; give a multiple of the width"
                )
            }
            Self::UnknownPart { found } => write!(
                f,
                "the digits have no part {found:?}; say digits, digits:train, digits:validation, digits:test, \
                 digits:held-out or digits:all"
            ),
            Self::Fraction { part, value } => {
                write!(
                    f,
                    "the {part} fraction is {value}; choose one from 0 to below 1"
                )
            }
            Self::FractionSum { validation, test } => write!(
                f,
                "the fractions {validation} for validation and {test} for test leave no row to train on; \
                 let their sum stay below 1"
            ),
            Self::EmptyPart {
                part,
                fraction,
                rows,
            } => write!(
                f,
                "a fraction {fraction} of {rows} normal rows leaves none for {part}; give more rows or another fraction"
            ),
        }
    }
}

impl std::error::Error for DataError {}

/// Says which arrays a file holds, and how one is named.
fn write_arrays(
    f: &mut fmt::Formatter<'_>,
    path: &Path,
    wanted: Option<&str>,
    arrays: &[(String, Vec<u64>)],
) -> fmt::Result {
    let path = path.display();
    let Some((first, _)) = arrays.first() else {
        return write!(
            f,
            "{path}: holds no array of numbers; save one with numpy.savez(FILE, X=readings), or as CSV"
        );
    };
    let arrays = arrays.iter();
    let all: Vec<String> = arrays
        .map(|(name, shape)| format!("{name} {}", Shape(shape)))
        .collect();
    let all = all.join(", ");
    match wanted {
        Some(wanted) => write!(
            f,
            "{path}: holds no array {wanted:?} but {all}; name one of them, as {path}:{first}"
        ),
        None => write!(
            f,
            "{path}: holds {all}, and none says that it alone is the readings; name the one to read, as {path}:{first}"
        ),
    }
}

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

/// A shape as Python writes it.
struct Shape<'a>(&'a [u64]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<String> = self.0.iter().map(u64::to_string).collect();
        let comma = if lengths.len() == 1 { "," } else { "" };
        write!(f, "({}{comma})", lengths.join(", "))
    }
}
