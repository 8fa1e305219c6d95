//! The device's integers in training: the forward pass computes what the runtime does, integer for integer
//! (`runtime/NUMERICS.md`), and what integers stand for goes on to the likelihood and to the backward pass, where
//! rounding counts for nothing (straight-through: Bengio, Leonard and Courville, "Estimating or propagating
//! gradients through stochastic neurons", 2013; Jacob et al., "Quantization and training of neural networks
//! for efficient integer-arithmetic-only inference", CVPR 2018, section 3) and what saturates has no
//! gradient.
//!
//! Integers are floats here: sums of products are exact below 2^24, and numbers of 16 bits are taken in two
//! halves.

#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::likelihood::output_steps;
use crate::model::Vae;
use crate::model::layer::product::forward;
use crate::model::layer::{Shape, Values};
use crate::quantize::{Operand, Plan, Rows, Scheme};
use crate::readings::Normalization;
use elbow::distribution::LARGEST_MEAN;
use elbow::requantize::FactorError;
use elbow::transcendental::exp;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

/// 1.0 as Q16.16.
const Q16: f32 = 65536.0;
/// Whole numbers up to here are floats.
const EXACT: f64 = 16_777_216.0;
/// What the upper half of a number of 16 bits counts for.
const UPPER: f32 = 256.0;
/// The largest magnitude of either half.
const LARGEST_HALF: f64 = 128.0;

/// A layer in integers, made from its floats after each step.
#[derive(Debug)]
pub(super) struct Layer {
    rows: Rows,
    /// What a step of each output is worth.
    steps: Vec<f64>,
    /// What is added to the biases.
    corrections: Option<Vec<f64>>,
    /// What the integer weights stand for, (inputs, outputs).
    pub(super) weight: Vec<f32>,
    /// What each output is at most, where the layer is a hidden one.
    pub(super) limits: Option<Vec<f32>>,
    /// Whether operands have 16 bits.
    wide: bool,
    /// Of hidden layers.
    ceiling: i32,
    /// Whether sums of products of floats are exact.
    exact: bool,
}

/// Numbers on their way through the layers of a stack.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// What the next layer takes in, whole numbers.
    pub(super) integers: Vec<f32>,
    /// `M_r(a_r)` of the last layer that was run, (rows, outputs).
    pub(super) outputs: Vec<i32>,
    half: Vec<f32>,
    sums: Vec<f32>,
}

/// The integers of a network.
#[derive(Debug)]
pub(super) struct Quantized {
    scheme: Scheme,
    /// Raw units of each number in a network unit.
    units: Vec<f32>,
    /// Of the outputs; see [`crate::model::Likelihood::log_units`].
    log_units: Vec<Option<f64>>,
    latents: usize,
    layers: Vec<RwLock<Layer>>,
    failure: Mutex<Option<FactorError>>,
}

impl Quantized {
    /// Those of `plan`, without weights yet.
    pub(super) fn new(
        vae: &Vae,
        normalization: &Normalization,
        plan: &Plan,
    ) -> Result<Self, Error> {
        let scheme = Scheme::new(vae, normalization, plan)?;
        let (heads, layers) = (vae.encoder.len(), scheme.operands.len());
        let layer = |at: usize| {
            let hidden = at != heads && at + 1 != layers;
            let next = scheme.operands.get(at + 1).filter(|_| hidden);
            let ceiling = next.map(|next| -i32::from(next.zero_point));
            let corrections = plan.correction(at).map(<[f64]>::to_vec);
            let steps = scheme.steps[at].clone();
            let mut layer = Layer::new(&scheme.operands[at], steps, ceiling);
            layer.rows.bits = plan.weight_bits(at);
            layer.rows.multiples = plan.multiples(at).map(<[i8]>::to_vec);
            layer.rows.settled = plan.scales(at).map(<[f64]>::to_vec);
            RwLock::new(Layer {
                corrections,
                ..layer
            })
        };
        Ok(Self {
            units: normalization.units.clone(),
            log_units: vae.likelihood.log_units(),
            latents: vae.latents(),
            layers: (0..layers).map(layer).collect(),
            failure: Mutex::new(None),
            scheme,
        })
    }

