//! The outcome of a training, and the folder that it is written to.

use crate::config::Objective;
use crate::error::Error;
use crate::export::run::{self, RunFiles, Summary};
use crate::model::Vae;
use crate::quantize::Plan;
use crate::readings::RunConfig;
use crate::readings::splits::Splits;
use crate::study::detection::evaluate::{Evaluation, Scores};
use crate::study::detection::false_alarms::{self, USUAL_ALARM};
use crate::train::Epoch;
use elbow::Model;
use elbow::format::AlignedImage;
use std::path::Path;

/// The outcome of a training.
#[derive(Debug)]
pub struct Outcome {
    /// The settings, and what was derived from the data.
    pub config: RunConfig,
    /// The model in floats.
    pub vae: Vae,
    /// The metrics of each epoch.
    pub history: Vec<Epoch>,
    /// The image of the model, and what there is to say of it.
    pub exported: Box<Exported>,
    /// The [`Error::Diverged`] of a training that did: the model is the best of the epochs before.
    pub diverged: Option<Error>,
}

/// An image, and what there is to say of it.
#[derive(Debug)]
pub struct Exported {
    /// The plan of the image's integers.
    pub plan: Plan,
    /// The image.
    pub image: AlignedImage,
    /// The results.
    pub summary: Summary,
    /// The results to look at, HTML.
    pub page: String,
}

impl Outcome {
    /// Writes the folder of the run, whole or not at all; what it holds of another run is replaced.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Setting`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        self.files()?.write(folder)
    }

    /// The files that the folder of the run has.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Tensor`].
    pub fn files(&self) -> Result<RunFiles, Error> {
        let mut files = vec![
            (run::CONFIG_FILE, run::to_toml(&self.config)?.into_bytes()),
            (run::METRICS_FILE, self.metrics()?.into_bytes()),
            (run::PARAMETERS_FILE, self.vae.to_safetensors()?),
        ];
        let exported = &self.exported;
        let plan = run::to_toml(&exported.plan)?;
        files.push((run::PLAN_FILE, plan.into_bytes()));
        files.push((run::REPORT_FILE, exported.page.clone().into_bytes()));
        // The image last: where it is new, the rest is.
        files.push((run::IMAGE_FILE, exported.image.to_vec()));
        RunFiles::new(&exported.summary, files)
    }

    /// The metrics, a line of JSON for each epoch.
    fn metrics(&self) -> Result<String, Error> {
        let lines = self
            .history
            .iter()
            .map(|epoch| serde_json::to_string(epoch).map(|line| line + "\n"));
        let metrics = lines.collect::<Result<String, _>>();
        metrics.map_err(|error| Error::Setting(format!("no JSON can be written: {error}")))
    }
}

/// Sizes and time of a training.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    pub(super) training_readings: usize,
    pub(super) validation_readings: usize,
    pub(super) seconds: f64,
}

/// The results of `model`, of which `scores` are those of the test readings.
pub(super) fn in_integers(
    name: &str,
    config: &RunConfig,
    splits: &Splits,
    (model, scores): (&Model<'_>, &Scores),
    learned: Learned,
) -> Summary {
    let (encoder_macs, decoder_macs) = run::macs(model);
    let estimator = model.estimator();
    let table = model.p_values(estimator);
    Summary {
        name: name.to_owned(),
        likelihood: splits.likelihood.clone(),
        objective: Objective::name(&config.settings),
        data: splits.report.clone(),
        rate: config.settings.export.rate.or(splits.rate),
        training_readings: learned.training_readings,
        validation_readings: learned.validation_readings,
        evaluation: Evaluation::new(scores, splits.test.anomalous.as_deref()),
        estimator: estimator.to_string(),
        pruned_latents: config.derived.pruned_latents.len(),
        image_bytes: model.image_length(),
        workspace_bytes: 8 * model.workspace_words(),
        encoder_macs,
        decoder_macs,
        training_seconds: learned.seconds,
        format_version: elbow::format::FORMAT_VERSION,
        numerics_version: elbow::format::NUMERICS_VERSION,
        trainer_version: env!("CARGO_PKG_VERSION"),
        smallest_counted: table.map(|table| table.smallest_counted().to_f64()),
        usual_alarm_at_most: table.map(|table| false_alarms::at_most(table, USUAL_ALARM)),
        smallest_p_value: table.map(|table| table.smallest_p_value().to_f64()),
        budget: None,
        warnings: vec![],
    }
}
