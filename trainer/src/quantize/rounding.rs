//! The rounding of a layer's weights: errors are made good input by input ([`super::compensate`]), what an output is off
//! by counts by what it costs in nats, and each row has the scale with which the least is left.

use super::compensate::{Compensation, Moments};
use super::plan::Rounding;
use super::rows::{Grid, Rows};
use super::scheme::LayerScheme;
use crate::error::Error;
use crate::model::Dense;
use candle_core::Tensor;
use elbow::image::WriteError;
use elbow::layer::WeightBits;
use nalgebra::DMatrix;

/// Outputs that readings count for alike, where they count for different outputs differently: neighbours have much in
/// common, and each such group has a covariance to itself.
const TOGETHER: usize = 16;
/// The parts of the scale at which a row's largest weight fits that are tried. What is beyond is clamped, and made good.
const PARTS: [f64; 9] = [1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3];

/// Outputs that a layer is to have.
pub(super) struct Target {
    /// (readings, outputs).
    pub(super) exact: Tensor,
    /// Weight of the square of each error, (readings, outputs); the same everywhere where there is none. As layers
    /// are rounded for nats, what a sure output is off by is nearly free (the Fisher information as weight: Theis,
    /// Korshunova, Tejani and Huszar, "Faster gaze prediction with dense networks and Fisher pruning", 2018).
    pub(super) information: Option<Tensor>,
}

impl Target {
    /// The outputs from `first` on, so many.
    fn narrow(&self, first: usize, count: usize) -> Result<Self, Error> {
        let narrow = |all: &Tensor| all.narrow(1, first, count);
        Ok(Self {
            exact: narrow(&self.exact)?,
            information: self.information.as_ref().map(narrow).transpose()?,
        })
    }

    /// Weights of the readings (readings, 1), 1 in the mean.
    fn weights(&self) -> Result<Option<Tensor>, Error> {
        let Some(information) = &self.information else {
            return Ok(None);
        };
        // An output that is always sure counts for something too.
        let of_readings = (information.mean_keepdim(1)? + 1e-6)?;
        Ok(Some(
            of_readings.broadcast_div(&of_readings.mean_keepdim(0)?)?,
        ))
    }
}

/// The quantized weights of a layer that takes `integers` in and is to give `target`, and the weight scale of each row: the
/// part of the scale at which the largest weight fits, of [`PARTS`], with which what is left of the errors is smallest.
pub(super) fn rounded(
    layer: &Dense,
    bits: WeightBits,
    scheme: &LayerScheme,
    integers: &[i32],
    target: &Target,
) -> Result<(Vec<i8>, Vec<f64>), Error> {
    let LayerScheme {
        input,
        output_scales,
        ..
    } = scheme;
    let weight = layer.weight.flatten_all()?.to_vec1::<f32>()?;
    let biases = layer.bias.to_vec1::<f32>()?;
    let outputs = output_scales.len();
    let mut rows = Rows::new(weight.len(), outputs, bits);
    let fitting = rows.fitting(&weight, input);
    let mut quantize = |weight_scales: Vec<f64>| -> Result<Rows, Error> {
        rows.rounding = Rounding::FixedScale { weight_scales };
        rows.quantize(&weight, &biases, input, output_scales)
            .map_err(WriteError::from)?;
        Ok(rows.clone())
    };
    // The weight scale of each row, at each part.
    let mut scales = vec![];
    for part in PARTS {
        let parts = fitting.iter().map(|scale| part * scale);
        scales.push(quantize(parts.collect())?.weight_scales);
    }
    let scaled = weight.chunks_exact(outputs).zip(&input.scales);
    let scaled = scaled.flat_map(|(row, scale)| row.iter().map(move |&w| f64::from(w) * scale));
    let scaled: Vec<f64> = scaled.collect();
    let numbers = integers.iter().map(|&q| q as f32);
    let numbers = Tensor::from_iter(numbers, target.exact.device())?;
    let numbers = numbers.reshape(((), weight.len() / outputs))?;
    let together = match target.information {
        None => outputs,
        Some(_) => TOGETHER,
    };
    let mut quantized_weights = vec![0; weight.len()];
    let mut best = scales[0].clone();
    for first in (0..outputs).step_by(together) {
        let count = together.min(outputs - first);
        let of_some = |row: &[f64]| row[first..][..count].to_vec();
        let some: Vec<f64> = scaled.chunks_exact(outputs).flat_map(of_some).collect();
        let moments = moments(&some, &numbers, &target.narrow(first, count)?)?;
        let scales: Vec<Vec<f64>> = scales.iter().map(|scales| of_some(scales)).collect();
        for (row, found) in best_rows(&moments, &some, &scales, Grid::new(bits)).enumerate() {
            best[first + row] = found.weight_scale;
            let places = quantized_weights[first + row..].iter_mut().step_by(outputs);
            places.zip(found.weights).for_each(|(place, n)| *place = n);
        }
    }
    let nearest = quantize(best.clone())?;
    nearest.keep_within_bounds(&mut quantized_weights, input);
    Ok((quantized_weights, best))
}

