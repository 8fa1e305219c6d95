//! The plan of an image: what its integers stand for, layer by layer.

use super::operand::Width;
use super::ranges::Ranges;
use crate::error::Error;
use crate::model::{Depth, LayerId, Layers, Vae};
use crate::readings::Normalization;
use elbow::layer::WeightBits;
use serde::{Deserialize, Serialize};

/// Everything that determines an image's integers beside the model in floats. Written without compensated weights: the image
/// holds them, and the calibration set gives them again ([`super::restored`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The inputs of the encoder.
    pub inputs: ActivationPlan,
    /// The heads and the latents.
    pub latents: LatentPlan,
    /// The layers.
    pub layers: Layers<LayerPlan>,
}

/// The plan of one layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerPlan {
    /// Bits of the weights.
    pub bits: WeightBits,
    /// The outputs of a hidden layer; none where the layer is the last of its network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations: Option<ActivationPlan>,
    /// How the weights are rounded.
    #[serde(default)]
    pub rounding: Rounding,
}

/// The plan of numbers that a layer takes in: inputs, or outputs of a hidden layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationPlan {
    /// Bits of each number.
    pub width: Width,
    /// The largest magnitude of each number, in floats.
    pub ranges: Vec<f64>,
    /// Output scale of each unit: what a step is worth. Where there is none, steps are as fine as the ranges allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_scales: Option<Vec<f64>>,
}

/// The plan of q(z|x) and of its draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatentPlan {
    /// Lowest and highest log-variance.
    pub log_variance: (f64, f64),
    /// Largest latent or condition, magnitude.
    pub largest: f64,
}

/// How the weights and biases of a layer become integers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Each weight is the nearest at the finest scale of its row.
    #[default]
    Nearest,
    /// Each weight is the nearest at a weight scale that is fixed for each row.
    FixedScale {
        /// Weight scale of each row: what 1 is worth.
        weight_scales: Vec<f64>,
    },
    /// The integers are fixed: each makes good the rounding of others.
    Compensated {
        /// Weight scale of each row: what 1 is worth.
        #[serde(skip)]
        weight_scales: Vec<f64>,
        /// (inputs, outputs), in multiples of 16 where they have four bits.
        #[serde(skip)]
        quantized_weights: Vec<i8>,
        /// Number that is added to each bias.
        #[serde(skip)]
        correction: Vec<f64>,
    },
}

/// Where a plan chooses a width: the inputs, or the outputs of a hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Inputs,
    Outputs(LayerId),
}

impl Rounding {
    /// The weight scales, where they are fixed.
    pub(super) fn weight_scales(&self) -> Option<&[f64]> {
        match self {
            Self::Nearest => None,
            Self::FixedScale { weight_scales } | Self::Compensated { weight_scales, .. } => {
                Some(weight_scales)
            }
        }
    }

    /// Number that is added to the bias of a row.
    pub fn correction(&self, row: usize) -> f64 {
        match self {
            Self::Nearest | Self::FixedScale { .. } => 0.0,
            Self::Compensated { correction, .. } => correction[row],
        }
    }
}

impl ActivationPlan {
    /// Numbers of 8 bits over `ranges`.
    fn new(ranges: Vec<f64>) -> Self {
        Self {
            width: Width::I8,
            ranges,
            output_scales: None,
        }
    }

    /// The output scale of each unit.
    pub(super) fn scales(&self) -> Vec<f64> {
        let finest = || self.width.finest(&self.ranges);
        self.output_scales.clone().unwrap_or_else(finest)
    }
}

impl Plan {
    /// Activations of 8 bits over `ranges`, and of 16 before the outputs of a likelihood that needs them.
    pub fn new(vae: &Vae, ranges: Ranges) -> Self {
        let hidden = |ranges: Vec<Vec<f64>>| -> Vec<LayerPlan> {
            let layers = ranges.into_iter().map(|ranges| LayerPlan {
                activations: Some(ActivationPlan::new(ranges)),
                ..LayerPlan::default()
            });
            layers.collect()
        };
        let mut decoder = hidden(ranges.decoder);
        // A location is compared with the reading in units of its scale, and what the reading is off is
        // squared or doubled by it: steps of 8 bits would show in the score of an anomalous reading.
        let has_locations = vae.likelihood.has_locations();
        let last = decoder.last_mut().filter(|_| has_locations);
        if let Some(activations) = last.and_then(|last| last.activations.as_mut()) {
            activations.width = Width::I16;
        }
        Self {
            inputs: ActivationPlan::new(ranges.inputs),
            latents: LatentPlan {
                log_variance: ranges.log_variance,
                largest: ranges.latent,
            },
            layers: Layers {
                encoder: hidden(ranges.encoder),
                heads: LayerPlan::default(),
                decoder,
                output: LayerPlan::default(),
            },
        }
    }

