//! Readings of a run as the networks take them in.

use super::interrupted::Clock;
use super::observer::Observer;
use super::outcome::Learned;
use super::warning::Warning;
use crate::config::Inference;
use crate::data::Dataset;
use crate::error::Error;
use crate::likelihood::LikelihoodKind;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::readings::masks::Masks;
use crate::readings::splits::Splits;
use crate::readings::{Readings, RunConfig};
use candle_core::Device;

/// Readings that suffice to tell dead latents and to start a prior from.
const SOME: usize = 8192;

/// Readings as the networks take them in.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) training: Prepared,
    pub(super) validation: Prepared,
    pub(super) test: Prepared,
}

impl Data {
    /// Takes the data out of the tables of `splits`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub(super) fn take(
        splits: &mut Splits,
        config: &RunConfig,
        vae: &Vae,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let normalization = &config.derived.normalization;
        // No table outlives its readings: both together are most of the memory.
        let prepared = |dataset: &mut Dataset| {
            let gaps = Masks::of(dataset);
            let rows = dataset.table.take();
            let (readings, saturated) = Readings::from_table(&rows, &normalization.exponents);
            drop(rows);
            if saturated > 0 {
                observer.warn(&Warning::Saturated { values: saturated });
            }
            let prepared = Prepared::new(readings, normalization, vae, &Device::Cpu)?;
            Ok::<_, Error>(prepared.with_gaps(gaps))
        };
        let mut training = prepared(&mut splits.train)?;
        training.intensities = splits.intensities.take();
        if config.settings.train.inference == Inference::Amortized {
            training.keep_first(SOME)?;
        }
        Ok(Self {
            training,
            validation: prepared(&mut splits.validation)?,
            test: prepared(&mut splits.test.dataset)?,
        })
    }

    /// The sizes of the parts of `splits`, and the likelihood.
    pub(super) fn describe(&self, splits: &Splits, likelihood: &LikelihoodKind) -> String {
        let anomalous = splits.anomalous.as_ref().map(|dataset| {
            let rows = dataset.table.len();
            format!(", {rows} anomalous ones to calibrate with")
        });
        format!(
            "{} readings of {} to learn from, {} to choose by{}, {} to test on; likelihood {likelihood}",
            self.training.readings.len(),
            self.training.readings.width(),
            self.validation.readings.len(),
            anomalous.unwrap_or_default(),
            self.test.readings.len(),
        )
    }

    /// Sizes and time of the training until now.
    pub(super) fn learned(&self, clock: &Clock) -> Learned {
        Learned {
            training_readings: self.training.readings.len(),
            validation_readings: self.validation.readings.len(),
            seconds: clock.seconds(),
        }
    }
}
