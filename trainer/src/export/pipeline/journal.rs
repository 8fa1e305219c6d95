//! The stages of a run on its way, and checkpoints of them, from which it can be gone on with to the same bytes.

use super::interrupted::{self, FLOATS, INTEGERS, Interrupted, Note, Stages};
use super::observer::Observer;
use super::warning::Warning;
use crate::error::{Error, resuming};
use crate::export::run;
use crate::model::Vae;
use crate::train::{Checkpoint, Course, Save};
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The stages of a run that are done or under way. A stage has a name; one that trains has a [`Checkpoint`].
pub(crate) struct Journal<'a> {
    observer: &'a dyn Observer,
    /// The note of checkpoints, and the folder that they go to; none where there are to be none.
    kept: Option<(Note, PathBuf)>,
    interval: Duration,
    stages: RefCell<Stages>,
    /// Why the training of the run's own model ended, if it diverged.
    diverged: RefCell<Option<Error>>,
    /// Seconds before the last interruption.
    earlier: f64,
    start: Instant,
}

impl<'a> Journal<'a> {
    /// Stages that are forgotten.
    pub(super) fn forgetful(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            kept: None,
            interval: Duration::MAX,
            stages: RefCell::default(),
            diverged: RefCell::default(),
            earlier: 0.0,
            start: Instant::now(),
        }
    }

    /// The stages of `record`, and those to come, with checkpoints in `folder`, where there is one, so long after each other.
    pub(super) fn new(
        record: Interrupted,
        (folder, interval): (Option<PathBuf>, Duration),
        observer: &'a dyn Observer,
    ) -> Self {
        let Interrupted { note, stages } = record;
        Self {
            observer,
            interval,
            stages: RefCell::new(stages),
            diverged: RefCell::default(),
            earlier: note.seconds,
            start: Instant::now(),
            kept: folder.map(|folder| (note, folder)),
        }
    }

    /// Seconds of training so far, interruptions left out.
    pub(super) fn seconds(&self) -> f64 {
        self.earlier + self.start.elapsed().as_secs_f64()
    }

    /// Has `train` train `vae` in the stage `name`, from where that was interrupted if it was. One that diverges ends with the
    /// parameters that it has to keep, if it has any, and a warning.
    ///
    /// # Errors
    /// The errors of `train`, [`Error::Setting`] for a checkpoint of another model.
    pub(crate) fn train<T>(
        &self,
        name: &str,
        vae: &Vae,
        train: impl FnOnce(Course<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let checkpoint = self.get(name);
        let checkpoint = checkpoint.map(|bytes| Checkpoint::from_bytes(&bytes, vae));
        let stop = || self.observer.is_cancelled();
        let mut save = |checkpoint: &Checkpoint| self.put(name, checkpoint.to_bytes(vae)?);
        let diverged = RefCell::default();
        let save = self.kept.is_some().then_some(&mut save as &mut Save<'_>);
        let course = Course {
            checkpoint: checkpoint.transpose()?,
            save: save.map(|save| (self.interval, save)),
            stop: Some(&stop),
            diverged: Some(&diverged),
            ..Course::default()
        };
        self.observer.asks(true);
        let trained = train(course).map_err(|error| match error {
            Error::Cancelled { epoch, .. } => self.cancelled(epoch),
            other => other,
        });
        self.observer.asks(false);
        if let Some(error) = diverged.take() {
            let warning = Warning::Diverged(error.to_string());
            self.observer.warn(&warning);
            if [FLOATS, INTEGERS].contains(&name) {
                self.diverged.replace(Some(error));
            }
        }
        trained
    }

    /// Whether the training of the run's own model diverged.
    pub(super) fn has_diverged(&self) -> bool {
        self.diverged.borrow().is_some()
    }

    /// The error of that, where it did.
    pub(super) fn take_divergence(&self) -> Option<Error> {
        self.diverged.take()
    }

    /// The end of the run after so many epochs.
    fn cancelled(&self, epoch: usize) -> Error {
        let folder = self.kept.as_ref().map(|(_, folder)| folder);
        let folder = folder.filter(|folder| folder.join(run::CHECKPOINT_FILE).exists());
        let resume = folder.map(|folder| resuming(folder));
        Error::Cancelled { epoch, resume }
    }

    /// The bytes of the stage `name`, if it is done or under way.
    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.stages.borrow().get(name).cloned()
    }

    /// Keeps the bytes of a stage that is done in the place of all stages whose names begin with its name and a dot.
    ///
    /// # Errors
    /// The errors of [`Journal::put`].
    pub(crate) fn conclude(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let below = format!("{name}.");
        let mut stages = self.stages.borrow_mut();
        stages.retain(|name, _| !name.starts_with(&below));
        drop(stages);
        self.observer.asks(true);
        let put = self.put(name, bytes);
        self.observer.asks(false);
        put
    }

    /// Keeps the bytes of a stage in the checkpoint. One that cannot be written is a warning, unless it is the last.
    ///
    /// # Errors
    /// [`Error::File`] where the run is to stop.
    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let Some((note, folder)) = &self.kept else {
            return Ok(());
        };
        let mut stages = self.stages.borrow_mut();
        stages.insert(name.to_owned(), bytes);
        let note = Note {
            seconds: self.seconds(),
            ..note.clone()
        };
        let bytes = interrupted::to_bytes(&note, &stages)?;
        let path = folder.join(run::CHECKPOINT_FILE);
        let written = run::make_folder(folder).and_then(|()| run::write(&path, &bytes));
        match written {
            Ok(()) => self.observer.saved(),
            Err(error) if self.observer.is_cancelled() => return Err(error),
            Err(error) => {
                let warning = Warning::Checkpoint(error.to_string());
                self.observer.warn(&warning);
            }
        }
        Ok(())
    }

    /// Stops between two stages where the run is to stop; what can be saved is.
    ///
    /// # Errors
    /// [`Error::Cancelled`] after so many epochs.
    pub(super) fn rest(&self, epoch: usize) -> Result<(), Error> {
        match self.observer.is_cancelled() {
            true => Err(self.cancelled(epoch)),
            false => Ok(()),
        }
    }
}
