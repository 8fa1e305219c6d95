//! Settings that files have as a command line has them.

use super::{Calibration, Clip, Core, FeatureList, Gradient, Latent, LikelihoodKind, PriorKind};
use super::{Schedule, WantedKind, Weights};
use clap::ValueEnum;
use std::fmt;

/// Conversions for `#[serde(try_from = "String", into = "String")]` of what is displayed and parsed.
macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl TryFrom<String> for $kind {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$kind> for String {
            fn from(kind: $kind) -> Self {
                kind.to_string()
            }
        }
    )*};
}

/// Displays a value by its name on the command line.
macro_rules! by_name {
    ($($kind:ty),*) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let value = self.to_possible_value();
                f.write_str(value.as_ref().map_or("", |value| value.get_name()))
            }
        }
    )*};
}

as_text!(
    Calibration,
    Clip,
    FeatureList,
    LikelihoodKind,
    PriorKind,
    WantedKind,
    Weights
);
by_name!(Core, Gradient, Latent, Schedule);
