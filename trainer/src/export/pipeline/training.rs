//! The epochs in floats of a run.

use super::interrupted::{self, Clock, Interrupted};
use super::observer::{self, Observer};
use crate::config::{Gradient, Inference};
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::readings::RunConfig;
use crate::train::gradient;
use crate::train::inference::train_locally;
use crate::train::{self, Checkpoint, Course, Epoch};
use std::path::Path;
use std::time::Duration;

/// Time between two checkpoints, at least.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// The epochs in floats of a run.
pub(super) struct Training<'a> {
    pub(super) config: &'a RunConfig,
    /// Folder for checkpoints, if there are to be any.
    pub(super) folder: Option<&'a Path>,
    /// The training to go on with.
    pub(super) interrupted: Option<&'a Interrupted>,
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
        let plain = settings.train.gradient == Gradient::Reparameterized;
        match settings.train.inference {
            _ if !plain => gradient::train(vae, settings, training, validation, show),
            Inference::Amortized => {
                let mut save = |checkpoint: &Checkpoint| match self.folder {
                    None => Ok(()),
                    Some(folder) => {
                        interrupted::save(folder, checkpoint, vae, (self.config, self.clock))
                    }
                };
                let course = Course {
                    checkpoint: self.resumed(vae)?,
                    save: Some((CHECKPOINT_INTERVAL, &mut save)),
                    ..Course::default()
                };
                train::train(vae, settings, (training, validation), course, show)
            }
            Inference::Svi => train_locally(vae, settings, training, validation, show),
        }
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
        let checkpoint = interrupted.checkpoint(vae)?;
        self.observer.note(&format!(
            "going on after epoch {} of {}",
            checkpoint.epochs(),
            self.config.settings.train.epochs
        ));
        Ok(Some(checkpoint))
    }
}
