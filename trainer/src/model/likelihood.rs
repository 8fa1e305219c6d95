//! p(x|z) in floats: the formulas of `elbow::distribution`, on tensors.

use super::bounds::{Bounds, scale_bounds};
use super::heterogeneous::Heterogeneous;
use super::special::softplus;
use crate::config::{LikelihoodKind, Scale};
use crate::error::Error;
use crate::readings::Normalization;
use candle_core::{DType, Device, Tensor, Var};
use elbow::distribution::{Family, LARGEST_LOG_DEVIATION};

/// The likelihood of a reading given the decoder's outputs.
#[derive(Clone, Debug)]
pub enum Likelihood {
    /// Counts in `0..=trials` with `sigmoid(output)` as the chance of each trial.
    Binomial {
        /// At least one; one is Bernoulli.
        trials: u8,
    },
    /// Normal or Laplace around `output`, in network units.
    Location(Location),
    /// A kind for each column: real numbers in network units, whole ones as they are.
    Heterogeneous(Heterogeneous),
}

/// A density around a location, in network units.
#[derive(Clone, Debug)]
pub struct Location {
    /// Its shape.
    pub family: Family,
    /// `ln sigma_i`, (inputs), or (1) for all inputs alike; none where the decoder gives it.
    pub log_deviation: Option<Var>,
    /// The bounds of the `ln sigma_i` that are learned, as many as `log_deviation`.
    bounds: Bounds,
    /// `ln u_i`, where `u_i` is the network unit of an input in the units of the data.
    pub log_units: Vec<f64>,
}

impl Location {
    /// A density with scale 1 in network units.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        family: Family,
        scale: Scale,
        normalization: &Normalization,
        device: &Device,
    ) -> Result<Self, Error> {
        let numbers = 0..normalization.units.len();
        let mut bounds: Vec<(f32, f32)> = numbers
            .map(|number| scale_bounds(normalization, number, 0.0))
            .collect();
        if scale == Scale::Shared {
            let tighter = |all: (f32, f32), own: (f32, f32)| (all.0.max(own.0), all.1.min(own.1));
            bounds = vec![bounds.into_iter().fold((f32::MIN, f32::MAX), tighter)];
        }
        let count = bounds.len();
        let log_deviation = match scale {
            Scale::Predicted => None,
            Scale::Shared | Scale::Input => Some(Var::zeros(count, DType::F32, device)?),
        };
        let units = normalization.units.iter().zip(&normalization.exponents);
        let log_units = units.map(|(&unit, &exponent)| {
            f64::from(unit).ln() + f64::from(exponent) * std::f64::consts::LN_2
        });
        Ok(Self {
            family,
            log_deviation,
            bounds: Bounds::new(&bounds, device)?,
            log_units: log_units.collect(),
        })
    }

    /// `ln sqrt(2 pi)` or `ln 2`: what the density is normalized by beside its scale.
    pub fn log_normalizer(&self) -> f64 {
        match self.family {
            Family::Normal => 0.5 * (2.0 * std::f64::consts::PI).ln(),
            Family::Laplace => std::f64::consts::LN_2,
        }
    }

    /// The learned `ln sigma_i` of each input; none where the decoder gives it.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn log_deviations(&self) -> Result<Option<Vec<f32>>, Error> {
        let Some(var) = &self.log_deviation else {
            return Ok(None);
        };
        let values = var.to_vec1::<f32>()?;
        // One value may stand for all inputs.
        Ok(Some(
            values
                .into_iter()
                .cycle()
                .take(self.log_units.len())
                .collect(),
        ))
    }

    /// Locations and log-deviations from the decoder's outputs, each (batch, inputs) or a shape
    /// that broadcasts to it.
    fn parameters(&self, outputs: &Tensor) -> Result<(Tensor, Tensor), Error> {
        if let Some(log_deviation) = &self.log_deviation {
            return Ok((outputs.clone(), log_deviation.as_tensor().clone()));
        }
        let pairs = outputs.reshape((outputs.dim(0)?, self.log_units.len(), 2))?;
        let limit = f64::from(LARGEST_LOG_DEVIATION) / 65536.0;
        let log_deviation = pairs.narrow(2, 1, 1)?.squeeze(2)?.clamp(-limit, limit)?;
        Ok((pairs.narrow(2, 0, 1)?.squeeze(2)?, log_deviation))
    }
}

