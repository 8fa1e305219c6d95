//! Terms and means of the likelihoods.

use super::Reference;
use super::arithmetic::{apply, q16, round, saturate};
use crate::support::{ONE, group_of, rows_per_input};
use elbow::distribution::Family;
use elbow::image::{GroupSpec, LikelihoodSpec, LocationSpec, Tail};
use elbow::transcendental::{exp, ln, sigmoid, softplus};

impl<'a> Reference<'a> {
    pub(crate) fn means(&self, z: &[i128]) -> Vec<i128> {
        let outputs = self.outputs(z);
        let rows = rows_per_input(&self.spec.likelihood);
        let mut means = vec![];
        for (i, o) in outputs.chunks(rows).map(|rows| rows[0]).enumerate() {
            means.push(match &self.spec.likelihood {
                LikelihoodSpec::Binomial { trials } => {
                    i128::from(*trials) * i128::from(sigmoid(o as i32))
                }
                LikelihoodSpec::Location(location) => {
                    let center = i128::from(self.spec.inputs[i].center) << 16;
                    saturate(center + apply(location.units[i], o), 32)
                }
                LikelihoodSpec::Heterogeneous(groups) => {
                    let center = i128::from(self.spec.inputs[i].center) << 16;
                    match group_of(groups, i) {
                        (GroupSpec::Real { unit, .. }, _) => saturate(center + apply(*unit, o), 32),
                        (GroupSpec::Flag, _) => sigmoid(limited(o) as i32).into(),
                        (GroupSpec::Count { failures, .. }, _) => {
                            let e = i128::from(exp(limited(o) as i32));
                            saturate(round(q16(*failures) * e, 16), 32)
                        }
                        (GroupSpec::States { count }, place) => {
                            let logits = &outputs[i - place..][..usize::from(*count)];
                            let share = limited(o) - joined(logits);
                            exp(share as i32).min(1 << 16).into()
                        }
                    }
                }
            });
        }
        means
    }

    /// `log p(x_i|z)`.
    pub(crate) fn terms(&self, z: &[i128], reading: &[i16]) -> Vec<i128> {
        let outputs = self.outputs(z);
        if let LikelihoodSpec::Heterogeneous(groups) = &self.spec.likelihood {
            return self.heterogeneous_terms(groups, &outputs, reading);
        }
        let rows = rows_per_input(&self.spec.likelihood);
        let mut terms = vec![];
        for (i, o) in outputs.chunks(rows).enumerate() {
            terms.push(match &self.spec.likelihood {
                _ if !self.observed[i] => 0,
                LikelihoodSpec::Binomial { trials } => {
                    let l = o[0].clamp(-(64 << 16), 64 << 16);
                    i128::from(reading[i]) * l
                        - i128::from(*trials) * i128::from(softplus(l as i32))
                        + log_choose(*trials, reading[i])
                }
                LikelihoodSpec::Location(location) => {
                    let centred = i128::from(reading[i]) - i128::from(self.spec.inputs[i].center);
                    location_term(location, i, centred, o)
                }
                LikelihoodSpec::Heterogeneous(_) => unreachable!("it has terms of its own"),
            });
        }
        terms
    }

