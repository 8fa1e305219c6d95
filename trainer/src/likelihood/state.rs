//! One of a few states, a number for each: 1 at the state that it is; softmax.

use super::family::{Family, Group, LOGIT_STEP, Number, Start, Support, Terms};
use super::row::{Parameters, Row};
use super::special::{LEAST_FREQUENCY, Rng, fraction};
use crate::error::Error;
use candle_core::{D, Tensor};
use elbow::distribution::UNSEEN;
use elbow::image::GroupSpec;
use rand_core::Rng as _;
use std::fmt;

/// One of a few states. A reading of none of them is scored as one that was never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Their number, at least two.
    pub states: u16,
}

/// Log density of what was never seen, nats.
const LOG_UNSEEN: f64 = UNSEEN as f64 / 65536.0;

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state:{}", self.states)
    }
}

impl Family for State {
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        let states = number.filter(|_| name == "state")?.parse().ok()?;
        (states >= 2).then_some(Self { states })
    }

    fn of_group(group: &GroupSpec) -> Option<Self> {
        match *group {
            GroupSpec::States { count } => Some(Self { states: count }),
            _ => None,
        }
    }

    fn numbers(&self) -> usize {
        self.states.into()
    }

    fn support(&self) -> Support {
        Support::Whole
    }

    fn start(&self, mean: f64, _: f64) -> Start {
        let frequency = mean.clamp(LEAST_FREQUENCY, 1.0 - LEAST_FREQUENCY);
        Start {
            output: frequency.ln() as f32,
            parameter: None,
        }
    }

    /// The term stands at the number that is 1.
    fn terms(&self, x: &Tensor, outputs: &Tensor, _: &Tensor) -> Result<Tensor, Error> {
        let log_sum = outputs.log_sum_exp(D::Minus1)?.unsqueeze(1)?;
        let terms = (x * outputs.broadcast_sub(&log_sum)?)?;
        // A state that is none of these.
        let unseen = ((1.0 - x.sum_keepdim(1)?)? * LOG_UNSEEN)?;
        let first = (terms.narrow(1, 0, 1)? + unseen)?;
        let others = terms.narrow(1, 1, self.numbers() - 1)?;
        Ok(Tensor::cat(&[&first, &others], 1)?)
    }

    fn information(&self, outputs: &Tensor, _: &Tensor) -> Result<Tensor, Error> {
        let log_sum = outputs.log_sum_exp(D::Minus1)?.unsqueeze(1)?;
        let chances = outputs.broadcast_sub(&log_sum)?.exp()?;
        Ok((&chances * (1.0 - &chances)?)?)
    }

    /// A state is observed where all of its numbers are.
    fn whole(&self, observed: Tensor) -> Result<Tensor, Error> {
        let least = observed.min_keepdim(1)?;
        Ok(least.broadcast_as(observed.shape())?.contiguous()?)
    }

    fn differentiate(&self, row: Row<'_>, _: Parameters<'_>, _: &mut [f32]) -> f32 {
        let seen = row.observed.iter().copied().fold(1.0, f32::min);
        if seen == 0.0 {
            row.outputs.fill(0.0);
            return 0.0;
        }
        let known: f32 = row.target.iter().sum();
        let logits = row.outputs.iter().copied();
        let highest = logits.clone().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = logits.map(|logit| (logit - highest).exp()).sum();
        let log_sum = highest + total.ln();
        let mut sum = (1.0 - known) * UNSEEN as f32 / 65536.0;
        for (&x, logit) in row.target.iter().zip(row.outputs) {
            sum += x * (*logit - log_sum);
            *logit = row.factor * (x - known * (*logit - log_sum).exp());
        }
        sum
    }

    fn log_densities(&self, x: &[f64], outputs: &[f64], _: &[f64]) -> Vec<f64> {
        let total: f64 = outputs.iter().map(|logit| logit.exp()).sum();
        let own = x.iter().zip(outputs).filter(|&(&x, _)| x == 1.0);
        let known = own.map(|(_, logit)| logit - total.ln());
        vec![known.reduce(|a, b| a + b).unwrap_or(LOG_UNSEEN)]
    }

    fn group(&self, _: &Number, _: f64, _: f64) -> Result<Group, Error> {
        Ok(Group {
            spec: GroupSpec::States { count: self.states },
            step: LOGIT_STEP,
        })
    }

    fn replace(&self, reading: &[i16], numbers: &mut [i16], part: f64, rng: &mut Rng) {
        numbers.copy_from_slice(reading);
        if fraction(rng) < part {
            numbers.fill(0);
            numbers[rng.next_u32() as usize % self.numbers()] = 1;
        }
    }

    fn cost(&self) -> Terms {
        Terms::State
    }
}
