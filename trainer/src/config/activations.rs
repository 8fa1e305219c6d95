//! Bits of the activations.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

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
