//! 0, 1, 2 and so on, negative binomial: `log p = ln C(x + r - 1, x) + x l - (x + r) softplus(l)` with the decoder's logit l
//! and learned failures r.

use super::family::{Allowed, Family, Group, LOGIT_STEP, Number, Start, Support, Terms};
use super::row::{Parameters, Row};
use super::special::{Rng, chances, exact_softplus, ln_gamma, softplus};
use crate::error::Error;
use candle_core::Tensor;
use elbow::distribution::{LARGEST_COUNT, LARGEST_FAILURES};
use elbow::image::GroupSpec;
use std::fmt;

/// Failures of a negative binomial, from and to: the most that an image holds.
pub(super) const FAILURES: (f64, f64) = (0.01, LARGEST_FAILURES as f64 / 65536.0);
/// The largest mean of a column of whole numbers that is taken for a count: above, steps of one are fine, and a normal
/// says the same.
const LARGEST_MEAN: f64 = 5.0;
/// The least gain of a count on a normal, nats a reading.
const GAIN: f64 = 0.05;
/// The least mean of a count that the decoder's bias starts from.
const LEAST_MEAN: f64 = 1e-2;
/// The end of a count's table, in standard deviations above the mean, and the least end.
const TABLE: (f32, f32) = (20.0, 7.0);

/// 0, 1, 2 and so on, negative binomial. The parameter is `-ln r`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count;

/// The failures r of a negative binomial with that mean and variance, `m + m^2 / r`, as far as an image holds them.
fn failures(mean: f64, variance: f64) -> f64 {
    let (least, most) = FAILURES;
    if variance <= mean {
        return most;
    }
    (mean * mean / (variance - mean)).clamp(least, most)
}

/// The largest count that an image tells from larger ones.
fn end_of_table(number: &Number) -> u8 {
    let (deviations, least) = TABLE;
    let largest = f32::from(number.center) + deviations * number.unit;
    // 255 at most: it saturates.
    largest.max(least).ceil() as u8
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (mean, squares.sum::<f64>() / count)
}

/// `softplus(l)` and `sigmoid(l)`.
fn softplus_and_sigmoid(logit: f32) -> (f32, f32) {
    let small = (-logit.abs()).exp();
    let sigmoid = if logit >= 0.0 { 1.0 } else { small } / (1.0 + small);
    (logit.max(0.0) + small.ln_1p(), sigmoid)
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("count")
    }
}

