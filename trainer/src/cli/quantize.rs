//! `trainer quantize`.

use super::{decimal, emit_results, prepare, signed};
use crate::config::{Activations, Calibration, Weights};
use crate::error::Error;
use crate::export::calibrate::calibrate;
use crate::export::folds::Folds;
use crate::export::material::Material;
use crate::export::run;
use crate::quantize::{Judge, Loss, Sensitivity, Width, perturbed, restored, sensitivities};
use crate::readings::Readings;
use crate::readings::masks::Masks;
use crate::readings::splits::Splits;
use crate::score::evaluate::{Evaluation, Scores};
use crate::train;
use candle_core::Device;
use clap::Args;
use elbow::image::ImageSpec;
use elbow::{Estimator, Model};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder of a run
    run: PathBuf,
    /// How the ranges of activations are found: min-max, percentile, percentile:P, or nats [default: as they are
    /// in the run]
    #[arg(long, value_name = "WAY")]
    calibration: Option<Calibration>,
    /// Bits of the weights: int8, int4, auto or auto:NATS [default: as they are in the run]
    #[arg(long, value_name = "BITS")]
    weights: Option<Weights>,
    /// How many bits the inputs and the activations of hidden layers have [default: as they are in the run]
    #[arg(long, value_enum)]
    activations: Option<Activations>,
    /// Say what 16 bits for its activations are worth in each hidden layer
    #[arg(long)]
    sensitivity: bool,
    /// Write the image here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// How an image compares with its model in floats, on the test readings of the run.
#[derive(Debug, Serialize)]
struct Quantized {
    calibration: Calibration,
    weights: Weights,
    /// Device by sigma points, float by many points in random turns.
    #[serde(flatten)]
    evaluation: Evaluation,
    /// Both at the same draws; the strange readings are the abnormal ones, or normal ones with noise.
    paired: Loss,
    image_bytes: usize,
    workspace_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitivities: Option<Vec<Sensitivity>>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let (mut config, vae) = run::read_vae(&arguments.run, &Device::Cpu)?;
    if let Some(calibration) = arguments.calibration {
        config.settings.export.calibration = calibration;
    }
    if let Some(weights) = arguments.weights {
        config.settings.export.weights = weights;
    }
    if let Some(activations) = arguments.activations {
        config.settings.export.activations = activations;
    }
    let parts = Splits::load(&config.settings)?;
    let prepared = |dataset: &crate::data::Dataset| {
        let exponents = &config.derived.normalization.exponents;
        let readings = Readings::from_table(&dataset.table, exponents).0;
        Ok::<_, Error>(prepare(&vae, &config, readings)?.with_gaps(Masks::of(dataset)))
    };
    let training = prepared(&parts.train)?;
    let name = run::read_name(&arguments.run)?;
    let material = Material {
        name: &name,
        vae: &vae,
        config: &config,
        parts: &parts,
        training: &training,
        validation_readings: parts.validation.table.rows(),
    };
    let masks = train::fixed_masks(&config.settings, &training);
    let set = material.calibration_set(masks.as_ref())?;
    let anew = arguments.calibration.is_some()
        || arguments.weights.is_some()
        || arguments.activations.is_some();
    let plan = if anew {
        material.plan(&set)?
    } else {
        run::read_plan(&arguments.run)?
    };
    let normalization = &config.derived.normalization;
    let sensitivities = if arguments.sensitivity {
        Some(sensitivities(&vae, normalization, &set, &plan)?)
    } else {
        None
    };
    let written = run::read_image(&arguments.run).ok().filter(|_| !anew);
    let spec = match written.as_deref().map(Model::parse) {
        Some(Ok(model)) => ImageSpec::of(&model),
        // An image of another version is made anew.
        _ => material.image(&restored(&vae, normalization, plan, &set)?)?,
    };
    let validation = prepared(&parts.validation)?;
    let folds = Folds::new(&name, &config, &parts, (&training, &validation));
    let image = calibrate(
        spec.clone(),
        &validation.readings,
        validation.observed.as_ref(),
        folds.as_ref().map(Folds::scores).transpose()?,
    )?;
    if let Some(out) = &arguments.out {
        run::replace(out, &image)?;
    }
    let model = run::parse(&arguments.run, &image)?;
    let test = prepared(&parts.test.dataset)?;
    let abnormal = parts.test.abnormal.as_deref();
    let scores = Scores::new(&vae, &model, &test, Estimator::SigmaPoints)?;
    let (normal, strange) = divided(&test.readings, abnormal);
    let strange = if strange.is_empty() {
        perturbed(&vae, normalization, &normal)
    } else {
        strange
    };
    let (normal, strange) = (
        prepare(&vae, &config, normal)?,
        prepare(&vae, &config, strange)?,
    );
    let judge = Judge::new(&vae, &normal, &strange)?;
    let quantized = Quantized {
        calibration: config.settings.export.calibration,
        weights: config.settings.export.weights,
        evaluation: Evaluation::new(&scores, abnormal),
        paired: judge.loss(&spec)?,
        image_bytes: model.image_length(),
        workspace_bytes: 8 * model.workspace_words(),
        sensitivities,
    };
    emit_results(arguments.json, &quantized, describe)
}

/// Normal and abnormal readings.
fn divided(readings: &Readings, abnormal: Option<&[bool]>) -> (Readings, Readings) {
    let is = |row: usize| abnormal.is_some_and(|abnormal| abnormal[row]);
    let part = |kind| {
        let rows: Vec<usize> = (0..readings.len()).filter(|&row| is(row) == kind).collect();
        readings.select(&rows)
    };
    (part(false), part(true))
}

fn describe(quantized: &Quantized) -> String {
    let Evaluation {
        float,
        device,
        difference,
        mean_distance,
        spearman,
        ..
    } = &quantized.evaluation;
    let paired = &quantized.paired;
    let lines: String = quantized.sensitivities.iter().flatten().map(line).collect();
    format!(
        "{}, {} ({} bytes): device - float {} nats (at the same draws {:+.3}, distance {:.3}, of strange readings {:.3}), a reading {}, rank correlation {}, AUC {} and {} in floats\n",
        quantized.calibration,
        quantized.weights,
        quantized.image_bytes,
        signed(*difference),
        paired.difference,
        paired.normal,
        paired.strange,
        decimal(*mean_distance, 3),
        decimal(*spearman, 4),
        decimal(device.auc, 4),
        decimal(float.auc, 4),
    ) + &lines
}

/// What 16 bits are worth in a layer.
fn line(sensitivity: &Sensitivity) -> String {
    let Sensitivity {
        layer,
        width,
        nats,
        bytes,
        nats_per_byte,
    } = sensitivity;
    let bits = match width {
        Width::I8 => 8,
        Width::I16 => 16,
    };
    format!(
        "{layer}: {bits} bits; 16 instead of 8 save {nats:.3} nats a reading and take {bytes} bytes of RAM ({} nats a byte)\n",
        decimal(*nats_per_byte, 5),
    )
}
