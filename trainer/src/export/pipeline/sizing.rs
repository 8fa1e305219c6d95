//! Networks sized to a budget, by drafts of what the run would export.

use crate::config::{Activations, Calibration, Config, Limits, ModelConfig, Weights};
use crate::error::Error;
use crate::export::budget::{self, Budget};
use crate::export::stages::Stages;
use crate::model::prepared::Prepared;
use crate::quantize::{self, CalibrationSet, Plan, Width};
use crate::readings::splits::Splits;
use crate::readings::{Derived, Normalization, Readings, RunConfig};
use crate::train;
use candle_core::Device;
use elbow::format::AlignedImage;

/// Readings that the ranges of a draft are measured on.
const DRAFT_READINGS: usize = 16;

/// The networks of the settings sized to `limits`, and the budget of the draft.
///
/// # Errors
/// [`Error::Setting`] where a limit cannot be met.
pub(super) fn size(
    settings: &Config,
    limits: Limits,
    (name, parts): (&str, &Splits),
    normalization: &Normalization,
) -> Result<(ModelConfig, Budget), Error> {
    let rows: Vec<usize> = (0..parts.train.table.len().min(DRAFT_READINGS)).collect();
    let table = parts.train.table.select(&rows);
    let (readings, _) = Readings::from_table(&table, &normalization.exponents);
    budget::size(settings, limits, normalization.width(), |model| {
        let settings = Config {
            model: model.clone(),
            ..settings.clone()
        };
        draft(settings, (name, parts), normalization, &readings)
    })
}

/// An image of the size that the run would export, of a network that knows nothing yet.
fn draft(
    settings: Config,
    (name, parts): (&str, &Splits),
    normalization: &Normalization,
    readings: &Readings,
) -> Result<AlignedImage, Error> {
    let device = &Device::Cpu;
    let vae = train::initialize(&settings, &parts.likelihood, normalization, device)?;
    let config = RunConfig {
        settings,
        derived: Derived {
            likelihood: parts.likelihood.clone(),
            normalization: normalization.clone(),
            pruned_latents: vec![],
            columns: vec![],
            ranges: vec![],
            tuned_epochs: 0,
            stream: None,
            limits: Limits::default(),
        },
    };
    let training = Prepared::new(readings.clone(), normalization, &vae, device)?;
    let set = CalibrationSet::new(&vae, normalization, &training, None, None)?;
    // What is chosen by nats shows after training; here it is as it mostly is.
    let mut plan = Plan::new(&vae, quantize::measure(&vae, &set, Calibration::MinMax)?);
    let width = match config.settings.export.activations {
        Activations::Auto => None,
        Activations::I8 => Some(Width::I8),
        Activations::I16 => Some(Width::I16),
    };
    if let Some(width) = width {
        plan = plan.with_width(width);
    }
    if config.settings.export.weights == Weights::Int4 {
        plan = plan.with_bits(&quantize::four_bits(&vae));
    }
    let stages = Stages {
        name,
        vae: &vae,
        config: &config,
        splits: parts,
        training: &training,
        learned: parts.train.table.len(),
        held_out: parts.validation.table.len(),
    };
    stages.draft(&plan)
}
