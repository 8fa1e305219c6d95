//! The epochs of a run.

use super::interrupted::{self, Clock, Interrupted};
use super::observer::{self, Observer};
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::readings::RunConfig;
use crate::train::{self, Checkpoint, Course, Epoch, Save};
use std::path::Path;
use std::time::Duration;

/// The epochs of a run.
pub(super) struct Training<'a> {
    pub(super) config: &'a RunConfig,
    /// Folder for checkpoints, if there are to be any.
    pub(super) folder: Option<&'a Path>,
    /// The training to go on with.
    pub(super) interrupted: Option<&'a Interrupted>,
    /// Time between two checkpoints, at least.
    pub(super) interval: Duration,
    pub(super) clock: &'a Clock,
    pub(super) observer: &'a dyn Observer,
}

impl Training<'_> {
    /// Trains `vae` on the processor that the settings name.
    ///
    /// # Errors
    /// [`Error::Diverged`], [`Error::Cancelled`], [`Error::Tensor`], [`Error::Setting`], [`Error::File`].
    pub(super) fn run(
        &self,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let device = settings.train.processor.open()?;
        if device.is_cpu() {
            return self.ascend(vae, (training, validation));
        }
        let derived = &self.config.derived;
        let there = train::initialize(
            settings,
            &derived.likelihood,
            &derived.normalization,
            &device,
        )?;
        let (training, validation) = (training.to_device(&device)?, validation.to_device(&device)?);
        let history = self.ascend(&there, (&training, &validation))?;
        vae.load_safetensors(&there.to_safetensors()?)?;
        Ok(history)
    }

    /// Trains `vae` where it is, as the settings say.
    fn ascend(
        &self,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let show = |epoch: &Epoch| observer::tell(self.observer, epoch, settings.train.epochs);
        let mut save = self.saver(vae);
        let course = Course {
            checkpoint: self.resumed(vae)?,
            save: Some((self.interval, &mut save)),
            ..Course::default()
        };
        train::train(vae, settings, (training, validation), course, show)
    }

    /// Saves checkpoints of `vae` in the folder, where there is one.
    pub(super) fn saver<'s>(
        &'s self,
        vae: &'s Vae,
    ) -> impl FnMut(&Checkpoint) -> Result<(), Error> + 's {
        move |checkpoint| match self.folder {
            None => Ok(()),
            Some(folder) => interrupted::save(folder, checkpoint, vae, (self.config, self.clock)),
        }
    }

    /// The course of the epochs in integers of `vae` after `epochs` epochs in floats, whose training has the bytes
    /// `before`.
    pub(super) fn course_in_integers<'s>(
        &self,
        vae: &Vae,
        epochs: usize,
        before: Option<Vec<u8>>,
        save: &'s mut Save<'s>,
    ) -> Result<Course<'s>, Error> {
        let checkpoint = match self.interrupted {
            Some(interrupted) if interrupted.is_in_integers()? => {
                let checkpoint = interrupted.in_integers(vae)?;
                self.note_resumption(epochs + checkpoint.epochs());
                Some(checkpoint)
            }
            _ => None,
        };
        Ok(Course {
            checkpoint,
            save: Some((self.interval, save)),
            before,
            ..Course::default()
        })
    }

    /// The training that is gone on with.
    fn resumed(&self, vae: &Vae) -> Result<Option<Checkpoint>, Error> {
        let Some(interrupted) = self.interrupted else {
            return Ok(None);
        };
        if *interrupted.run() != *self.config {
            return Err(Error::Setting(format!(
                "{} is not what the training began with: restore the file, or train anew, without --resume",
                self.config.settings.data.source
            )));
        }
        let checkpoint = interrupted.in_floats(vae)?;
        if !interrupted.is_in_integers()? {
            self.note_resumption(checkpoint.epochs());
        }
        Ok(Some(checkpoint))
    }

    fn note_resumption(&self, epochs: usize) {
        let all = self.config.settings.train.epochs;
        self.observer
            .note(&format!("going on after epoch {epochs} of {all}"));
    }
}
