//! `trainer quantize`.

use super::interrupt;
use crate::cli::output::decimal;
use crate::cli::output::emit_results;
use crate::cli::output::signed;
use crate::config::{Activations, Calibration, ExportConfig, Weights};
use crate::error::Error;
use crate::export::pipeline::{Job, Quantized, Silent, Written};
use crate::export::run;
use crate::quantize::{Sensitivity, Width};
use crate::readings::splits::Splits;
use crate::study::detection::evaluate::Evaluation;
use candle_core::Device;
use clap::Args;
use elbow::Model;
use elbow::image::ImageSpec;
use std::path::{Path, PathBuf};

/// Changes of the integers of a run.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::cli) struct Integers {
    /// Way to find the ranges of activations: min-max, percentile, percentile:P, or nats [default: as in the run]
    #[arg(long, value_name = "WAY")]
    calibration: Option<Calibration>,
    /// Bits of the weights: int8, int4, auto or auto:NATS [default: as in the run]
    #[arg(long, value_name = "BITS")]
    weights: Option<Weights>,
    /// Bits of the inputs and of the activations of hidden layers [default: as in the run]
    #[arg(long, value_enum)]
    activations: Option<Activations>,
}

impl Integers {
    /// Puts what was asked for into `export`, and says whether anything was.
    pub(in crate::cli) fn apply(self, export: &mut ExportConfig) -> bool {
        export.calibration = self.calibration.unwrap_or(export.calibration);
        export.weights = self.weights.unwrap_or(export.weights);
        export.activations = self.activations.unwrap_or(export.activations);
        self.calibration.is_some() || self.weights.is_some() || self.activations.is_some()
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The folder of a run
    run: PathBuf,
    #[command(flatten)]
    integers: Integers,
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

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let (mut config, vae) = run::read_vae(&arguments.run, &Device::Cpu)?;
    let anew = arguments.integers.apply(&mut config.settings.export);
    let written = match anew {
        true => None,
        false => Some(Written {
            plan: run::read_plan(&arguments.run)?,
            image: written_image(&arguments.run),
        }),
    };
    let splits = Splits::load(&config.settings)?;
    let name = run::read_name(&arguments.run)?;
    let job = Job::again(&name, config, splits, &Silent);
    let quantized = job.quantize(&vae, written, arguments.sensitivity)?;
    if let Some(out) = &arguments.out {
        interrupt::whole(|| run::replace(out, &quantized.image))?;
    }
    emit_results(arguments.json, &quantized, describe)
}

/// What the image of a run holds; none where there is none, or one of another version, which is made anew.
fn written_image(run: &Path) -> Option<ImageSpec> {
    let image = run::read_image(run).ok()?;
    Some(ImageSpec::of(&Model::parse(&image).ok()?))
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
        "{}, {} ({} bytes): device - float {} nats (at the same draws {:+.3}, distance {:.3}, of anomalous readings {:.3}), a reading {}, rank correlation {}, AUC {} and {} in floats\n",
        quantized.calibration,
        quantized.weights,
        quantized.image_bytes,
        signed(*difference),
        paired.difference,
        paired.normal,
        paired.anomalous,
        decimal(*mean_distance, 3),
        decimal(*spearman, 4),
        decimal(device.auc, 4),
        decimal(float.auc, 4),
    ) + &lines
}

/// A line on the worth of 16 bits in a layer.
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
