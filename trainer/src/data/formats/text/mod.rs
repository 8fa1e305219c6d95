//! Text tables: CSV, semicolons, tabs, bars or blanks, as loggers and people write them.
//!
//! * Delimiter, lines before the table, header, a row of units, decimal comma and marks of thousands are found from
//!   the first lines.
//! * Blank lines and lines that begin with `#` are skipped. LF, CRLF, CR and byte order marks are fine.
//! * A column is of numbers, of times or of text, by its first cell that is not missing.

mod cells;
mod encoding;
mod layout;

use super::grid::{check_width, one_line, shortened};
use crate::data::error::DataError;
use crate::data::frame::{Cells, Column, Frame};
use crate::data::sample::{Sample, retain};
use cells::{Numerals, TimeFormat, is_missing};
use layout::{Delimiter, Layout, has_cells};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::Path;

/// Records that the layout is found from.
const SAMPLED: usize = 1000;

/// Reads every line of `bytes`, the contents of `path`.
///
/// # Errors
/// One line that names the file, the place in it, what was found and the remedy.
pub(super) fn read(path: &Path, name: String, bytes: &[u8]) -> Result<Frame, DataError> {
    let (text, encoding) = decoded(path, bytes)?;
    let delimiter = Delimiter::of(&text);
    check_width(path, delimiter.widest(&text))?;
    let sample = sampled(path, &text, delimiter)?;
    let layout = Layout::of(&sample);
    let body = sample.get(layout.preamble..).unwrap_or_default();
    let mut table = Builder::new(path, &layout, body);
    let mut record = 0;
    each_record(path, &text, delimiter, |line, cells| {
        record += 1;
        if record > layout.preamble {
            table.push(line as u64, cells)?;
        }
        Ok(true)
    })?;
    let mut frame = table.finish(name)?;
    let notes = encoding.into_iter().chain(layout.notes);
    frame.notes.splice(0..0, notes);
    Ok(frame)
}

/// The first records of `text`, which the layout is found from.
fn sampled(path: &Path, text: &str, delimiter: Delimiter) -> Result<Vec<Vec<String>>, DataError> {
    let mut sample = vec![];
    each_record(path, text, delimiter, |_, cells| {
        sample.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
        Ok(sample.len() < SAMPLED)
    })?;
    Ok(sample)
}

/// Reads the lines of `file`, which begins with `head`, as far as `sample` keeps their rows; the file is never whole in memory.
///
/// # Errors
/// As of [`read`].
pub(super) fn read_large(
    path: &Path,
    name: String,
    (head, file): (&[u8], impl BufRead),
    rows: Option<usize>,
) -> Result<Frame, DataError> {
    let (text, encoding) = decoded(path, head)?;
    let delimiter = Delimiter::of(&text);
    check_width(path, delimiter.widest(&text))?;
    let records = sampled(path, &text, delimiter)?;
    let layout = Layout::of(&records);
    let body = records.get(layout.preamble..).unwrap_or_default();
    let mut table = Builder::new(path, &layout, body);
    table.sample = Some(Sample::new(rows, layout.width));
    let mut record = 0;
    each_record_of(path, file, delimiter, |line, cells| {
        record += 1;
        if record > layout.preamble {
            table.push(line, cells)?;
        }
        Ok(())
    })?;
    let mut frame = table.finish(name)?;
    let notes = encoding.into_iter().chain(layout.notes);
    frame.notes.splice(0..0, notes);
    Ok(frame)
}

