//! Rounding input by input, where each rounding's error is made good by the weights that are not rounded yet
//! (Frantar, Ashkboos, Hoefler and Alistarh, "GPTQ: accurate post-training quantization for generative pre-trained
//! transformers", ICLR 2023, algorithm 1, in blocks of one and with inputs of large variance first; after Hassibi
//! and Stork, "Second order derivatives for network pruning: optimal brain surgeon", 1993). The weights that are
//! rounded are not the trained ones, but those with which the integers that a layer takes in, the errors of the
//! layers before it among them, come nearest to the trained outputs.
//!
//! What is to be small is the variance of each output's error over readings; its mean, bias correction takes away.

use super::rows::Grid;
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// What is added to the variance of each input, as a part of the mean of all: the algorithm's own.
const DAMPING: f64 = 0.01;

/// The weights of a layer, in multiples of 16 where they have four bits, (inputs, outputs). Written as two hexadecimal digits each, in
/// two's complement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Multiples(pub Vec<i8>);

impl From<Multiples> for String {
    fn from(Multiples(all): Multiples) -> Self {
        let mut text = Self::with_capacity(2 * all.len());
        for n in all {
            // Writing to a string does not fail.
            let _ = write!(text, "{:02x}", n.cast_unsigned());
        }
        text
    }
}

impl TryFrom<String> for Multiples {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |pair: &[u8]| {
            let digits: &[u8; 2] = pair.try_into().ok()?;
            let digit = |c: u8| char::from(c).to_digit(16);
            let byte = 16 * digit(digits[0])? + digit(digits[1])?;
            Some((byte as u8).cast_signed())
        };
        let pairs = text.as_bytes().chunks(2);
        let all = pairs.map(|pair| {
            number(pair).ok_or_else(|| {
                let pair = String::from_utf8_lossy(pair);
                format!("{pair:?} is no weight: use two hexadecimal digits for each")
            })
        });
        Ok(Self(all.collect::<Result<_, _>>()?))
    }
}

/// What readings say of a layer, each less its mean.
#[derive(Debug)]
pub(super) struct Moments {
    /// Of the integers that the layer takes in.
    pub(super) covariance: DMatrix<f64>,
    /// Of these (rows) and of what the weights in floats, on these, leave of each output that training saw (columns).
    pub(super) left: DMatrix<f64>,
}

/// How errors are made good in a layer.
#[derive(Debug)]
pub(super) struct Compensation {
    /// Of the inputs.
    order: Vec<usize>,
    /// What is added to the weights, (inputs in that order, outputs); none where all inputs are constant.
    change: Option<DMatrix<f64>>,
    /// L of L L' = the inverse of the covariance in that order; none where all inputs are constant.
    factors: Option<DMatrix<f64>>,
}

/// Weights that were rounded.
#[derive(Debug)]
pub(super) struct Rounded {
    /// (inputs, outputs).
    pub(super) multiples: Vec<i8>,
    /// The variance of each output's error that rounding leaves.
    pub(super) errors: Vec<f64>,
}

impl Compensation {
    /// By `moments`.
    pub(super) fn new(moments: &Moments) -> Self {
        let Moments { covariance, left } = moments;
        let mut order: Vec<usize> = (0..covariance.nrows()).collect();
        order.sort_by(|&a, &b| covariance[(b, b)].total_cmp(&covariance[(a, a)]));
        let inverse = inverse(covariance, &order);
        let change = inverse.as_ref().map(|inverse| {
            let ordered = |i: usize, j: usize| left[(order[i], j)];
            inverse * DMatrix::from_fn(left.nrows(), left.ncols(), ordered)
        });
        Self {
            change,
            factors: inverse.and_then(|inverse| Some(inverse.cholesky()?.l())),
            order,
        }
    }

