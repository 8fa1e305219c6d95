//! A column of a text table, cell by cell.

use super::cells::{Numerals, TimeFormat, is_missing};
use super::sample::retain;
use crate::data::formats::grid::shortened;
use crate::data::frame::Cells;
use std::collections::HashMap;
use std::mem::take;

/// The kind of cells that a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// None of its cells was there yet.
    Unknown,
    Numbers,
    Times(TimeFormat),
    Text,
}

/// A column on the way.
pub(super) struct Growing {
    kind: Kind,
    numbers: Vec<f64>,
    codes: Vec<Option<u32>>,
    values: Vec<String>,
    places: HashMap<String, u32>,
    fault: Option<String>,
}

impl Kind {
    /// The kind of a column with these cells, of which none is missing.
    pub(super) fn of(cells: &[&str], numerals: Numerals) -> (Self, Option<String>) {
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
    /// No cells.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            numbers: vec![],
            codes: vec![],
            values: vec![],
            places: HashMap::new(),
            fault: None,
        }
    }

    /// Keeps the cells of the rows that `keeps` says.
    pub(super) fn retain(&mut self, keeps: &[bool]) {
        retain(&mut self.numbers, keeps);
        retain(&mut self.codes, keeps);
    }

    /// Takes a cell, whose place an error names.
    pub(super) fn push(&mut self, cell: &str, numerals: Numerals, place: impl Fn() -> String) {
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

    /// Its cells, and the first fault of them; none are left, and those to come are of the same kind.
    pub(super) fn take(&mut self) -> (Cells, Option<String>) {
        self.places.clear();
        let (numbers, codes) = (take(&mut self.numbers), take(&mut self.codes));
        let values = take(&mut self.values);
        let cells = match self.kind {
            Kind::Numbers | Kind::Unknown => Cells::Numbers(numbers),
            Kind::Times(_) => Cells::Times(numbers),
            Kind::Text => Cells::Text { values, codes },
        };
        (cells, self.fault.take())
    }
}
