//! Output scales of hidden units. A rectified unit may have any: the next layer's weights take it in. As fine as a unit's range allows is best for the unit, but weights of one row share a scale: beside the
//! weights of a unit with large steps, those of all others are coarse (Nagel et al., "Data-free quantization through
//! weight equalization and bias correction", 2019, section 4.1, who make ranges of weights alike). Here steps are
//! chosen with which the two together cost the fewest nats.
//!
//! In the mean over readings, to second order, steps `s_c` of the inputs c of a layer with weights `w_cr` cost
//! half of
//!
//! ```text
//! sum_r I_r ( PART (max_c |w_cr| s_c / M)^2 / 12 sum_c V_c / s_c^2  +  sum_c O_c w_cr^2 s_c^2 / 12 )
//! ```
//!
//! with the Fisher information `I_r` of output r, the variance `V_c` of unit c, the fraction `O_c` of readings on which
//! it is above zero (zero is exact), M the largest weight in integers, and PART what is left where errors of rounding
//! are made good. In the logarithms of the steps this is convex.

use super::calibration_set::CalibrationSet;
use super::plan::Plan;
use super::ranges::hidden_outputs;
use super::rows::Grid;
use crate::error::Error;
use crate::model::{Dense, Posterior, Vae};
use crate::numeric::random::{self, Purpose, normals};
use candle_core::{DType, Tensor};

/// Part of the squared error of rounding that compensation ([`super::compensate`]) leaves. Sensible from 0.1, where inputs
/// are correlated, to 1, where they are not.
const PART: f64 = 0.25;
/// Power of the mean that stands for the largest square in a row, so that the sum is smooth. Sensible from 4 to 16: higher
/// powers are nearer to the largest and need more changes.
const POWER: i32 = 8;
/// Changes of all output scales, after which the cost is the least to a part in 10^5.
const CHANGES: usize = 100;
/// Rate of change, of the logarithm of the ratio that is 1 in the end. Scales swing above `2 / POWER`; far below, they need
/// more changes.
const RATE: f64 = 0.1;
/// The largest change of a logarithm.
const LARGEST_CHANGE: f64 = 0.3;
/// Steps in a range, at least, even where a unit's weights are next to nothing.
const LEAST_STEPS: f64 = 15.0;

/// Measurements of a layer that takes hidden units in.
#[derive(Clone, Debug)]
struct Taken {
    /// The variance of each unit.
    variances: Vec<f64>,
    /// The part of readings on which each unit is above zero.
    open: Vec<f64>,
    /// (units, outputs).
    squared_weights: Vec<f64>,
    /// The mean Fisher information of each output.
    information: Vec<f64>,
}

/// Measurements that the output scales of all hidden units are chosen by.
#[derive(Clone, Debug)]
pub(super) struct Balance {
    /// The layers behind the hidden layers of the encoder, and of the decoder.
    layers: Vec<Taken>,
}

impl Balance {
    /// Measures the normal readings of `set`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub(super) fn new(vae: &Vae, set: &CalibrationSet) -> Result<Self, Error> {
        let inputs = &set.normal.batch.inputs;
        let latents = set.taken_in(vae)?;
        let mut layers = half(&vae.encoder, &vae.heads, inputs, |heads| {
            Posterior::of_heads(vae.latent(), heads.clone())?.information()
        })?;
        layers.extend(half(&vae.decoder, &vae.output, &latents, |outputs| {
            vae.likelihood.information(outputs)
        })?);
        Ok(Self { layers })
    }

    /// The plan with the output scales that are best for its ranges, its widths and the bits of its weights.
    pub(super) fn apply(&self, mut plan: Plan) -> Plan {
        let depth = plan.layers.depth();
        let hidden = depth.layers().filter(|id| id.is_hidden());
        for (layer, taken) in hidden.zip(&self.layers) {
            let bits = depth.next(layer).map(|next| plan.layers[next].bits);
            let most = Grid::new(bits.unwrap_or_default()).most;
            if let Some(activations) = &mut plan.layers[layer].activations {
                let finest = activations.width.finest(&activations.ranges);
                let scales = taken.output_scales(&finest, &activations.ranges, most);
                activations.output_scales = Some(scales);
            }
        }
        plan
    }
}

