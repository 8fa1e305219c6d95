//! Rounding to four bits input by input, where each rounding's error is made good by the weights that are not
//! rounded yet (Frantar, Ashkboos, Hoefler and Alistarh, "GPTQ: accurate post-training quantization for generative
//! pre-trained transformers", ICLR 2023, algorithm 1, in blocks of one and with inputs of large variance first;
//! after Hassibi and Stork, "Second order derivatives for network pruning: optimal brain surgeon", 1993).
//!
//! What is to be small is the variance of each output's error over readings; its mean, bias correction takes away.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

/// The largest multiple of a step.
const MOST: f64 = 7.0;
/// What is added to the variance of each input, as a part of the mean of all: the algorithm's own.
const DAMPING: f64 = 0.01;

/// The weights of a layer of four bits as multiples of 16, (inputs, outputs). Written as hexadecimal digits, 8
/// for 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Multiples(pub Vec<i8>);

impl From<Multiples> for String {
    fn from(multiples: Multiples) -> Self {
        let digits = multiples.0.into_iter();
        let digit = |n: i8| char::from_digit((i32::from(n) + 8) as u32, 16);
        digits.filter_map(digit).collect()
    }
}

impl TryFrom<String> for Multiples {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digit = |c: char| {
            let n = c.to_digit(16).filter(|&n| n > 0);
            n.map(|n| n as i8 - 8)
                .ok_or_else(|| format!("{c} is no weight of four bits: use digits from 1 to f"))
        };
        Ok(Self(text.chars().map(digit).collect::<Result<_, _>>()?))
    }
}

/// Rounds `weights` (inputs, outputs) to multiples of `steps`, one for each output, from -7 to 7. `covariance` is
/// that of the inputs.
pub(super) fn compensate(
    mut weights: Vec<f64>,
    steps: &[f64],
    covariance: &DMatrix<f64>,
) -> Multiples {
    let (inputs, outputs) = (covariance.nrows(), steps.len());
    let mut order: Vec<usize> = (0..inputs).collect();
    order.sort_by(|&a, &b| covariance[(b, b)].total_cmp(&covariance[(a, a)]));
    let factors = factors(covariance, &order);
    let mut multiples = vec![0; inputs * outputs];
    let mut errors = vec![0.0; outputs];
    for (place, &input) in order.iter().enumerate() {
        let row = &weights[input * outputs..][..outputs];
        let rounded = &mut multiples[input * outputs..][..outputs];
        let diagonal = factors.as_ref().map_or(1.0, |l| l[(place, place)]);
        let all = row.iter().zip(steps).zip(rounded).zip(&mut errors);
        for (((&weight, step), rounded), error) in all {
            let n = (weight / step).round().clamp(-MOST, MOST);
            *rounded = n as i8;
            *error = (weight - n * step) / diagonal;
        }
        let Some(l) = &factors else { continue };
        for (later, &other) in order.iter().enumerate().skip(place + 1) {
            let part = l[(later, place)];
            let row = &mut weights[other * outputs..][..outputs];
            row.iter_mut()
                .zip(&errors)
                .for_each(|(w, error)| *w -= part * error);
        }
    }
    Multiples(multiples)
}

/// L of L L' = (the covariance in that order, damped) inverted; none where all inputs are constant.
fn factors(covariance: &DMatrix<f64>, order: &[usize]) -> Option<DMatrix<f64>> {
    let count = order.len();
    let damping = DAMPING * covariance.trace() / count as f64;
    let ordered = DMatrix::from_fn(count, count, |i, j| {
        let damping = if i == j { damping } else { 0.0 };
        covariance[(order[i], order[j])] + damping
    });
    Some(ordered.cholesky()?.inverse().cholesky()?.l())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{self, Purpose, normals};

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

    fn nearest(weights: &[f64], steps: &[f64]) -> Vec<i8> {
        let rounded = weights.chunks_exact(steps.len()).flat_map(|row| {
            let pairs = row.iter().zip(steps);
            pairs.map(|(w, step)| (w / step).round().clamp(-7.0, 7.0) as i8)
        });
        rounded.collect()
    }

    #[test]
    fn what_correlated_inputs_do_not_tell_apart_is_made_good() {
        let (weights, steps, covariance) = case();
        let Multiples(multiples) = compensate(weights.clone(), &steps, &covariance);
        let plain = error(&weights, &nearest(&weights, &steps), &steps, &covariance);
        let compensated = error(&weights, &multiples, &steps, &covariance);
        assert!(compensated < 0.5 * plain, "{compensated} {plain}");
        assert!(multiples.iter().all(|n| (-7..=7).contains(n)));
    }

    #[test]
    fn uncorrelated_and_constant_inputs_take_the_nearest() {
        let (weights, steps, _) = case();
        for covariance in [DMatrix::identity(12, 12) * 3.0, DMatrix::zeros(12, 12)] {
            let Multiples(multiples) = compensate(weights.clone(), &steps, &covariance);
            assert_eq!(multiples, nearest(&weights, &steps));
        }
    }

    #[test]
    fn multiples_are_written_as_digits() {
        let multiples = Multiples(vec![-7, -1, 0, 3, 7]);
        assert_eq!(String::from(multiples.clone()), "178bf");
        assert_eq!(Multiples::try_from("178bf".to_string()), Ok(multiples));
        for text in ["0", "1g", " "] {
            assert!(Multiples::try_from(text.to_string()).is_err(), "{text}");
        }
    }
}
