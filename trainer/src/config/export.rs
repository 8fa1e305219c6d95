//! The integers of an image.

use super::{Activations, Calibration, Core, Weights};
use clap::Args;
use serde::{Deserialize, Serialize};

/// The integers of an image.
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
    /// With fewer than 100 readings held out, p-values rest on all, each scored by one of so many more models, which has
    /// not seen it; 0: on those held out alone
    #[arg(long, value_name = "N", default_value_t = ExportConfig::default().folds)]
    pub folds: usize,
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self {
            keep_dead_latents: false,
            core: Core::default(),
            calibration: Calibration::default(),
            weights: Weights::default(),
            activations: Activations::default(),
            folds: 10,
        }
    }
}
