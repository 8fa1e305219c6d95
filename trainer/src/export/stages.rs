//! The stages from a model in floats to its image, each from values to values: latents that carry nothing are left out,
//! the integers are planned, the last epochs train in them, the image is made of them. [`crate::export::calibrate`] then
//! adds what it knows of normal readings.

use crate::config::{Config, JudgedBy};
use crate::error::Error;
use crate::export::budget::Budget;
use crate::export::calibrate::largest_tables;
use crate::export::statistics;
use crate::model::Vae;
use crate::model::activity::{Dead, dead_latents};
use crate::model::prepared::Prepared;
use crate::quantize::{self, CalibrationSet, Choices, Label, Plan};
use crate::readings::Normalization;
use crate::readings::RunConfig;
use crate::readings::splits::Splits;
use crate::train::{self, Course, Epoch};
use elbow::Model;
use elbow::format::AlignedImage;
use elbow::image::{ImageSpec, WriteError};

/// `vae` without the latents that carry nothing about `training`, unless these are to be kept, and which they are.
///
/// # Errors
/// [`Error::Tensor`].
pub fn prune(vae: Vae, training: &Prepared, keep: bool) -> Result<(Vae, Dead), Error> {
    let mut dead = dead_latents(&vae, &training.batch.inputs)?;
    if keep {
        dead.latents.clear();
    }
    if dead.latents.is_empty() {
        return Ok((vae, dead));
    }
    Ok((vae.without(&dead.latents)?, dead))
}

/// A trained model and its data: what every stage from the plan to the image takes.
#[derive(Clone, Copy, Debug)]
pub struct Stages<'a> {
    /// Name of the model.
    pub name: &'a str,
    /// The model in floats.
    pub vae: &'a Vae,
    /// The settings, and what was derived from the data.
    pub config: &'a RunConfig,
    /// The data.
    pub splits: &'a Splits,
    /// Readings that were learned from.
    pub training: &'a Prepared,
    /// Readings that the run learns from: `training` may be some of them.
    pub learned: usize,
    /// Readings that are held out to calibrate p-values on.
    pub held_out: usize,
}

impl Stages<'_> {
    fn normalization(&self) -> &Normalization {
        &self.config.derived.normalization
    }

    /// Calibration set of the ranges, with the gaps that the settings have the model meet.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn calibration_set(&self) -> Result<CalibrationSet, Error> {
        let normalization = self.normalization();
        let masks = train::fixed_masks(&self.config.settings, self.training);
        let anomalous = self.splits.anomalous_readings(normalization);
        CalibrationSet::new(
            self.vae,
            normalization,
            self.training,
            masks.as_ref(),
            anomalous.as_ref(),
        )
    }

    /// The plan that the settings ask for, whose ranges hold `set`. What is left to choose keeps the limits of the run.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
    pub fn plan(&self, set: &CalibrationSet) -> Result<Plan, Error> {
        let choices = Choices::new(&self.config.settings);
        let affords = |plan: &Plan| self.affords(plan);
        quantize::choose(self.vae, self.normalization(), set, choices, &affords)
    }

    /// The plan that the settings ask for, whose ranges hold the calibration set.
    ///
    /// # Errors
    /// The errors of [`Self::plan`].
    pub fn planned(&self) -> Result<Plan, Error> {
        self.plan(&self.calibration_set()?)
    }

    /// The plan after the epochs in integers by `settings`, which begin with `plan`: these leave the model with other
    /// parameters, which `validation` chooses, and `observe` sees each.
    ///
    /// # Errors
    /// The errors of [`train::train_integers`].
    pub fn integers(
        &self,
        validation: &Prepared,
        settings: &Config,
        plan: Plan,
        course: Course<'_>,
        observe: impl FnMut(&Epoch) -> Result<(), Error>,
    ) -> Result<(Vec<Epoch>, Plan), Error> {
        train::train_integers(
            self.vae,
            settings,
            self.normalization(),
            (self.training, validation),
            plan,
            course,
            observe,
        )
    }

    /// Whether the image by `plan` keeps the limits of the run.
    fn affords(&self, plan: &Plan) -> Result<bool, Error> {
        let RunConfig { settings, derived } = self.config;
        if derived.limits.is_empty() {
            return Ok(true);
        }
        let image = self.draft(plan)?;
        let model = Model::parse(&image).map_err(WriteError::Image)?;
        Ok(Budget::of(&model, settings.export.core, derived.limits)?.is_met())
    }

    /// An image by `plan` of the size that it has in the end, which knows no normal readings yet.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`].
    pub fn draft(&self, plan: &Plan) -> Result<AlignedImage, Error> {
        let mut spec = self.bare(plan)?;
        let judged_by = self.config.settings.export.judged_by;
        if judged_by == JudgedBy::Joined {
            spec.statistics = statistics::largest(&spec, self.learned);
        }
        let tables = largest_tables(&spec, judged_by, self.held_out);
        Ok(spec.write(&tables)?)
    }

    /// The image by `plan`, of which [`crate::export::calibrate`] makes one that knows normal readings.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`].
    pub fn image(&self, plan: &Plan) -> Result<ImageSpec, Error> {
        let mut spec = self.bare(plan)?;
        if self.config.settings.export.judged_by == JudgedBy::Joined {
            statistics::fit(&mut spec, self.training);
        }
        Ok(spec)
    }

    /// The image by `plan` without statistics beside the bound.
    fn bare(&self, plan: &Plan) -> Result<ImageSpec, Error> {
        let label = Label {
            name: self.name.to_string(),
            columns: self.config.derived.column_specs(),
            picture_width: self.splits.test.picture_width,
            packing: self.config.settings.export.core.packing(),
        };
        let self_test = self.training.readings.row(0);
        let normalization = self.normalization();
        let mut spec = quantize::quantize(self.vae, normalization, plan, &label, self_test)?;
        spec.stream = self
            .splits
            .stream
            .as_ref()
            .map(|stream| stream.spec.clone());
        Ok(spec)
    }
}