impl Likelihood {
    /// The likelihood of readings with that normalization, with scales of 1 in network units.
    ///
    /// # Errors
    /// [`Error::Setting`] where it was not settled from data, [`Error::Tensor`].
    pub fn new(
        kind: &LikelihoodKind,
        normalization: &Normalization,
        device: &Device,
    ) -> Result<Self, Error> {
        Ok(match kind {
            LikelihoodKind::Binomial { trials } => Self::Binomial { trials: *trials },
            LikelihoodKind::Location { family, scale } => {
                Self::Location(Location::new(*family, *scale, normalization, device)?)
            }
            LikelihoodKind::Columns(kinds) => {
                Self::Heterogeneous(Heterogeneous::new(kinds, normalization, device)?)
            }
            LikelihoodKind::Auto => {
                return Err(Error::Setting(
                    "the likelihood `auto` was not settled from data".into(),
                ));
            }
        })
    }

    /// Outputs of the decoder for each input.
    pub fn outputs_per_input(&self) -> usize {
        match self {
            Self::Location(Location {
                log_deviation: None,
                ..
            }) => 2,
            _ => 1,
        }
    }

    /// The parameters beside the decoder's.
    pub fn log_deviation(&self) -> Option<&Var> {
        match self {
            Self::Binomial { .. } => None,
            Self::Location(location) => location.log_deviation.as_ref(),
            Self::Heterogeneous(heterogeneous) => Some(&heterogeneous.log_deviation),
        }
    }

