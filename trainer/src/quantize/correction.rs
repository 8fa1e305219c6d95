//! Bias correction: what quantization shifts each output of a layer by in the mean, put into its bias (Nagel
//! et al., "Data-free quantization through weight equalization and bias correction", 2019, section 4.2, here
//! with means over readings, as in its appendix D).

use super::compensate::{Multiples, compensate};
use super::layer::{Operand, quantize_dense};
use super::plan::{LayerPlan, Plan};
use super::pool::Pool;
use super::ranges::draws;
use super::rows::Rows;
use super::scheme::Scheme;
use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::readings::Normalization;
use candle_core::Tensor;
use elbow::format::{DenseSpec, EncodeError};
use elbow::kernel::{self, Numbers, Operands, Packing, WeightBits, operand_words};
use nalgebra::DMatrix;

/// Readings that means are over, at most.
const MOST: usize = 512;
/// Where weights of four bits are made good by others.
const MOST_OF_FOUR: usize = 2048;

/// What is added to the biases of each layer, on the normal readings of `pool`, each layer after those before
/// it.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`].
pub(super) fn corrections(
    vae: &Vae,
    normalization: &Normalization,
    plan: &Plan,
    pool: &Pool,
) -> Result<Plan, Error> {
    let scheme = Scheme::new(vae, normalization, plan)?;
    let inputs = &pool.normal.batch.inputs;
    let most = if plan.weights.contains(&WeightBits::Four) {
        MOST_OF_FOUR
    } else {
        MOST
    };
    let inputs = &inputs.narrow(0, 0, inputs.dim(0)?.min(most))?;
    let (mean, log_variance) = vae.encode(inputs)?;
    let latents = draws(vae, inputs, (&mean, &log_variance))?;
    let mut walk = Walk {
        scheme: &scheme,
        bits: (0..plan.layers()).map(|at| plan.weight_bits(at)).collect(),
        shifts: vec![],
        multiples: vec![],
    };
    walk.half(&vae.encoder, &vae.heads, inputs.clone())?;
    walk.half(&vae.decoder, &vae.output, latents)?;
    let four = walk.bits.contains(&WeightBits::Four);
    Ok(Plan {
        corrections: Some(walk.shifts),
        multiples: if four { walk.multiples } else { vec![] },
        ..plan.clone()
    })
}

/// The way through the layers.
struct Walk<'a> {
    scheme: &'a Scheme,
    /// Of the weights of each layer.
    bits: Vec<WeightBits>,
    /// Of the layers so far.
    shifts: Vec<Vec<f64>>,
    /// Of the layers so far.
    multiples: Vec<Multiples>,
}

impl Walk<'_> {
    /// The layers of a half, of which the first takes in `floats` (readings, numbers).
    fn half(&mut self, hidden: &[Dense], last: &Dense, mut floats: Tensor) -> Result<(), Error> {
        let mut integers = integers(&floats, &self.scheme.operands[self.shifts.len()])?;
        for layer in hidden {
            integers = self.layer(layer, &floats, &integers)?;
            let ceiling = -self.scheme.operands[self.shifts.len()].zero_point;
            let rectified =
                |q: &mut i32| *q = (*q).clamp(0, 2 * i32::from(ceiling)) - i32::from(ceiling);
            integers.iter_mut().for_each(rectified);
            floats = layer.forward(&floats)?.relu()?;
        }
        self.layer(last, &floats, &integers).map(drop)
    }

    /// Finds the shift of a layer, and gives its outputs when that is corrected.
    fn layer(
        &mut self,
        layer: &Dense,
        floats: &Tensor,
        integers: &[i32],
    ) -> Result<Vec<i32>, Error> {
        let at = self.shifts.len();
        let (input, steps) = (&self.scheme.operands[at], &self.scheme.steps[at]);
        let bits = self.bits[at];
        let multiples = match bits {
            WeightBits::Eight => Multiples::default(),
            WeightBits::Four => multiples(layer, input, steps, integers)?,
        };
        let plan = LayerPlan {
            bits,
            multiples: Some(&multiples.0),
            ..LayerPlan::default()
        };
        let draft = quantize_dense(layer, plan, input, steps)?;
        let shift = shift(&outputs(&draft, integers), steps, &layer.forward(floats)?)?;
        let plan = LayerPlan {
            correction: Some(&shift),
            ..plan
        };
        let corrected = quantize_dense(layer, plan, input, steps)?;
        self.shifts.push(shift);
        self.multiples.push(multiples);
        Ok(outputs(&corrected, integers))
    }
}

