//! The weights of a layer as integers, a scale for each row.

use super::layer::{LARGEST_ACCUMULATOR, Operand, SYMMETRIC_LEVELS};
use elbow::format::{DenseSpec, RowSpec};
use elbow::kernel::WeightBits;
use elbow::requantize::{FactorError, Multiplier};
use pulp::Arch;

/// A layer in integers: what an image holds of it, and what training computes with.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Whole numbers from -127 to 127, (inputs, outputs).
    pub weights: Vec<f32>,
    /// Bias and multiplier of each output.
    pub rows: Vec<RowSpec>,
    /// What a step of each accumulator is worth.
    pub scales: Vec<f64>,
    /// The sum of the magnitudes of each row's weights.
    pub norms: Vec<f64>,
    largest: Vec<f64>,
    sums: Vec<f64>,
}

impl Rows {
    /// Room for a layer.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            weights: vec![0.0; inputs * outputs],
            rows: Vec::with_capacity(outputs),
            scales: vec![0.0; outputs],
            norms: vec![0.0; outputs],
            largest: vec![0.0; outputs],
            sums: vec![0.0; outputs],
        }
    }

    /// Quantizes `weight` (inputs, outputs) and `biases`: the weights take the operands' scales in, so
    /// that a step of an operand is one, and the row has the smallest scale at which they fit `i8` and
    /// the accumulator its bound, a multiplier away from the step of its output, `steps`.
    ///
    /// # Errors
    /// [`FactorError`] where no multiplier is so large.
    pub fn quantize(
        &mut self,
        weight: &[f32],
        biases: impl Iterator<Item = f64>,
        input: &Operand,
        steps: &[f64],
    ) -> Result<(), FactorError> {
        let Self {
            weights,
            rows,
            scales,
            norms,
            largest,
            sums,
        } = self;
        measure(weight, &input.scales, largest, norms);
        let zero_point = f64::from(input.zero_point);
        let biases: Vec<f64> = biases.collect();
        rows.clear();
        for (row, (&bias, &step)) in biases.iter().zip(steps).enumerate() {
            let reach = bias.abs() + (input.largest + zero_point.abs()) * norms[row];
            let fits = (largest[row] / SYMMETRIC_LEVELS)
                .max(reach / LARGEST_ACCUMULATOR)
                .max(1e-12 * step);
            let multiplier = Multiplier::at_least(fits / step)?;
            scales[row] = multiplier.to_f64() * step;
            rows.push(RowSpec {
                bias: 0,
                multiplier,
            });
        }
        round(weight, &input.scales, scales, weights);
        total(weights, sums, norms);
        for (row, bias) in biases.iter().enumerate() {
            let zero = i32::from(input.zero_point) * sums[row] as i32;
            rows[row].bias = (bias / scales[row]).round() as i32 - zero;
        }
        Ok(())
    }

    /// As an image holds it, row by row.
    pub fn to_spec(&self) -> DenseSpec {
        let outputs = self.rows.len();
        let weights = (0..outputs).flat_map(|row| {
            let column = self.weights[row..].iter().step_by(outputs);
            column.map(|&weight| weight as i8)
        });
        DenseSpec {
            bits: WeightBits::Eight,
            weights: weights.collect(),
            rows: self.rows.clone(),
        }
    }
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

/// `w_cr s_c / t_r` to the nearest whole number.
fn round(weight: &[f32], scales: &[f64], steps: &[f64], rounded: &mut [f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let width = steps.len();
            let rows = weight
                .chunks_exact(width)
                .zip(rounded.chunks_exact_mut(width));
            for ((row, rounded), scale) in rows.zip(scales) {
                for ((&weight, rounded), step) in row.iter().zip(rounded).zip(steps) {
                    *rounded = (f64::from(weight) * scale / step).round_ties_even() as f32;
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
