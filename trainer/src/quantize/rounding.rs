//! The rounding of a layer's weights: errors are made good input by input ([`super::compensate`]), what an output is off
//! by counts by what it costs in nats, and each row has the scale with which the least is left.

use super::compensate::{Compensation, Moments, Multiples};
use super::operand::Operand;
use super::rows::{Grid, Rows};
use crate::error::Error;
use crate::model::Dense;
use candle_core::Tensor;
use elbow::image::EncodeError;
use elbow::layer::WeightBits;
use nalgebra::DMatrix;

/// Outputs that readings count for alike, where they count for different outputs differently: neighbours have much in
/// common, and each such group has a covariance to itself.
const TOGETHER: usize = 16;
/// The parts of the scale at which a row's largest weight fits that are tried. What is beyond is clamped, and made good.
const PARTS: [f64; 9] = [1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3];

/// What the outputs of a layer are to be.
pub(super) struct Target {
    /// (readings, outputs).
    pub(super) exact: Tensor,
    /// What the square of an error counts for, (readings, outputs); the same everywhere where there is none. As layers
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

    /// What each reading counts for (readings, 1), 1 in the mean.
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

/// The weights of a layer that takes `integers` in and is to give `target`, and what 1 is worth in each row: the part of
/// the scale at which the largest weight fits, of [`PARTS`], with which what is left of the errors is smallest.
pub(super) fn rounded(
    layer: &Dense,
    bits: WeightBits,
    input: &Operand,
    steps: &[f64],
    integers: &[i32],
    target: &Target,
) -> Result<(Multiples, Vec<f64>), Error> {
    let weight = layer.weight.flatten_all()?.to_vec1::<f32>()?;
    let biases = layer.biases()?;
    let (columns, outputs) = (input.scales.len(), steps.len());
    let grid = Grid::new(bits);
    let mut rows = Rows::new(columns, outputs);
    rows.bits = bits;
    let fitting = rows.fitting(&weight, input);
    // What 1 is worth in each row, at each part.
    let mut scales = vec![];
    for part in PARTS {
        rows.settled = Some(fitting.iter().map(|scale| part * scale).collect());
        rows.quantize(&weight, biases.iter().copied(), input, steps)
            .map_err(EncodeError::from)?;
        scales.push(rows.scales.clone());
    }
    let scaled = weight.chunks_exact(outputs).zip(&input.scales);
    let scaled = scaled.flat_map(|(row, scale)| row.iter().map(move |&w| f64::from(w) * scale));
    let scaled: Vec<f64> = scaled.collect();
    let numbers = integers.iter().map(|&q| q as f32);
    let numbers = Tensor::from_iter(numbers, target.exact.device())?;
    let numbers = numbers.reshape((integers.len() / columns, columns))?;
    let together = match target.information {
        None => outputs,
        Some(_) => TOGETHER,
    };
    let mut multiples = vec![0; columns * outputs];
    let mut best = scales[0].clone();
    for first in (0..outputs).step_by(together) {
        let count = together.min(outputs - first);
        let of_some = |row: &[f64]| row[first..][..count].to_vec();
        let some: Vec<f64> = scaled.chunks_exact(outputs).flat_map(of_some).collect();
        let moments = moments(&some, &numbers, &target.narrow(first, count)?)?;
        let compensation = Compensation::new(&moments);
        let mut least = vec![f64::INFINITY; count];
        for scales in &scales {
            let units = scales[first..][..count].iter();
            let units: Vec<f64> = units.map(|scale| grid.unit * scale).collect();
            let rounded = compensation.round(some.clone(), &units, grid);
            for (row, &error) in rounded.errors.iter().enumerate() {
                if error >= least[row] {
                    continue;
                }
                (least[row], best[first + row]) = (error, scales[first + row]);
                let places = multiples[first + row..].iter_mut().step_by(outputs);
                let of_row = rounded.multiples[row..].iter().step_by(count);
                places.zip(of_row).for_each(|(place, &n)| *place = n);
            }
        }
    }
    rows.settled = Some(best.clone());
    rows.quantize(&weight, biases.into_iter(), input, steps)
        .map_err(EncodeError::from)?;
    rows.keep_within_bounds(&mut multiples, input);
    Ok((Multiples(multiples), best))
}

/// Of a layer that takes in `numbers` (readings, inputs), has the weights `scaled` (inputs, outputs), and is to give
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
