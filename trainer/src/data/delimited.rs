//! Rows of numbers as text: CSV, semicolons, tabs or blanks.
//!
//! * The delimiter is detected: semicolon, tab, comma or runs of blanks, in that order of preference.
//! * Blank lines and lines that begin with `#` are skipped. LF, CRLF, CR and a byte order mark are fine;
//!   bytes that are not UTF-8 matter only in names of columns, where they show as U+FFFD.
//! * The first line is a header if no cell of it is a number. Whole numbers as column names, which pandas
//!   writes for frames without names, cannot be told from a reading and are taken for one.

use std::io;
use std::path::Path;

use super::error::{DataError, Fault, Place};
use super::grid::{Convert, Grid, shortened};

/// How the cells of a line are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    /// One character between two cells.
    Byte(u8),
    /// Any run of blanks.
    Blanks,
}

/// Reads every line of `bytes`, the contents of `path`.
pub(super) fn read<T>(
    path: &Path,
    bytes: &[u8],
    convert: Convert<T>,
) -> Result<Grid<T>, DataError> {
    let text = text_of(path, bytes)?;
    let mut rows = Rows {
        path,
        convert,
        columns: None,
        first: None,
        values: Vec::new(),
    };
    match delimiter_of(&text) {
        Delimiter::Byte(delimiter) => read_delimited(&text, delimiter, &mut rows)?,
        Delimiter::Blanks => {
            for (index, line) in text.lines().enumerate().filter(|(_, line)| has_cells(line)) {
                let cells: Vec<&str> = line
                    .split_whitespace()
                    .map(|cell| cell.trim_matches('"'))
                    .collect();
                rows.push(index + 1, &cells)?;
            }
        }
    }
    rows.finish()
}

/// The contents as text with `\n` in every line end, unless they are something else.
fn text_of(path: &Path, bytes: &[u8]) -> Result<String, DataError> {
    let not_text = |found, remedy| DataError::NotText {
        path: path.to_path_buf(),
        found,
        remedy,
    };
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(not_text(
            "a zip archive (.npz or .xlsx)",
            "save one array with numpy.save, or the sheet as CSV",
        ));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(not_text("UTF-16", "save it as CSV in UTF-8"));
    }
    if bytes.contains(&0) {
        return Err(not_text("binary data", "save it as CSV or with numpy.save"));
    }
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    Ok(if text.contains('\n') {
        text.into_owned()
    } else {
        text.replace('\r', "\n")
    })
}

/// Whether a line is neither blank nor a comment.
fn has_cells(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#')
}

/// Detects the delimiter from the first two lines that hold cells.
///
/// The second speaks first: it is data even under a header such as `Flow rate`, whose blank divides nothing.
/// For the same reason blanks count only where they set a number apart.
fn delimiter_of(text: &str) -> Delimiter {
    let mut lines = text.lines().filter(|line| has_cells(line));
    let first = lines.next().unwrap_or_default();
    let second = lines.next().unwrap_or_default();
    for line in [second, first] {
        if let Some(&byte) = b";\t,"
            .iter()
            .find(|&&byte| line.trim().as_bytes().contains(&byte))
        {
            return Delimiter::Byte(byte);
        }
        let mut cells = line.split_whitespace();
        if cells.clone().count() > 1 && cells.any(|cell| cell.parse::<f64>().is_ok()) {
            return Delimiter::Blanks;
        }
    }
    Delimiter::Byte(b',')
}

/// Reads lines in which one character divides the cells; cells may be quoted.
fn read_delimited<T>(text: &str, delimiter: u8, rows: &mut Rows<'_, T>) -> Result<(), DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    // The reader's own line is that before any blank lines and comments; an error names the line of the record.
    let mut line = 1;
    let mut counted = 0;
    loop {
        let more = reader
            .read_record(&mut record)
            .map_err(|error| DataError::Unreadable {
                path: rows.path.to_path_buf(),
                reason: io::Error::other(error),
            })?;
        if !more {
            return Ok(());
        }
        let end = text.len().min(reader.position().byte() as usize);
        let end = text.as_bytes()[..end].trim_ascii_end().len().max(counted);
        line += text.as_bytes()[counted..end]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        counted = end;
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        if cells != [""] {
            rows.push(line, &cells)?;
        }
    }
}

/// The rows read so far.
struct Rows<'a, T> {
    path: &'a Path,
    convert: Convert<T>,
    columns: Option<Vec<String>>,
    /// The first line with cells and how many it has.
    first: Option<(usize, usize)>,
    values: Vec<T>,
}

