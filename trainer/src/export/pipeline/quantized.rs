//! A model quantized anew, beside its floats.

use crate::config::{Calibration, Weights};
use crate::error::Error;
use crate::export::run;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::quantize::{Judge, Loss, Plan, Sensitivity, perturbed};
use crate::readings::RunConfig;
use crate::study::detection::evaluate::{Evaluation, Scores};
use candle_core::Device;
use elbow::format::AlignedImage;
use elbow::image::ImageSpec;
use serde::Serialize;
use std::path::Path;

/// The integers of a finished run.
#[derive(Clone, Debug)]
pub struct Written {
    /// The plan of its image.
    pub plan: Plan,
    /// What the image holds; none where it is of another version and is to be made anew.
    pub image: Option<ImageSpec>,
}

/// An image of a model, and how it compares with the model in floats on the test readings of its run.
#[derive(Debug, Serialize)]
pub struct Quantized {
    /// Way in which ranges were found.
    pub calibration: Calibration,
    /// Bits of the weights.
    pub weights: Weights,
    /// Device by the estimator of the posterior, float by many points in random turns.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Device and float at the same draws; the anomalous readings are the labelled ones, or normal ones with noise.
    pub paired: Loss,
    /// Flash for the image.
    pub image_bytes: usize,
    /// RAM for the workspace.
    pub workspace_bytes: usize,
    /// Worth of 16 bits in each layer, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitivities: Option<Vec<Sensitivity>>,
    /// The image.
    #[serde(skip)]
    pub image: AlignedImage,
}

impl Quantized {
    /// Compares `vae` with its `image`, made of `spec`, on `test` readings, of which some may be known to be anomalous.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
    pub(super) fn new(
        (vae, spec): (&Vae, &ImageSpec),
        image: AlignedImage,
        config: &RunConfig,
        (test, is_anomalous): (&Prepared, Option<&[bool]>),
    ) -> Result<Self, Error> {
        let model = run::parse(Path::new(run::IMAGE_FILE), &image)?;
        let scores = Scores::new(vae, &model, test, model.estimator())?;
        let rows = 0..test.readings.len();
        let is = |row: &usize| is_anomalous.is_some_and(|labels| labels[*row]);
        let (anomalous, normal): (Vec<usize>, Vec<usize>) = rows.partition(is);
        let normalization = &config.derived.normalization;
        let normal = test.readings.select(&normal);
        let anomalous = match anomalous.is_empty() {
            true => perturbed(vae, normalization, &normal),
            false => test.readings.select(&anomalous),
        };
        let prepared = |readings| Prepared::new(readings, normalization, vae, &Device::Cpu);
        let (normal, anomalous) = (prepared(normal)?, prepared(anomalous)?);
        let judge = Judge::new(vae, &normal, &anomalous)?;
        let (image_bytes, workspace_bytes) = (model.image_length(), 8 * model.workspace_words());
        drop(model);
        Ok(Self {
            calibration: config.settings.export.calibration,
            weights: config.settings.export.weights,
            evaluation: Evaluation::new(&scores, is_anomalous),
            paired: judge.loss(spec)?,
            image_bytes,
            workspace_bytes,
            sensitivities: None,
            image,
        })
    }
}
