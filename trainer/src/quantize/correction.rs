//! Bias correction: what quantization shifts each output of a layer by in the mean, put into its bias (Nagel
//! et al., "Data-free quantization through weight equalization and bias correction", 2019, section 4.2, here
//! with means over readings, as in its appendix D), layer by layer, each rounded ([`super::rounding`]) on what those
//! before it give.

use super::calibration_set::CalibrationSet;
use super::operand::Operand;
use super::plan::{LayerPlan, Plan, Rounding};
use super::rounding::{Target, rounded};
use super::rows::Rows;
use super::scheme::{LayerScheme, Scheme};
use crate::error::Error;
use crate::model::{Dense, LayerId, Likelihood, Vae};
use crate::readings::Normalization;
use candle_core::{DType, Tensor};
use elbow::internal::{self as kernel, Numbers, Operands, operand_words};
use elbow::layer::{Packing, WeightBits};

/// The plan whose weights make good each other's rounding, and whose biases are corrected, on the normal readings of `set`,
/// each layer after those before it.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`].
pub(super) fn compensated(
    vae: &Vae,
    normalization: &Normalization,
    plan: &Plan,
    set: &CalibrationSet,
) -> Result<Plan, Error> {
    let scheme = Scheme::new(vae, normalization, plan)?;
    let depth = vae.depth();
    let mut plan = plan.clone();
    let networks = [
        (LayerId::Heads, set.normal.batch.inputs.clone()),
        (LayerId::Output, set.taken_in(vae)?),
    ];
    for (last, mut floats) in networks {
        let mut layer = depth.first(last);
        let mut integers = integers(&floats, &scheme.layers[layer].input)?;
        loop {
            let (dense, scheme) = (vae.layer(layer), &scheme.layers[layer]);
            let exact = dense.forward(&floats)?;
            let likelihood = (layer == LayerId::Output).then_some(&vae.likelihood);
            let target = Target {
                information: information(likelihood, &exact)?,
                exact,
            };
            let layer_plan = &mut plan.layers[layer];
            integers = compensate(dense, layer_plan, scheme, &integers, &target)?;
            let Some(next) = depth.next(layer) else {
                break;
            };
            floats = target.exact.relu()?;
            layer = next;
        }
    }
    Ok(plan)
}

/// The plan that was written, with the compensated weights that it was written without.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`] where the plan is of another model.
pub fn restored(
    vae: &Vae,
    normalization: &Normalization,
    plan: Plan,
    set: &CalibrationSet,
) -> Result<Plan, Error> {
    let is_compensated = |layer: &LayerPlan| matches!(layer.rounding, Rounding::Compensated { .. });
    if plan.layers.values().any(is_compensated) {
        return compensated(vae, normalization, &plan.to_nearest(), set);
    }
    Ok(plan)
}

/// Weight of the square of an error of each of the outputs `exact`; none where it is the same for all readings.
fn information(likelihood: Option<&Likelihood>, exact: &Tensor) -> Result<Option<Tensor>, Error> {
    let likelihood = likelihood.filter(|likelihood| likelihood.log_deviation().is_none());
    let information = likelihood.map(|likelihood| likelihood.information(exact));
    information.transpose()
}

/// Finds the rounding of a layer, and gives what the next one takes in.
fn compensate(
    layer: &Dense,
    plan: &mut LayerPlan,
    scheme: &LayerScheme,
    integers: &[i32],
    target: &Target,
) -> Result<Vec<i32>, Error> {
    let (quantized_weights, weight_scales) = rounded(layer, plan.bits, scheme, integers, target)?;
    let with = |correction| Rounding::Compensated {
        weight_scales: weight_scales.clone(),
        quantized_weights: quantized_weights.clone(),
        correction,
    };
    let uncorrected = with(vec![0.0; scheme.output_scales.len()]);
    let rows = Rows::of_layer(layer, (plan.bits, uncorrected), scheme)?;
    let shift = shift(&outputs(&rows, integers), &scheme.output_scales, target)?;
    plan.rounding = with(shift);
    let rows = Rows::of_layer(layer, (plan.bits, plan.rounding.clone()), scheme)?;
    let mut outputs = outputs(&rows, integers);
    if let Some(q_max) = scheme.q_max.map(i32::from) {
        let rectified = |q: &mut i32| *q = (*q).clamp(0, 2 * q_max) - q_max;
        outputs.iter_mut().for_each(rectified);
    }
    Ok(outputs)
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

/// The mean of what `integers` lack of `target`, output by output, each reading by what it counts for.
fn shift(integers: &[i32], output_scales: &[f64], target: &Target) -> Result<Vec<f64>, Error> {
    let Target { exact, information } = target;
    let scales = output_scales.iter().map(|&scale| scale as f32);
    let scales = Tensor::from_iter(scales, exact.device())?;
    let numbers = integers.iter().map(|&q| q as f32);
    let numbers = Tensor::from_iter(numbers, exact.device())?.reshape(exact.shape())?;
    let left = (exact - numbers.broadcast_mul(&scales)?)?.to_dtype(DType::F64)?;
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
fn outputs(rows: &Rows, integers: &[i32]) -> Vec<i32> {
    let spec = rows.to_spec();
    let columns = spec.columns();
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
