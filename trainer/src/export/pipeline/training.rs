//! The epochs of a run in floats.

use super::interrupted::FLOATS;
use super::journal::Journal;
use super::observer::Observer;
use crate::config::Config;
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::readings::RunConfig;
use crate::train::{self, Epoch};

/// The epochs of a run in floats.
pub(super) struct Training<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) journal: &'a Journal<'a>,
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
    fn ascend(&self, vae: &Vae, data: (&Prepared, &Prepared)) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let show = |epoch: &Epoch| {
            self.observer.epoch(epoch, settings.train.epochs);
            Ok(())
        };
        let history = self.journal.train(FLOATS, vae, |course| {
            train::train(vae, settings, data, course, show)
        })?;
        if let Some(line) = ending(settings, &history, data.0.readings.len()) {
            self.observer.note(&line);
        }
        Ok(history)
    }
}

/// A line on why training on so many readings ended where it did, where its held-out bound had a say.
fn ending(settings: &Config, history: &[Epoch], readings: usize) -> Option<String> {
    let patience = settings.patience(readings)?;
    let (gain, window) = patience.gain(history, Epoch::criterion)?;
    let (done, all) = (history.len(), settings.float_epochs());
    let least = settings.train.least_gain;
    if done < all {
        return Some(format!(
            "training ended after {done} of {all} epochs: the held-out bound rose by less than {least} nat in the last {window} (--patience 0 trains all)"
        ));
    }
    (gain >= least).then(|| {
        format!(
            "the held-out bound rose by {gain:.2} nat in the last {window} of {all} epochs: more may help (--epochs {})",
            2 * settings.train.epochs
        )
    })
}
