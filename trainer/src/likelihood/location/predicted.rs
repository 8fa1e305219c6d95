//! A real number around a location with a scale that the decoder gives too: `Sigma_theta(z)`.

use super::{Laplace, Normal, Shape, standardized_terms};
use crate::error::Error;
use crate::likelihood::family::{Family, Group, Number, Support, Terms};
use crate::likelihood::row::{Parameters, Row};
use candle_core::Tensor;
use elbow::distribution::{self, LARGEST_LOG_DEVIATION};
use std::fmt;

/// A real number whose log-deviation is a second output of the decoder, behind the location, clamped to the range of a
/// device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// The shape of the density.
    pub shape: distribution::Family,
}

impl Predicted {
    fn shape(self) -> &'static dyn Shape {
        match self.shape {
            distribution::Family::Normal => &Normal,
            distribution::Family::Laplace => &Laplace,
        }
    }
}

/// The largest magnitude of a log-deviation, nats.
const LIMIT: f64 = LARGEST_LOG_DEVIATION as f64 / 65536.0;

/// Locations and log-deviations of outputs, each (batch, numbers).
fn pairs(outputs: &Tensor) -> Result<(Tensor, Tensor), Error> {
    let (batch, outputs_of_row) = outputs.dims2()?;
    let pairs = outputs.reshape((batch, outputs_of_row / 2, 2))?;
    let log_deviation = pairs.narrow(2, 1, 1)?.squeeze(2)?.clamp(-LIMIT, LIMIT)?;
    Ok((pairs.narrow(2, 0, 1)?.squeeze(2)?, log_deviation))
}

impl fmt::Display for Predicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:predicted", self.shape())
    }
}

impl Family for Predicted {
    fn outputs_per_number(&self) -> usize {
        2
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn log_unit(&self) -> Option<f64> {
        Some(0.0)
    }

    fn terms(&self, x: &Tensor, outputs: &Tensor, _: &Tensor) -> Result<Tensor, Error> {
        let (locations, log_deviations) = pairs(outputs)?;
        standardized_terms(self.shape(), x, &locations, &log_deviations)
    }

    fn information(&self, outputs: &Tensor, _: &Tensor) -> Result<Tensor, Error> {
        let (locations, log_deviations) = pairs(outputs)?;
        let of_location = (log_deviations * -2.0)?.exp()?;
        let of_log_deviation = (locations.zeros_like()? + self.shape().scale_information())?;
        let pairs = Tensor::stack(&[of_location, of_log_deviation], 2)?;
        Ok(pairs.reshape(outputs.shape())?)
    }

    fn differentiate(&self, row: Row<'_>, _: Parameters<'_>, _: &mut [f32]) -> f32 {
        match self.shape {
            distribution::Family::Normal => differentiate(&Normal, row),
            distribution::Family::Laplace => differentiate(&Laplace, row),
        }
    }

    fn log_densities(&self, x: &[f64], outputs: &[f64], _: &[f64]) -> Vec<f64> {
        let numbers = x.iter().zip(outputs.as_chunks::<2>().0);
        let terms = numbers.map(|(x, [output, log_deviation])| {
            let scale = log_deviation.clamp(-LIMIT, LIMIT);
            -scale - self.shape().exact_penalty((x - output) * (-scale).exp())
        });
        terms.collect()
    }

    fn log_normalizer(&self) -> f64 {
        self.shape().log_normalizer()
    }

    /// The decoder's scales are in units of the spread of training.
    fn group(&self, number: &Number, log_network_unit: f64, _: f64) -> Result<Group, Error> {
        match self.shape {
            distribution::Family::Normal => Normal.group(number, log_network_unit, 0.0),
            distribution::Family::Laplace => Laplace.group(number, log_network_unit, 0.0),
        }
    }

    fn cost(&self) -> Terms {
        Terms::of_location(self.shape, true)
    }
}

/// [`Family::differentiate`] of pairs of outputs.
fn differentiate(shape: &impl Shape, row: Row<'_>) -> f32 {
    let limit = LIMIT as f32;
    let mut sum = 0.0;
    let pairs = row.outputs.as_chunks_mut::<2>().0;
    let inputs = row.target.iter().zip(row.observed).zip(pairs);
    for ((&x, &seen), [output, log_deviation]) in inputs {
        let scale = log_deviation.clamp(-limit, limit);
        let precision = (-scale).exp();
        let deviation = (x - *output) * precision;
        let (cost, slope) = shape.penalty(deviation);
        sum -= seen * (scale + cost);
        *output = row.factor * seen * slope * precision;
        *log_deviation = if scale == *log_deviation {
            row.factor * seen * (slope * deviation - 1.0)
        } else {
            0.0
        };
    }
    sum
}
