//! p(x|z) of columns of different kinds, in floats: the formulas of `elbow::distribution::Kind`, on tensors.

use super::bounds::{Bounds, scale_bounds};
use super::special::{ln_gamma, softplus};
use crate::config::ColumnKind;
use crate::error::Error;
use crate::readings::{FAILURES, Normalization, failures};
use candle_core::{D, DType, Device, Tensor, Var};
use elbow::distribution::UNSEEN;
use std::f64::consts::{LN_2, PI};
use std::ops::Range;

/// Of the frequencies that the decoder's biases start from: those of what is always or never there are not sure.
const LEAST_FREQUENCY: f64 = 1e-3;
/// The least mean of a count that the decoder's bias starts from.
const LEAST_MEAN: f64 = 1e-2;

/// A kind for each column.
#[derive(Clone, Debug)]
pub struct Heterogeneous {
    /// Of the columns, in their order.
    pub kinds: Vec<ColumnKind>,
    /// A parameter for each number of a reading: `ln sigma` of a real one, in network units; `-ln r` of a count, which has r
    /// failures; 0 of others.
    pub log_deviation: Var,
    /// Its range.
    pub(super) bounds: Bounds,
    /// `ln u_i`, where `u_i` is the network unit of a real number in the units of the data; 0 of others.
    pub log_units: Vec<f64>,
}

/// Neighbouring numbers of one kind; those of one state alone.
pub(crate) struct Run {
    /// Their kind.
    pub kind: ColumnKind,
    /// Where they are in a reading.
    pub numbers: Range<usize>,
}

/// The runs of `kinds`.
pub(crate) fn runs(kinds: &[ColumnKind]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    let mut next = 0;
    for &kind in kinds {
        let end = next + kind.numbers();
        match runs.last_mut() {
            Some(last) if last.kind == kind && !matches!(kind, ColumnKind::State { .. }) => {
                last.numbers.end = end;
            }
            _ => runs.push(Run {
                kind,
                numbers: next..end,
            }),
        }
        next = end;
    }
    runs
}

/// What a density of that kind is normalized by beside its scale: its logarithm at the location is less by that. 0 of kinds
/// that have none.
pub(crate) fn log_normalizer(kind: ColumnKind) -> f64 {
    match kind {
        ColumnKind::Normal => 0.5 * (2.0 * PI).ln(),
        ColumnKind::Laplace => LN_2,
        ColumnKind::Student { degrees } => {
            let degrees = f64::from(degrees);
            let gammas = libm::lgamma(0.5 * degrees) - libm::lgamma(0.5 * (degrees + 1.0));
            gammas + 0.5 * (degrees * PI).ln()
        }
        ColumnKind::Flag | ColumnKind::Count | ColumnKind::State { .. } => 0.0,
    }
}

