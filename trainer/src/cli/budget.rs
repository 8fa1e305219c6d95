//! `trainer fit` within a budget: its arguments, and drafts of what the run would export.

use crate::config::Limits;
use crate::config::{Activations, Calibration, Config, Weights};
use crate::error::Error;
use crate::export::budget::{self, Budget};
use crate::export::material::Material;
use crate::model::prepared::Prepared;
use crate::quantize::{self, Plan, Pool, Width};
use crate::readings::Derived;
use crate::readings::RunConfig;
use crate::readings::splits::Parts;
use crate::readings::{Normalization, Readings};
use crate::train;
use candle_core::Device;
use clap::Args;
use elbow::format::AlignedImage;

/// Readings that the ranges of a draft are measured on.
const DRAFT_READINGS: usize = 16;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct BudgetArguments {
    /// Size the networks to so much flash on --core: the image, and the runtime's code and tables. Bytes, such
    /// as 65536 or 64K
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    flash: Option<u64>,
    /// Size them to so much RAM: workspace, stack and a reading. Bytes, such as 8K
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    ram: Option<u64>,
    /// Size them to so many instructions a score by sigma points, such as 500k; the front end of a stream is not
    /// counted
    #[arg(long, value_name = "N", value_parser = parse_instructions)]
    instructions: Option<u64>,
}

impl BudgetArguments {
    pub(super) fn limits(self) -> Limits {
        Limits {
            flash: self.flash,
            ram: self.ram,
            instructions: self.instructions,
        }
    }
}

/// A number with a suffix: k and M by `unit` and its square.
fn parse(text: &str, unit: u64) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, unit),
        None => match text.strip_suffix('M') {
            Some(digits) => (digits, unit * unit),
            None => (text, 1),
        },
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(factor)
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    parse(text, 1024).ok_or_else(|| "give bytes, such as 65536, 64K or 1M".into())
}

fn parse_instructions(text: &str) -> Result<u64, String> {
    parse(text, 1000).ok_or_else(|| "give a number, such as 500000, 500k or 2M".into())
}

/// The settings with their networks sized to `limits`, and the budget of the draft.
///
/// # Errors
/// [`Error::Setting`] where a limit cannot be met.
pub(super) fn size(
    settings: &Config,
    limits: Limits,
    (name, parts): (&str, &Parts),
    normalization: &Normalization,
) -> Result<(Config, Budget), Error> {
    let rows: Vec<usize> = (0..parts.train.table.rows().min(DRAFT_READINGS)).collect();
    let table = parts.train.table.select(&rows);
    let (readings, _) = Readings::from_table(&table, &normalization.exponents);
    budget::size(settings, limits, normalization.width(), |settings| {
        draft(settings, (name, parts), normalization, &readings)
    })
}

/// An image of the size that the run would export, of a network that knows nothing yet.
fn draft(
    settings: &Config,
    (name, parts): (&str, &Parts),
    normalization: &Normalization,
    readings: &Readings,
) -> Result<AlignedImage, Error> {
    let device = &Device::Cpu;
    let vae = train::initialize(settings, parts.likelihood, normalization, device)?;
    let config = RunConfig {
        settings: settings.clone(),
        derived: Derived {
            likelihood: parts.likelihood,
            normalization: normalization.clone(),
            pruned_latents: vec![],
            tuned_epochs: 0,
            stream: None,
            limits: Limits::default(),
        },
    };
    let training = Prepared::new(readings.clone(), normalization, &vae, device)?;
    let pool = Pool::new(&vae, normalization, &training, None, None)?;
    // What is chosen by nats shows after training; here it is as it mostly is.
    let mut plan = Plan::new(&vae, quantize::measure(&vae, &pool, Calibration::MinMax)?);
    let width = match settings.activations {
        Activations::Auto => None,
        Activations::I8 => Some(Width::I8),
        Activations::I16 => Some(Width::I16),
    };
    if let Some(width) = width {
        plan.encoder.fill(width);
        plan.decoder.fill(width);
    }
    if settings.weights == Weights::Int4 {
        plan.weights = quantize::four_bits(&vae);
    }
    let material = Material {
        name,
        vae: &vae,
        config: &config,
        parts,
        training: &training,
        validation_readings: parts.validation.table.rows(),
    };
    material.draft(&plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_binary_for_bytes_and_decimal_for_instructions() {
        assert_eq!(parse_bytes("64K"), Ok(65_536));
        assert_eq!(parse_bytes("1M"), Ok(1 << 20));
        assert_eq!(parse_bytes("4096"), Ok(4096));
        assert_eq!(parse_instructions("500k"), Ok(500_000));
        assert_eq!(parse_instructions("2M"), Ok(2_000_000));
        for text in ["", "K", "-1", "1.5K", "64KB", "99999999999999999999"] {
            assert!(parse_bytes(text).is_err(), "{text}");
            assert!(parse_instructions(text).is_err(), "{text}");
        }
    }
}