    /// Makes the integers of a layer. `log_deviations` are the likelihood's, where it learns some and the
    /// layer is the output.
    pub(super) fn requantize(&self, at: usize, values: &Values, log_deviations: Option<&[f32]>) {
        let mut layer = self.layers[at]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let operand = &self.scheme.operands[at];
        let made = (|| {
            if let Some(log_deviations) = log_deviations {
                let modelled = self.units.len() - self.scheme.conditions.len();
                layer.steps =
                    output_steps(&self.units[..modelled], log_deviations, &self.log_units)?;
            }
            layer.quantize(values, operand)
        })();
        if let Err(error) = made {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// What went wrong since the beginning, if anything.
    pub(super) fn check(&self) -> Result<(), Error> {
        let failure = *self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            None => Ok(()),
            Some(error) => Err(elbow::image::EncodeError::from(error).into()),
        }
    }

    pub(super) fn layer(&self, at: usize) -> RwLockReadGuard<'_, Layer> {
        self.layers[at]
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the first layer takes in of network inputs (rows, numbers), and into `values` what that stands
    /// for.
    pub(super) fn take_inputs(&self, inputs: &[f32], integers: &mut Vec<f32>, values: &mut [f32]) {
        integers.clear();
        let scales = &self.scheme.operands[0].scales;
        let largest = self.scheme.operands[0].largest as i32;
        let width = self.units.len();
        for (at, (&input, value)) in inputs.iter().zip(values).enumerate() {
            let column = at % width;
            let gain = self.scheme.inputs[column].gain;
            let q = gain.apply(self.raw(input, column)).clamp(-largest, largest);
            integers.push(q as f32);
            *value = q as f32 * scales[column] as f32;
        }
    }

    /// The centred raw reading behind a network input.
    fn raw(&self, input: f32, column: usize) -> i32 {
        (input * self.units[column]).round() as i32
    }

    /// Limits heads (rows, 2 * latents), Q16.16, as the device does, into what they stand for, and gives
    /// `deviations` (rows, latents).
    pub(super) fn take_heads(&self, heads: &mut [i32], values: &mut [f32], deviations: &mut [f32]) {
        let (low, high) = self.scheme.log_variance_range;
        let (width, latents) = (2 * self.latents, self.latents);
        for (at, (head, value)) in heads.iter_mut().zip(values).enumerate() {
            let column = at % width;
            *head = if column < latents {
                (*head).clamp(-LARGEST_MEAN, LARGEST_MEAN)
            } else {
                (*head).clamp(low, high)
            };
            *value = *head as f32 / Q16;
            if column >= latents {
                let row = at / width;
                deviations[row * latents + column - latents] = exp(*head >> 1) as f32 / Q16;
            }
        }
    }

    /// The lowest and the highest log-variance.
    pub(super) fn log_variances(&self) -> (f32, f32) {
        let (low, high) = self.scheme.log_variance_range;
        (low as f32 / Q16, high as f32 / Q16)
    }

    /// A latent of the decoder at `noise`, and what it stands for, from a mean and a deviation.
    pub(super) fn latent(&self, mean: i32, deviation: f32, noise: f32) -> (f32, f32) {
        let (deviation, noise) = ((deviation * Q16) as i64, (noise * Q16) as i64);
        let spread = (deviation * noise + (1 << 15)) >> 16;
        let spread = spread.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let shift = u32::from(16 - self.scheme.fraction_bits).clamp(1, 15);
        let rounded = mean.saturating_add(spread).saturating_add(1 << (shift - 1)) >> shift;
        self.taken_in(rounded)
    }

    /// A condition of the decoder, and what it stands for: number `column` of a reading.
    pub(super) fn condition(&self, input: f32, column: usize) -> (f32, f32) {
        let first = self.units.len() - self.scheme.conditions.len();
        let gain = self.scheme.conditions[column - first];
        self.taken_in(gain.apply(self.raw(input, column)))
    }

    fn taken_in(&self, number: i32) -> (f32, f32) {
        let number = number.clamp(i16::MIN.into(), i16::MAX.into()) as f32;
        (
            number,
            number * 0.5f32.powi(self.scheme.fraction_bits.into()),
        )
    }
}

impl Layer {
    /// A layer without weights yet, whose outputs are activations up to `ceiling`, or wide where there is none.
    fn new(operand: &Operand, steps: Vec<f64>, ceiling: Option<i32>) -> Self {
        let (inputs, outputs) = (operand.scales.len(), steps.len());
        let limits = ceiling.map(|ceiling| {
            let limit = |step: &f64| *step as f32 * (2 * ceiling) as f32;
            steps.iter().map(limit).collect()
        });
        Self {
            rows: Rows::new(inputs, outputs),
            steps,
            corrections: None,
            weight: vec![0.0; inputs * outputs],
            limits,
            wide: operand.largest > 127.0,
            ceiling: ceiling.unwrap_or(0),
            exact: false,
        }
    }

