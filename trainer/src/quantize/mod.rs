//! From trained floats to the integers of an image.
//!
//! Weights are `i8`, or of four bits, with a scale for each row, hidden activations `i8` with a scale for each unit,
//! which the next layer's weights take in; heads and outputs leave their accumulators as Q16.16.
//! Where a multiplier needs rounding, the row's weight scale takes the rounding up, so that the
//! factor from weights to outputs is exact.
//!
//! A rectified unit may have any scale of its own: `relu(s x) = s relu(x)` (Nagel et al.,
//! "Data-free quantization through weight equalization and bias correction", 2019, section 4.1). So no unit has to
//! make do with the few levels that the loudest of its layer leaves it; how many of its own each uses is what
//! costs the fewest nats.
//!
//! A [`Plan`] says what activations reach and what is added to biases; [`choose`] makes one from the
//! readings of a [`Pool`]: those that were learned from, and the same with noise. The latter matter: an
//! activation that saturates on a strange reading makes the reading look more normal than it is, and of
//! strange readings an anomaly detector lives. A plan and a model in floats determine the integers.

mod balance;
mod choose;
mod compensate;
mod correction;
mod layer;
mod loss;
mod operand;
mod plan;
mod pool;
mod prior;
mod ranges;
mod rounding;
mod rows;
mod scheme;
mod search;
mod settle;
#[cfg(test)]
mod tests;
mod widths;

pub use choose::{Choices, choose, four_bits, measure, sensitivities};
pub use compensate::Multiples;
pub use loss::{Judge, Loss};
pub use operand::{Operand, Width};
pub use plan::Plan;
pub use pool::{Pool, perturbed};
pub use ranges::Ranges;
pub use rows::Rows;
pub use scheme::Scheme;
pub use search::Affords;
pub use settle::settle;
pub use widths::Sensitivity;

use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::readings::Normalization;
use elbow::calibration::Noise;
use elbow::image::{ColumnSpec, ImageSpec, LayerSpec};
use elbow::layer::Packing;
use layer::{quantize_dense, quantize_hidden};
use prior::quantize_prior;

/// 1.0 as Q16.16.
const Q16: f64 = 65536.0;

/// What an image says beside the model's numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// What the model is called.
    pub name: String,
    /// The columns of the data; empty where nothing is known of them.
    pub columns: Vec<ColumnSpec>,
    /// Columns of a reading that is a picture; 0 otherwise.
    pub picture_width: u16,
    /// How the weights lie: the cores that are to be fastest.
    pub packing: Packing,
}

/// The image of `vae` by `plan`. The reading `self_test` becomes the self-test.
///
/// # Errors
/// [`Error::Encode`] where a scale has no multiplier, [`Error::Tensor`].
pub fn quantize(
    vae: &Vae,
    normalization: &Normalization,
    plan: &Plan,
    label: &Label,
    self_test: &[i16],
) -> Result<ImageSpec, Error> {
    let scheme = Scheme::new(vae, normalization, plan)?;
    let hidden = |layers: &[Dense], first: usize| -> Result<Vec<LayerSpec>, Error> {
        let layers = layers.iter().zip(first..);
        let quantized = layers.map(|(layer, at)| {
            let (input, output) = (&scheme.operands[at], &scheme.operands[at + 1]);
            quantize_hidden(layer, plan.of_layer(at), input, output)
        });
        quantized.collect()
    };
    let last = |layer: &Dense, at: usize| {
        let (input, steps) = (&scheme.operands[at], &scheme.steps[at]);
        quantize_dense(layer, plan.of_layer(at), input, steps)
    };
    let heads = vae.encoder.len();
    let output = heads + 1 + vae.decoder.len();
    Ok(ImageSpec {
        name: label.name.clone(),
        columns: label.columns.clone(),
        picture_width: label.picture_width,
        encoder: hidden(&vae.encoder, 0)?,
        heads: last(&vae.heads, heads)?,
        decoder: hidden(&vae.decoder, heads + 1)?,
        output: last(&vae.output, output)?,
        inputs: scheme.inputs,
        input_ceiling: plan.inputs.input_ceiling(),
        conditions: scheme.conditions,
        prior: quantize_prior(vae)?,
        stream: None,
        typical: vec![],
        likelihood: scheme.likelihood,
        packing: label.packing,
        latent_fraction_bits: scheme.fraction_bits,
        log_variance_range: scheme.log_variance_range,
        noise: Noise::UNKNOWN,
        self_test_reading: self_test.to_vec(),
    })
}
