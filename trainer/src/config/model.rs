//! The networks of a model, and the distributions around them.

use super::{Latent, LikelihoodKind, PriorKind, count};
use crate::error::Error;
use clap::Args;
use elbow::format::{MAX_LATENTS, MAX_LAYERS};
use elbow::layer::{LayerKind, LayerShape};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// The networks of a model, and the distributions around them.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Likelihood p(x|z): auto (for each column what it obviously is; --kind says otherwise), bernoulli, binomial:N, student,
    /// gaussian or laplace; the last two also with :shared (one scale for all inputs) or :predicted (the decoder
    /// gives the scales)
    #[arg(long, default_value_t = LikelihoodKind::Auto)]
    pub likelihood: LikelihoodKind,
    /// Prior p(z): standard, mixture:N (of Gaussians, learned), vamp:N (of the posteriors of learned
    /// pseudo-inputs); of bits standard (fair coins) or factorized (learned chances)
    #[arg(long, default_value_t = PriorKind::Standard)]
    pub prior: PriorKind,
    /// Hidden widths of the encoder, separated by commas
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', default_values_t = ModelConfig::default().encoder)]
    pub encoder: Vec<HiddenLayer>,
    /// Numbers in a latent vector
    #[arg(long, value_name = "N", default_value_t = ModelConfig::default().latents)]
    pub latents: usize,
    /// The kind of latents
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Latent::Gaussian)]
    pub latent: Latent,
    /// Hidden widths of the decoder, separated by commas
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', default_values_t = ModelConfig::default().decoder)]
    pub decoder: Vec<HiddenLayer>,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            likelihood: LikelihoodKind::Auto,
            prior: PriorKind::default(),
            encoder: vec![64.into()],
            latents: 8,
            latent: Latent::default(),
            decoder: vec![64.into()],
        }
    }
}

impl ModelConfig {
    /// Checks every number that a user may have set.
    ///
    /// # Errors
    /// One line that names the setting, its value and what would do.
    pub(super) fn validate(&self) -> Result<(), Error> {
        count("--latents", self.latents, MAX_LATENTS.into())?;
        for (name, layers) in [("--encoder", &self.encoder), ("--decoder", &self.decoder)] {
            if layers.len() > MAX_LAYERS {
                return Err(Error::Setting(format!(
                    "{name} has {} hidden layers: an image has room for {MAX_LAYERS}",
                    layers.len()
                )));
            }
            layers
                .iter()
                .try_for_each(|layer| count(name, layer.units(), 16_384))?;
        }
        Ok(())
    }
}

/// A hidden layer. A dense one is written as the number of its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HiddenLayer(usize);

impl HiddenLayer {
    /// Its shape where it takes in so many numbers.
    pub fn shape(self, inputs: usize) -> LayerShape {
        LayerKind::Dense.shape(inputs, self.0)
    }

    /// Units: rows of its matrix.
    pub fn units(self) -> usize {
        self.0
    }

    /// The same layer with so many units.
    #[must_use]
    pub fn with_units(self, units: usize) -> Self {
        Self(units)
    }
}

impl From<usize> for HiddenLayer {
    fn from(units: usize) -> Self {
        Self(units)
    }
}

impl FromStr for HiddenLayer {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for HiddenLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
