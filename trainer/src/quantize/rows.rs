//! The weights of a layer as integers, with a scale for each row.

use super::operand::{LARGEST_ACCUMULATOR, LARGEST_I8, Operand};
use super::plan::Rounding;
use super::scheme::LayerScheme;
use crate::error::Error;
use crate::model::Dense;
use elbow::image::{DenseSpec, Row, WriteError};
use elbow::layer::WeightBits;
use elbow::requantize::{FactorError, Multiplier};
use pulp::Arch;

/// The integers that weights may be: multiples of `unit`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Distance between neighbours.
    pub(super) unit: f64,
    /// The largest multiple, either way.
    pub(super) most: f64,
}

impl Grid {
    pub(super) fn new(bits: WeightBits) -> Self {
        match bits {
            WeightBits::Eight => Self {
                unit: 1.0,
                most: LARGEST_I8.into(),
            },
            WeightBits::Four => Self {
                unit: 16.0,
                most: 7.0,
            },
        }
    }

    /// The largest integer.
    fn largest(self) -> f64 {
        self.unit * self.most
    }
}

/// The parts of a row's largest weight that the largest weight of four bits may stand for.
const CLIPS: [f64; 7] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4];

/// The least weight scale of a row in output scales.
const LEAST_SCALE: f64 = 1e-12;

/// A layer in integers: what an image holds of it, and what training computes with.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Bits of the weights.
    pub bits: WeightBits,
    /// How they are rounded.
    pub rounding: Rounding,
    /// The weights, whole numbers from -127 to 127, (inputs, outputs); of four bits multiples of 16.
    pub weights: Vec<f32>,
    /// Bias and multiplier of each output.
    pub rows: Vec<Row>,
    /// Weight scale of each row: what a step of its accumulator is worth.
    pub weight_scales: Vec<f64>,
    /// The sum of the magnitudes of each row's weights.
    pub norms: Vec<f64>,
    largest: Vec<f64>,
    sums: Vec<f64>,
}

/// The largest multiplier that an image has.
const LARGEST_MULTIPLIER: f64 = Multiplier::MAX_MANTISSA as f64;

impl Rows {
    /// Room for a layer of so many weights and rows.
    pub fn new(weights: usize, rows: usize, bits: WeightBits) -> Self {
        Self {
            bits,
            rounding: Rounding::Nearest,
            weights: vec![0.0; weights],
            rows: Vec::with_capacity(rows),
            weight_scales: vec![0.0; rows],
            norms: vec![0.0; rows],
            largest: vec![0.0; rows],
            sums: vec![0.0; rows],
        }
    }

    /// The integers of `layer`.
    ///
    /// # Errors
    /// [`Error::Encode`] where a scale has no multiplier, [`Error::Tensor`].
    pub(super) fn of_layer(
        layer: &Dense,
        (bits, rounding): (WeightBits, Rounding),
        scheme: &LayerScheme,
    ) -> Result<Self, Error> {
        let weight = layer.weight.flatten_all()?.to_vec1::<f32>()?;
        let biases = layer.bias.to_vec1::<f32>()?;
        let mut rows = Self::new(weight.len(), biases.len(), bits);
        rows.rounding = rounding;
        let quantized = rows.quantize(&weight, &biases, &scheme.input, &scheme.output_scales);
        quantized.map_err(WriteError::from)?;
        Ok(rows)
    }

