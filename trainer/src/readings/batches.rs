//! Scores of files that may be larger than memory: rows are read, scored and handed on batch by batch.

use super::device::{Streams, device_scores_from};
use super::labelled::Labelled;
use super::masks::Masks;
use super::ranges::Watch;
use super::raw::DeviceReadings;
use super::scoring::{Like, interpreted};
use crate::data::{self, Column, DataError, Frame, NamedRole, Role};
use crate::error::Error;
use elbow::{Estimator, Model, Score};
use std::borrow::Cow;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Cells of a batch, about: some 30 bytes of memory each, in a batch that is read, one that waits and one that is scored.
const CELLS: usize = 1 << 19;
/// Rows of a batch, at least: each core is to have work.
const FEWEST: usize = 256;
/// The most rows of a batch.
const MOST: usize = 1 << 16;

/// What is scored, and how.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    /// A file, a folder or a pattern of files.
    pub path: &'a Path,
    /// The training whose readings they are like.
    pub like: Like<'a>,
    /// The estimator of the bound.
    pub estimator: Estimator,
    /// The seed of the random streams: reading `i` of all draws from stream `i`.
    pub seed: u64,
    /// A file that says which numbers were observed, with a row for each row of the data. It is in memory whole.
    pub mask: Option<&'a Path>,
    /// Only so many readings at the front are scored, and no more are read.
    pub limit: Option<usize>,
    /// Columns, by name or by number, that are handed on beside the scores.
    pub keep: &'a [String],
    /// Rows of a batch; none for as many as suit their width.
    pub rows: Option<usize>,
}

/// The scores of readings that follow each other.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The number of the first one among all readings, counted from 0.
    pub first: usize,
    /// The scores, one for each reading.
    pub scores: Vec<Score>,
    /// The columns that were asked for, with a cell for each reading.
    pub kept: Vec<Column>,
}

/// What takes the results of [`Batches::score`].
pub trait Taker {
    /// Takes a line on an assumption or a doubt about the data; each comes once.
    fn note(&mut self, line: &str);

    /// Takes the scores of the next readings, and says whether more are wanted.
    ///
    /// # Errors
    /// They cannot be written: no more are computed.
    fn scores(&mut self, scored: &Scored) -> Result<bool, Error>;
}

/// Readings of a batch, on the way from the reader to the cores.
struct Batch {
    first: usize,
    readings: DeviceReadings,
    kept: Vec<Column>,
}

impl Batches<'_> {
    /// Whether readings for `model` that are like those of `like` are independent of each other, so that they can be read in
    /// batches. Windows span samples, and pixels become bits by what all of them are.
    pub fn suit(model: &Model<'_>, like: &Like<'_>) -> bool {
        model.stream().is_none() && like.binarize.is_none()
    }

    /// Scores all readings on all cores, batch by batch in order, while the next batch is read; the integers are those of
    /// [`device_scores`](super::device::device_scores) on all readings at once. Returns how many values were beyond 16 bits.
    ///
    /// # Errors
    /// [`Error::Data`] and [`Error::Setting`] of a file, of rows that do not suit the model, of a mask of another shape, and
    /// the errors of `taker`. The batches before it have been handed on.
    pub fn score(&self, model: &Model<'_>, taker: &mut dyn Taker) -> Result<usize, Error> {
        let mask = self.mask.map(Masks::read).transpose()?;
        let reader = Reader::new(self, model, mask);
        let (sender, batches) = sync_channel(1);
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| reader.read(sender));
            let mut said = Said::default();
            let mut saturated = 0;
            for Batch {
                first,
                readings,
                kept,
            } in batches
            {
                said.tell(taker, &readings.labelled.notes);
                saturated += readings.saturated;
                let streams = Streams {
                    seed: self.seed,
                    first,
                };
                let (masks, readings) = (readings.masks, readings.readings);
                let scores =
                    device_scores_from(model, &readings, masks.as_ref(), self.estimator, streams)?;
                let scored = Scored {
                    first,
                    scores,
                    kept,
                };
                if !taker.scores(&scored)? {
                    return Ok(saturated);
                }
            }
            let read = reading.join();
            let notes = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            said.tell(taker, &notes);
            Ok(saturated)
        })
    }
}

/// Notes that were said.
#[derive(Default)]
struct Said(Vec<String>);

impl Said {
    /// Says those of `notes` that are new.
    fn tell(&mut self, taker: &mut dyn Taker, notes: &[String]) {
        for note in notes {
            if !self.0.contains(note) {
                taker.note(note);
                self.0.push(note.clone());
            }
        }
    }
}

/// What makes batches of rows.
struct Reader<'a> {
    wanted: &'a Batches<'a>,
    model: &'a Model<'a>,
    /// The columns of the training; labels are not read.
    like: Like<'a>,
    mask: Option<Masks>,
}

