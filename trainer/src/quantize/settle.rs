//! A model that learns, or has learned, in integers.

use super::layer::quantize_rows;
use super::plan::Plan;
use super::rows::Rows;
use super::scheme::Scheme;
use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::readings::Normalization;
use candle_core::Tensor;

/// Gives `vae` the weights and biases that the integers of `plan` stand for, and the plan by which they are the
/// nearest: what one is worth stays as it is, and so must ranges, or all would be rounded anew.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`].
pub fn settle(vae: &Vae, normalization: &Normalization, plan: &Plan) -> Result<Plan, Error> {
    let scheme = Scheme::new(vae, normalization, plan)?;
    let mut settled = Plan {
        multiples: vec![],
        scales: vec![],
        ..plan.clone()
    };
    for (at, layer) in vae.layers().enumerate() {
        let of_layer = plan.of_layer(at);
        let (input, steps) = (&scheme.operands[at], &scheme.steps[at]);
        let rows = quantize_rows(layer, of_layer, input, steps)?;
        give(layer, &rows, &input.scales, &of_layer.biases(layer)?)?;
        if let Some(all) = &mut settled.corrections {
            all[at].fill(0.0);
        }
        settled.scales.push(rows.scales);
    }
    Ok(settled)
}

/// Gives `layer` what `rows` stand for, and `biases`.
fn give(layer: &Dense, rows: &Rows, scales: &[f64], biases: &[f64]) -> Result<(), Error> {
    let outputs = biases.len();
    let inputs = rows.weights.chunks_exact(outputs).zip(scales);
    let weight = inputs.flat_map(|(integers, scale)| {
        let pairs = integers.iter().zip(&rows.scales);
        pairs.map(move |(&integer, of_row)| (f64::from(integer) * of_row / scale) as f32)
    });
    let device = layer.weight.device();
    let weight = Tensor::from_iter(weight, device)?.reshape(layer.weight.shape())?;
    layer.weight.set(&weight)?;
    let biases = biases.iter().map(|&bias| bias as f32);
    layer.bias.set(&Tensor::from_iter(biases, device)?)?;
    Ok(())
}