    fn quantize(&mut self, values: &Values, operand: &Operand) -> Result<(), FactorError> {
        let correction = |row: usize| self.corrections.as_ref().map_or(0.0, |all| all[row]);
        let biases = values.bias.iter().enumerate();
        let biases = biases.map(|(row, &bias)| f64::from(bias) + correction(row));
        let rows = &mut self.rows;
        rows.quantize(&values.weight, biases, operand, &self.steps)?;
        let width = self.steps.len();
        let weights = rows.weights.chunks_exact(width);
        let all = self.weight.chunks_exact_mut(width).zip(weights);
        for ((weight, integers), scale) in all.zip(&operand.scales) {
            let rows = weight.iter_mut().zip(integers).zip(&rows.scales);
            for ((weight, integer), of_row) in rows {
                *weight = integer * (of_row / scale) as f32;
            }
        }
        let norm = rows.norms.iter().copied().fold(0.0, f64::max);
        self.exact = norm * LARGEST_HALF < EXACT;
        Ok(())
    }

    /// Runs `rows` rows of the integers in `scratch`; what the outputs stand for goes into `values`, and
    /// what the next layer takes in back into `scratch`.
    pub(super) fn run(&self, rows: usize, scratch: &mut Scratch, values: &mut [f32]) {
        self.multiply(rows, scratch);
        let outputs = scratch.outputs.chunks_exact_mut(self.steps.len());
        for outputs in outputs {
            for (output, row) in outputs.iter_mut().zip(&self.rows.rows) {
                *output = row.multiplier.apply(*output + row.bias);
            }
        }
        if self.limits.is_some() {
            scratch.integers.clear();
            for output in &mut scratch.outputs {
                *output = (*output).clamp(0, 2 * self.ceiling);
                scratch.integers.push((*output - self.ceiling) as f32);
            }
        }
        let rows = values.chunks_exact_mut(self.steps.len());
        for (values, outputs) in rows.zip(scratch.outputs.chunks_exact(self.steps.len())) {
            for ((value, &output), &step) in values.iter_mut().zip(outputs).zip(&self.steps) {
                *value = step as f32 * output as f32;
            }
        }
    }

    /// `sum_c w_rc x_c` of each row, exactly, into the outputs.
    fn multiply(&self, rows: usize, scratch: &mut Scratch) {
        let Scratch {
            integers,
            outputs,
            half,
            sums,
        } = scratch;
        let width = self.steps.len();
        let inputs = self.weight.len() / width;
        outputs.clear();
        if !self.exact {
            outputs.extend(self.plain(&integers[..rows * inputs]));
            return;
        }
        let shape = Shape {
            rows,
            inputs,
            outputs: width,
        };
        sums.resize(rows * width, 0.0);
        if self.wide {
            half.clear();
            let upper = |x: &f32| ((x + UPPER / 2.0) / UPPER).floor();
            half.extend(integers.iter().map(upper));
            forward(half, &self.rows.weights, sums, shape);
            outputs.extend(sums.iter().map(|&sum| sum as i32 * UPPER as i32));
            for (lower, upper) in integers.iter_mut().zip(half.iter()) {
                *lower -= UPPER * upper;
            }
            forward(integers, &self.rows.weights, sums, shape);
            let both = outputs.iter_mut().zip(sums.iter());
            both.for_each(|(output, &sum)| *output += sum as i32);
        } else {
            forward(integers, &self.rows.weights, sums, shape);
            outputs.extend(sums.iter().map(|&sum| sum as i32));
        }
    }

    /// The same by the definition, for rows whose sums leave floats.
    fn plain<'a>(&'a self, integers: &'a [f32]) -> impl Iterator<Item = i32> + 'a {
        let width = self.steps.len();
        let inputs = self.weight.len() / width;
        let row = move |row: &'a [f32]| {
            let weights = &self.rows.weights;
            (0..width).map(move |r| {
                let column = weights[r..].iter().step_by(width);
                let products = column.zip(row);
                products.map(|(&w, &x)| w as i32 * x as i32).sum()
            })
        };
        integers.chunks_exact(inputs).flat_map(row)
    }
}