impl Taken {
    /// The best output scales for units that reach `ranges`, at least `finest`, with weights of up to `most`.
    fn output_scales(&self, finest: &[f64], ranges: &[f64], most: f64) -> Vec<f64> {
        let bounds = finest.iter().zip(ranges).map(|(finest, range)| {
            let coarsest = range / LEAST_STEPS;
            (finest * finest, coarsest * coarsest)
        });
        let bounds: Vec<(f64, f64)> = bounds.collect();
        let of_units: Vec<f64> = self
            .rows()
            .zip(&self.open)
            .map(|(row, open)| {
                let costs = row.iter().zip(&self.information);
                open * costs.map(|(weight, worth)| weight * worth).sum::<f64>()
            })
            .collect();
        let scale = PART / (most * most);
        let mut squares: Vec<f64> = bounds.iter().map(|&(least, _)| least).collect();
        for _ in 0..CHANGES {
            let means = PowerMeans::new(self, &squares);
            let noise: f64 = self
                .variances
                .iter()
                .zip(&squares)
                .map(|(v, s)| v / s)
                .sum();
            let total: f64 = means.costs.iter().sum();
            let units = self.rows().zip(&self.variances).zip(&of_units).zip(&bounds);
            for (square, (((row, variance), of_unit), bounds)) in squares.iter_mut().zip(units) {
                // What falls as scales grow, and what grows.
                let falls = scale * total * variance / *square;
                let grows = scale * noise * means.part(row, *square) + of_unit * *square;
                let change = (falls / grows.max(f64::MIN_POSITIVE)).max(f64::MIN_POSITIVE);
                let change = (RATE * change.ln()).clamp(-LARGEST_CHANGE, LARGEST_CHANGE);
                *square = (*square * change.exp()).clamp(bounds.0, bounds.1);
            }
        }
        squares.into_iter().map(f64::sqrt).collect()
    }

    /// The squared weights of each unit.
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.squared_weights.chunks_exact(self.information.len())
    }
}

/// The power means of `w_cr^2 s_c^2` over the units c of each output r.
struct PowerMeans {
    /// The largest of each output.
    largest: Vec<f64>,
    /// Sums of powers, relative to the largest.
    sums: Vec<f64>,
    /// Fisher information times power mean.
    costs: Vec<f64>,
}

impl PowerMeans {
    fn new(taken: &Taken, squares: &[f64]) -> Self {
        let outputs = taken.information.len();
        let mut largest = vec![f64::MIN_POSITIVE; outputs];
        for (row, square) in taken.rows().zip(squares) {
            let pairs = largest.iter_mut().zip(row);
            pairs.for_each(|(largest, weight)| *largest = largest.max(weight * square));
        }
        let mut sums = vec![0.0; outputs];
        for (row, &square) in taken.rows().zip(squares) {
            let all = sums.iter_mut().zip(row).zip(&largest);
            all.for_each(|((sum, &weight), &largest)| *sum += power(weight, square, largest));
        }
        let all = largest.iter().zip(&sums).zip(&taken.information);
        let costs = all
            .map(|((largest, sum), worth)| worth * largest * sum.powf(1.0 / f64::from(POWER)))
            .collect();
        Self {
            largest,
            sums,
            costs,
        }
    }

    /// The part of a unit with these squared weights and this square of its scale.
    fn part(&self, row: &[f64], square: f64) -> f64 {
        let all = row
            .iter()
            .zip(&self.largest)
            .zip(&self.sums)
            .zip(&self.costs);
        all.map(|(((&weight, &largest), sum), cost)| cost * power(weight, square, largest) / sum)
            .sum()
    }
}

fn power(weight: f64, square: f64, largest: f64) -> f64 {
    (weight * square / largest).powi(POWER)
}