impl<T> Rows<'_, T> {
    /// Takes a line of cells: the header if it is one, or a row.
    fn push(&mut self, line: usize, cells: &[&str]) -> Result<(), DataError> {
        let is_first = self.first.is_none();
        let (first_line, expected) = *self.first.get_or_insert((line, cells.len()));
        if is_first && is_header(cells) {
            self.columns = Some(cells.iter().map(ToString::to_string).collect());
            return Ok(());
        }
        if cells.len() != expected {
            let path = self.path.to_path_buf();
            return Err(DataError::RaggedRow {
                path,
                line,
                cells: cells.len(),
                first_line,
                expected,
            });
        }
        for (index, cell) in cells.iter().enumerate() {
            match number(cell).and_then(self.convert) {
                Ok(value) => self.values.push(value),
                Err(Fault::Text) if is_first => {
                    return Err(self.fault(line, index, cell, Fault::TextInFirstLine));
                }
                Err(fault) => return Err(self.fault(line, index, cell, fault)),
            }
        }
        Ok(())
    }

    /// The error for the cell `index` of `line`.
    fn fault(&self, line: usize, index: usize, cell: &str, fault: Fault) -> DataError {
        let name = self
            .columns
            .as_ref()
            .and_then(|columns| columns.get(index))
            .map(|name| shortened(name));
        DataError::Cell {
            path: self.path.to_path_buf(),
            place: Place::Line {
                line,
                column: index + 1,
                name: name.filter(|name| !name.is_empty()),
            },
            found: shortened(cell),
            fault,
        }
    }

    /// All rows, of which there is at least one.
    fn finish(self) -> Result<Grid<T>, DataError> {
        match self.first {
            Some((_, width)) if !self.values.is_empty() => Ok(Grid {
                columns: self.columns,
                width,
                values: self.values,
            }),
            _ => Err(DataError::NoRows {
                path: self.path.to_path_buf(),
            }),
        }
    }
}

/// Whether a first line names columns: some cell holds text, none a number.
fn is_header(cells: &[&str]) -> bool {
    cells.iter().all(|cell| cell.parse::<f64>().is_err())
        && !cells.iter().all(|cell| is_missing(cell))
}

/// Whether a cell is one of the usual ways to leave it out.
fn is_missing(cell: &str) -> bool {
    const MARKS: [&str; 8] = ["", "na", "n/a", "#n/a", "null", "none", "?", "-"];
    MARKS.iter().any(|mark| mark.eq_ignore_ascii_case(cell))
}

