//! Readings of a run as the networks take them in.

use super::observer::Observer;
use super::outcome::Learned;
use super::warning::Warning;
use crate::config::Inference;
use crate::data::Dataset;
use crate::error::Error;
use crate::export::run;
use crate::likelihood::LikelihoodKind;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::readings::masks::Masks;
use crate::readings::splits::Splits;
use crate::readings::{Readings, RunConfig};
use candle_core::Device;
use sha2::{Digest, Sha256};

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

    /// SHA-256 of all readings, what was observed of them, and which test readings of `splits` are anomalous.
    pub(super) fn digest(&self, splits: &Splits) -> String {
        let mut all = Sha256::new();
        for part in [&self.training, &self.validation, &self.test] {
            all.update((part.readings.len() as u64).to_le_bytes());
            for row in &part.readings {
                let bytes: Vec<u8> = row.iter().flat_map(|raw| raw.to_le_bytes()).collect();
                all.update(bytes);
            }
            all.update(part.observed.as_ref().map_or(&[][..], Masks::bytes));
        }
        for &is_anomalous in splits.test.anomalous.iter().flatten() {
            all.update([u8::from(is_anomalous)]);
        }
        run::hexadecimal(&all.finalize())
    }

    /// Sizes of the training that took so many `seconds`.
    pub(super) fn learned(&self, seconds: f64) -> Learned {
        Learned {
            training_readings: self.training.readings.len(),
            validation_readings: self.validation.readings.len(),
            seconds,
        }
    }
}