/// The weights of four bits of a layer that takes `integers` in.
fn multiples(
    layer: &Dense,
    input: &Operand,
    steps: &[f64],
    integers: &[i32],
) -> Result<Multiples, Error> {
    let weight = layer.weight.flatten_all()?.to_vec1::<f32>()?;
    let columns = input.scales.len();
    let mut rows = Rows::new(columns, steps.len());
    rows.bits = WeightBits::Four;
    rows.quantize(&weight, layer.biases()?.into_iter(), input, steps)
        .map_err(EncodeError::from)?;
    let steps: Vec<f64> = rows.scales.iter().map(|scale| 16.0 * scale).collect();
    let scaled = weight.chunks_exact(steps.len()).zip(&input.scales);
    let scaled = scaled.flat_map(|(row, scale)| row.iter().map(move |&w| f64::from(w) * scale));
    let numbers = integers.iter().map(|&q| q as f32);
    let numbers = Tensor::from_iter(numbers, layer.weight.device())?;
    let numbers = numbers.reshape((integers.len() / columns, columns))?;
    let centred = numbers.broadcast_sub(&numbers.mean_keepdim(0)?)?;
    let products = centred.t()?.matmul(&centred)?.to_vec2::<f32>()?;
    let covariance = DMatrix::from_fn(columns, columns, |i, j| {
        f64::from(products[i][j]) / integers.len() as f64
    });
    Ok(compensate(scaled.collect(), &steps, &covariance))
}

/// The integers that stand for `floats`, as the first layer of a half takes them in.
fn integers(floats: &Tensor, operand: &Operand) -> Result<Vec<i32>, Error> {
    let scales = operand.scales.iter().map(|&scale| scale as f32);
    let scales = Tensor::from_iter(scales, floats.device())?;
    let whole = floats.broadcast_div(&scales)?.round()?;
    let highest = operand.largest.min(f64::from(i16::MAX));
    let whole = whole.clamp(-operand.largest, highest)?;
    let whole = whole.flatten_all()?.to_vec1::<f32>()?;
    Ok(whole.into_iter().map(|number| number as i32).collect())
}

/// The mean of `exact` (readings, outputs) less that of `integers` in steps, output by output.
fn shift(integers: &[i32], steps: &[f64], exact: &Tensor) -> Result<Vec<f64>, Error> {
    let rows = integers.len() / steps.len();
    let mut sums = vec![0.0; steps.len()];
    for row in integers.chunks_exact(steps.len()) {
        let numbers = sums.iter_mut().zip(row);
        numbers.for_each(|(sum, &q)| *sum += f64::from(q));
    }
    let exact = exact.mean(0)?.to_vec1::<f32>()?;
    let means = sums.iter().map(|sum| sum / rows as f64);
    let pairs = exact.iter().zip(means.zip(steps));
    Ok(pairs
        .map(|(&exact, (mean, step))| f64::from(exact) - mean * step)
        .collect())
}

/// The outputs `M_r(a_r)` of a layer on each row of `integers`, by the device's kernel. In eight bits the weights
/// are what they are in four.
fn outputs(spec: &DenseSpec, integers: &[i32]) -> Vec<i32> {
    let columns = spec.weights.len() / spec.rows.len();
    let weights = Packing::Rows.pack(columns, &spec.weights);
    let rows = spec.rows.iter();
    let rows: Vec<kernel::Row> = rows
        .map(|row| [row.bias, row.multiplier.to_word().cast_signed()])
        .collect();
    let layer = kernel::Dense {
        columns,
        packing: Packing::Rows,
        bits: WeightBits::Eight,
        weights: &weights,
        rows: &rows,
        bounds: kernel::Bounds::UNKNOWN,
    };
    let mut words = vec![0; operand_words(columns, 1)];
    let mut all = Vec::with_capacity(integers.len() / columns * rows.len());
    for row in integers.chunks_exact(columns) {
        let row: Vec<i16> = row.iter().map(|&number| number as i16).collect();
        let operands =
            Operands::prepare(Packing::Rows, Numbers::Wide(&row), columns, 1, &mut words);
        let mut outputs = layer.outputs(operands);
        while let Some(band) = outputs.next() {
            all.extend(band.iter().map(|lanes| lanes[0]));
        }
    }
    all
}