impl Heterogeneous {
    /// The likelihood of columns of these kinds, with scales of 1 in network units.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        kinds: &[ColumnKind],
        normalization: &Normalization,
        device: &Device,
    ) -> Result<Self, Error> {
        let (mut bounds, mut log_units) = (vec![], vec![]);
        for Run { kind, numbers } in runs(kinds) {
            for number in numbers {
                let log_failures = |failures: f64| -failures.ln() as f32;
                let (bound, log_unit) = match (kind, kind.log_unit()) {
                    (_, Some(log_unit)) => {
                        let unit = f64::from(normalization.units[number]);
                        let exponent = f64::from(normalization.exponents[number]);
                        let bound = scale_bounds(normalization, number, log_unit);
                        (bound, unit.ln() + exponent * LN_2)
                    }
                    (ColumnKind::Count, None) => {
                        ((log_failures(FAILURES.1), log_failures(FAILURES.0)), 0.0)
                    }
                    (_, None) => ((0.0, 0.0), 0.0),
                };
                bounds.push(bound);
                log_units.push(log_unit);
            }
        }
        let count = bounds.len();
        Ok(Self {
            kinds: kinds.to_vec(),
            log_deviation: Var::zeros(count, DType::F32, device)?,
            bounds: Bounds::new(&bounds, device)?,
            log_units,
        })
    }

    /// Sets the failures of counts by their moments in `target` (readings, numbers), and gives the outputs of a decoder that
    /// knows no more than these.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn start_from(&self, target: &Tensor) -> Result<Vec<f32>, Error> {
        let means = target.mean(0)?.to_vec1::<f32>()?;
        let squares = target.sqr()?.mean(0)?.to_vec1::<f32>()?;
        let mut log_deviation = self.log_deviation.to_vec1::<f32>()?;
        let mut outputs = vec![0.0; means.len()];
        for Run { kind, numbers } in runs(&self.kinds) {
            for number in numbers {
                let (mean, square) = (f64::from(means[number]), f64::from(squares[number]));
                let frequency = mean.clamp(LEAST_FREQUENCY, 1.0 - LEAST_FREQUENCY);
                outputs[number] = match kind {
                    ColumnKind::Flag => (frequency / (1.0 - frequency)).ln() as f32,
                    ColumnKind::State { .. } => frequency.ln() as f32,
                    ColumnKind::Count => {
                        let failures = failures(mean, square - mean * mean);
                        log_deviation[number] = -failures.ln() as f32;
                        (mean.max(LEAST_MEAN) / failures).ln() as f32
                    }
                    _ => 0.0,
                };
            }
        }
        let shape = log_deviation.len();
        let device = self.log_deviation.device();
        self.log_deviation
            .set(&Tensor::from_vec(log_deviation, shape, device)?)?;
        Ok(outputs)
    }

    /// `log p(x_i|z)` in nats without its constant, (batch, numbers); that of a state stands at the number that is 1.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn terms(&self, target: &Tensor, outputs: &Tensor) -> Result<Tensor, Error> {
        let terms = runs(&self.kinds).into_iter().map(|Run { kind, numbers }| {
            let (first, count) = (numbers.start, numbers.len());
            let x = target.narrow(1, first, count)?;
            let o = outputs.narrow(1, first, count)?;
            let scale = self.log_deviation.narrow(0, first, count)?;
            match kind {
                ColumnKind::Normal | ColumnKind::Laplace | ColumnKind::Student { .. } => {
                    let deviation = (x - o)?.broadcast_mul(&scale.neg()?.exp()?)?;
                    let penalty = match kind {
                        ColumnKind::Normal => (deviation.sqr()? * 0.5)?,
                        ColumnKind::Laplace => deviation.abs()?,
                        _ => tail(kind, &deviation)?,
                    };
                    Ok(penalty.broadcast_add(&scale)?.neg()?)
                }
                ColumnKind::Flag => Ok(((&x * &o)? - softplus(&o)?)?),
                ColumnKind::Count => {
                    let failures = scale.neg()?.exp()?;
                    let trials = x.broadcast_add(&failures)?;
                    let choose = ln_gamma(&trials)?.broadcast_sub(&ln_gamma(&failures)?)?;
                    Ok((((&x * &o)? - (trials * softplus(&o)?)?)? + choose)?)
                }
                ColumnKind::State { .. } => {
                    let log_sum = o.log_sum_exp(D::Minus1)?.unsqueeze(1)?;
                    let terms = (&x * o.broadcast_sub(&log_sum)?)?;
                    // A state that is none of these.
                    let unseen = ((1.0 - x.sum_keepdim(1)?)? * (f64::from(UNSEEN) / 65536.0))?;
                    let first = (terms.narrow(1, 0, 1)? + unseen)?;
                    Ok(Tensor::cat(&[&first, &terms.narrow(1, 1, count - 1)?], 1)?)
                }
            }
        });
        let terms = terms.collect::<Result<Vec<Tensor>, Error>>()?;
        Ok(Tensor::cat(&terms, 1)?)
    }

    /// The Fisher information that a reading has of each of `outputs`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn information(&self, outputs: &Tensor) -> Result<Tensor, Error> {
        let parts = runs(&self.kinds).into_iter().map(|Run { kind, numbers }| {
            let (first, count) = (numbers.start, numbers.len());
            let o = outputs.narrow(1, first, count)?;
            let scale = self.log_deviation.narrow(0, first, count)?;
            let chance = ((((&o * 0.5)?.tanh()? + 1.0)?) * 0.5)?;
            let factor = match kind {
                ColumnKind::Flag => return Ok((&chance * (1.0 - &chance)?)?),
                // r p, of which the trials have p in common.
                ColumnKind::Count => return Ok(chance.broadcast_mul(&scale.neg()?.exp()?)?),
                ColumnKind::State { .. } => {
                    let log_sum = o.log_sum_exp(D::Minus1)?.unsqueeze(1)?;
                    let chance = o.broadcast_sub(&log_sum)?.exp()?;
                    return Ok((&chance * (1.0 - &chance)?)?);
                }
                ColumnKind::Student { degrees } => {
                    (f64::from(degrees) + 1.0) / (f64::from(degrees) + 3.0)
                }
                ColumnKind::Normal | ColumnKind::Laplace => 1.0,
            };
            let of_location = ((scale * -2.0)?.exp()? * factor)?;
            Ok(of_location.broadcast_as(o.shape())?.contiguous()?)
        });
        let parts = parts.collect::<Result<Vec<Tensor>, Error>>()?;
        Ok(Tensor::cat(&parts, 1)?)
    }

    /// Masks (batch, numbers or more) in which a state is observed where all of its numbers are.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn whole(&self, observed: &Tensor) -> Result<Tensor, Error> {
        let parts = runs(&self.kinds).into_iter().map(|Run { kind, numbers }| {
            let part = observed.narrow(1, numbers.start, numbers.len())?;
            if !matches!(kind, ColumnKind::State { .. }) {
                return Ok(part);
            }
            Ok(part
                .min_keepdim(1)?
                .broadcast_as(part.shape())?
                .contiguous()?)
        });
        let parts = parts.collect::<Result<Vec<Tensor>, Error>>()?;
        Ok(Tensor::cat(&parts, 1)?)
    }

    /// For each number what its density is normalized by beside the parameters, and whether it is a count, whose `x!` is that.
    pub(super) fn constants(&self) -> Vec<(f64, bool)> {
        let mut constants = vec![];
        for Run { kind, numbers } in runs(&self.kinds) {
            for number in numbers {
                let constant = -self.log_units[number] - log_normalizer(kind);
                constants.push((constant, kind == ColumnKind::Count));
            }
        }
        constants
    }
}

/// `(v + 1) / 2 ln(1 + d^2 / v)` of a Student-t distribution.
fn tail(kind: ColumnKind, deviation: &Tensor) -> Result<Tensor, Error> {
    let ColumnKind::Student { degrees } = kind else {
        return Ok(deviation.zeros_like()?);
    };
    let degrees = f64::from(degrees);
    let logarithm = ((deviation.sqr()? / degrees)? + 1.0)?.log()?;
    Ok((logarithm * (0.5 * (degrees + 1.0)))?)
}
