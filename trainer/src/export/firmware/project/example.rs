//! What a new program scores: a reading, or a window of samples, in the units of the data.

use crate::error::Error;
use elbow::{Column, Model};
use std::fmt::Write;

/// A double has 17 digits at most.
const DIGITS: usize = 17;

/// Rows of values whose raw integers are those of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The number of the reading, from 0, as `trainer score` counts.
    pub number: u32,
    /// What it is, in a few words.
    pub source: String,
    /// The names of the columns, with their units.
    names: Vec<String>,
    /// One row, or a row for each sample of a window.
    rows: Vec<Vec<f64>>,
    is_stream: bool,
}

impl Example {
    /// Values that become the raw integers `rows` of `model`: one row, or those of a window of its stream.
    ///
    /// # Errors
    /// [`Error::Setting`] where no value becomes a raw integer, as a double cannot be so fine.
    pub fn new<'r>(
        model: &Model<'_>,
        rows: impl Iterator<Item = &'r [i16]>,
        (number, source): (u32, String),
    ) -> Result<Self, Error> {
        let columns: Vec<Column<'_>> = (0..).map_while(|index| model.column(index)).collect();
        let rows = rows.map(|row| {
            let values = row.iter().zip(&columns);
            values.map(|(&raw, column)| value(column, raw)).collect()
        });
        Ok(Self {
            number,
            source,
            names: columns.iter().map(label).collect(),
            rows: rows.collect::<Result<_, Error>>()?,
            is_stream: model.stream().is_some(),
        })
    }

    /// Numbers that it has.
    #[must_use]
    pub fn values(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// The lines of the values, each of `indent`, between `open` and `close` where they are samples.
    fn lines(&self, (open, close): (&str, &str), comment: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for row in &self.rows {
            if self.is_stream {
                let row: Vec<String> = row.iter().map(|value| format!("{value:?}")).collect();
                // Writing to a string cannot fail.
                let _ = writeln!(text, "    {open}{}{close},", row.join(", "));
                continue;
            }
            for (value, name) in row.iter().zip(&self.names) {
                let line = format!("    {value:?},{}", comment(name));
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        text
    }

    /// What it is, as a sentence of a comment.
    fn sentence(&self) -> String {
        let source = plain(&self.source);
        match self.is_stream {
            false => format!(
                "Reading {} of {source}, in the units of the data.",
                self.number
            ),
            true => format!(
                "Window {} of {source}, in the units of the data: {}.",
                self.number,
                self.names.join(" | ")
            ),
        }
    }

    /// The module of a program in Rust.
    pub(super) fn rust(&self) -> String {
        let (sentence, lines) = (
            self.sentence(),
            self.lines(("[", "]"), |name| match name {
                "" => String::new(),
                name => format!(" // {name}"),
            }),
        );
        let head = format!("//! {sentence} `trainer new` wrote this file.\n\n");
        if self.is_stream {
            return format!(
                "{head}/// A value of each channel, sample after sample.\npub static VALUES: [[f64; super::model::CHANNELS]; {}] = [\n{lines}];\n",
                self.rows.len()
            );
        }
        format!(
            "{head}/// Its number, from 0, as `trainer score` counts.\npub const NUMBER: u32 = {};\n\n/// A value of each column.\npub static VALUES: [f64; super::model::READING_LENGTH] = [\n{lines}];\n",
            self.number
        )
    }

    /// The header of a program in C whose model is called `identifier`.
    pub(super) fn c(&self, identifier: &str) -> String {
        let (sentence, upper) = (self.sentence(), identifier.to_uppercase());
        let lines = self.lines(("{", "}"), |name| match name {
            "" => String::new(),
            name => format!(" /* {name} */"),
        });
        let head = format!("/* {sentence} `trainer new` wrote this file. */\n");
        if self.is_stream {
            return format!(
                "{head}#define SAMPLES {}\n\n/* A value of each channel, sample after sample. */\nstatic const double values[SAMPLES][{upper}_CHANNELS] = {{\n{lines}}};\n",
                self.rows.len()
            );
        }
        format!(
            "{head}\n/* Its number, from 0, as `trainer score` counts. */\n#define NUMBER {}\n\n/* A value of each column. */\nstatic const double values[{upper}_READING_LENGTH] = {{\n{lines}}};\n",
            self.number
        )
    }
}

/// The value of fewest digits that becomes `raw`.
fn value(column: &Column<'_>, raw: i16) -> Result<f64, Error> {
    let exact = column.value(f64::from(raw));
    let mut candidates =
        (0..=DIGITS).filter_map(|digits| format!("{exact:.digits$e}").parse().ok());
    let becomes = |value: &f64| {
        let back = column.raw(*value);
        back.value == raw && !back.saturated
    };
    candidates.find(becomes).ok_or_else(|| {
        Error::Setting(format!(
            "the column {:?} moves by 2^{} around {exact}, which is finer than a double: name another reading by --data, or export the model alone by `trainer export`",
            column.name(),
            column.exponent()
        ))
    })
}

/// Name and unit for a comment.
fn label(column: &Column<'_>) -> String {
    match (plain(column.name()), plain(column.unit())) {
        (name, unit) if unit.is_empty() => name,
        (name, unit) if name.is_empty() => unit,
        (name, unit) => format!("{name}, {unit}"),
    }
}

/// `text` without what could end a comment, or hide in it.
fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        '*' | '\\' => ' ',
        ' '..='~' | '°' | 'µ' | '²' | '³' => c,
        c if c.is_alphanumeric() => c,
        _ => ' ',
    };
    let text: String = text.chars().map(plain).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_few_digits_and_become_the_raw_integers() {
        // 101325 Pa in steps of 2^-14.
        let pressure = Column::new("p", "Pa", -14, 1_660_108_800);
        let flow = Column::new("flow", "", -10, 0);
        let tiny = Column::new("", "A", -60, 0);
        for column in [pressure, flow, tiny] {
            for raw in [i16::MIN, -819, 0, 1, i16::MAX] {
                let value = value(&column, raw).unwrap();
                assert_eq!(column.raw(value).value, raw, "{value}");
            }
        }
        // 512 of 2^-10.
        assert_eq!(value(&flow, 512).unwrap().to_string(), "0.5");
        // One step is 0.00006 Pa.
        assert_eq!(value(&pressure, -819).unwrap().to_string(), "101324.95");
        let too_fine = Column::new("fine", "", -14, i64::MAX);
        let line = value(&too_fine, 1).unwrap_err().to_string();
        assert!(line.contains("\"fine\" moves by 2^-14"), "{line}");
    }

    #[test]
    fn comments_hold_any_name() {
        let column = Column::new("a */ b\\", "°C\u{202e}", 0, 0);
        assert_eq!(label(&column), "a  / b, °C");
    }
}
