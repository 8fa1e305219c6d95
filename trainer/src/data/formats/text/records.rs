//! The records of a text: lines with cells, or more than a line where quotes hold line ends.

use super::layout::{Delimiter, has_cells};
use super::{Work, encoding};
use crate::data::error::FileError;
use crate::data::formats::grid::{check_width, one_line};
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

/// The mark of byte order that some programs begin UTF-8 with.
const MARK: &str = "\u{feff}";
/// Bytes of the lines of a file that are read together, at least.
const BLOCK: usize = 1 << 20;
/// The same, at most, but for the last line: quotes that do not end hold no more.
const LARGEST: usize = 1 << 26;

/// Hands each record of a file that is read on the way with the number of its line to `work`, until that has enough.
pub(super) fn of_file(
    mut file: impl BufRead,
    delimiter: Delimiter,
    work: &mut Work<'_>,
) -> Result<(), FileError> {
    let (mut before, mut block, mut wanted) = (0, vec![], true);
    while wanted {
        let lines = read_block(&mut file, &mut block)?;
        if block.is_empty() {
            break;
        }
        let text = encoding::text(&block);
        let text = text.strip_prefix(MARK).unwrap_or(&text);
        of_text(text, delimiter, |line, cells| {
            wanted = work(before + line, cells)?;
            Ok(wanted)
        })?;
        before += lines;
    }
    Ok(())
}

/// Reads the next whole records of `file` into `block`, which are empty behind the last; how many lines they have.
fn read_block(file: &mut impl BufRead, block: &mut Vec<u8>) -> io::Result<usize> {
    block.clear();
    let (mut lines, mut quoted) = (0, false);
    loop {
        let start = block.len();
        if file.read_until(b'\n', block)? == 0 {
            return Ok(lines);
        }
        lines += 1;
        let line = &block[start..];
        let line = line.strip_prefix(MARK.as_bytes()).unwrap_or(line);
        if quoted || !line.starts_with(b"#") {
            quoted ^= line.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        }
        if block.len() >= BLOCK && !quoted || block.len() >= LARGEST {
            return Ok(lines);
        }
    }
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
