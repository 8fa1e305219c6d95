//! Bias correction: what quantization shifts each output of a layer by in the mean, put into its bias (Nagel
//! et al., "Data-free quantization through weight equalization and bias correction", 2019, section 4.2, here
//! with means over readings, as in its appendix D), layer by layer, each rounded ([`super::rounding`]) on what those
//! before it give.

use super::compensate::Multiples;
use super::layer::quantize_dense;
use super::operand::Operand;
use super::plan::{LayerPlan, Plan};
use super::pool::Pool;
use super::rounding::{Target, rounded};
use super::scheme::Scheme;
use crate::error::Error;
use crate::model::{Dense, Likelihood, Vae};
use crate::readings::Normalization;
use candle_core::{DType, Tensor};
use elbow::image::DenseSpec;
use elbow::internal::{self as kernel, Numbers, Operands, operand_words};
use elbow::layer::{Packing, WeightBits};

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
    let latents = pool.taken_in(vae)?;
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
            // What is the same for all readings weighs none of them.
            Some(likelihood) if likelihood.log_deviation().is_none() => {
                Some(likelihood.information(&exact)?)
            }
            _ => None,
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
    let layer = kernel::Dense {
        columns,
        packing: Packing::Rows,
        bits: WeightBits::Eight,
        weights: &weights,
        rows: &spec.rows,
        bounds: kernel::Bounds::UNKNOWN,
    };
    let mut words = vec![0; operand_words(columns, 1)];
    let mut all = Vec::with_capacity(integers.len() / columns * spec.rows.len());
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
    use super::super::rounding::moments;
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
