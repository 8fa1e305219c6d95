//! Inputs and layers: weights, biases and multipliers for given ranges.

use super::operand::{Operand, Width};
use super::plan::LayerPlan;
use super::rows::Rows;
use crate::error::Error;
use crate::model::Dense;
use crate::readings::Normalization;
use elbow::image::{DenseSpec, EncodeError, InputSpec, LayerSpec};
use elbow::layer::Activation;
use elbow::requantize::Multiplier;

/// How many times as far as their ranges inputs of 16 bits reach: they have levels to spare, and a reading further away than
/// any is not cut off.
const HEADROOM: f64 = 4.0;

/// Each input becomes whole numbers of that width over its own `[-range, range]` in network units.
///
/// # Errors
/// [`Error::Encode`] where a scale has no multiplier.
pub(super) fn quantize_inputs(
    normalization: &Normalization,
    ranges: &[f64],
    width: Width,
) -> Result<(Vec<InputSpec>, Operand), Error> {
    let levels = f64::from(width.input_ceiling());
    let headroom = match width {
        Width::I8 => 1.0,
        Width::I16 => HEADROOM,
    };
    let columns = normalization
        .centers
        .iter()
        .zip(&normalization.exponents)
        .zip(normalization.units.iter().zip(ranges));
    let (mut specs, mut scales) = (vec![], vec![]);
    for ((&center, &exponent), (&unit, &range)) in columns {
        let unit = f64::from(unit);
        let gain = input_gain(headroom * range * unit, levels)?;
        specs.push(InputSpec {
            center,
            exponent,
            gain,
        });
        scales.push(1.0 / (gain.to_f64() * unit));
    }
    let operand = Operand {
        scales,
        zero_point: 0,
        largest: levels,
    };
    Ok((specs, operand))
}

/// Steps of a raw unit, for raw readings up to `reach` from their centre, of so many levels. Few readings, counts among
/// them, have whole steps each, and lose nothing; what the multiplier rounds, the scale takes up.
fn input_gain(reach: f64, levels: f64) -> Result<Multiplier, Error> {
    // An input that never moved may move.
    let gain = levels / reach.max(1.0);
    let gain = if gain < 1.0 { gain } else { gain.floor() };
    Ok(Multiplier::nearest(gain).map_err(EncodeError::from)?)
}

/// Quantizes the rectified layer `layer` by `plan`.
pub(super) fn quantize_hidden(
    layer: &Dense,
    plan: LayerPlan<'_>,
    input: &Operand,
    output: &Operand,
) -> Result<LayerSpec, Error> {
    Ok(LayerSpec {
        dense: quantize_dense(layer, plan, input, &output.scales)?,
        activation: Activation::Relu,
        zero_point: output.zero_point,
        ceiling: -output.zero_point,
    })
}

/// Quantizes one layer by `plan`, whose row `r` has outputs in steps of `steps[r]`.
pub(super) fn quantize_dense(
    layer: &Dense,
    plan: LayerPlan<'_>,
    input: &Operand,
    steps: &[f64],
) -> Result<DenseSpec, Error> {
    Ok(quantize_rows(layer, plan, input, steps)?.to_spec())
}

/// As [`quantize_dense`], with what the integers are worth.
pub(super) fn quantize_rows(
    layer: &Dense,
    plan: LayerPlan<'_>,
    input: &Operand,
    steps: &[f64],
) -> Result<Rows, Error> {
    let weight = layer.weight.flatten_all()?.to_vec1::<f32>()?;
    let biases = plan.biases(layer)?.into_iter();
    let mut rows = Rows::new(layer.weight.dim(0)?, steps.len());
    rows.bits = plan.bits;
    rows.multiples = plan.multiples.map(<[i8]>::to_vec);
    rows.settled = plan.scales.map(<[f64]>::to_vec);
    rows.quantize(&weight, biases, input, steps)
        .map_err(EncodeError::from)?;
    Ok(rows)
}