/// The number in a cell; NaN and infinity are left to the conversion.
fn number(cell: &str) -> Result<f64, Fault> {
    match cell.parse::<f64>() {
        Ok(number) if number.is_infinite() && cell.contains(|c: char| c.is_ascii_digit()) => {
            Err(Fault::OutOfRange)
        }
        Ok(number) => Ok(number),
        Err(_) if is_missing(cell) => Err(Fault::Missing),
        Err(_) if cell.replacen(',', ".", 1).parse::<f64>().is_ok() => Err(Fault::DecimalComma),
        Err(_) => Err(Fault::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::grid::reading;

    fn grid(bytes: &[u8]) -> Grid<f32> {
        read(Path::new("pump.csv"), bytes, reading).unwrap()
    }

    fn message(bytes: &[u8]) -> String {
        read(Path::new("pump.csv"), bytes, reading)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn every_delimiter_gives_the_same_rows() {
        for text in [
            "1,2.5,-3\n4,5,6e1\n",
            "1;2.5;-3\n4;5;6e1",
            "1\t2.5\t-3\r\n4\t5\t6e1\r\n",
            "  1   2.5\u{a0}-3  \n\n 4 5    6e1\n",
            "\u{feff}1, 2.5, -3\n4, 5, 6e1\n",
            "1,2.5,-3\r4,5,6e1\r",
            "# time, flow\n\n1,2.5,-3\n   \n# end\n4,\"5\",6e1\n#",
        ] {
            let grid = grid(text.as_bytes());
            assert_eq!(
                (grid.width, grid.values),
                (3, vec![1.0, 2.5, -3.0, 4.0, 5.0, 60.0]),
                "{text:?}"
            );
            assert_eq!(grid.columns, None, "{text:?}");
        }
    }

    #[test]
    fn a_first_line_without_numbers_is_a_header() {
        for (text, names) in [
            ("flow,\"head, m\"\n1,2\n", ["flow", "head, m"]),
            ("flow;head\n1;2\n", ["flow", "head"]),
            ("flow head\n1 2\n", ["flow", "head"]),
            ("\"flow\" \"head\"\n1 2\n", ["flow", "head"]),
            (",head\n1,2\n", ["", "head"]),
        ] {
            let grid = grid(text.as_bytes());
            assert_eq!(grid.columns.unwrap(), names, "{text:?}");
            assert_eq!((grid.width, grid.values), (2, vec![1.0, 2.0]), "{text:?}");
        }
    }

    #[test]
    fn a_single_column_may_have_blanks_in_its_name() {
        let grid = grid(b"Flow rate\n1\n2\n");
        assert_eq!(grid.columns.unwrap(), ["Flow rate"]);
        assert_eq!((grid.width, grid.values), (1, vec![1.0, 2.0]));
    }

    #[test]
    fn names_in_another_encoding_do_not_stop_the_numbers() {
        let grid = grid(b"t \xb0C,p\n1,2\n");
        assert_eq!(grid.columns.unwrap(), ["t \u{fffd}C", "p"]);
        assert_eq!(grid.values, [1.0, 2.0]);
    }

    #[test]
    fn a_file_without_rows_says_so() {
        for text in [
            "",
            "\n\n",
            "# only a comment\n",
            "flow,head\n",
            "\u{feff}",
            "\"",
            "   \n  ",
        ] {
            assert_eq!(
                message(text.as_bytes()),
                "pump.csv: holds no row of numbers; one row for each reading is expected",
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_ragged_row_names_both_widths() {
        let expected = "pump.csv: line 5 has 2 cells, line 2 has 3; \
                        give every line the same number of cells, with one delimiter throughout";
        assert_eq!(message(b"# c\na,b,c\n1,2,3\n\n4,5\n"), expected);
        assert_eq!(message(b"# c\r\na,b,c\r\n1,2,3\r\n\r\n4,5\r\n"), expected);
        assert_eq!(message(b"\n1 2 3\n\n# c\n4 5\n"), expected);
        for first in ["1,2,3", "1;2;3", "1\t2\t3", "1 2 3"] {
            let text = format!("{first}\n4\n");
            assert!(
                message(text.as_bytes()).contains("line 2 has 1 cells, line 1 has 3"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_bad_cell_is_shown_with_its_place_and_remedy() {
        let text =
            "is not a number; correct the cell, or drop the column if it holds names or dates";
        for (file, expected) in [
            ("1,2\n3,abc\n", format!("line 2, column 2: \"abc\" {text}")),
            ("flow,head\n\n1,2\n\n\n3,abc\n", format!("line 6, column 2 (head): \"abc\" {text}")),
            ("\"flow\nrate\",head\n1,2\n3,abc\n", format!("line 4, column 2 (head): \"abc\" {text}")),
            ("1 2\n3 a\n", format!("line 2, column 2: \"a\" {text}")),
            (
                "flow,2\n1,2\n",
                "line 1, column 1: \"flow\" is not a number; drop the column, or, if the line is a header, \
                 let no cell of it be a number"
                    .to_string(),
            ),
            (
                "a;b\n1,5;2\n",
                "line 2, column 1 (a): \"1,5\" is not a number; write decimals with a point".to_string(),
            ),
            ("1,2\n3,\n", "line 2, column 2: \"\" is a missing value; remove the row or impute the value".to_string()),
            (
                "NA,NA\n1,2\n",
                "line 1, column 1: \"NA\" is a missing value; remove the row or impute the value".to_string(),
            ),
            ("1,2\nnan,4\n", "line 2, column 1: \"nan\" is not finite; remove the row or impute the value".to_string()),
            ("1,-inf\n3,4\n", "line 1, column 2: \"-inf\" is not finite; remove the row or impute the value".to_string()),
            (
                "1,1e39\n",
                "line 1, column 2: \"1e39\" does not fit 32-bit floating point (largest 3.4e38); \
                 scale the column down"
                    .to_string(),
            ),
            (
                "1,1e400\n",
                "line 1, column 2: \"1e400\" does not fit 32-bit floating point (largest 3.4e38); \
                 scale the column down"
                    .to_string(),
            ),
        ] {
            assert_eq!(message(file.as_bytes()), format!("pump.csv: {expected}"), "{file:?}");
        }
    }

    #[test]
    fn a_message_stays_one_short_line() {
        let cell = "x\ny".repeat(1000);
        let text = message(format!("1,2\n3,\"{cell}\"\n").as_bytes());
        assert!(!text.contains('\n') && text.len() < 250, "{text}");
    }

    #[test]
    fn other_formats_are_named() {
        for (bytes, expected) in [
            (
                &b"PK\x03\x04rest"[..],
                "a zip archive (.npz or .xlsx), neither text nor .npy; save one array with",
            ),
            (
                b"\xff\xfe1\0,\0",
                "UTF-16, neither text nor .npy; save it as CSV in UTF-8",
            ),
            (
                b"\x7fELF\0",
                "binary data, neither text nor .npy; save it as CSV or with numpy.save",
            ),
        ] {
            let text = message(bytes);
            assert!(
                text.starts_with(&format!("pump.csv: looks like {expected}")),
                "{text}"
            );
        }
    }
}