/// A row of rounded weights.
#[derive(Clone, Debug)]
struct RoundedRow {
    weight_scale: f64,
    weights: Vec<i8>,
    /// The variance of the output's error.
    error: f64,
}

/// For each row of `scaled` weights (inputs, rows) the best of its `scales`, the first one if none is better.
fn best_rows(
    moments: &Moments,
    scaled: &[f64],
    scales: &[Vec<f64>],
    grid: Grid,
) -> impl Iterator<Item = RoundedRow> {
    let compensation = Compensation::new(moments);
    let rows = scales[0].iter().map(|&weight_scale| RoundedRow {
        weight_scale,
        weights: vec![],
        error: f64::INFINITY,
    });
    let mut best: Vec<RoundedRow> = rows.collect();
    for scales in scales {
        let units: Vec<f64> = scales.iter().map(|scale| grid.unit * scale).collect();
        let rounded = compensation.round(scaled.to_vec(), &units, grid);
        for (row, best) in best.iter_mut().enumerate() {
            let error = rounded.errors[row];
            if error < best.error {
                let weights = rounded.quantized_weights[row..].iter();
                *best = RoundedRow {
                    weight_scale: scales[row],
                    weights: weights.step_by(scales.len()).copied().collect(),
                    error,
                };
            }
        }
    }
    best.into_iter()
}

/// Moments of a layer that takes in `numbers` (readings, inputs), has the weights `scaled` (inputs, outputs), and is to give
/// `target`.
pub(super) fn moments(scaled: &[f64], numbers: &Tensor, target: &Target) -> Result<Moments, Error> {
    let (count, outputs) = target.exact.dims2()?;
    let columns = scaled.len() / outputs;
    let of_outputs = scaled.iter().map(|&w| w as f32);
    let of_outputs =
        Tensor::from_iter(of_outputs, numbers.device())?.reshape((columns, outputs))?;
    let left = (&target.exact - numbers.matmul(&of_outputs)?)?;
    let weights = target.weights()?;
    // Each less its mean, and times the root of what its reading counts for.
    let centred = |all: &Tensor| -> Result<Tensor, Error> {
        Ok(match &weights {
            None => all.broadcast_sub(&all.mean_keepdim(0)?)?,
            Some(weights) => {
                let mean = all.broadcast_mul(weights)?.mean_keepdim(0)?;
                all.broadcast_sub(&mean)?.broadcast_mul(&weights.sqrt()?)?
            }
        })
    };
    let numbers = centred(numbers)?;
    let transposed = numbers.t()?;
    let mean_of_products = |others: &Tensor| -> Result<DMatrix<f64>, Error> {
        let products = transposed.matmul(others)?.to_vec2::<f32>()?;
        let mean = |i: usize, j: usize| f64::from(products[i][j]) / count as f64;
        Ok(DMatrix::from_fn(columns, others.dim(1)?, mean))
    };
    Ok(Moments {
        covariance: mean_of_products(&numbers)?,
        left: mean_of_products(&centred(&left)?)?,
    })
}