impl Family for Count {
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        matches!((name, number), ("count", None)).then_some(Self)
    }

    fn of_group(group: &GroupSpec) -> Option<Self> {
        matches!(group, GroupSpec::Count { .. }).then_some(Self)
    }

    /// Small counts that a negative binomial fits better than a normal.
    fn obvious(values: &[f64]) -> Option<Self> {
        let largest = f64::from(LARGEST_COUNT);
        let counts = |&value: &f64| (0.0..=largest).contains(&value) && value.fract() == 0.0;
        if values.is_empty() || !values.iter().all(counts) {
            return None;
        }
        let (mean, variance) = moments(values);
        if mean <= 0.0 || mean >= LARGEST_MEAN || variance == 0.0 {
            return None;
        }
        let failures = failures(mean, variance);
        let (chance, log_gamma) = (mean / (failures + mean), libm::lgamma);
        let of_count = |x: f64| {
            let choose = log_gamma(x + failures) - log_gamma(failures) - log_gamma(x + 1.0);
            choose + x * chance.ln() + failures * (1.0 - chance).ln()
        };
        let count = values.iter().map(|&x| of_count(x)).sum::<f64>() / values.len() as f64;
        // No density is finer than the step of one: its deviation is that of rounding, or more.
        let wide = variance.max(1.0 / 12.0);
        let normal = -0.5 * ((std::f64::consts::TAU * wide).ln() + variance / wide);
        (count > normal + GAIN).then_some(Self)
    }

    fn taken_for(&self) -> Option<&'static str> {
        Some("counts")
    }

    fn support(&self) -> Support {
        Support::Whole
    }

    fn largest(&self, number: &Number) -> i16 {
        end_of_table(number).into()
    }

    fn allowed(&self) -> Option<Allowed> {
        Some(Allowed {
            text: "a whole number from 0 on",
            largest: f64::INFINITY,
        })
    }

    fn bounds(&self, _: &Number) -> (f32, f32) {
        let log_failures = |failures: f64| -failures.ln() as f32;
        (log_failures(FAILURES.1), log_failures(FAILURES.0))
    }

    fn start(&self, mean: f64, square: f64) -> Start {
        let failures = failures(mean, square - mean * mean);
        Start {
            output: (mean.max(LEAST_MEAN) / failures).ln() as f32,
            parameter: Some(-failures.ln() as f32),
        }
    }

    fn terms(&self, x: &Tensor, outputs: &Tensor, parameters: &Tensor) -> Result<Tensor, Error> {
        let failures = parameters.neg()?.exp()?;
        let trials = x.broadcast_add(&failures)?;
        let choose = ln_gamma(&trials)?.broadcast_sub(&ln_gamma(&failures)?)?;
        Ok((((x * outputs)? - (trials * softplus(outputs)?)?)? + choose)?)
    }

    /// r p, of which the trials have p in common.
    fn information(&self, outputs: &Tensor, parameters: &Tensor) -> Result<Tensor, Error> {
        Ok(chances(outputs)?.broadcast_mul(&parameters.neg()?.exp()?)?)
    }

    /// The constant has the factorial.
    fn differentiate(
        &self,
        row: Row<'_>,
        parameters: Parameters<'_>,
        of_parameters: &mut [f32],
    ) -> f32 {
        let mut sum = 0.0;
        let numbers = row.target.iter().zip(row.observed).zip(row.outputs);
        let parameters = parameters.precisions.iter().zip(of_parameters);
        for (((&x, &seen), logit), (&failures, of_parameter)) in numbers.zip(parameters) {
            if seen == 0.0 {
                *logit = 0.0;
                continue;
            }
            let (softplus, sigmoid) = softplus_and_sigmoid(*logit);
            // Of `Gamma(x + r) / Gamma(r)`, whose factors are as many as counts.
            let (mut logarithm, mut slope) = (0.0f32, 0.0f32);
            for step in 0..x.max(0.0) as u32 {
                let factor = failures + step as f32;
                logarithm += factor.ln();
                slope += factor.recip();
            }
            sum += seen * (logarithm + x * *logit - (x + failures) * softplus);
            *of_parameter -= row.factor * seen * failures * (slope - softplus);
            *logit = row.factor * seen * (x - (x + failures) * sigmoid);
        }
        sum
    }

    fn log_densities(&self, x: &[f64], outputs: &[f64], parameters: &[f64]) -> Vec<f64> {
        let numbers = x.iter().zip(outputs).zip(parameters);
        let terms = numbers.map(|((x, logit), parameter)| {
            let failures = (-parameter).exp();
            let choose = libm::lgamma(x + failures) - libm::lgamma(failures);
            choose + x * logit - (x + failures) * exact_softplus(*logit)
        });
        terms.collect()
    }

    /// `-ln x!`.
    fn constants(&self) -> Vec<f64> {
        let counts = 0..=i16::MAX;
        counts.map(|x| -libm::lgamma(f64::from(x) + 1.0)).collect()
    }

    fn group(&self, number: &Number, _: f64, parameter: f64) -> Result<Group, Error> {
        Ok(Group {
            spec: GroupSpec::Count {
                failures: (-parameter).exp().clamp(FAILURES.0, FAILURES.1),
                largest: end_of_table(number),
            },
            step: LOGIT_STEP,
        })
    }

    fn replace(&self, _: &[i16], numbers: &mut [i16], _: f64, _: &mut Rng) {
        numbers
            .iter_mut()
            .for_each(|count| *count = (*count).max(0));
    }

    fn cost(&self) -> Terms {
        Terms::Count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_moments() {
        assert_eq!(failures(2.0, 2.5), 8.0);
        assert_eq!(failures(2.0, 2.0), 128.0);
        assert_eq!(failures(0.001, 100.0), 0.01);
    }
}
