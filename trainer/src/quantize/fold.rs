//! Quantized weights folded back into floats: for a model that learns, or has learned, in integers.

use super::plan::{Plan, Rounding};
use super::rows::Rows;
use super::scheme::{LayerScheme, Scheme};
use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::readings::Normalization;
use candle_core::Tensor;

/// Gives `vae` the weights and biases that the integers of `plan` stand for, and the plan by which they are the
/// nearest: weight scales stay as they are, and so must ranges, or all would be rounded anew.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`].
pub fn fold(vae: &Vae, normalization: &Normalization, plan: &Plan) -> Result<Plan, Error> {
    let scheme = Scheme::new(vae, normalization, plan)?;
    let mut folded = plan.clone();
    for (id, scheme) in scheme.layers.iter() {
        let (layer, plan) = (vae.layer(id), &mut folded.layers[id]);
        let rows = Rows::of_layer(layer, (plan.bits, plan.rounding.clone()), scheme)?;
        fold_layer(layer, &rows, scheme)?;
        plan.rounding = Rounding::FixedScale {
            weight_scales: rows.weight_scales,
        };
    }
    Ok(folded)
}

/// Gives `layer` the weights and the biases that `rows` stand for.
fn fold_layer(layer: &Dense, rows: &Rows, scheme: &LayerScheme) -> Result<(), Error> {
    let inputs = rows.weights.chunks_exact(rows.weight_scales.len());
    let inputs = inputs.zip(&scheme.input.scales);
    let weight = inputs.flat_map(|(integers, input_scale)| {
        let pairs = integers.iter().zip(&rows.weight_scales);
        pairs.map(move |(&n, weight_scale)| (f64::from(n) * weight_scale / input_scale) as f32)
    });
    let device = layer.weight.device();
    let weight = Tensor::from_iter(weight, device)?.reshape(layer.weight.shape())?;
    layer.weight.set(&weight)?;
    let biases = layer.bias.to_vec1::<f32>()?.into_iter().enumerate();
    let biases = biases.map(|(row, bias)| (f64::from(bias) + rows.rounding.correction(row)) as f32);
    layer.bias.set(&Tensor::from_iter(biases, device)?)?;
    Ok(())
}
