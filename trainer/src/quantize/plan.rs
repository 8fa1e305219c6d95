//! What the integers of an image stand for, beside the weights.

use super::compensate::Multiples;
use super::operand::Width;
use super::ranges::Ranges;
use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::readings::Normalization;
use elbow::layer::WeightBits;
use serde::{Deserialize, Serialize};

/// Everything that an image's integers are determined by beside the model in floats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Of the inputs.
    #[serde(default)]
    pub inputs: Width,
    /// Of the activations of each hidden layer of the encoder.
    pub encoder: Vec<Width>,
    /// Of the activations of each hidden layer of the decoder.
    pub decoder: Vec<Width>,
    /// Of the weights, layer by layer as the corrections; 8 where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightBits>,
    /// The weights, layer by layer; the nearest ones where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub multiples: Vec<Multiples>,
    /// What 1 is worth in each row, layer by layer; what the weights tell where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scales: Vec<Vec<f64>>,
    /// What activations reach.
    pub ranges: Ranges,
    /// What a step of each hidden unit is worth, layer by layer, those of the encoder first; as little as ranges allow
    /// where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Vec<f64>>,
    /// What is added to the biases, layer by layer: hidden layers and heads, hidden layers and output.
    /// None where they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<Vec<Vec<f64>>>,
}

/// What a plan says of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayerPlan<'a> {
    /// Of the weights.
    pub(super) bits: WeightBits,
    /// The weights, where they are not the nearest.
    pub(super) multiples: Option<&'a [i8]>,
    /// What 1 is worth in each row, where that is settled.
    pub(super) scales: Option<&'a [f64]>,
    /// What is added to the biases.
    pub(super) correction: Option<&'a [f64]>,
}

impl LayerPlan<'_> {
    /// The biases of `layer`, corrected.
    pub(super) fn biases(self, layer: &Dense) -> Result<Vec<f64>, Error> {
        let mut biases = layer.biases()?;
        if let Some(correction) = self.correction {
            let pairs = biases.iter_mut().zip(correction);
            pairs.for_each(|(bias, by)| *bias += by);
        }
        Ok(biases)
    }
}

impl Plan {
    /// Activations of 8 bits over `ranges`, and of 16 before the outputs of a likelihood that needs
    /// them.
    pub fn new(vae: &Vae, ranges: Ranges) -> Self {
        let mut decoder = vec![Width::I8; vae.decoder.len()];
        // A location is compared with the reading in units of its scale, and what the reading is off is
        // squared or doubled by it: steps of 8 bits would show in the score of a strange reading.
        if let Some(last) = decoder
            .last_mut()
            .filter(|_| vae.likelihood.has_locations())
        {
            *last = Width::I16;
        }
        Self {
            inputs: Width::I8,
            encoder: vec![Width::I8; vae.encoder.len()],
            decoder,
            weights: vec![],
            multiples: vec![],
            scales: vec![],
            ranges,
            steps: vec![],
            corrections: None,
        }
    }

    /// Makes sure that it is a plan of `vae`.
    ///
    /// # Errors
    /// [`Error::Setting`] with both numbers.
    pub(super) fn check(&self, vae: &Vae, normalization: &Normalization) -> Result<(), Error> {
        let same = |what: &str, have: usize, need: usize| {
            if have == need {
                return Ok(());
            }
            Err(Error::Setting(format!(
                "the plan has {have} {what}, the model has {need}: it is of another model or version; quantize anew with --weights"
            )))
        };
        let Ranges {
            inputs,
            encoder,
            decoder,
            ..
        } = &self.ranges;
        same("ranges of inputs", inputs.len(), normalization.width())?;
        for (half, layers, widths, ranges) in [
            ("encoder", &vae.encoder, &self.encoder, encoder),
            ("decoder", &vae.decoder, &self.decoder, decoder),
        ] {
            let hidden = |what| format!("{what} of hidden layers of the {half}");
            same(&hidden("widths"), widths.len(), layers.len())?;
            same(&hidden("ranges"), ranges.len(), layers.len())?;
        }
        let hidden: Vec<&Dense> = vae.encoder.iter().chain(&vae.decoder).collect();
        let all: Vec<&Dense> = vae.layers().collect();
        let lists = [
            ("layers with bits", self.weights.len(), all.len()),
            ("layers with weights", self.multiples.len(), all.len()),
            ("layers with scales", self.scales.len(), all.len()),
            ("hidden layers with steps", self.steps.len(), hidden.len()),
        ];
        for (what, have, need) in lists {
            if have > 0 {
                same(what, have, need)?;
            }
        }
        if let Some(corrections) = &self.corrections {
            same("layers with corrections", corrections.len(), all.len())?;
        }
        for (at, (layer, ranges)) in hidden.iter().zip(encoder.iter().chain(decoder)).enumerate() {
            let units = layer.bias.elem_count();
            let of = |what| format!("{what} of hidden layer {}", at + 1);
            same(&of("ranges"), ranges.len(), units)?;
            if let Some(steps) = self.steps.get(at) {
                same(&of("steps"), steps.len(), units)?;
            }
        }
        for (at, layer) in all.iter().enumerate() {
            let LayerPlan {
                multiples,
                scales,
                correction,
                ..
            } = self.of_layer(at);
            let outputs = layer.bias.elem_count();
            let lists = [
                (
                    "weights",
                    multiples.map(<[_]>::len),
                    layer.weight.elem_count(),
                ),
                ("scales", scales.map(<[_]>::len), outputs),
                ("corrections", correction.map(<[_]>::len), outputs),
            ];
            for (what, have, need) in lists {
                same(
                    &format!("{what} of layer {}", at + 1),
                    have.unwrap_or(need),
                    need,
                )?;
            }
        }
        Ok(())
    }

    /// The same bits, ranges and steps, with the nearest weights, and biases as they are.
    pub(super) fn to_nearest(&self) -> Self {
        Self {
            multiples: vec![],
            scales: vec![],
            corrections: None,
            ..self.clone()
        }
    }

    /// Layers: those of the encoder, the heads, those of the decoder, the output.
    pub fn layers(&self) -> usize {
        self.encoder.len() + self.decoder.len() + 2
    }

    /// Bits of the weights of a layer, counted from the first of the encoder.
    pub fn weight_bits(&self, layer: usize) -> WeightBits {
        self.weights.get(layer).copied().unwrap_or_default()
    }

    /// The weights of a layer, where they are not the nearest.
    pub fn multiples(&self, layer: usize) -> Option<&[i8]> {
        let multiples = self.multiples.get(layer);
        multiples.map(|Multiples(all)| all.as_slice())
    }

    /// What 1 is worth in each row of a layer, where that is settled.
    pub fn scales(&self, layer: usize) -> Option<&[f64]> {
        self.scales.get(layer).map(Vec::as_slice)
    }

    /// What it says of one layer.
    pub(super) fn of_layer(&self, layer: usize) -> LayerPlan<'_> {
        LayerPlan {
            bits: self.weight_bits(layer),
            multiples: self.multiples(layer),
            scales: self.scales(layer),
            correction: self.correction(layer),
        }
    }

    /// What is added to the biases of a layer, counted from the first of the encoder.
    pub fn correction(&self, layer: usize) -> Option<&[f64]> {
        let corrections = self.corrections.as_ref()?;
        corrections.get(layer).map(Vec::as_slice)
    }
}
