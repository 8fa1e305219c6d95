//! The part of a [`Job`] that goes on with one that was interrupted.

use super::data::Data;
use super::interrupted::{Interrupted, Note, START};
use super::journal::Journal;
use super::{Job, Observer};
use crate::error::Error;
use crate::export::run;
use crate::model::Vae;
use crate::readings::splits::Splits;
use candle_core::Device;
use std::path::Path;

impl<'a> Job<'a> {
    /// The run `interrupted`, on the data that it began with.
    ///
    /// # Errors
    /// [`Error::Setting`] where these are not its data.
    pub fn resume(
        interrupted: Interrupted,
        splits: Splits,
        observer: &'a dyn Observer,
    ) -> Result<Self, Error> {
        let name = interrupted.name().to_owned();
        let run = interrupted.run().clone();
        let mut job = match interrupted.note.tuned {
            Some(_) => Self::again(&name, run, splits, observer),
            None => {
                let normalization = splits.normalization()?;
                let mut job = Self::warned(&name, run.settings, splits, observer, &normalization);
                job.config.derived.limits = run.derived.limits;
                job
            }
        };
        job.interrupted = Some(interrupted);
        Ok(job)
    }

    /// The model and the epochs of a [`Job::tune`] that is gone on with.
    pub(super) fn tuned(&self) -> Result<Option<(Vae, usize)>, Error> {
        let Some(interrupted) = &self.interrupted else {
            return Ok(None);
        };
        let start = interrupted.stages.get(START);
        let Some((epochs, start)) = interrupted.note.tuned.zip(start) else {
            return Ok(None);
        };
        let vae = run::initialize(&self.config, &Device::Cpu)?;
        vae.load_safetensors(start)?;
        Ok(Some((vae, epochs)))
    }

    /// The stages of this run: none yet, or those that are gone on with.
    pub(super) fn journal(
        &mut self,
        data: &Data,
        folder: Option<&Path>,
        tuned: Option<(&Vae, usize)>,
    ) -> Result<Journal<'a>, Error> {
        let record = match self.interrupted.take() {
            Some(interrupted) => {
                self.check(&interrupted, data)?;
                self.observer.note(&interrupted.describe()?);
                interrupted
            }
            None if folder.is_none() => return Ok(Journal::forgetful(self.observer)),
            None => {
                let start = tuned.map(|(vae, _)| vae.to_safetensors()).transpose()?;
                Interrupted {
                    note: Note {
                        seconds: 0.0,
                        name: self.name.clone(),
                        data: data.digest(&self.splits),
                        tuned: tuned.map(|(_, epochs)| epochs),
                        run: self.config.clone(),
                    },
                    stages: start
                        .map(|bytes| (START.to_owned(), bytes))
                        .into_iter()
                        .collect(),
                }
            }
        };
        let kept = (folder.map(Path::to_path_buf), self.interval);
        Ok(Journal::new(record, kept, self.observer))
    }

    /// Makes sure that `interrupted` began with this run and these data.
    fn check(&self, interrupted: &Interrupted, data: &Data) -> Result<(), Error> {
        let is_same =
            *interrupted.run() == self.config && interrupted.note.data == data.digest(&self.splits);
        if is_same {
            return Ok(());
        }
        Err(Error::Setting(format!(
            "{} is not what the training began with: restore the file, or train anew, without --resume",
            self.config.settings.data.source
        )))
    }
}