/// Measurements of the layers of a network behind the first, which takes `inputs` in; `information` is that of the last
/// one's outputs.
fn half(
    hidden: &[Dense],
    last: &Dense,
    inputs: &Tensor,
    information: impl Fn(&Tensor) -> Result<Tensor, Error>,
) -> Result<Vec<Taken>, Error> {
    let units = hidden_outputs(hidden, inputs)?;
    let outputs = last.forward(units.last().unwrap_or(inputs))?.detach();
    // With g = J' noise of unit variance, the mean of g^2 is the diagonal of J' J.
    let mut rng = random::stream(0, Purpose::Evaluation);
    let noise = normals(&mut rng, outputs.elem_count());
    let noise = Tensor::from_vec(noise, outputs.shape(), outputs.device())?;
    let mut gradient = (noise * information(&outputs)?.sqrt()?)?;
    let mut layers = vec![];
    let mut layer = last;
    for (before, units) in hidden.iter().zip(&units).rev() {
        let open = units.gt(0.0)?.to_dtype(DType::F32)?;
        let weight = layer.weight.detach();
        layers.push(Taken {
            variances: variances(units)?,
            open: to_numbers(&open.mean(0)?)?,
            squared_weights: to_numbers(&weight.sqr()?)?,
            information: to_numbers(&gradient.sqr()?.mean(0)?)?,
        });
        gradient = (gradient.matmul(&weight.t()?)? * open)?;
        layer = before;
    }
    layers.reverse();
    Ok(layers)
}

/// Variance of each column.
fn variances(rows: &Tensor) -> Result<Vec<f64>, Error> {
    let rows = rows.to_dtype(DType::F64)?;
    let centred = rows.broadcast_sub(&rows.mean_keepdim(0)?)?;
    to_numbers(&centred.sqr()?.mean(0)?)
}