    /// Quantizes `weight` (inputs, outputs) and `biases`: the weights take the operands' scales in, so
    /// that a step of an operand is one, and the row has the smallest scale at which they fit `i8` and
    /// the accumulator its bound, a multiplier away from its output scale. With four bits the
    /// scale is the one of a few that leaves the smallest squared error, and what is beyond is clamped.
    ///
    /// # Errors
    /// [`FactorError`] where no multiplier is so large.
    pub fn quantize(
        &mut self,
        weight: &[f32],
        biases: &[f32],
        input: &Operand,
        output_scales: &[f64],
    ) -> Result<(), FactorError> {
        let grid = Grid::new(self.bits);
        let biases = biases.iter().enumerate();
        let biases = biases.map(|(row, &bias)| f64::from(bias) + self.rounding.correction(row));
        let biases: Vec<f64> = biases.collect();
        self.scale_rows(weight, &biases, input, output_scales)?;
        let Self {
            rounding,
            weights,
            rows,
            weight_scales,
            norms,
            sums,
            ..
        } = self;
        match rounding {
            Rounding::Nearest | Rounding::FixedScale { .. } => {
                round(weight, &input.scales, weight_scales, grid, weights);
            }
            Rounding::Compensated {
                quantized_weights, ..
            } => {
                let integers = quantized_weights.iter();
                let integers = integers.map(|&n| grid.unit as f32 * f32::from(n));
                let places = weights.iter_mut().zip(integers);
                places.for_each(|(place, weight)| *place = weight);
            }
        }
        total(weights, sums, norms);
        for (row, bias) in biases.iter().enumerate() {
            let zero = i32::from(input.zero_point) * sums[row] as i32;
            rows[row].bias = (bias / weight_scales[row]).round() as i32 - zero;
        }
        Ok(())
    }

    /// Chooses the weight scale and the multiplier of each row; biases are left 0.
    fn scale_rows(
        &mut self,
        weight: &[f32],
        biases: &[f64],
        input: &Operand,
        output_scales: &[f64],
    ) -> Result<(), FactorError> {
        let Self {
            bits,
            rounding,
            rows,
            weight_scales,
            norms,
            largest,
            ..
        } = self;
        let grid = Grid::new(*bits);
        measure(weight, &input.scales, largest, norms);
        if *bits == WeightBits::Four {
            // Rounding to multiples of 16 may double a magnitude.
            norms.iter_mut().for_each(|norm| *norm *= 2.0);
        }
        match rounding.weight_scales() {
            Some(fixed) => {
                let pairs = largest.iter_mut().zip(fixed);
                pairs.for_each(|(largest, scale)| *largest = *scale * grid.largest());
            }
            None if *bits == WeightBits::Four => clip(weight, &input.scales, largest),
            None => {}
        }
        let zero_point = f64::from(input.zero_point);
        rows.clear();
        for (row, (bias, &output_scale)) in biases.iter().zip(output_scales).enumerate() {
            let reach = bias.abs() + (input.largest + zero_point.abs()) * norms[row];
            let fits = (largest[row] / grid.largest())
                .max(reach / LARGEST_ACCUMULATOR)
                .max(LEAST_SCALE * output_scale);
            // Beyond it weights are clamped: outputs so far apart in their scales have no better image.
            let multiplier = Multiplier::at_least((fits / output_scale).min(LARGEST_MULTIPLIER))?;
            weight_scales[row] = multiplier.to_f64() * output_scale;
            rows.push(Row {
                bias: 0,
                multiplier,
            });
        }
        Ok(())
    }

    /// The weight scale of each row at which its largest weight just fits.
    pub(super) fn fitting(&mut self, weight: &[f32], input: &Operand) -> Vec<f64> {
        measure(weight, &input.scales, &mut self.largest, &mut self.norms);
        let most = Grid::new(self.bits).largest();
        self.largest.iter().map(|largest| largest / most).collect()
    }

    /// Gives those rows of `quantized_weights` (inputs, outputs) back to the nearest, with which an accumulator might leave
    /// its bound, after [`Rows::quantize`] to the nearest.
    pub(super) fn keep_within_bounds(&self, quantized_weights: &mut [i8], input: &Operand) {
        let (outputs, grid) = (self.rows.len(), Grid::new(self.bits));
        let reach = input.largest + f64::from(input.zero_point).abs();
        for row in 0..outputs {
            let integers = quantized_weights[row..].iter().step_by(outputs);
            let norm: f64 = integers.map(|&n| grid.unit * f64::from(n).abs()).sum();
            let bias = f64::from(self.rows[row].bias).abs();
            if bias + reach * norm <= LARGEST_ACCUMULATOR {
                continue;
            }
            let places = quantized_weights[row..].iter_mut().step_by(outputs);
            let nearest = self.weights[row..].iter().step_by(outputs);
            for (place, &nearest) in places.zip(nearest) {
                *place = (f64::from(nearest) / grid.unit) as i8;
            }
        }
    }