    /// Makes sure that it is a plan of `vae`.
    ///
    /// # Errors
    /// [`Error::Setting`] with both numbers.
    pub fn check(&self, vae: &Vae, normalization: &Normalization) -> Result<(), Error> {
        let Depth { encoder, decoder } = self.layers.depth();
        let depth = vae.depth();
        same("hidden layers of the encoder", encoder, depth.encoder)?;
        same("hidden layers of the decoder", decoder, depth.decoder)?;
        let inputs = self.inputs.ranges.len();
        same("ranges of inputs", inputs, normalization.width())?;
        for (id, plan) in self.layers.iter() {
            let layer = vae.layer(id);
            let (weights, outputs) = (layer.weight.elem_count(), layer.bias.elem_count());
            let name = id.name();
            let of = |what: &str, have: usize, need: usize| {
                same(&format!("{what} of {name}"), have, need)
            };
            let hidden = usize::from(plan.activations.is_some());
            of("lists of ranges", hidden, usize::from(id.is_hidden()))?;
            if let Some(activations) = &plan.activations {
                of("ranges", activations.ranges.len(), outputs)?;
                of("output scales", activations.scales().len(), outputs)?;
            }
            if let Some(scales) = plan.rounding.weight_scales() {
                of("weight scales", scales.len(), outputs)?;
            }
            if let Rounding::Compensated {
                quantized_weights,
                correction,
                ..
            } = &plan.rounding
            {
                of("weights", quantized_weights.len(), weights)?;
                of("corrections", correction.len(), outputs)?;
            }
        }
        Ok(())
    }

    /// The same bits, ranges and output scales, with the nearest weights, and biases as they are.
    #[must_use]
    pub(super) fn to_nearest(&self) -> Self {
        let mut plan = self.clone();
        let layers = plan.layers.values_mut();
        layers.for_each(|layer| layer.rounding = Rounding::Nearest);
        plan
    }

    /// The plan with weights of these bits.
    #[must_use]
    pub fn with_bits(mut self, bits: &Layers<WeightBits>) -> Self {
        let layers = self.layers.values_mut().zip(bits.values());
        layers.for_each(|(layer, &bits)| layer.bits = bits);
        self
    }

    /// The plan with this width for the outputs of all hidden layers.
    #[must_use]
    pub fn with_width(mut self, width: Width) -> Self {
        let layers = self.layers.values_mut();
        let hidden = layers.filter_map(|layer| layer.activations.as_mut());
        hidden.for_each(|activations| activations.width = width);
        self
    }

    /// The inputs, and the hidden layers.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let hidden = self.layers.depth().layers().filter(|id| id.is_hidden());
        [Place::Inputs]
            .into_iter()
            .chain(hidden.map(Place::Outputs))
    }

    /// The plan of the numbers at `place`; none where it is the last layer of a network.
    pub(super) fn at(&self, place: Place) -> Option<&ActivationPlan> {
        match place {
            Place::Inputs => Some(&self.inputs),
            Place::Outputs(layer) => self.layers[layer].activations.as_ref(),
        }
    }

    /// The plan with the numbers at `place` changed.
    #[must_use]
    pub(super) fn changed(
        &self,
        place: Place,
        mut change: impl FnMut(&mut ActivationPlan),
    ) -> Self {
        let mut plan = self.clone();
        match place {
            Place::Inputs => change(&mut plan.inputs),
            Place::Outputs(layer) => plan.layers[layer].activations.iter_mut().for_each(change),
        }
        plan
    }
}

/// Refuses a plan with other numbers of something than the model has.
fn same(what: &str, have: usize, need: usize) -> Result<(), Error> {
    if have == need {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "the plan has {have} {what}, the model has {need}: it is of another model or version; quantize anew with --weights"
    )))
}
