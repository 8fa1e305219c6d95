//! Random likelihoods, and what follows from one.

use super::dice::{Dice, Temper};
use super::layers::random_multiplier;
use elbow::distribution::Family;
use elbow::image::{GroupSpec, LikelihoodSpec, LocationSpec, Tail};
use elbow::requantize::Multiplier;

pub(super) fn random_likelihood(dice: &mut Dice, temper: Temper, inputs: usize) -> LikelihoodSpec {
    if dice.once_in(2) {
        let other = dice.size(1, 255) as u8;
        let trials = dice.pick(&[1, 1, 2, 16, 255, other]);
        return LikelihoodSpec::Binomial { trials };
    }
    let family = dice.pick(&[Family::Normal, Family::Laplace]);
    let units: Vec<f64> = (0..inputs).map(|_| dice.real(-1.0, 8.0).exp()).collect();
    let nearest = |factor: f64| Multiplier::nearest(factor).unwrap();
    let mut location = LocationSpec {
        family,
        predicted_scale: dice.once_in(2),
        standardize: units.iter().map(|u| nearest(8192.0 / u)).collect(),
        units: units.iter().map(|&u| nearest(u)).collect(),
        log_normalizers: units.iter().map(|&u| log_normalizer(family, u)).collect(),
    };
    if temper == Temper::Wild {
        location.standardize = (0..inputs).map(|_| random_multiplier(dice)).collect();
        location.units = (0..inputs).map(|_| random_multiplier(dice)).collect();
        location.log_normalizers = (0..inputs)
            .map(|_| {
                let any = dice.real(-4096.0, 4096.0);
                dice.pick(&[-4096.0, 4096.0, 0.0, any])
            })
            .collect();
    }
    LikelihoodSpec::Location(location)
}

/// Inputs of some kind, at most `left`.
pub(super) fn random_group(dice: &mut Dice, temper: Temper, left: usize) -> GroupSpec {
    let kind = dice.size(0, if left > 1 { 5 } else { 4 });
    let student = Tail::Student {
        degrees: dice.pick(&[1, 2, 4, 10, 248]),
    };
    match kind {
        0..3 => {
            let tail = [Tail::Normal, Tail::Laplace, student][kind];
            let unit = dice.real(-1.0, 8.0).exp();
            let nearest = |factor: f64| Multiplier::nearest(factor).unwrap();
            let (mut standardize, mut units) = (nearest(8192.0 / unit), nearest(unit));
            let mut log_normalizer = tail_normalizer(tail, unit);
            if temper == Temper::Wild {
                (standardize, units) = (random_multiplier(dice), random_multiplier(dice));
                let any = dice.real(-4096.0, 4096.0);
                log_normalizer = dice.pick(&[-4096.0, 4096.0, 0.0, any]);
            }
            GroupSpec::Real {
                tail,
                standardize,
                unit: units,
                log_normalizer,
            }
        }
        3 => GroupSpec::Flag,
        4 => {
            let any = dice.real(-6.0, 2.0).exp();
            let failures = match temper {
                Temper::Trained => [any; 3],
                Temper::Wild => [1.0 / 65536.0, 1.0, 128.0],
            };
            GroupSpec::Count {
                failures: dice.pick(&failures),
                largest: dice.pick(&[1, 10, 255]),
            }
        }
        _ => GroupSpec::States {
            count: dice.size(2, left.min(12)) as u16,
        },
    }
}

/// The log density where the distance is 0 and the unit is `unit`; of Student-t the unit is the scale times the root of the
/// degrees of freedom.
pub(crate) fn tail_normalizer(tail: Tail, unit: f64) -> f64 {
    match tail {
        Tail::Normal => log_normalizer(Family::Normal, unit),
        Tail::Laplace => log_normalizer(Family::Laplace, unit),
        Tail::Student { degrees } => {
            let v = f64::from(degrees);
            let gammas = libm::lgamma((v + 1.0) / 2.0) - libm::lgamma(v / 2.0);
            gammas - 0.5 * core::f64::consts::PI.ln() - unit.ln()
        }
    }
}

/// The group that input `input` belongs to, and its place in it.
pub(crate) fn group_of(groups: &[GroupSpec], mut input: usize) -> (&GroupSpec, usize) {
    for group in groups {
        if input < group.inputs() {
            return (group, input);
        }
        input -= group.inputs();
    }
    panic!("the groups end before the input")
}

/// The log density with the scale `unit` where the distance is 0.
pub(crate) fn log_normalizer(family: Family, unit: f64) -> f64 {
    match family {
        Family::Normal => -(unit * (2.0 * core::f64::consts::PI).sqrt()).ln(),
        Family::Laplace => -(2.0 * unit).ln(),
    }
}

/// Rows of the output layer for each input.
pub(crate) fn rows_per_input(likelihood: &LikelihoodSpec) -> usize {
    match likelihood {
        LikelihoodSpec::Location(location) if location.predicted_scale => 2,
        _ => 1,
    }
}
