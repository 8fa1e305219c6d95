//! What errors of data say: one line with the file first and the remedy last.

use super::DataError;
use std::fmt;
use std::io;
use std::path::Path;

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
                    "{}: cannot be read ({reason}); name a file that can be opened",
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
            Self::TooWide {
                path,
                columns,
                most,
            } => write!(
                f,
                "{}: has {columns} columns, at most {most} are read; give each reading a row of its own, with fewer values",
                path.display()
            ),
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

/// A shape as Python writes it.
struct Shape<'a>(&'a [u64]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<String> = self.0.iter().map(u64::to_string).collect();
        let comma = if lengths.len() == 1 { "," } else { "" };
        write!(f, "({}{comma})", lengths.join(", "))
    }
}