    /// Rounds `weights` (inputs, outputs) to multiples of `steps`, one for each output, as large as `grid` lets them be.
    pub(super) fn round(&self, mut weights: Vec<f64>, steps: &[f64], grid: Grid) -> Rounded {
        let outputs = steps.len();
        if let Some(change) = &self.change {
            for (place, &input) in self.order.iter().enumerate() {
                let row = &mut weights[input * outputs..][..outputs];
                let change = change.row(place);
                row.iter_mut().zip(&change).for_each(|(w, by)| *w += by);
            }
        }
        let mut rounded = Rounded {
            multiples: vec![0; weights.len()],
            errors: vec![0.0; outputs],
        };
        let mut errors = vec![0.0; outputs];
        for (place, &input) in self.order.iter().enumerate() {
            let row = &weights[input * outputs..][..outputs];
            let multiples = &mut rounded.multiples[input * outputs..][..outputs];
            let diagonal = self.factors.as_ref().map_or(1.0, |l| l[(place, place)]);
            let all = row.iter().zip(steps).zip(multiples).zip(&mut errors);
            for (((&weight, step), multiple), error) in all {
                let n = (weight / step).round().clamp(-grid.most, grid.most);
                *multiple = n as i8;
                *error = (weight - n * step) / diagonal;
            }
            let sums = rounded.errors.iter_mut().zip(&errors);
            sums.for_each(|(sum, error)| *sum += error * error);
            let Some(l) = &self.factors else { continue };
            for (later, &other) in self.order.iter().enumerate().skip(place + 1) {
                let part = l[(later, place)];
                let row = &mut weights[other * outputs..][..outputs];
                row.iter_mut()
                    .zip(&errors)
                    .for_each(|(w, error)| *w -= part * error);
            }
        }
        rounded
    }
}

