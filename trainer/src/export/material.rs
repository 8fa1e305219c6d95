//! The image of a trained model: its plan and its integers.

use crate::error::Error;
use crate::export::budget::Budget;
use crate::export::calibrate::largest_tables;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::quantize::{self, Choices, Label, Plan, Pool};
use crate::readings::Normalization;
use crate::readings::RunConfig;
use crate::readings::masks::Masks;
use crate::readings::splits::Splits;
use elbow::Model;
use elbow::format::AlignedImage;
use elbow::image::{EncodeError, ImageSpec};

/// What an image is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// What the model is called.
    pub name: &'a str,
    /// The model in floats.
    pub vae: &'a Vae,
    /// The settings, and what was derived from the data.
    pub config: &'a RunConfig,
    /// The data.
    pub parts: &'a Splits,
    /// What was learned from.
    pub training: &'a Prepared,
    /// Readings that p-values are calibrated on.
    pub validation_readings: usize,
}

impl Material<'_> {
    fn normalization(&self) -> &Normalization {
        &self.config.derived.normalization
    }

    /// What ranges are to hold: also the gaps of `masks`, one for each training reading, where the model is to meet any.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn pool(&self, masks: Option<&Masks>) -> Result<Pool, Error> {
        let normalization = self.normalization();
        let abnormal = self.parts.anomalous_readings(normalization);
        Pool::new(
            self.vae,
            normalization,
            self.training,
            masks,
            abnormal.as_ref(),
        )
    }

    /// The plan that the settings ask for, whose ranges hold `pool`. What is left to choose keeps the limits of the run.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
    pub fn plan(&self, pool: &Pool) -> Result<Plan, Error> {
        let choices = Choices::new(&self.config.settings);
        let affords = |plan: &Plan| self.affords(plan);
        quantize::choose(self.vae, self.normalization(), pool, choices, &affords)
    }

    /// Whether the image by `plan` keeps the limits of the run.
    fn affords(&self, plan: &Plan) -> Result<bool, Error> {
        let RunConfig { settings, derived } = self.config;
        if derived.limits.is_empty() {
            return Ok(true);
        }
        let image = self.draft(plan)?;
        let model = Model::parse(&image).map_err(EncodeError::Image)?;
        Ok(Budget::of(&model, settings.export.core, derived.limits)?.is_met())
    }

    /// An image by `plan` of the size that it has in the end, which knows no normal readings yet.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`].
    pub fn draft(&self, plan: &Plan) -> Result<AlignedImage, Error> {
        let tables = largest_tables(self.validation_readings);
        Ok(self.image(plan)?.encode(&tables)?)
    }

    /// The image by `plan`, of which [`crate::export::calibrate`] makes one that knows normal readings.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`].
    pub fn image(&self, plan: &Plan) -> Result<ImageSpec, Error> {
        let label = Label {
            name: self.name.to_string(),
            columns: self.config.derived.column_specs(),
            picture_width: self.parts.test.picture_width,
            packing: self.config.settings.export.core.packing(),
        };
        let self_test = self.training.readings.row(0);
        let normalization = self.normalization();
        let mut spec = quantize::quantize(self.vae, normalization, plan, &label, self_test)?;
        spec.stream = self.parts.stream.as_ref().map(|stream| stream.spec.clone());
        Ok(spec)
    }
}
