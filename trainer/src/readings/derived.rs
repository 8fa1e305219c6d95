//! Settings, and what was derived from the data by them.

use super::Normalization;
use super::stream::DerivedStream;
use crate::config::{Config, LikelihoodKind, Limits};
use serde::{Deserialize, Serialize};

/// Everything in `config.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The settings.
    pub settings: Config,
    /// What was made of the data.
    pub derived: Derived,
}

/// What a run took from its data; with it the float model can be used again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// The likelihood that was used.
    pub likelihood: LikelihoodKind,
    /// The normalization.
    pub normalization: Normalization,
    /// The latents that carried nothing and were left out of the model, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pruned_latents: Vec<usize>,
    /// Epochs that `trainer tune` trained on for, in the device's integers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tuned_epochs: usize,
    /// What was made of the settings of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<DerivedStream>,
    /// What the networks were sized to, and the image is held to.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
