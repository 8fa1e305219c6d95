//! Inputs and layers: weights, biases and multipliers for given ranges.

use crate::error::Error;
use crate::model::Dense;
use crate::readings::Normalization;
use elbow::format::{Activation, DenseSpec, InputSpec, LayerSpec, RowSpec};
use elbow::requantize::Multiplier;

/// The largest activation of a narrow layer. The zero point of rectified activations is as far below zero:
/// 0.0 is the lowest one, so that all levels are used.
const NARROW_CEILING: i16 = 127;
/// The largest activation of a wide layer, whose zero point is as far below zero.
const WIDE_CEILING: i16 = 4095;
/// Levels on either side of zero: inputs and weights.
const SYMMETRIC_LEVELS: f64 = 127.0;
/// A row's accumulator stays below this for every input, with room below the runtime's bound for
/// the rounding of weights and bias.
const LARGEST_ACCUMULATOR: f64 = 0.99 * elbow::kernel::ACCUMULATOR_BOUND as f64;
/// A unit has at least this part of its layer's loudest unit for its range.
const QUIETEST: f64 = 16.0;

/// Numbers that the layer before hands on: `value_c = scales[c] * (q_c - zero_point)`.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) scales: Vec<f64>,
    pub(super) zero_point: i16,
    /// The largest magnitude of q.
    pub(super) largest: f64,
}

/// Inputs become `i8` over `[-range, range]` in network units.
pub(super) fn quantize_inputs(
    normalization: &Normalization,
    range: f64,
) -> Result<(Vec<InputSpec>, Operand), Error> {
    let scale = range.max(f64::MIN_POSITIVE) / SYMMETRIC_LEVELS;
    let columns = normalization
        .centers
        .iter()
        .zip(&normalization.exponents)
        .zip(&normalization.units);
    let specs = columns.map(|((&center, &exponent), &unit)| {
        let gain = Multiplier::nearest(1.0 / (f64::from(unit) * scale))
            .map_err(elbow::format::EncodeError::from)?;
        Ok(InputSpec {
            center,
            exponent,
            gain,
        })
    });
    Ok((
        specs.collect::<Result<_, Error>>()?,
        Operand {
            scales: vec![scale; normalization.width()],
            zero_point: 0,
            largest: SYMMETRIC_LEVELS,
        },
    ))
}

/// Quantizes rectified layers one after another, of which the one at the place `wide` has activations of
/// 16 bits; also gives what the last of them hands on.
pub(super) fn quantize_hidden(
    layers: &[Dense],
    maxima: &[Vec<f64>],
    wide: Option<usize>,
    mut input: Operand,
) -> Result<(Vec<LayerSpec>, Operand), Error> {
    let mut specs = Vec::new();
    for (place, (layer, maxima)) in layers.iter().zip(maxima).enumerate() {
        let ceiling = if wide == Some(place) {
            WIDE_CEILING
        } else {
            NARROW_CEILING
        };
        let levels = 2.0 * f64::from(ceiling);
        // A unit that is never or hardly active on these readings may be on others.
        let loudest = maxima.iter().copied().fold(1e-6, f64::max);
        let scale = |maximum: &f64| maximum.max(loudest / QUIETEST) / levels;
        let output = Operand {
            scales: maxima.iter().map(scale).collect(),
            zero_point: -ceiling,
            largest: ceiling.into(),
        };
        let dense = quantize_dense(layer, &input, &output.scales)?;
        specs.push(LayerSpec {
            dense,
            activation: Activation::Relu,
            zero_point: -ceiling,
            ceiling,
        });
        input = output;
    }
    Ok((specs, input))
}

/// Quantizes one layer, whose row `r` has outputs in steps of `output_scales[r]`.
pub(super) fn quantize_dense(
    layer: &Dense,
    input: &Operand,
    output_scales: &[f64],
) -> Result<DenseSpec, Error> {
    let mut spec = DenseSpec {
        weights: vec![],
        rows: vec![],
    };
    let rows = layer
        .rows()?
        .into_iter()
        .zip(layer.biases()?)
        .zip(output_scales);
    for ((weights, bias), &output_scale) in rows {
        // Weights that take the operands' scales in, so that a step of an operand is one.
        let weights: Vec<f64> = weights
            .iter()
            .zip(&input.scales)
            .map(|(w, s)| w * s)
            .collect();
        // The smallest scale at which they fit i8, and the accumulator its bound.
        let magnitudes = weights.iter().map(|weight| weight.abs());
        let largest = magnitudes.clone().fold(0.0, f64::max);
        let norm: f64 = magnitudes.sum();
        let zero_point = f64::from(input.zero_point.unsigned_abs());
        let reach = bias.abs() + (input.largest + zero_point) * norm;
        let fits = (largest / SYMMETRIC_LEVELS)
            .max(reach / LARGEST_ACCUMULATOR)
            .max(1e-12 * output_scale);
        let multiplier =
            Multiplier::at_least(fits / output_scale).map_err(elbow::format::EncodeError::from)?;
        let scale = multiplier.to_f64() * output_scale;
        let quantized = weights.iter().map(|weight| (weight / scale).round() as i8);
        let start = spec.weights.len();
        spec.weights.extend(quantized);
        let sum: i32 = spec.weights[start..]
            .iter()
            .map(|&weight| i32::from(weight))
            .sum();
        let bias = (bias / scale).round() as i32 - i32::from(input.zero_point) * sum;
        spec.rows.push(RowSpec { bias, multiplier });
    }
    Ok(spec)
}
