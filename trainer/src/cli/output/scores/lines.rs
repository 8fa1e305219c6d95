//! Scores as CSV, a line each.

use super::{Sink, names};
use crate::data::{Cells, Column};
use crate::error::Error;
use crate::readings::batches::Scored;
use chrono::DateTime;
use std::borrow::Cow;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Seconds of a day: times below it are those of a clock.
const DAY: f64 = 86_400.0;

/// A table of text on the way.
pub(super) struct Lines {
    writer: csv::Writer<Box<dyn Write>>,
    /// The file in messages.
    path: PathBuf,
    /// Whether the header is written.
    headed: bool,
}

impl Lines {
    /// A table in `file`, the file `path`.
    pub(super) fn new(path: &Path, file: Box<dyn Write>) -> Self {
        Self {
            writer: csv::WriterBuilder::new()
                .buffer_capacity(1 << 16)
                .from_writer(file),
            path: path.to_path_buf(),
            headed: false,
        }
    }

    fn write(&mut self, scored: &Scored) -> Result<(), csv::Error> {
        let Scored {
            first,
            scores,
            kept,
        } = scored;
        if !self.headed {
            let kept = kept.iter().map(|column| column.name.clone());
            let kept = kept.map(Option::unwrap_or_default);
            let header = names().map(str::to_owned).chain(kept);
            self.writer.write_record(header)?;
            self.headed = true;
        }
        for (row, (index, score)) in (*first as u32..).zip(scores).enumerate() {
            let line = score.csv(index).to_string();
            let fields = line.split(',').map(Cow::from);
            let kept = kept.iter().map(|column| text(column, row));
            for field in fields.chain(kept) {
                self.writer.write_field(field.as_bytes())?;
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        // Whoever reads the lines sees those that there are.
        Ok(self.writer.flush()?)
    }
}

impl Sink for Lines {
    fn push(&mut self, scored: &Scored) -> Result<bool, Error> {
        match self.write(scored).map_err(csv::Error::into_kind) {
            Ok(()) => Ok(true),
            // A reader who has seen enough is no error.
            Err(csv::ErrorKind::Io(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(csv::ErrorKind::Io(error)) => Err(Error::writing(&self.path)(error)),
            Err(other) => Err(Error::Setting(format!("no CSV can be written: {other:?}"))),
        }
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

/// A cell as text; nothing where it is missing.
fn text(column: &Column, row: usize) -> Cow<'_, str> {
    match &column.cells {
        Cells::Numbers(cells) | Cells::Times(cells) if cells[row].is_nan() => "".into(),
        Cells::Numbers(numbers) => numbers[row].to_string().into(),
        Cells::Times(seconds) => time(seconds[row]).into(),
        Cells::Text { values, codes } => {
            codes[row].map_or("".into(), |code| values[code as usize].as_str().into())
        }
    }
}

/// A time of a clock, or a date with one, to the microsecond.
fn time(seconds: f64) -> String {
    let stamp = DateTime::from_timestamp_micros((seconds * 1e6).round() as i64);
    let format = match (0.0..DAY).contains(&seconds) {
        true => "%H:%M:%S%.f",
        false => "%Y-%m-%dT%H:%M:%S%.f",
    };
    stamp.map_or_else(
        || seconds.to_string(),
        |stamp| stamp.format(format).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_was_read() {
        let column = |cells| Column::new(Some("key".into()), cells);
        let cells = column(Cells::Numbers(vec![17.0, 0.25, f64::NAN]));
        assert_eq!([0, 1, 2].map(|row| text(&cells, row)), ["17", "0.25", ""]);
        let cells = column(Cells::Times(vec![1_772_323_260.5, 3600.0, f64::NAN]));
        let expected = ["2026-03-01T00:01:00.500", "01:00:00", ""];
        assert_eq!([0, 1, 2].map(|row| text(&cells, row)), expected);
        let column = Column::text("key", ["left", "", "a,b"]);
        assert_eq!([0, 1, 2].map(|row| text(&column, row)), ["left", "", "a,b"]);
    }
}