    pub(super) fn heterogeneous_terms(
        &self,
        groups: &[GroupSpec],
        outputs: &[i128],
        reading: &[i16],
    ) -> Vec<i128> {
        let mut terms = vec![0; outputs.len()];
        let mut i = 0;
        for group in groups {
            let inputs = i..i + group.inputs();
            let (x, l) = (i128::from(reading[i]), limited(outputs[i]));
            let softplus = i128::from(softplus(l as i32));
            let observed = self.observed[inputs.clone()].iter().all(|&seen| seen);
            let (at, term) = match group {
                GroupSpec::Real {
                    tail,
                    standardize,
                    log_normalizer,
                    ..
                } => {
                    let centred = x - i128::from(self.spec.inputs[i].center);
                    let y = saturate(apply(*standardize, 8 * centred) - outputs[i], 32);
                    (i, q16(*log_normalizer) - penalty(*tail, y))
                }
                GroupSpec::Flag if x == 0 || x == 1 => (i, x * l - softplus),
                GroupSpec::Count { failures, largest } if x >= 0 => {
                    let k = x.min((*largest).into());
                    let r = q16(*failures);
                    let log: f64 = (0..k as i32)
                        .map(|n| ((r as f64 / ONE + f64::from(n)) / f64::from(n + 1)).ln())
                        .sum();
                    let trials = saturate(round(((k << 16) + r) * softplus, 16), 32);
                    (i, k * l - trials + q16(log))
                }
                GroupSpec::Flag | GroupSpec::Count { .. } => (i, UNSEEN),
                GroupSpec::States { .. } => {
                    let own = &reading[inputs.clone()];
                    let j = own.iter().rposition(|&x| x == 1);
                    let rest = own.iter().filter(|&&x| x != 0).count();
                    match j {
                        Some(j) if rest == 1 => {
                            let logits = &outputs[inputs.clone()];
                            (i + j, limited(logits[j]) - joined(logits))
                        }
                        j => (i + j.unwrap_or(0), UNSEEN),
                    }
                }
            };
            if observed {
                terms[at] = term;
            }
            i = inputs.end;
        }
        terms
    }

    /// The means of all inputs at the mean of the posterior.
    pub(crate) fn reconstruct(&self) -> Vec<i128> {
        self.means(&self.at_mean())
    }

    pub(crate) fn impute(&self, reading: &[i16]) -> Vec<i128> {
        let mut filled = self.reconstruct();
        for (i, filled) in filled.iter_mut().enumerate() {
            if self.observed[i] {
                *filled = i128::from(reading[i]) << 16;
            }
        }
        filled
    }
}

/// `ln C(trials, x)` in Q16.16, from the logarithm of the gamma function.
pub(super) fn log_choose(trials: u8, x: i16) -> i128 {
    let ln_factorial = |n: f64| libm::lgamma(n + 1.0);
    let (n, x) = (f64::from(trials), f64::from(x));
    let exact = ln_factorial(n) - ln_factorial(x) - ln_factorial(n - x);
    (exact * ONE).round() as i128
}

/// The term of what cannot be.
pub(super) const UNSEEN: i128 = -(64 << 16);

pub(super) fn limited(o: i128) -> i128 {
    o.clamp(UNSEEN, -UNSEEN)
}

/// `m_g` of the outputs of a state.
pub(super) fn joined(outputs: &[i128]) -> i128 {
    let mut logits = outputs.iter().map(|&o| limited(o));
    let first = logits.next().unwrap();
    logits.fold(first, |m, l| l + i128::from(softplus((m - l) as i32)))
}

pub(super) fn penalty(tail: Tail, y: i128) -> i128 {
    match tail {
        Tail::Normal => {
            let d = y.clamp(-(128 << 16), 128 << 16);
            round(d * d, 17)
        }
        Tail::Laplace => y.abs().min(8192 << 16),
        Tail::Student { degrees } => {
            let mut w = (1 << 16) + round(y * y, 16);
            let mut shift = 0;
            while w >= 1 << 32 {
                w >>= 1;
                shift += 1;
            }
            let log = i128::from(ln(w as u32)) + shift * 45_426;
            ((i128::from(degrees) + 1) * log + 1) >> 1
        }
    }
}

pub(super) fn location_term(location: &LocationSpec, i: usize, centred: i128, o: &[i128]) -> i128 {
    let mut distance = saturate(apply(location.standardize[i], 8 * centred) - o[0], 32);
    let mut log_deviation = 0;
    if location.predicted_scale {
        log_deviation = o[1].clamp(-(8 << 16), 8 << 16);
        let shrink = i128::from(exp(-log_deviation as i32));
        distance = saturate(round(distance * shrink, 16), 32);
    }
    let tail = match location.family {
        Family::Normal => Tail::Normal,
        Family::Laplace => Tail::Laplace,
    };
    q16(location.log_normalizers[i]) - log_deviation - penalty(tail, distance)
}