/// Hands each record of a file that is read on the way with the number of its line to `work`.
fn each_record_of(
    path: &Path,
    file: impl BufRead,
    delimiter: Delimiter,
    mut work: impl FnMut(u64, &[&str]) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let unreadable = |reason| DataError::Unreadable {
        path: path.to_path_buf(),
        reason,
    };
    let Delimiter::Byte(byte) = delimiter else {
        for (index, line) in file.split(b'\n').enumerate() {
            let line = line.map_err(unreadable)?;
            let line = encoding::cell(&line);
            if has_cells(&line) {
                let cells = line.split_whitespace().map(|cell| cell.trim_matches('"'));
                work(index as u64 + 1, &cells.collect::<Vec<_>>())?;
            }
        }
        return Ok(());
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(byte)
        .comment(Some(b'#'))
        .has_headers(false)
        .flexible(true)
        .from_reader(file);
    let mut record = csv::ByteRecord::new();
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| unreadable(io::Error::other(error)))?
    {
        let line = record.position().map_or(0, csv::Position::line);
        let cells: Vec<Cow<'_, str>> = record.iter().map(encoding::cell).collect();
        let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
        if cells != [""] {
            work(line, &cells)?;
        }
    }
    Ok(())
}

/// The contents as text with `\n` in every line end, unless they are something else.
fn decoded(path: &Path, bytes: &[u8]) -> Result<(String, Option<String>), DataError> {
    let not_text = |found, remedy| DataError::NotText {
        path: path.to_path_buf(),
        found,
        remedy,
    };
    let Some((text, note)) = encoding::decode(bytes) else {
        return Err(not_text("binary data", "save it as CSV or with numpy.save"));
    };
    let text = if text.contains('\n') {
        text.into_owned()
    } else {
        text.replace('\r', "\n")
    };
    Ok((text, note))
}

/// Hands each record of `text` with the number of its line to `work`, until that has enough.
fn each_record(
    path: &Path,
    text: &str,
    delimiter: Delimiter,
    mut work: impl FnMut(usize, &[&str]) -> Result<bool, DataError>,
) -> Result<(), DataError> {
    let byte = match delimiter {
        Delimiter::Byte(byte) => byte,
        Delimiter::Blanks => {
            for (index, line) in text.lines().enumerate().filter(|(_, line)| has_cells(line)) {
                let cells: Vec<&str> = line
                    .split_whitespace()
                    .map(|cell| cell.trim_matches('"'))
                    .collect();
                if !work(index + 1, &cells)? {
                    break;
                }
            }
            return Ok(());
        }
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(byte)
        .comment(Some(b'#'))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    // The reader's own line is that before any blank lines and comments; an error names the line of the record.
    let (mut line, mut counted) = (1, 0);
    loop {
        let more = reader
            .read_record(&mut record)
            .map_err(|error| DataError::Unreadable {
                path: path.to_path_buf(),
                reason: io::Error::other(error),
            })?;
        if !more {
            return Ok(());
        }
        if record.as_slice().contains(char::is_control) {
            record = record.iter().map(one_line).collect();
        }
        let end = text.len().min(reader.position().byte() as usize);
        let end = text.as_bytes()[..end].trim_ascii_end().len().max(counted);
        let passed = &text.as_bytes()[counted..end];
        line += passed.iter().filter(|&&byte| byte == b'\n').count();
        counted = end;
        // Line ends in quotes hide cells from the check of the lines.
        check_width(path, record.len() as u64)?;
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        if cells != [""] && !work(line, &cells)? {
            return Ok(());
        }
    }
}

/// What kind of cells a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// None of its cells was there yet.
    Unknown,
    Numbers,
    Times(TimeFormat),
    Text,
}

/// A column on the way.
struct Growing {
    kind: Kind,
    numbers: Vec<f64>,
    codes: Vec<Option<u32>>,
    values: Vec<String>,
    places: HashMap<String, u32>,
    fault: Option<String>,
}

/// The rows read so far.
struct Builder<'a> {
    path: &'a Path,
    layout: &'a Layout,
    columns: Vec<Growing>,
    notes: Vec<String>,
    /// The first line of the table, once there is one.
    first_line: Option<usize>,
    /// Records of the table, with header and units.
    records: usize,
    rows: usize,
    /// A line with fewer cells, which is an error if another follows.
    short: Option<DataError>,
    /// Which rows are kept, where not all are.
    sample: Option<Sample>,
}

