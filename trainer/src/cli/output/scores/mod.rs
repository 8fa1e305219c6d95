//! Scores as lines of text, or as columns of Parquet and Arrow, written as they come.

#[cfg(feature = "parquet")]
mod columns;
mod lines;

use super::is_standard;
use crate::data::STANDARD;
use crate::error::Error;
use crate::export::run::Growing;
use crate::readings::batches::{Scored, Taker};
use elbow::Score;
use lines::Lines;
use std::path::Path;

/// What scores become.
trait Sink {
    /// Takes the next scores, and says whether more are wanted.
    fn push(&mut self, scored: &Scored) -> Result<bool, Error>;

    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// Where scores go.
pub(in crate::cli) struct Output {
    sink: Box<dyn Sink>,
    /// The file on the way; none of standard output.
    growing: Option<Growing>,
    /// The name of the data, for notes.
    data: String,
}

impl Output {
    /// Opens `out`, or standard output, for scores of the data called `data` with the columns called `keep` behind them.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Setting`] of a kind of file that this program was built without, and of a column whose name a
    /// column of scores has.
    pub(in crate::cli) fn open(
        out: Option<&Path>,
        data: String,
        keep: &[String],
    ) -> Result<Self, Error> {
        if let Some(name) = keep.iter().find(|name| names().any(|own| own == **name)) {
            return Err(Error::Setting(format!(
                "--keep {name}: a column of scores has this name; rename the column, or keep another"
            )));
        }
        let (sink, growing): (Box<dyn Sink>, _) = match out.filter(|out| !is_standard(out)) {
            None => {
                let stdout = Box::new(std::io::stdout());
                (Box::new(Lines::new(Path::new(STANDARD), stdout)), None)
            }
            Some(path) => {
                let growing = Growing::new(path)?;
                (sink(path, growing.open()?)?, Some(growing))
            }
        };
        Ok(Self {
            sink,
            growing,
            data,
        })
    }

    /// Writes what is left, and gives the file its name.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(in crate::cli) fn finish(self) -> Result<(), Error> {
        self.sink.finish()?;
        self.growing.map_or(Ok(()), Growing::finish)
    }
}

impl Taker for Output {
    fn note(&mut self, line: &str) {
        eprintln!("{}: {line}", self.data);
    }

    fn scores(&mut self, scored: &Scored) -> Result<bool, Error> {
        let last = scored.first + scored.scores.len();
        if u32::try_from(last).is_err() {
            return Err(Error::Setting(format!(
                "{last} readings are more than {}, which have numbers: score the files one by one",
                u32::MAX
            )));
        }
        self.sink.push(scored)
    }
}

/// The names of the columns of a score.
fn names() -> impl Iterator<Item = &'static str> {
    Score::CSV_HEADER.split(',')
}

/// What writes the file `path` in the format of its extension to `file`.
fn sink(path: &Path, file: std::fs::File) -> Result<Box<dyn Sink>, Error> {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    if ["parquet", "arrow", "feather"]
        .iter()
        .all(|own| extension != *own)
    {
        return Ok(Box::new(Lines::new(path, Box::new(file))));
    }
    #[cfg(feature = "parquet")]
    return Ok(Box::new(columns::Columns::new(
        path,
        file,
        extension == "parquet",
    )));
    #[cfg(not(feature = "parquet"))]
    Err(Error::Setting(format!(
        "--out {} is a file of columns, which this trainer was built without: build it with \
         cargo run --release --features parquet -p elbow-trainer --bin trainer -- score, or write a .csv",
        path.display()
    )))
}