/// The covariance in that order, damped and inverted; none where all inputs are constant.
fn inverse(covariance: &DMatrix<f64>, order: &[usize]) -> Option<DMatrix<f64>> {
    let count = order.len();
    let damping = DAMPING * covariance.trace() / count as f64;
    let ordered = DMatrix::from_fn(count, count, |i, j| {
        let damping = if i == j { damping } else { 0.0 };
        covariance[(order[i], order[j])] + damping
    });
    Some(ordered.cholesky()?.inverse())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{self, Purpose, normals};
    use elbow::layer::WeightBits;

    /// `sum_r e_r' C e_r` of what rounding leaves of each output's weights.
    fn error(weights: &[f64], multiples: &[i8], steps: &[f64], covariance: &DMatrix<f64>) -> f64 {
        let outputs = steps.len();
        let left = |input: usize, output: usize| {
            let at = input * outputs + output;
            weights[at] - f64::from(multiples[at]) * steps[output]
        };
        let inputs = covariance.nrows();
        let mut sum = 0.0;
        for output in 0..outputs {
            for i in 0..inputs {
                for j in 0..inputs {
                    sum += left(i, output) * covariance[(i, j)] * left(j, output);
                }
            }
        }
        sum
    }

    fn case() -> (Vec<f64>, Vec<f64>, DMatrix<f64>) {
        let mut rng = random::stream(9, Purpose::Noise);
        let mut draw = |count: usize| -> Vec<f64> {
            let drawn = normals(&mut rng, count);
            drawn.into_iter().map(f64::from).collect()
        };
        let (weights, mixed) = (draw(12 * 5), DMatrix::from_vec(12, 4, draw(12 * 4)));
        let covariance = &mixed * mixed.transpose() + DMatrix::identity(12, 12) * 0.1;
        (weights, vec![0.3, 0.4, 0.35, 0.5, 0.25], covariance)
    }

    fn nearest(weights: &[f64], steps: &[f64], most: f64) -> Vec<i8> {
        let rounded = weights.chunks_exact(steps.len()).flat_map(|row| {
            let pairs = row.iter().zip(steps);
            pairs.map(move |(w, step)| (w / step).round().clamp(-most, most) as i8)
        });
        rounded.collect()
    }

    /// With nothing left by the weights in floats.
    fn rounded(
        weights: &[f64],
        steps: &[f64],
        bits: WeightBits,
        covariance: &DMatrix<f64>,
    ) -> Rounded {
        let moments = Moments {
            covariance: covariance.clone(),
            left: DMatrix::zeros(12, 5),
        };
        Compensation::new(&moments).round(weights.to_vec(), steps, Grid::new(bits))
    }

    #[test]
    fn errors_are_what_their_definition_says() {
        let (weights, steps, covariance) = case();
        let rounded = rounded(&weights, &steps, WeightBits::Four, &covariance);
        let damping = DAMPING * covariance.trace() / 12.0;
        let damped = &covariance + DMatrix::identity(12, 12) * damping;
        for (output, sum) in rounded.errors.iter().enumerate() {
            let weights: Vec<f64> = weights.iter().skip(output).step_by(5).copied().collect();
            let multiples = rounded.multiples.iter().skip(output).step_by(5);
            let multiples: Vec<i8> = multiples.copied().collect();
            let exact = error(&weights, &multiples, &steps[output..=output], &damped);
            assert!((sum - exact).abs() < 1e-9 * exact, "{sum} {exact}");
        }
    }

    #[test]
    fn what_correlated_inputs_do_not_tell_apart_is_made_good() {
        let (weights, coarse, covariance) = case();
        let fine: Vec<f64> = coarse.iter().map(|step| step / 16.0).collect();
        for (bits, steps, most) in [
            (WeightBits::Four, coarse, 7),
            (WeightBits::Eight, fine, 127),
        ] {
            let multiples = rounded(&weights, &steps, bits, &covariance).multiples;
            let plain = nearest(&weights, &steps, f64::from(most));
            let plain = error(&weights, &plain, &steps, &covariance);
            let compensated = error(&weights, &multiples, &steps, &covariance);
            assert!(compensated < 0.5 * plain, "{compensated} {plain}");
            assert!(multiples.iter().all(|&n| (-most..=most).contains(&n)));
        }
    }

    #[test]
    fn uncorrelated_and_constant_inputs_take_the_nearest() {
        let (weights, steps, _) = case();
        for covariance in [DMatrix::identity(12, 12) * 3.0, DMatrix::zeros(12, 12)] {
            let multiples = rounded(&weights, &steps, WeightBits::Four, &covariance).multiples;
            assert_eq!(multiples, nearest(&weights, &steps, 7.0));
        }
    }

    /// Weights that are off by a known change, which what they leave tells: the change comes back, but for damping and
    /// steps.
    #[test]
    fn weights_go_to_where_the_integers_tell_the_outputs_best() {
        let (weights, _, covariance) = case();
        let change = DMatrix::from_fn(12, 5, |i, j| ((i + 2 * j) % 5) as f64 - 2.0);
        let damping = DMatrix::identity(12, 12) * (DAMPING * covariance.trace() / 12.0);
        let moments = Moments {
            left: (&covariance + damping) * &change,
            covariance: covariance.clone(),
        };
        let steps = [0.05; 5];
        let grid = Grid::new(WeightBits::Eight);
        let rounded = Compensation::new(&moments).round(weights.clone(), &steps, grid);
        let moved: Vec<f64> = (0..60)
            .map(|at| weights[at] + change[(at / 5, at % 5)])
            .collect();
        let before = error(
            &moved,
            &nearest(&weights, &steps, 127.0),
            &steps,
            &covariance,
        );
        let after = error(&moved, &rounded.multiples, &steps, &covariance);
        assert!(after < 1e-3 * before, "{after} {before}");
    }

    #[test]
    fn multiples_are_written_as_digits() {
        let multiples = Multiples(vec![-127, -1, 0, 3, 127]);
        assert_eq!(String::from(multiples.clone()), "81ff00037f");
        assert_eq!(Multiples::try_from("81ff00037f".to_string()), Ok(multiples));
        for text in ["0", "001", "1g", "+1", "é"] {
            assert!(Multiples::try_from(text.to_string()).is_err(), "{text}");
        }
    }
}