impl<'a> Builder<'a> {
    /// No rows, of columns whose kinds the first of the table's records tell.
    fn new(path: &'a Path, layout: &'a Layout, sample: &[Vec<String>]) -> Self {
        let above = usize::from(layout.header.is_some()) + usize::from(layout.units.is_some());
        let body = sample.get(above..).unwrap_or_default();
        let mut notes = vec![];
        let columns = (0..layout.width).map(|column| {
            let rows = body.iter().filter(|record| !layout.is_header(record));
            let cells = rows.filter_map(|record| record.get(column));
            let cells: Vec<&str> = cells
                .map(String::as_str)
                .filter(|cell| !is_missing(cell))
                .collect();
            let (kind, note) = Kind::of(&cells, layout.numerals);
            notes.extend(note.map(|note| match &layout.header {
                Some(names) => format!("{}: {note}", names[column]),
                None => format!("column {}: {note}", column + 1),
            }));
            Growing {
                kind,
                numbers: vec![],
                codes: vec![],
                values: vec![],
                places: HashMap::new(),
                fault: None,
            }
        });
        Self {
            columns: columns.collect(),
            path,
            layout,
            notes,
            first_line: None,
            records: 0,
            rows: 0,
            short: None,
            sample: None,
        }
    }

    /// Takes a record of the table: header, units or a row.
    fn push(&mut self, line: u64, cells: &[&str]) -> Result<(), DataError> {
        let line = line as usize;
        if let Some(error) = self.short.take() {
            return Err(error);
        }
        let first_line = *self.first_line.get_or_insert(line);
        self.records += 1;
        let layout = self.layout;
        let above = usize::from(layout.header.is_some()) + usize::from(layout.units.is_some());
        if self.records <= above {
            return Ok(());
        }
        let beyond = cells.get(layout.width..).unwrap_or_default();
        if cells.len() < layout.width || beyond.iter().any(|cell| !cell.is_empty()) {
            let error = DataError::RaggedRow {
                path: self.path.to_path_buf(),
                line,
                cells: cells.len(),
                first_line,
                expected: layout.width,
            };
            if cells.len() > layout.width {
                return Err(error);
            }
            self.short = Some(error);
            return Ok(());
        }
        if layout.is_header(cells) {
            self.notes
                .push(format!("line {line} repeats the header and is left out"));
            return Ok(());
        }
        if let Some(sample) = &mut self.sample
            && !sample.keeps_next()
        {
            return Ok(());
        }
        self.rows += 1;
        for (column, cell) in cells.iter().take(layout.width).enumerate() {
            let place = || {
                let name = layout
                    .header
                    .as_ref()
                    .map(|names| shortened(&names[column]));
                let name = name.filter(|name| !name.is_empty());
                let name = name.map_or_else(String::new, |name| format!(" ({name})"));
                format!("line {line}, column {}{name}", column + 1)
            };
            self.columns[column].push(cell, layout.numerals, place);
        }
        if let Some(keeps) = self.sample.as_mut().and_then(Sample::thinned) {
            for column in &mut self.columns {
                retain(&mut column.numbers, &keeps);
                retain(&mut column.codes, &keeps);
            }
            self.rows = keeps.iter().filter(|keeps| **keeps).count();
        }
        Ok(())
    }

