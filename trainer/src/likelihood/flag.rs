//! 0 or 1, Bernoulli; the output is its logit.

use super::binomial::{self, Binomial};
use super::family::{Allowed, Family, Group, LOGIT_STEP, Number, Start, Support, Terms};
use super::row::{Parameters, Row};
use super::special::{Rng, chances, fraction};
use crate::error::Error;
use candle_core::Tensor;
use elbow::image::GroupSpec;
use std::fmt;

/// 0 or 1, Bernoulli. Any other whole number is scored as one that was never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag;

/// The binomial of the same terms.
const ONE_TRIAL: Binomial = Binomial { trials: 1 };

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flag")
    }
}

impl Family for Flag {
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        matches!((name, number), ("flag" | "bernoulli", None)).then_some(Self)
    }

    fn of_group(group: &GroupSpec) -> Option<Self> {
        matches!(group, GroupSpec::Flag).then_some(Self)
    }

    fn obvious(values: &[f64]) -> Option<Self> {
        let any = |number: f64| values.contains(&number);
        let all = values.iter().all(|&value| value == 0.0 || value == 1.0);
        (all && any(0.0) && any(1.0)).then_some(Self)
    }

    fn taken_for(&self) -> Option<&'static str> {
        Some("flags, 0 or 1")
    }

    fn support(&self) -> Support {
        Support::Whole
    }

    fn allowed(&self) -> Option<Allowed> {
        Some(Allowed {
            text: "0 or 1",
            largest: 1.0,
        })
    }

    fn start(&self, mean: f64, square: f64) -> Start {
        ONE_TRIAL.start(mean, square)
    }

    fn terms(&self, x: &Tensor, outputs: &Tensor, parameters: &Tensor) -> Result<Tensor, Error> {
        ONE_TRIAL.terms(x, outputs, parameters)
    }

    fn information(&self, outputs: &Tensor, _: &Tensor) -> Result<Tensor, Error> {
        let chances = chances(outputs)?;
        Ok((&chances * (1.0 - &chances)?)?)
    }

    fn differentiate(&self, row: Row<'_>, _: Parameters<'_>, _: &mut [f32]) -> f32 {
        binomial::differentiate(row, 1.0)
    }

    fn log_densities(&self, x: &[f64], outputs: &[f64], parameters: &[f64]) -> Vec<f64> {
        ONE_TRIAL.log_densities(x, outputs, parameters)
    }

    fn group(&self, _: &Number, _: f64, _: f64) -> Result<Group, Error> {
        Ok(Group {
            spec: GroupSpec::Flag,
            step: LOGIT_STEP,
        })
    }

    fn replace(&self, reading: &[i16], numbers: &mut [i16], part: f64, rng: &mut Rng) {
        numbers.copy_from_slice(reading);
        for flag in numbers {
            if fraction(rng) < part {
                *flag = 1 - *flag;
            }
        }
    }

    fn cost(&self) -> Terms {
        Terms::Flag
    }
}
