//! Bias correction: what quantization shifts each output of a layer by in the mean, put into its bias (Nagel
//! et al., "Data-free quantization through weight equalization and bias correction", 2019, section 4.2, here
//! with means over readings, as in its appendix D). On the way the weights are rounded, so that one makes good what
//! another lacks ([`super::compensate`]).

use super::compensate::{Compensation, Moments, Multiples};
use super::layer::{Operand, quantize_dense};
use super::plan::{LayerPlan, Plan};
use super::pool::Pool;
use super::ranges::draws;
use super::rows::{Grid, Rows};
use super::scheme::Scheme;
use crate::error::Error;
use crate::model::{Dense, Likelihood, Vae};
use crate::readings::Normalization;
use candle_core::{DType, Tensor};
use elbow::format::{DenseSpec, EncodeError};
use elbow::kernel::{self, Numbers, Operands, Packing, WeightBits, operand_words};
use nalgebra::DMatrix;

/// Outputs that readings count for alike, where they count for different outputs differently: neighbours have much in
/// common, and each such group has a covariance to itself.
const TOGETHER: usize = 16;
/// The parts of the scale at which a row's largest weight fits that are tried. What is beyond is clamped, and made good.
const PARTS: [f64; 9] = [1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3];

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
    let (mean, log_variance) = vae.encode(inputs)?;
    let latents = draws(vae, inputs, (&mean, &log_variance))?;
    let mut walk = Walk {
        scheme: &scheme,
        bits: (0..plan.layers()).map(|at| plan.weight_bits(at)).collect(),
        shifts: vec![],
        multiples: vec![],
        scales: vec![],
    };
    walk.half(&vae.encoder, &vae.heads, inputs.clone(), None)?;
    walk.half(&vae.decoder, &vae.output, latents, Some(&vae.likelihood))?;
    Ok(Plan {
        corrections: Some(walk.shifts),
        multiples: walk.multiples,
        scales: walk.scales,
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
    /// What 1 is worth in each row of the layers so far.
    scales: Vec<Vec<f64>>,
}

impl Walk<'_> {
    /// The layers of a half, of which the first takes in `floats` (readings, numbers), and what its outputs go into.
    fn half(
        &mut self,
        hidden: &[Dense],
        last: &Dense,
        mut floats: Tensor,
        likelihood: Option<&Likelihood>,
    ) -> Result<(), Error> {
        let mut integers = integers(&floats, &self.scheme.operands[self.shifts.len()])?;
        for layer in hidden {
            integers = self.layer(layer, &floats, &integers, None)?;
            let ceiling = -self.scheme.operands[self.shifts.len()].zero_point;
            let rectified =
                |q: &mut i32| *q = (*q).clamp(0, 2 * i32::from(ceiling)) - i32::from(ceiling);
            integers.iter_mut().for_each(rectified);
            floats = layer.forward(&floats)?.relu()?;
        }
        self.layer(last, &floats, &integers, likelihood).map(drop)
    }

    /// Finds the shift of a layer, and gives its outputs when that is corrected.
    fn layer(
        &mut self,
        layer: &Dense,
        floats: &Tensor,
        integers: &[i32],
        likelihood: Option<&Likelihood>,
    ) -> Result<Vec<i32>, Error> {
        let at = self.shifts.len();
        let (input, steps) = (&self.scheme.operands[at], &self.scheme.steps[at]);
        let bits = self.bits[at];
        let exact = layer.forward(floats)?;
        let information = match likelihood {
            Some(likelihood) => likelihood.information(&exact)?,
            None => None,
        };
        let target = Target { exact, information };
        let (multiples, scales) = rounded(layer, bits, input, steps, integers, &target)?;
        let plan = LayerPlan {
            bits,
            multiples: Some(&multiples.0),
            scales: Some(&scales),
            correction: None,
        };
        let draft = quantize_dense(layer, plan, input, steps)?;
        let shift = shift(&outputs(&draft, integers), steps, &target)?;
        let plan = LayerPlan {
            correction: Some(&shift),
            ..plan
        };
        let corrected = quantize_dense(layer, plan, input, steps)?;
        self.shifts.push(shift);
        self.multiples.push(multiples);
        self.scales.push(scales);
        Ok(outputs(&corrected, integers))
    }
}

