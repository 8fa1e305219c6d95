//! The records of a text: lines with cells, or more than a line where quotes hold line ends.

use super::layout::{Delimiter, has_cells};
use super::{Work, encoding};
use crate::data::error::FileError;
use crate::data::formats::grid::{check_width, one_line};
use std::borrow::Cow;
use std::io::{self, BufRead};

/// Hands each record of `text` with the number of its line to `work`, until that has enough.
pub(super) fn of_text(
    text: &str,
    delimiter: Delimiter,
    mut work: impl FnMut(usize, &[&str]) -> Result<bool, FileError>,
) -> Result<(), FileError> {
    let Delimiter::Byte(byte) = delimiter else {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| has_cells(line)) {
            if !work(index + 1, &between_blanks(line))? {
                break;
            }
        }
        return Ok(());
    };
    let mut reader = reader(byte, text.as_bytes());
    let mut record = csv::StringRecord::new();
    // The reader's own line is that before any blank lines and comments; an error names the line of the record.
    let (mut line, mut counted) = (1, 0);
    while reader.read_record(&mut record).map_err(io::Error::other)? {
        if record.as_slice().contains(char::is_control) {
            record = record.iter().map(one_line).collect();
        }
        let end = text.len().min(reader.position().byte() as usize);
        let end = text.as_bytes()[..end].trim_ascii_end().len().max(counted);
        let passed = &text.as_bytes()[counted..end];
        line += passed.iter().filter(|&&byte| byte == b'\n').count();
        counted = end;
        // Line ends in quotes hide cells from the check of the lines.
        check_width(record.len() as u64)?;
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        if cells != [""] && !work(line, &cells)? {
            break;
        }
    }
    Ok(())
}

/// Hands each record of a file that is read on the way with the number of its line to `work`, until that has enough.
pub(super) fn of_file(
    file: impl BufRead,
    delimiter: Delimiter,
    work: &mut Work<'_>,
) -> Result<(), FileError> {
    let Delimiter::Byte(byte) = delimiter else {
        for (index, line) in file.split(b'\n').enumerate() {
            let line = line?;
            let line = encoding::cell(&line);
            if has_cells(&line) && !work(index + 1, &between_blanks(&line))? {
                break;
            }
        }
        return Ok(());
    };
    let mut reader = reader(byte, file);
    let mut record = csv::ByteRecord::new();
    while reader
        .read_byte_record(&mut record)
        .map_err(io::Error::other)?
    {
        let line = record.position().map_or(0, csv::Position::line);
        let cells: Vec<Cow<'_, str>> = record.iter().map(encoding::cell).collect();
        let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
        if cells != [""] && !work(line as usize, &cells)? {
            break;
        }
    }
    Ok(())
}

/// The cells of a line whose delimiter is any run of blanks.
fn between_blanks(line: &str) -> Vec<&str> {
    let cells = line.split_whitespace();
    cells.map(|cell| cell.trim_matches('"')).collect()
}

fn reader<R: io::Read>(delimiter: u8, file: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .has_headers(false)
        .flexible(true)
        .from_reader(file)
}
