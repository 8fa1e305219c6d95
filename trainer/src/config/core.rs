//! Cores by their names.

use clap::ValueEnum;
use elbow::layer::Packing;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A Cortex-M, by its short name: weights are packed as its kernels read them fastest. Results do not
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
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        f.write_str(name.as_ref().map_or("", |name| name.get_name()))
    }
}

impl Core {
    /// What its kernels read fastest.
    pub fn packing(self) -> Packing {
        match self {
            Self::M0 | Self::M3 => Packing::Tiles,
            Self::M4 | Self::M7 | Self::M33 => Packing::PairedTiles,
            Self::M55 => Packing::Rows,
        }
    }
}
