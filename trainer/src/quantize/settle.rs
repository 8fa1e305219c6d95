//! A model that learns, or has learned, in integers.

use super::plan::Plan;
use super::rows::Rows;
use super::scheme::Scheme;
use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::readings::Normalization;
use candle_core::Tensor;
use elbow::format::EncodeError;

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
        let biases = layer.biases()?;
        let correction = plan.correction(at);
        let biases = biases.iter().enumerate();
        let biases: Vec<f64> = biases
            .map(|(row, bias)| bias + correction.map_or(0.0, |all| all[row]))
            .collect();
        let (input, steps) = (&scheme.operands[at], &scheme.steps[at]);
        let mut rows = Rows::new(input.scales.len(), steps.len());
        rows.bits = plan.weight_bits(at);
        rows.multiples = plan.multiples(at).map(<[i8]>::to_vec);
        rows.settled = plan.scales(at).map(<[f64]>::to_vec);
        let weight = layer.weight.flatten_all()?.to_vec1::<f32>()?;
        rows.quantize(&weight, biases.iter().copied(), input, steps)
            .map_err(EncodeError::from)?;
        give(layer, &rows, &input.scales, &biases)?;
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
