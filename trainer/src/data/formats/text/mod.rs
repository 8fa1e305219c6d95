//! Text tables: CSV, semicolons, tabs, bars or blanks, as loggers and people write them.
//!
//! * Delimiter, lines before the table, header, a row of units, decimal comma and marks of thousands are found from
//!   the first lines.
//! * Blank lines and lines that begin with `#` are skipped. LF, CRLF, CR and byte order marks are fine.
//! * A column is of numbers, of times or of text, by its first cell that is not missing.

mod cells;
mod column;
mod encoding;
mod layout;
mod live;
mod records;
mod sample;

use super::grid::{check_width, shortened};
use super::{Contents, Format, Take};
use crate::data::error::FileError;
use crate::data::frame::{Column, Frame};
use cells::is_missing;
use column::{Growing, Kind};
use layout::{Delimiter, Layout};
pub use live::LiveTable;
use sample::Sample;
use std::io::BufRead;

/// Records that the layout is found from.
const SAMPLED: usize = 1000;

/// Reads every line.
///
/// # Errors
/// The place in the file, what was found and the remedy.
pub(super) fn read(Contents { name, bytes, .. }: Contents) -> Result<Frame, FileError> {
    let text = Text::decoded(&bytes)?;
    let records = |delimiter, work: &mut Work<'_>| {
        records::of_text(&text.text, delimiter, |line, cells| work(line, cells))
    };
    table(name, &text, None, records)
}

/// Reads the lines of `file`, which begins with `head`, as far as a sample of at most `rows` of them keeps their rows;
/// the file is never whole in memory.
///
/// # Errors
/// The errors of [`read`].
pub(super) fn read_sampled(
    name: String,
    head: &[u8],
    file: impl BufRead,
    rows: Option<usize>,
) -> Result<Frame, FileError> {
    let sample = |width| Sample::new(rows, width);
    let records = |delimiter, work: &mut Work<'_>| records::of_file(file, delimiter, work);
    table(name, &Text::decoded(head)?, Some(&sample), records)
}

/// Reads the lines of `file`, which begins with `head`, and hands them to `take`, so many `rows` at a time, until that has
/// enough; the file is never whole in memory.
///
/// # Errors
/// The errors of [`read`].
pub(super) fn read_parts(
    name: &str,
    head: &[u8],
    file: impl BufRead,
    rows: usize,
    take: &mut Take<'_>,
) -> Result<(), FileError> {
    let text = Text::decoded(head)?;
    let Start {
        delimiter,
        layout,
        first,
    } = Start::of(&text)?;
    if layout.width == 0 {
        return Err(FileError::NoRows);
    }
    let mut table = Builder::new(&layout, &first);
    table.notes.splice(0..0, notes(&text, &layout));
    let (mut record, mut wanted, mut given) = (0, true, false);
    records::of_file(file, delimiter, &mut |line, cells| {
        record += 1;
        if record > layout.preamble {
            table.push(line, cells)?;
        }
        if table.rows == rows {
            given = true;
            wanted = take(table.part(name));
        }
        Ok(wanted)
    })?;
    if !wanted {
        return Ok(());
    }
    table.check_end()?;
    if table.rows > 0 {
        take(table.part(name));
    } else if !given {
        return Err(FileError::NoRows);
    }
    Ok(())
}

/// Takes a record, the number of its line and its cells, and says whether it wants more.
type Work<'a> = dyn FnMut(usize, &[&str]) -> Result<bool, FileError> + 'a;

/// How a text begins.
struct Start {
    delimiter: Delimiter,
    layout: Layout,
    /// The first records of the table.
    first: Vec<Vec<String>>,
}

impl Start {
    fn of(text: &Text) -> Result<Self, FileError> {
        let delimiter = Delimiter::of(&text.text);
        check_width(delimiter.widest(&text.text))?;
        let mut first = first_records(&text.text, delimiter)?;
        let layout = Layout::of(&first);
        first.drain(..layout.preamble.min(first.len()));
        Ok(Self {
            delimiter,
            layout,
            first,
        })
    }
}

/// The assumptions on a text and its layout.
fn notes(text: &Text, layout: &Layout) -> impl Iterator<Item = String> {
    text.note.clone().into_iter().chain(layout.notes.clone())
}

