//! A text table that is still being written: rows are read one by one, as they come.

use super::cells::{Numerals, TimeFormat, is_missing};
use super::layout::{Delimiter, has_cells};
use super::{records, without_unit};
use crate::data::error::{DataError, FileError};
use crate::data::frame::{Cells, Column, Frame};

/// The rows of a table that comes line by line. The first line says how cells are divided, and is a header where no cell of it is a
/// number or a time; a second line without any is of units. The first number with a decimal comma or point says which it is.
#[derive(Debug)]
pub struct LiveTable {
    name: String,
    delimiter: Option<Delimiter>,
    numerals: Option<Numerals>,
    /// Name and unit of each column; none without a header.
    header: Option<Vec<(String, Option<String>)>>,
    /// Rows so far.
    rows: usize,
    /// Lines so far.
    lines: usize,
}

impl LiveTable {
    /// The table called `name`, before its first line.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            delimiter: None,
            numerals: None,
            header: None,
            rows: 0,
            lines: 0,
        }
    }

    /// The next line, as a frame of one row; none where it is no row, such as the header.
    ///
    /// # Errors
    /// A line with another number of cells than the header has: one line that names both.
    pub fn push(&mut self, line: &str) -> Result<Option<Frame>, DataError> {
        self.lines += 1;
        let line = line
            .trim_end_matches(['\r', '\n'])
            .trim_start_matches('\u{feff}');
        if !has_cells(line) {
            return Ok(None);
        }
        let delimiter = *self.delimiter.get_or_insert_with(|| Delimiter::of(line));
        let cells = cells(line, delimiter).map_err(|fault| self.fault(&fault.to_string()))?;
        let numerals = self.numerals(&cells);
        let is_value = |cell: &String| {
            !is_missing(cell)
                && (numerals.number(cell).is_some() || TimeFormat::of(&[cell]).is_some())
        };
        if self.rows == 0 && !cells.iter().any(is_value) {
            self.head(cells);
            return Ok(None);
        }
        if let Some(header) = &self.header
            && header.len() != cells.len()
        {
            let fault = format!(
                "line {} has {} cells, the header has {}; give every line the same number of cells",
                self.lines,
                cells.len(),
                header.len()
            );
            return Err(self.fault(&fault));
        }
        self.rows += 1;
        let columns = cells.iter().enumerate();
        let columns = columns.map(|(at, cell)| {
            let (name, unit) = self
                .header
                .as_ref()
                .map(|header| header[at].clone())
                .unzip();
            Column {
                unit: unit.flatten(),
                ..Column::new(name, cell_of(cell, numerals))
            }
        });
        Ok(Some(Frame::new(self.name.clone(), columns.collect())))
    }

    /// How numbers are written: as the first one that shows it, until then as in this line.
    fn numerals(&mut self, cells: &[String]) -> Numerals {
        let (own, _) = Numerals::of(cells.iter().map(String::as_str));
        let shows = |cell: &String| cell.contains(['.', ',']) && own.number(cell).is_some();
        match cells.iter().any(shows) {
            true => *self.numerals.get_or_insert(own),
            false => self.numerals.unwrap_or(own),
        }
    }

    fn fault(&self, fault: &str) -> DataError {
        DataError::in_data(&self.name, fault)
    }

    /// Takes a line of names, or below one a line of units; of nothing nothing.
    fn head(&mut self, cells: Vec<String>) {
        if cells.iter().all(|cell| is_missing(cell)) {
            return;
        }
        match &mut self.header {
            None => self.header = Some(cells.into_iter().map(without_unit).collect()),
            Some(header) => {
                for ((_, unit), cell) in header.iter_mut().zip(cells) {
                    *unit = unit.take().or(Some(cell).filter(|cell| !cell.is_empty()));
                }
            }
        }
    }
}

fn cells(line: &str, delimiter: Delimiter) -> Result<Vec<String>, FileError> {
    let mut found = vec![];
    records::of_text(line, delimiter, |_, cells| {
        found = cells.iter().map(|cell| (*cell).to_owned()).collect();
        Ok(false)
    })?;
    Ok(found)
}

/// A cell as a column of one.
fn cell_of(cell: &str, numerals: Numerals) -> Cells {
    let time = || TimeFormat::of(&[cell])?.0.seconds(cell);
    if is_missing(cell) {
        return Cells::Numbers(vec![f64::NAN]);
    }
    match (numerals.number(cell), time()) {
        (Some(number), _) => Cells::Numbers(vec![number]),
        (None, Some(seconds)) => Cells::Times(vec![seconds]),
        (None, None) => Cells::Text {
            values: vec![cell.to_owned()],
            codes: vec![Some(0)],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(frame: &Frame) -> Vec<f64> {
        let number = |column: &Column| match &column.cells {
            Cells::Numbers(numbers) | Cells::Times(numbers) => numbers[0],
            Cells::Text { .. } => -1.0,
        };
        frame.columns.iter().map(number).collect()
    }

    #[test]
    fn rows_come_one_by_one() {
        let mut table = LiveTable::new("-");
        for line in ["# a logger", "", "time;mode;flow [l/s]", ";;"] {
            assert_eq!(table.push(line).unwrap(), None, "{line}");
        }
        let row = table.push("01.03.2026 00:01;day;1,5\r\n").unwrap().unwrap();
        assert_eq!(numbers(&row), [1_772_323_260.0, -1.0, 1.5]);
        assert_eq!(row.columns[2].name.as_deref(), Some("flow"));
        assert_eq!(row.columns[2].unit.as_deref(), Some("l/s"));
        // Once the comma is decimal, it stays.
        let row = table.push("01.03.2026 00:02;night;1,250").unwrap().unwrap();
        assert_eq!(numbers(&row)[2], 1.25);
        let row = table.push("01.03.2026 00:03;;").unwrap().unwrap();
        assert!(numbers(&row)[2].is_nan());
        let refused = table.push("1;2").unwrap_err().to_string();
        assert!(
            refused.contains("line 8 has 2 cells, the header has 3"),
            "{refused}"
        );
    }

    #[test]
    fn rows_need_no_header() {
        let mut table = LiveTable::new("-");
        assert_eq!(
            numbers(&table.push("1.5,-2").unwrap().unwrap()),
            [1.5, -2.0]
        );
        assert_eq!(table.push("3,4").unwrap().unwrap().columns[0].name, None);
    }
}
