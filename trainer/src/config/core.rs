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