/// What the outputs of a layer are to be.
struct Target {
    /// (readings, outputs).
    exact: Tensor,
    /// What the square of an error counts for, (readings, outputs); the same everywhere where there is none. As layers
    /// are rounded for nats, what a sure output is off by is nearly free (the Fisher information as weight: Theis,
    /// Korshunova, Tejani and Huszar, "Faster gaze prediction with dense networks and Fisher pruning", 2018).
    information: Option<Tensor>,
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
fn rounded(
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
fn moments(scaled: &[f64], numbers: &Tensor, target: &Target) -> Result<Moments, Error> {
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

/// The mean of what `integers` in steps lack of `target`, output by output, each reading by what it counts for.
fn shift(integers: &[i32], steps: &[f64], target: &Target) -> Result<Vec<f64>, Error> {
    let Target { exact, information } = target;
    let steps = steps.iter().map(|&step| step as f32);
    let steps = Tensor::from_iter(steps, exact.device())?;
    let numbers = integers.iter().map(|&q| q as f32);
    let numbers = Tensor::from_iter(numbers, exact.device())?.reshape(exact.shape())?;
    let left = (exact - numbers.broadcast_mul(&steps)?)?.to_dtype(DType::F64)?;
    let mean = match information {
        None => left.mean(0)?,
        Some(information) => {
            let weights = (information.to_dtype(DType::F64)? + 1e-6)?;
            ((left * &weights)?.sum(0)? / weights.sum(0)?)?
        }
    };
    Ok(mean.to_vec1()?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// 6 readings of 2 inputs and 3 outputs.
    fn case(information: Option<Tensor>) -> (Vec<f64>, Tensor, Target) {
        let tensor = |count: usize, width: usize| {
            let numbers = (0..count * width).map(|at| ((at * at * 7 + 3 * at) % 11) as f32 - 5.0);
            let numbers = Tensor::from_iter(numbers, &Device::Cpu).unwrap();
            numbers.reshape((count, width)).unwrap()
        };
        let target = Target {
            exact: tensor(6, 3),
            information,
        };
        (vec![0.5, -1.0, 2.0, 1.0, 0.25, -0.5], tensor(6, 2), target)
    }

    fn tensor(rows: [[f32; 3]; 6]) -> Tensor {
        Tensor::new(&rows, &Device::Cpu).unwrap()
    }

    #[test]
    fn readings_that_count_alike_count_as_without_information() {
        let (weights, numbers, target) = case(Some(tensor([[0.3; 3]; 6])));
        let (_, _, plain) = case(None);
        let [of_some, of_plain] =
            [&target, &plain].map(|target| moments(&weights, &numbers, target).unwrap());
        let distance = (&of_some.covariance - &of_plain.covariance).abs().max();
        assert!(distance < 1e-5, "{distance}");
        let distance = (&of_some.left - &of_plain.left).abs().max();
        assert!(distance < 1e-5, "{distance}");
        let integers: Vec<i32> = (0..18).map(|at| at % 5).collect();
        let [some, plain] =
            [&target, &plain].map(|target| shift(&integers, &[0.5, 1.0, 2.0], target).unwrap());
        for (some, plain) in some.iter().zip(plain) {
            assert!((some - plain).abs() < 1e-5, "{some} {plain}");
        }
    }

    /// Twice the weight is the reading twice; none is no reading.
    #[test]
    fn readings_count_by_what_is_known_of_their_outputs() {
        let count = [1.0, 2.0, 0.0, 1.0, 0.0, 2.0];
        let (weights, numbers, target) = case(Some(tensor(count.map(|one| [one; 3]))));
        let repeated = Tensor::new(&[0u32, 1, 1, 3, 5, 5], &Device::Cpu).unwrap();
        let select = |all: &Tensor| all.index_select(&repeated, 0).unwrap();
        let plain = Target {
            exact: select(&target.exact),
            information: None,
        };
        let of_some = moments(&weights, &numbers, &target).unwrap();
        let of_plain = moments(&weights, &select(&numbers), &plain).unwrap();
        let distance = (&of_some.covariance - &of_plain.covariance).abs().max();
        assert!(distance < 1e-4, "{distance}");
        let distance = (&of_some.left - &of_plain.left).abs().max();
        assert!(distance < 1e-4, "{distance}");
        let zeros = vec![0; 18];
        let some = shift(&zeros, &[1.0; 3], &target).unwrap();
        let plain = shift(&zeros, &[1.0; 3], &plain).unwrap();
        for (some, plain) in some.iter().zip(plain) {
            assert!((some - plain).abs() < 1e-5, "{some} {plain}");
        }
    }
}