    /// The layer as an image holds it, row by row.
    pub fn to_spec(&self) -> DenseSpec {
        let outputs = self.rows.len();
        let weights = (0..outputs).flat_map(|row| {
            let column = self.weights[row..].iter().step_by(outputs);
            column.map(|&weight| weight as i8)
        });
        DenseSpec {
            bits: self.bits,
            weights: weights.collect(),
            rows: self.rows.clone(),
        }
    }
}

/// Brings the `largest` magnitude of each row's weights down to that part of it, of [`CLIPS`], with which the
/// squared error of four bits is smallest.
fn clip(weight: &[f32], scales: &[f64], largest: &mut [f64]) {
    let most = Grid::new(WeightBits::Four).most;
    let all = largest.to_vec();
    let mut least = vec![f64::INFINITY; all.len()];
    let mut errors = vec![0.0; all.len()];
    for part in CLIPS {
        let steps: Vec<f64> = all
            .iter()
            .map(|all| (part * all / most).max(f64::MIN_POSITIVE))
            .collect();
        squared_errors(weight, scales, &steps, most, &mut errors);
        for (row, &error) in errors.iter().enumerate() {
            if error < least[row] {
                (least[row], largest[row]) = (error, part * all[row]);
            }
        }
    }
}

/// Sums the squared error of `w_cr s_c`, rounded to at most `most` multiples of a step either way, row by row.
fn squared_errors(weight: &[f32], scales: &[f64], steps: &[f64], most: f64, errors: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            errors.fill(0.0);
            for (row, scale) in weight.chunks_exact(steps.len()).zip(scales) {
                for ((&weight, step), error) in row.iter().zip(steps).zip(errors.iter_mut()) {
                    let exact = f64::from(weight) * scale;
                    let whole = (exact / step).round_ties_even().clamp(-most, most);
                    let left = exact - whole * step;
                    *error += left * left;
                }
            }
        },
    );
}

/// The largest `|w_cr s_c|` of each column r, and their sum.
fn measure(weight: &[f32], scales: &[f64], largest: &mut [f64], norms: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            largest.fill(0.0);
            norms.fill(0.0);
            for (row, scale) in weight.chunks_exact(norms.len()).zip(scales) {
                for ((&weight, largest), norm) in
                    row.iter().zip(largest.iter_mut()).zip(norms.iter_mut())
                {
                    let magnitude = (f64::from(weight) * scale).abs();
                    *largest = if magnitude > *largest {
                        magnitude
                    } else {
                        *largest
                    };
                    *norm += magnitude;
                }
            }
        },
    );
}

/// Rounds `w_cr s_c / t_r` to the nearest number of `grid`.
fn round(weight: &[f32], scales: &[f64], steps: &[f64], grid: Grid, rounded: &mut [f32]) {
    let Grid { unit, most } = grid;
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let width = steps.len();
            let rows = weight
                .chunks_exact(width)
                .zip(rounded.chunks_exact_mut(width));
            for ((row, rounded), scale) in rows.zip(scales) {
                for ((&weight, rounded), step) in row.iter().zip(rounded).zip(steps) {
                    let whole = f64::from(weight) * scale / (step * unit);
                    let whole = whole.round_ties_even().clamp(-most, most);
                    *rounded = (whole * unit) as f32;
                }
            }
        },
    );
}

/// The sums of the columns of `weights`, and of their magnitudes.
fn total(weights: &[f32], sums: &mut [f64], norms: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            sums.fill(0.0);
            norms.fill(0.0);
            for row in weights.chunks_exact(sums.len()) {
                for ((&weight, sum), norm) in row.iter().zip(sums.iter_mut()).zip(norms.iter_mut())
                {
                    *sum += f64::from(weight);
                    *norm += f64::from(weight.abs());
                }
            }
        },
    );
}