    /// The lowest and the highest values of the parameters beside the decoder's, as many as those.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn bounds(&self) -> Result<Vec<(f32, f32)>, Error> {
        let bounds = match self {
            Self::Binomial { .. } => return Ok(vec![]),
            Self::Location(location) => &location.bounds,
            Self::Heterogeneous(heterogeneous) => &heterogeneous.bounds,
        };
        let lowest = bounds.lowest.to_vec1::<f32>()?.into_iter();
        Ok(lowest.zip(bounds.highest.to_vec1::<f32>()?).collect())
    }

    /// Brings the parameters back into their range after a step of the optimizer.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn project(&self) -> Result<(), Error> {
        let Bounds { lowest, highest } = match self {
            Self::Binomial { .. } => return Ok(()),
            Self::Location(location) => &location.bounds,
            Self::Heterogeneous(heterogeneous) => &heterogeneous.bounds,
        };
        if let Some(var) = self.log_deviation() {
            var.set(&var.maximum(lowest)?.minimum(highest)?)?;
        }
        Ok(())
    }

    /// Where an input has a location, how the logarithm of the unit of that differs from the learned `ln sigma_i`; none of
    /// inputs that have logits. Without predicted scales, which are another layout.
    pub fn log_units(&self, inputs: usize) -> Vec<Option<f64>> {
        match self {
            Self::Binomial { .. } => vec![None; inputs],
            Self::Location(_) => vec![Some(0.0); inputs],
            Self::Heterogeneous(heterogeneous) => {
                let kinds = heterogeneous.kinds.iter();
                let units = kinds.map(|kind| std::iter::repeat_n(kind.log_unit(), kind.numbers()));
                units.flatten().collect()
            }
        }
    }

    /// Masks of which a likelihood of some inputs together makes the same for these.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn whole(&self, observed: Tensor) -> Result<Tensor, Error> {
        match self {
            Self::Heterogeneous(heterogeneous) => heterogeneous.whole(&observed),
            Self::Binomial { .. } | Self::Location(_) => Ok(observed),
        }
    }

    /// `log p(x_i|z)` in nats without its constant, (batch, inputs), of the target
    /// (batch, inputs): counts, or network units.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn terms(&self, target: &Tensor, outputs: &Tensor) -> Result<Tensor, Error> {
        match self {
            Self::Binomial { trials } => {
                let softplus = (softplus(outputs)? * f64::from(*trials))?;
                Ok(((target * outputs)? - softplus)?)
            }
            Self::Location(location) => {
                let (center, log_deviation) = location.parameters(outputs)?;
                let scale = log_deviation.neg()?.exp()?;
                let deviation = (target - center)?.broadcast_mul(&scale)?;
                let penalty = match location.family {
                    Family::Normal => (deviation.sqr()? * 0.5)?,
                    Family::Laplace => deviation.abs()?,
                };
                Ok(penalty.broadcast_add(&log_deviation)?.neg()?)
            }
            Self::Heterogeneous(heterogeneous) => heterogeneous.terms(target, outputs),
        }
    }

    /// The Fisher information that a reading has of each of `outputs` (batch, outputs): an error of the output costs
    /// half its square times as many nats.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn information(&self, outputs: &Tensor) -> Result<Tensor, Error> {
        match self {
            // n p (1 - p).
            Self::Binomial { trials } => {
                let part = (1.0 - (outputs * 0.5)?.tanh()?.sqr()?)?;
                Ok((part * (f64::from(*trials) / 4.0))?)
            }
            Self::Location(location) => {
                let (center, log_deviation) = location.parameters(outputs)?;
                let of_center = (log_deviation * -2.0)?
                    .exp()?
                    .broadcast_as(center.shape())?;
                if location.log_deviation.is_some() {
                    return Ok(of_center.contiguous()?);
                }
                let of_log_deviation = match location.family {
                    Family::Normal => 2.0,
                    Family::Laplace => 1.0,
                };
                let of_log_deviation = (center.zeros_like()? + of_log_deviation)?;
                let pairs = Tensor::stack(&[of_center, of_log_deviation], 2)?;
                Ok(pairs.reshape(outputs.shape())?)
            }
            Self::Heterogeneous(heterogeneous) => heterogeneous.information(outputs),
        }
    }

    /// The part of `log p(x|z)` that depends on no parameter.
    pub fn constants(&self) -> Constants {
        match self {
            Self::Binomial { trials } => Constants::OfCount(log_choose(*trials)),
            Self::Location(location) => {
                let units = location.log_units.iter();
                let normalizer = location.log_normalizer();
                Constants::OfInput(units.map(|log_unit| -log_unit - normalizer).collect())
            }
            Self::Heterogeneous(heterogeneous) => Constants::OfKind(heterogeneous.constants()),
        }
    }
}

/// The part of `log p(x|z)` that depends on no parameter, as a sum over inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Constants {
    /// By what the input reads.
    OfCount(Vec<f64>),
    /// By which input it is.
    OfInput(Vec<f64>),
    /// By which input it is; less `ln x!` of what it reads where it is a count.
    OfKind(Vec<(f64, bool)>),
}

impl Constants {
    /// The sum over the inputs of a row of counts or raw readings that are `observed`.
    pub fn total(&self, row: &[i16], observed: impl Fn(usize) -> bool) -> f64 {
        let inputs = row.iter().enumerate().filter(|&(input, _)| observed(input));
        match self {
            // A count that cannot be has no constant; nothing gets here with one.
            Self::OfCount(table) => inputs
                .filter_map(|(_, &x)| table.get(usize::try_from(x).ok()?))
                .sum(),
            Self::OfInput(terms) => inputs.filter_map(|(input, _)| terms.get(input)).sum(),
            Self::OfKind(terms) => inputs
                .filter_map(|(input, &x)| {
                    let &(term, is_count) = terms.get(input)?;
                    let count = if is_count { f64::from(x.max(0)) } else { 0.0 };
                    Some(term - libm::lgamma(count + 1.0))
                })
                .sum(),
        }
    }
}

