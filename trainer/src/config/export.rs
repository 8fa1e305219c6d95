//! The integers of an image.

use super::{Calibration, Weights, within};
use crate::error::Error;
use clap::{Args, ValueEnum};
use elbow::layer::Packing;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// The integers of an image, and what its report is about.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfig {
    /// Leave latents that carry nothing in the model: each costs two decoder passes of sigma points
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_dead_latents: bool,
    /// The core to pack the weights for: it scores fastest, all others score the same
    #[arg(long, value_enum, default_value_t = Core::M4)]
    pub core: Core,
    /// Way to find the ranges of activations: min-max, percentile, percentile:P, or nats (those that bring
    /// the device's scores closest to those in floats)
    #[arg(long, value_name = "WAY", default_value_t)]
    pub calibration: Calibration,
    /// Bits of the weights: int8, int4 (half of the flash), auto or auto:NATS (4 bits in as many layers as cost
    /// so few nats)
    #[arg(long, value_name = "BITS", default_value_t)]
    pub weights: Weights,
    /// Bits of the inputs and of the activations of hidden layers
    #[arg(long, value_enum, default_value_t = Activations::Auto)]
    pub activations: Activations,
    /// Judges of p-values: joined (the bound, the reconstruction, the distance to typical readings and single columns,
    /// whichever finds a reading strangest), or bound (alone, and counted: no p-value is below one in the readings held out;
    /// smaller image, less code)
    #[arg(long, value_enum, default_value_t = JudgedBy::Joined)]
    pub judged_by: JudgedBy,
    /// With fewer than 100 readings held out, p-values rest on all, each scored by one of so many more models, which has
    /// not seen it; 0: on those held out alone
    #[arg(long, value_name = "N", default_value_t = ExportConfig::default().folds)]
    pub folds: usize,
    /// Readings a second, of a stream windows: the report counts false alarms in days [default: as the data say, where they
    /// do]
    #[arg(long, value_name = "HZ")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self {
            keep_dead_latents: false,
            core: Core::default(),
            calibration: Calibration::default(),
            weights: Weights::default(),
            activations: Activations::default(),
            judged_by: JudgedBy::default(),
            folds: 10,
            rate: None,
        }
    }
}

/// The fewest folds that leave one to learn from beside the one that is scored and the one that chooses.
const LEAST_FOLDS: usize = 3;

impl ExportConfig {
    /// Checks every number that a user may have set.
    ///
    /// # Errors
    /// One line that names the setting, its value and what would do.
    pub(super) fn validate(&self) -> Result<(), Error> {
        if (1..LEAST_FOLDS).contains(&self.folds) {
            return Err(Error::Setting(format!(
                "--folds is {}: give a number from {LEAST_FOLDS} on, or 0 for none",
                self.folds
            )));
        }
        let rates = (Bound::Excluded(0.0), Bound::Excluded(f64::INFINITY));
        self.rate
            .map_or(Ok(()), |rate| within("--rate", rate, rates, "above 0"))
    }
}

/// Bits of the inputs and of the activations of hidden layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Activations {
    /// 8, and 16 where that is worth it: before the outputs of a density, and where 8 bits of the inputs or of a layer
    /// cost a tenth of a nat, or half of that where 16 take no more memory
    #[default]
    Auto,
    /// 8 everywhere
    I8,
    /// 16 everywhere
    I16,
}

/// What p-values judge a reading by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum JudgedBy {
    /// The strangest of several statistics
    #[default]
    Joined,
    /// The bound on log p(x) alone, without a tail
    Bound,
}

/// A Cortex-M by its short name, or a RISC-V of 32 bits by its instruction set: weights are packed as its kernels read them fastest. Results do not
/// depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Core {
    M0,
    M3,
    #[default]
    M4,
    M7,
    M33,
    M55,
    Rv32imc,
    Rv32imac,
}

impl Core {
    /// The packing that its kernels read fastest.
    pub fn packing(self) -> Packing {
        Packing::for_core(&self.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_knows_every_core() {
        for core in Core::value_variants() {
            let packing = Packing::for_core(&core.to_string());
            assert_eq!(packing, Some(core.packing()), "{core}");
        }
    }
}