/// The table whose first lines are `text`, and whose records `records` hands to what takes them; of its rows those
/// that a sample of its width keeps.
fn table(
    name: String,
    text: &Text,
    sample: Option<&dyn Fn(usize) -> Sample>,
    records: impl FnOnce(Delimiter, &mut Work<'_>) -> Result<(), FileError>,
) -> Result<Frame, FileError> {
    let Start {
        delimiter,
        layout,
        first,
    } = Start::of(text)?;
    let mut table = Builder::new(&layout, &first);
    table.notes.splice(0..0, notes(text, &layout));
    table.sample = sample.map(|sample| sample(layout.width));
    let mut record = 0;
    records(delimiter, &mut |line, cells| {
        record += 1;
        if record > layout.preamble {
            table.push(line, cells)?;
        }
        Ok(true)
    })?;
    table.check_end()?;
    if table.rows == 0 || layout.width == 0 {
        return Err(FileError::NoRows);
    }
    Ok(table.part(&name))
}

/// The first records of `text`, which the layout is found from.
fn first_records(text: &str, delimiter: Delimiter) -> Result<Vec<Vec<String>>, FileError> {
    let mut first = vec![];
    records::of_text(text, delimiter, |_, cells| {
        first.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
        Ok(first.len() < SAMPLED)
    })?;
    Ok(first)
}

/// Text with `\n` in every line end.
struct Text {
    text: String,
    /// The encoding that was assumed, in a line.
    note: Option<String>,
}

impl Text {
    /// The text in `bytes`, unless they are something else.
    fn decoded(bytes: &[u8]) -> Result<Self, FileError> {
        let decoded = encoding::decode(bytes);
        let (text, note) = decoded
            .ok_or_else(|| Format::unknown("binary data", "save it as CSV or with numpy.save"))?;
        let text = match text.contains('\n') {
            true => text.into_owned(),
            false => text.replace('\r', "\n"),
        };
        Ok(Self { text, note })
    }
}

/// The rows read so far.
struct Builder<'a> {
    layout: &'a Layout,
    columns: Vec<Growing>,
    notes: Vec<String>,
    /// The first line of the table, once there is one.
    first_line: Option<usize>,
    /// Records of the table, with header and units.
    records: usize,
    rows: usize,
    /// A line with fewer cells, and how many: an error if another follows.
    short: Option<(usize, usize)>,
    /// Which rows are kept, where not all are.
    sample: Option<Sample>,
}

impl<'a> Builder<'a> {
    /// No rows, of columns whose kinds the first of the table's records tell.
    fn new(layout: &'a Layout, sample: &[Vec<String>]) -> Self {
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
            Growing::new(kind)
        });
        Self {
            columns: columns.collect(),
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
    fn push(&mut self, line: usize, cells: &[&str]) -> Result<(), FileError> {
        let first_line = *self.first_line.get_or_insert(line);
        let ragged = |line: usize, cells: usize| {
            Err(FileError::Contents(format!(
                "line {line} has {cells} cells, line {first_line} has {}; \
                 give every line the same number of cells, with one delimiter throughout",
                self.layout.width
            )))
        };
        if let Some((line, cells)) = self.short {
            return ragged(line, cells);
        }
        self.records += 1;
        let layout = self.layout;
        let above = usize::from(layout.header.is_some()) + usize::from(layout.units.is_some());
        if self.records <= above {
            return Ok(());
        }
        let beyond = cells.get(layout.width..).unwrap_or_default();
        if cells.len() < layout.width || beyond.iter().any(|cell| !cell.is_empty()) {
            if cells.len() > layout.width {
                return ragged(line, cells.len());
            }
            self.short = Some((line, cells.len()));
            return Ok(());
        }
        if layout.is_header(cells) {
            self.notes
                .push(format!("line {line} repeats the header and is left out"));
        } else if self.sample.as_mut().is_none_or(Sample::keeps_next) {
            self.push_row(line, cells);
        }
        Ok(())
    }

    /// Takes the cells of a row.
    fn push_row(&mut self, line: usize, cells: &[&str]) {
        self.rows += 1;
        let layout = self.layout;
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
                column.retain(&keeps);
            }
            self.rows = keeps.iter().filter(|keeps| **keeps).count();
        }
    }

    /// Makes sure that the last line is whole.
    fn check_end(&self) -> Result<(), FileError> {
        match self.short {
            None => Ok(()),
            Some((line, cells)) => Err(FileError::Contents(format!(
                "ends in line {line}, which has {cells} cells of {}; remove the line, or copy the file again",
                self.layout.width
            ))),
        }
    }

    /// The rows read since the last part, and what is noted of them.
    fn part(&mut self, name: &str) -> Frame {
        self.rows = 0;
        let name_of = |names: &Option<Vec<String>>, column: usize| {
            let name = names.as_ref().map(|names| names[column].clone());
            name.filter(|name| !name.is_empty())
        };
        let header = &self.layout.header;
        let columns = self.columns.iter_mut().enumerate();
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
            let (cells, fault) = column.take();
            Column {
                name,
                unit,
                fault,
                cells,
            }
        });
        let mut frame = Frame::new(name.to_owned(), columns.collect());
        frame.notes = std::mem::take(&mut self.notes);
        frame.of_rows = self.sample.as_ref().and_then(Sample::of_rows);
        frame
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

#[cfg(test)]
mod tests;