/// `ln C(n, x)` for x from 0 to n.
fn log_choose(n: u8) -> Vec<f64> {
    let factor = |i: u8| (f64::from(n - i + 1) / f64::from(i)).ln();
    let sums = (1..=n).scan(0.0, |sum, i| {
        *sum += factor(i);
        Some(*sum)
    });
    std::iter::once(0.0).chain(sums).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error d of an output costs `KL(p(x | output) || p(x | output + d))`, here summed over all targets, or over a fine
    /// grid of them: half of d^2 times the information.
    #[test]
    fn information_is_what_small_errors_cost() {
        let location = |family, log_deviation: Option<f32>| {
            let var = log_deviation.map(|one| Var::new(&[one], &Device::Cpu).unwrap());
            Likelihood::Location(Location {
                family,
                log_deviation: var,
                bounds: Bounds::new(&[(-10.0, 10.0)], &Device::Cpu).unwrap(),
                log_units: vec![0.0],
            })
        };
        let grid: Vec<f32> = (-20_000..=20_000).map(|at| at as f32 / 1000.0).collect();
        for (name, likelihood, targets, outputs) in [
            (
                "binomial",
                Likelihood::Binomial { trials: 3 },
                vec![0.0, 1.0, 2.0, 3.0],
                vec![0.7],
            ),
            (
                "normal",
                location(Family::Normal, Some(-0.5)),
                grid.clone(),
                vec![0.3],
            ),
            (
                "laplace",
                location(Family::Laplace, Some(0.2)),
                grid.clone(),
                vec![0.3],
            ),
            (
                "predicted normal",
                location(Family::Normal, None),
                grid.clone(),
                vec![0.3, 0.4],
            ),
            (
                "predicted laplace",
                location(Family::Laplace, None),
                grid,
                vec![0.3, -0.4],
            ),
        ] {
            let target = Tensor::from_iter(targets.iter().copied(), &Device::Cpu).unwrap();
            let target = target.reshape((targets.len(), 1)).unwrap();
            let chances = |outputs: &[f32]| -> Vec<f64> {
                let outputs = Tensor::new(outputs, &Device::Cpu).unwrap();
                let outputs = outputs.broadcast_as((targets.len(), outputs.elem_count()));
                let outputs = outputs.unwrap().contiguous().unwrap();
                let terms = likelihood.terms(&target, &outputs).unwrap();
                let terms = terms.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let constant = |at: usize| match likelihood {
                    Likelihood::Binomial { trials } => log_choose(trials)[at],
                    Likelihood::Location(_) | Likelihood::Heterogeneous(_) => 0.0,
                };
                let terms = terms.into_iter().enumerate();
                terms
                    .map(|(at, term)| f64::from(term) + constant(at))
                    .collect()
            };
            let before = chances(&outputs);
            let total: f64 = before.iter().map(|log| log.exp()).sum();
            let one = Tensor::new(outputs.as_slice(), &Device::Cpu).unwrap();
            let one = one.unsqueeze(0).unwrap();
            let found = likelihood
                .information(&one)
                .unwrap()
                .to_vec2::<f32>()
                .unwrap();
            assert_eq!(found[0].len(), outputs.len());
            for (at, &information) in found[0].iter().enumerate() {
                // Both ways, so that what is odd in the error goes away.
                let cost = |error: f32| -> f64 {
                    let mut other = outputs.clone();
                    other[at] += error;
                    let pairs = before.iter().zip(chances(&other));
                    pairs.map(|(p, q)| p.exp() * (p - q) / total).sum()
                };
                let d = 0.05f32;
                let exact = (cost(d) + cost(-d)) / f64::from(d * d);
                let ratio = f64::from(information) / exact;
                assert!((ratio - 1.0).abs() < 0.03, "{name}, output {at}: {ratio}");
            }
        }
    }
}
