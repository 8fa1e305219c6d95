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

use crate::engine::{lock, read, write};
use crate::error::Error;
use crate::likelihood::output_steps;
use crate::model::Vae;
use crate::model::layer::product::forward;
use crate::model::layer::{Dense, Shape, Values};
use crate::quantize::{LARGEST_I8, LayerPlan, LayerScheme, Operand, Plan, Rows, Scheme};
use crate::readings::Normalization;
use elbow::distribution::{LARGEST_MEAN, LogVarianceRange};
use elbow::requantize::FactorError;
use elbow::transcendental::exp;
use std::sync::{Mutex, RwLock, RwLockReadGuard};

/// 1.0 as Q16.16.
const Q16: f32 = elbow::fixed::ONE as f32;
/// Whole numbers up to here are floats.
const EXACT: f64 = 16_777_216.0;
/// Weight of the upper half of a number of 16 bits.
const UPPER: f32 = 256.0;
/// The largest magnitude of either half.
const LARGEST_HALF: f64 = 128.0;

/// A layer in integers, made from its floats after each step.
#[derive(Debug)]
pub(super) struct Layer {
    rows: Rows,
    /// The shape of its product with one row.
    shape: Shape,
    scheme: LayerScheme,
    /// Floats that the integer weights stand for, (inputs, outputs).
    pub(super) weight: Vec<f32>,
    /// Largest value of each output, where the layer is a hidden one.
    pub(super) limits: Option<Vec<f32>>,
    /// Whether operands have 16 bits.
    wide: bool,
    /// Whether sums of products of floats are exact.
    exact: bool,
}

/// Numbers on their way through the layers of a stack.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// Inputs of the next layer, whole numbers.
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
    /// Units of the outputs; see [`crate::model::Likelihood::log_units`].
    log_units: Vec<Option<f64>>,
    latents: usize,
    layers: Vec<RwLock<Layer>>,
    failure: Mutex<Option<FactorError>>,
}

impl Quantized {
    /// The integers of `plan`, without weights yet.
    pub(super) fn new(
        vae: &Vae,
        normalization: &Normalization,
        plan: &Plan,
    ) -> Result<Self, Error> {
        let scheme = Scheme::new(vae, normalization, plan)?;
        let plans = plan.layers.values().zip(scheme.layers.values());
        let layers = vae.layers().zip(plans);
        let layers = layers.map(|(layer, (plan, scheme))| Layer::new(layer, plan, scheme.clone()));
        Ok(Self {
            units: normalization.units.clone(),
            log_units: vae.likelihood.log_units(),
            latents: vae.latents(),
            layers: layers.map(RwLock::new).collect(),
            failure: Mutex::new(None),
            scheme,
        })
    }

    /// Makes the integers of a layer. `log_deviations` are the likelihood's, where it learns some and the
    /// layer is the output.
    pub(super) fn requantize(&self, at: usize, values: &Values, log_deviations: Option<&[f32]>) {
        let mut layer = write(&self.layers[at]);
        let made = (|| {
            if let Some(log_deviations) = log_deviations {
                let modelled = self.units.len() - self.scheme.conditions.len();
                layer.scheme.output_scales =
                    output_steps(&self.units[..modelled], log_deviations, &self.log_units)?;
            }
            layer.quantize(values)
        })();
        if let Err(error) = made {
            *lock(&self.failure) = Some(error);
        }
    }

    /// The failure since the beginning, if there was any.
    pub(super) fn check(&self) -> Result<(), Error> {
        let failure = *lock(&self.failure);
        match failure {
            None => Ok(()),
            Some(error) => Err(elbow::image::WriteError::from(error).into()),
        }
    }

    pub(super) fn layer(&self, at: usize) -> RwLockReadGuard<'_, Layer> {
        read(&self.layers[at])
    }

    /// Quantizes network inputs (rows, numbers) for the first layer, and puts what the integers stand for into `values`.
    pub(super) fn take_inputs(&self, inputs: &[f32], integers: &mut Vec<f32>, values: &mut [f32]) {
        integers.clear();
        let first = self.layer(0);
        let Operand {
            scales, largest, ..
        } = &first.scheme.input;
        let largest = *largest as i32;
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
        let range = self.scheme.log_variance_range;
        let (width, latents) = (2 * self.latents, self.latents);
        for (at, (head, value)) in heads.iter_mut().zip(values).enumerate() {
            let column = at % width;
            *head = if column < latents {
                (*head).clamp(-LARGEST_MEAN, LARGEST_MEAN)
            } else {
                range.clamp(*head)
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
        let LogVarianceRange { lowest, highest } = self.scheme.log_variance_range;
        (lowest as f32 / Q16, highest as f32 / Q16)
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
    /// A layer without weights yet.
    fn new(layer: &Dense, plan: &LayerPlan, scheme: LayerScheme) -> Self {
        let output_scales = &scheme.output_scales;
        let limits = scheme.q_max.map(|q_max| {
            let limit = |scale: &f64| *scale as f32 * (2 * i32::from(q_max)) as f32;
            output_scales.iter().map(limit).collect()
        });
        let weights = layer.weight.elem_count();
        let mut rows = Rows::new(weights, output_scales.len(), plan.bits);
        rows.rounding = plan.rounding.clone();
        Self {
            rows,
            shape: layer.shape(1),
            weight: vec![0.0; weights],
            limits,
            wide: scheme.input.largest > LARGEST_I8.into(),
            exact: false,
            scheme,
        }
    }

    fn quantize(&mut self, values: &Values) -> Result<(), FactorError> {
        let LayerScheme {
            input,
            output_scales,
            ..
        } = &self.scheme;
        let rows = &mut self.rows;
        rows.quantize(&values.weight, &values.bias, input, output_scales)?;
        let width = output_scales.len();
        let weights = rows.weights.chunks_exact(width);
        let all = self.weight.chunks_exact_mut(width).zip(weights);
        for ((weight, integers), input_scale) in all.zip(&input.scales) {
            let rows = weight.iter_mut().zip(integers).zip(&rows.weight_scales);
            for ((weight, integer), weight_scale) in rows {
                *weight = integer * (weight_scale / input_scale) as f32;
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
        let output_scales = &self.scheme.output_scales;
        let outputs = scratch.outputs.chunks_exact_mut(output_scales.len());
        for outputs in outputs {
            for (output, row) in outputs.iter_mut().zip(&self.rows.rows) {
                *output = row.multiplier.apply(*output + row.bias);
            }
        }
        if let Some(q_max) = self.scheme.q_max.map(i32::from) {
            scratch.integers.clear();
            for output in &mut scratch.outputs {
                *output = (*output).clamp(0, 2 * q_max);
                scratch.integers.push((*output - q_max) as f32);
            }
        }
        let rows = values.chunks_exact_mut(output_scales.len());
        for (values, outputs) in rows.zip(scratch.outputs.chunks_exact(output_scales.len())) {
            for ((value, &output), &scale) in values.iter_mut().zip(outputs).zip(output_scales) {
                *value = scale as f32 * output as f32;
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
        let shape = Shape { rows, ..self.shape };
        outputs.clear();
        if !self.exact {
            let double = |numbers: &[f32]| numbers.iter().map(|&x| x.into()).collect::<Vec<f64>>();
            let mut sums = vec![0.0; rows * shape.outputs];
            let (integers, weights) = (double(integers), double(&self.rows.weights));
            forward(&integers, &weights, &mut sums, shape);
            outputs.extend(sums.iter().map(|&sum| sum as i32));
            return;
        }
        sums.resize(rows * shape.outputs, 0.0);
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
}
