//! Densities around a location, by their shapes, with learned scales.

mod laplace;
mod normal;
mod predicted;
mod student;

pub use laplace::Laplace;
pub use normal::Normal;
pub use predicted::Predicted;
pub(super) use student::MOST_DEGREES;
pub use student::Student;

use super::family::{Family, Group, Number, Support, Terms};
use super::row::{Parameters, Row};
use crate::error::Error;
use candle_core::Tensor;
use elbow::image::{GroupSpec, Tail, WriteError};
use elbow::requantize::{FactorError, Multiplier};
use std::fmt;

/// The shape of a density: `log p = -log_normalizer - s - penalty((x - location) e^-s)`.
trait Shape: fmt::Debug + fmt::Display + 'static {
    /// The shape that is called `name`, or `name:number`.
    fn parse(name: &str, number: Option<&str>) -> Option<Self>
    where
        Self: Sized;

    /// The shape of an image's tail.
    fn of_tail(tail: Tail) -> Option<Self>
    where
        Self: Sized;

    /// The shape in an image.
    fn tail(&self) -> Tail;

    /// The penalty of a standardized deviation, and its derivative.
    fn penalty(&self, deviation: f32) -> (f32, f32);

    /// The penalty in double precision.
    fn exact_penalty(&self, deviation: f64) -> f64;

    /// The penalties of a tensor.
    fn penalties(&self, deviation: &Tensor) -> Result<Tensor, Error>;

    /// See [`Family::log_normalizer`].
    fn log_normalizer(&self) -> f64;

    /// The information of a location with scale 1.
    fn information(&self) -> f64 {
        1.0
    }

    /// The information of a log-deviation.
    fn scale_information(&self) -> f64;

    /// The logarithm of a unit of an image's location in units of the scale.
    fn log_unit(&self) -> f64 {
        0.0
    }

    /// See [`Family::cost`].
    fn cost(&self) -> Terms {
        Terms::Location
    }
}

/// The largest unit of a location that an image has a multiplier for, in raw units.
const LARGEST_UNIT: f64 = 32_767.0;

impl<S: Shape> Family for S {
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        <S as Shape>::parse(name, number)
    }

    fn of_group(group: &GroupSpec) -> Option<Self> {
        match group {
            GroupSpec::Real { tail, .. } => S::of_tail(*tail),
            _ => None,
        }
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn log_unit(&self) -> Option<f64> {
        Some(Shape::log_unit(self))
    }

    /// Below the bounds of `ln sigma` readings resolve nothing, above them an image has no multiplier for the unit.
    fn bounds(&self, number: &Number) -> (f32, f32) {
        let unit = f64::from(number.unit);
        let lowest = (number.floor / unit).ln();
        let highest = (LARGEST_UNIT / unit).ln() - Shape::log_unit(self);
        // The highest rounds down: at the bound a unit is to have a multiplier.
        (lowest as f32, (highest as f32).next_down())
    }

    fn terms(&self, x: &Tensor, outputs: &Tensor, parameters: &Tensor) -> Result<Tensor, Error> {
        standardized_terms(self, x, outputs, parameters)
    }

    fn information(&self, outputs: &Tensor, parameters: &Tensor) -> Result<Tensor, Error> {
        let of_location = ((parameters * -2.0)?.exp()? * Shape::information(self))?;
        Ok(of_location.broadcast_as(outputs.shape())?.contiguous()?)
    }

    fn differentiate(
        &self,
        row: Row<'_>,
        parameters: Parameters<'_>,
        of_parameters: &mut [f32],
    ) -> f32 {
        let mut sum = 0.0;
        let last = parameters.precisions.len() - 1;
        let inputs = row.target.iter().zip(row.observed).zip(row.outputs);
        for (input, ((&x, &seen), output)) in inputs.enumerate() {
            let at = input.min(last);
            let precision = parameters.precisions[at];
            let deviation = (x - *output) * precision;
            let (cost, slope) = self.penalty(deviation);
            sum -= seen * (parameters.log_deviations[at] + cost);
            of_parameters[at] += row.factor * seen * (slope * deviation - 1.0);
            *output = row.factor * seen * slope * precision;
        }
        sum
    }

    fn log_densities(&self, x: &[f64], outputs: &[f64], parameters: &[f64]) -> Vec<f64> {
        let scales = parameters.iter().cycle();
        let numbers = x.iter().zip(outputs).zip(scales);
        let terms = numbers.map(|((x, output), scale)| {
            let deviation = (x - output) * (-scale).exp();
            -scale - self.exact_penalty(deviation)
        });
        terms.collect()
    }

    fn log_normalizer(&self) -> f64 {
        Shape::log_normalizer(self)
    }

    fn group(
        &self,
        number: &Number,
        log_network_unit: f64,
        parameter: f64,
    ) -> Result<Group, Error> {
        let made = Standardized::new(number.unit, parameter + Shape::log_unit(self))?;
        let constant = -log_network_unit - Shape::log_normalizer(self);
        Ok(Group {
            spec: GroupSpec::Real {
                tail: self.tail(),
                standardize: made.standardize,
                unit: made.unit,
                log_normalizer: constant - (made.log_scale - Shape::log_unit(self)),
            },
            step: made.step,
        })
    }

    fn cost(&self) -> Terms {
        Shape::cost(self)
    }
}

/// `-s - penalty((x - location) e^-s)`, (batch, numbers).
fn standardized_terms(
    shape: &dyn Shape,
    x: &Tensor,
    locations: &Tensor,
    log_deviations: &Tensor,
) -> Result<Tensor, Error> {
    let precisions = log_deviations.neg()?.exp()?;
    let deviation = (x - locations)?.broadcast_mul(&precisions)?;
    let penalty = shape.penalties(&deviation)?;
    Ok(penalty.broadcast_add(log_deviations)?.neg()?)
}

/// The scale of an input in an image.
struct Standardized {
    standardize: Multiplier,
    unit: Multiplier,
    /// The logarithm of the unit that the multiplier means, which everything else uses, in network units.
    log_scale: f64,
    /// Network units that make a step of the location.
    step: f64,
}

impl Standardized {
    fn new(unit: f32, log_deviation: f64) -> Result<Self, Error> {
        let standardize = standardization(unit, log_deviation).map_err(WriteError::from)?;
        let exact = 8192.0 / standardize.to_f64();
        Ok(Self {
            standardize,
            unit: Multiplier::nearest(exact).map_err(WriteError::from)?,
            log_scale: (exact / f64::from(unit)).ln(),
            step: location_step(standardize, unit),
        })
    }
}

/// The multiplier from raw readings to units of their own scale.
fn standardization(unit: f32, log_deviation: f64) -> Result<Multiplier, FactorError> {
    Multiplier::nearest(8192.0 / (log_deviation.exp() * f64::from(unit)))
}

/// The network units that make a step of a location.
fn location_step(standard: Multiplier, unit: f32) -> f64 {
    8192.0 / standard.to_f64() / f64::from(unit) / 65536.0
}

/// The network units of a step of a location with a learned scale.
///
/// # Errors
/// [`FactorError`] where the scale has no multiplier.
pub(super) fn step_of_scale(unit: f32, log_deviation: f64) -> Result<f64, FactorError> {
    Ok(location_step(standardization(unit, log_deviation)?, unit))
}