impl<'a> Reader<'a> {
    fn new(wanted: &'a Batches<'a>, model: &'a Model<'a>, mask: Option<Masks>) -> Self {
        let unlabelled = |named: &NamedRole| match named.role {
            Role::Label => NamedRole {
                role: Role::Ignored,
                ..named.clone()
            },
            _ => named.clone(),
        };
        let like = &wanted.like;
        let columns: Vec<NamedRole> = like.columns.iter().map(unlabelled).collect();
        Self {
            wanted,
            model,
            like: Like {
                columns: Cow::from(columns),
                ..like.clone()
            },
            mask,
        }
    }

    /// Rows of a batch.
    fn rows(&self) -> usize {
        let suited = CELLS / self.width().max(1);
        self.wanted.rows.unwrap_or(suited.clamp(FEWEST, MOST))
    }

    /// Sends all batches, and returns what is to be said of them together.
    fn read(&self, sender: SyncSender<Batch>) -> Result<Vec<String>, Error> {
        let limit = self.wanted.limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Err(Error::Setting(
                "--limit is 0: give the number of readings to use, 1 or more".into(),
            ));
        }
        let mut watch = Watch::new(&self.like.ranges);
        let mut rows = 0;
        let mut fault = None;
        let take = &mut |frame: Frame| {
            rows = frame.first_row + frame.rows();
            // All rows are counted, for the error of a mask of another shape.
            if self
                .mask
                .as_ref()
                .is_some_and(|mask| !mask.covers(rows, self.width()))
            {
                return true;
            }
            match self.batch(frame, limit, &mut watch) {
                Ok(batch) => sender.send(batch).is_ok() && rows < limit,
                Err(error) => {
                    fault = Some(error);
                    false
                }
            }
        };
        data::frame_parts(self.wanted.path, self.rows(), take)?;
        if let Some(error) = fault {
            return Err(error);
        }
        // Where the limit was reached, there may be more rows, of both.
        if let (Some(path), Some(mask)) = (self.wanted.mask, &self.mask)
            && !(rows >= limit && mask.covers(rows, self.width()))
        {
            mask.check(path, rows, self.width())?;
        }
        Ok(watch.notes(&self.wanted.like.columns))
    }

    /// Numbers of a reading.
    fn width(&self) -> usize {
        self.model.reading_length()
    }

    /// The rows of `frame` that are within `limit`, as readings of the model.
    fn batch(&self, mut frame: Frame, limit: usize, watch: &mut Watch<'_>) -> Result<Batch, Error> {
        let first = frame.first_row;
        let count = frame.rows().min(limit - first);
        let kept = self.kept(&mut frame, count)?;
        let interpreted = interpreted(&frame, &self.like)?;
        watch.push(&interpreted.dataset);
        let labelled = Labelled {
            notes: interpreted.notes,
            ..Labelled::new(interpreted.dataset, None)
        };
        let masks = |rows: usize, _| {
            let rows: Vec<usize> = (first..first + rows).collect();
            Ok(self.mask.as_ref().map(|mask| mask.select(&rows)))
        };
        let within = |_| Ok((0..count).collect());
        Ok(Batch {
            first,
            readings: DeviceReadings::new(labelled, self.model, masks, within)?,
            kept,
        })
    }

    /// The first `count` cells of the columns of `frame` that are handed on. Those that training did not have are no
    /// readings, and leave the frame.
    fn kept(&self, frame: &mut Frame, count: usize) -> Result<Vec<Column>, Error> {
        let places = self.wanted.keep.iter().map(|name| frame.find(name));
        let places = places.collect::<Result<Vec<usize>, DataError>>()?;
        let cells = |&place: &usize| {
            let column = &frame.columns[place];
            if let Some(fault) = &column.fault {
                return Err(Error::Setting(format!("{}: {fault}", frame.name)));
            }
            let name = Some(frame.column_name(place));
            Ok(Column::new(name, column.cells.first(count)))
        };
        let kept: Vec<Column> = places.iter().map(cells).collect::<Result<_, Error>>()?;
        if let Some(column) = kept.iter().find(|column| !column.cells.are_exact()) {
            return Err(Error::Setting(format!(
                "{} has whole numbers beyond 2^53, which are rounded where they are read: write the column as text to --keep it",
                column.name.as_deref().unwrap_or_default()
            )));
        }
        let was_trained_on = |column: &Column| {
            let mut trained = self.like.columns.iter();
            trained.any(|role| column.name.as_ref() == Some(&role.name))
        };
        let mut place = 0..;
        frame.columns.retain(|column| {
            let is_kept = place.next().is_some_and(|place| places.contains(&place));
            !is_kept || was_trained_on(column)
        });
        Ok(kept)
    }
}