    /// All rows, of which there is at least one.
    fn finish(self, name: String) -> Result<Frame, DataError> {
        if let Some(DataError::RaggedRow {
            line,
            cells,
            expected,
            ..
        }) = self.short
        {
            return Err(DataError::Truncated {
                path: self.path.to_path_buf(),
                line,
                cells,
                expected,
            });
        }
        if self.rows == 0 || self.layout.width == 0 {
            return Err(DataError::NoRows {
                path: self.path.to_path_buf(),
            });
        }
        let name_of = |names: &Option<Vec<String>>, column: usize| {
            let name = names.as_ref().map(|names| names[column].clone());
            name.filter(|name| !name.is_empty())
        };
        let header = &self.layout.header;
        let columns = self.columns.into_iter().enumerate();
        let columns = columns.map(|(at, column)| {
            let name = header.as_ref();
            let name = name.map(|_| name_of(header, at).unwrap_or_default());
            let unit = name_of(&self.layout.units, at);
            let (name, unit) = match (name, unit) {
                (Some(name), None) => {
                    let (name, unit) = without_unit(name);
                    (Some(name), unit)
                }
                both => both,
            };
            Column {
                name,
                unit,
                fault: column.fault.clone(),
                cells: column.finish(),
            }
        });
        let mut frame = Frame::new(name, columns.collect());
        frame.notes = self.notes;
        frame.of_rows = self.sample.and_then(|sample| sample.of_rows());
        Ok(frame)
    }
}

/// A name as `Druck [Pa]`, and the unit in its brackets; a name without one as it is.
fn without_unit(name: String) -> (String, Option<String>) {
    let bracketed = name.trim_end().strip_suffix(']');
    let parts = bracketed.and_then(|rest| rest.rsplit_once(" ["));
    match parts.map(|(name, unit)| (name.trim(), unit.trim())) {
        // A number is an index.
        Some((own, unit))
            if !own.is_empty() && !unit.is_empty() && unit.parse::<f64>().is_err() =>
        {
            (own.to_owned(), Some(unit.to_owned()))
        }
        _ => (name, None),
    }
}

impl Kind {
    /// The kind of a column with these cells, of which none is missing.
    fn of(cells: &[&str], numerals: Numerals) -> (Self, Option<String>) {
        let Some(first) = cells.first() else {
            return (Self::Unknown, None);
        };
        let numbers = cells.iter().filter(|cell| numerals.number(cell).is_some());
        // A wrong cell among numbers does not make text of them.
        if 2 * numbers.count() > cells.len() {
            return (Self::Numbers, None);
        }
        let same = |cell: &&&str| TimeFormat::of(&[first, cell]).is_some();
        if TimeFormat::of(&[first]).is_none() || !cells.iter().all(|cell| same(&cell)) {
            return (Self::Text, None);
        }
        match TimeFormat::of(cells) {
            Some((format, note)) => (Self::Times(format), note),
            None => (Self::Text, None),
        }
    }
}

impl Growing {
    /// Takes a cell, whose place an error names.
    fn push(&mut self, cell: &str, numerals: Numerals, place: impl Fn() -> String) {
        if is_missing(cell) {
            self.numbers.push(f64::NAN);
            self.codes.push(None);
            return;
        }
        if self.kind == Kind::Unknown {
            self.kind = Kind::of(&[cell], numerals).0;
        }
        let number = match self.kind {
            Kind::Numbers => numerals.number(cell).ok_or("a number"),
            Kind::Times(format) => format
                .seconds(cell)
                .ok_or("a time of the format of the others"),
            Kind::Text | Kind::Unknown => Ok(0.0),
        };
        let number = match number {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err("finite"),
            Err(expected) => Err(expected),
        };
        if let Err(expected) = number {
            self.fault.get_or_insert_with(|| {
                format!(
                    "{}: {:?} is not {expected}; correct the cell, or leave it empty where the value is missing",
                    place(),
                    shortened(cell)
                )
            });
        }
        self.numbers.push(number.unwrap_or(f64::NAN));
        if self.kind == Kind::Text {
            let next = self.values.len() as u32;
            let code = *self.places.entry(cell.to_owned()).or_insert_with(|| {
                self.values.push(cell.to_owned());
                next
            });
            self.codes.push(Some(code));
        } else {
            self.codes.push(None);
        }
    }

    fn finish(self) -> Cells {
        match self.kind {
            Kind::Numbers | Kind::Unknown => Cells::Numbers(self.numbers),
            Kind::Times(_) => Cells::Times(self.numbers),
            Kind::Text => Cells::Text {
                values: self.values,
                codes: self.codes,
            },
        }
    }
}

#[cfg(test)]
mod tests;