fn to_numbers(tensor: &Tensor) -> Result<Vec<f64>, Error> {
    Ok(tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    const MOST: f64 = 127.0;

    /// 5 units and 3 outputs, with numbers of very different sizes.
    fn case() -> (Taken, Vec<f64>) {
        let mut rng = random::stream(4, Purpose::Noise);
        let mut draw = |count: usize| -> Vec<f64> {
            let drawn = normals(&mut rng, count).into_iter();
            drawn.map(|number| f64::from(number).exp()).collect()
        };
        let taken = Taken {
            variances: draw(5),
            open: vec![0.5, 0.9, 0.1, 1.0, 0.0],
            squared_weights: draw(15),
            information: draw(3),
        };
        let finest = draw(5).into_iter().map(|step| step / 500.0).collect();
        (taken, finest)
    }

    /// The best for units of 254 steps.
    fn steps(taken: &Taken, finest: &[f64], most: f64) -> Vec<f64> {
        let ranges: Vec<f64> = finest.iter().map(|step| 254.0 * step).collect();
        taken.output_scales(finest, &ranges, most)
    }

    /// The formula above, but for the power mean.
    fn cost(taken: &Taken, steps: &[f64]) -> f64 {
        let weight = |c: usize, r: usize| taken.squared_weights[3 * c + r];
        let noise: f64 = (0..5).map(|c| taken.variances[c] / steps[c].powi(2)).sum();
        let of_row = |r: usize| {
            let powers = (0..5).map(|c| (weight(c, r) * steps[c].powi(2)).powi(POWER));
            let largest = powers.sum::<f64>().powf(1.0 / f64::from(POWER));
            let of_units = (0..5).map(|c| taken.open[c] * weight(c, r) * steps[c].powi(2));
            taken.information[r] * (PART * largest / MOST.powi(2) * noise + of_units.sum::<f64>())
        };
        (0..3).map(of_row).sum()
    }

    #[test]
    fn no_other_steps_cost_less() {
        let (taken, finest) = case();
        let steps = steps(&taken, &finest, MOST);
        assert!(steps.iter().zip(&finest).all(|(step, least)| step >= least));
        let (least, before) = (cost(&taken, &steps), cost(&taken, &finest));
        assert!(least < 0.9 * before, "{least} {before}");
        let held = steps.iter().zip(&finest);
        let held = held.filter(|(step, least)| **step < **least * 1.000_001);
        assert!((1..5).contains(&held.count()), "{steps:?} {finest:?}");
        for unit in 0..5 {
            for factor in [0.9, 0.97, 1.03, 1.1] {
                let mut other = steps.clone();
                other[unit] = (other[unit] * factor).max(finest[unit]);
                let other = cost(&taken, &other);
                assert!(other >= least * 0.999_99, "unit {unit}: {other} {least}");
            }
        }
    }

    /// Weights that are far coarser than activations leave activations coarse for their sake, and the other way round
    /// steps stay where they are.
    #[test]
    fn the_coarser_of_the_two_decides() {
        let (taken, finest) = case();
        let sum = |steps: Vec<f64>| -> f64 {
            let ratios = steps.iter().zip(&finest).map(|(step, least)| step / least);
            ratios.sum()
        };
        let (of_few, of_many) = (
            sum(steps(&taken, &finest, 7.0)),
            sum(steps(&taken, &finest, 1e6)),
        );
        assert!(of_few > 2.0 * of_many, "{of_few} {of_many}");
        // No reading is above zero in the last unit: its own steps cost nothing.
        let others: f64 = steps(&taken, &finest, 1e6)[..4]
            .iter()
            .zip(&finest)
            .map(|(step, least)| step / least)
            .sum();
        assert!((others - 4.0).abs() < 1e-6, "{others}");
    }

    #[test]
    fn a_unit_that_never_moves_is_fine_and_one_without_weights_coarse() {
        let (mut taken, finest) = case();
        taken.variances[2] = 0.0;
        taken.squared_weights[..3].fill(0.0);
        let of_both = steps(&taken, &finest, MOST);
        let unused = of_both[0] / finest[0];
        assert!((unused - 254.0 / LEAST_STEPS).abs() < 1e-9, "{unused}");
        assert!((of_both[2] / finest[2] - 1.0).abs() < 1e-9, "{of_both:?}");
        taken.variances.fill(0.0);
        taken.information.fill(0.0);
        let steps = steps(&taken, &finest, MOST);
        assert!(steps.iter().all(|step| step.is_finite()), "{steps:?}");
    }

    /// Two hidden layers: by the chain rule, written out.
    #[test]
    fn information_goes_back_through_the_layers() {
        let mut rng = random::stream(8, Purpose::Noise);
        let device = Device::Cpu;
        let mut dense = |inputs, outputs| Dense::new(inputs, outputs, &mut rng, &device).unwrap();
        let (hidden, last) = ([dense(3, 4), dense(4, 5)], dense(5, 2));
        // The same reading many times, so that draws average out.
        let reading = Tensor::new(&[[0.7f32, -1.2, 0.4]], &device).unwrap();
        let readings = reading.repeat((40_000, 1)).unwrap();
        let of_outputs = [2.0, 0.5f32];
        let layers = half(&hidden, &last, &readings, |outputs| {
            let row = Tensor::new(&of_outputs, outputs.device())?;
            Ok(row.broadcast_as(outputs.shape())?.contiguous()?)
        });
        let layers = layers.unwrap();
        assert_eq!(layers.len(), 2);
        let first = hidden[0].forward(&reading).unwrap().relu().unwrap();
        let second = hidden[1].forward(&first).unwrap().to_vec2::<f32>().unwrap();
        let weight = last.weight.to_vec2::<f32>().unwrap();
        for unit in 0..5 {
            let open = second[0][unit] > 0.0;
            assert_eq!(layers[1].open[unit], f64::from(u8::from(open)));
            let squares = weight[unit].iter().zip(of_outputs);
            let exact: f32 = squares.map(|(w, information)| w * w * information).sum();
            let exact = if open { f64::from(exact) } else { 0.0 };
            let found = layers[0].information[unit];
            assert!((found - exact).abs() <= 0.05 * exact, "{found} {exact}");
        }
        assert!(layers[0].information.iter().any(|&found| found > 0.0));
        for (found, exact) in layers[1].information.iter().zip(of_outputs) {
            assert!((found / f64::from(exact) - 1.0).abs() < 0.05, "{found}");
        }
        assert_eq!(layers[0].squared_weights.len(), 4 * 5);
        assert!(layers[0].variances.iter().all(|&variance| variance < 1e-9));
    }
}
