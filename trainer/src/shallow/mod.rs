//! Shallow models with an exact log p(x): baselines that a deep one must beat, and the ground truth
//! of tests. All in `f64`, on matrices with a reading in each row.

mod mixture;
mod principal;

pub use mixture::{Covariance, Mixture, Training};
pub use principal::PrincipalComponents;

use crate::error::Error;
use crate::readings::{Normalization, Readings, SMALLEST_DEVIATION};
use nalgebra::DMatrix;

/// Readings as shallow models take them in: those numbers that the encoder of a `fit` on the same
/// data sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// (readings, inputs), in network units.
    pub values: DMatrix<f64>,
    /// `sum_i ln u_i` of the network units in units of the data: what a log density in network
    /// units has to be lowered by to be one of the values themselves.
    pub log_units: f64,
    /// The smallest variance that 16-bit readings resolve, in squared network units: that of
    /// rounding in the input with the smallest unit.
    pub floor: f64,
}

impl Matrix {
    /// Normalizes `readings`.
    pub fn new(readings: &Readings, normalization: &Normalization) -> Self {
        let values = normalization.apply(readings).into_iter().map(f64::from);
        let units = normalization.units.iter().map(|&unit| f64::from(unit));
        let largest = units.clone().fold(f64::MIN_POSITIVE, f64::max);
        let exponents = normalization.exponents.iter().map(|&e| f64::from(e));
        let log_units = units
            .zip(exponents)
            .map(|(unit, exponent)| unit.ln() + exponent * std::f64::consts::LN_2);
        Self {
            values: DMatrix::from_row_iterator(readings.len(), readings.width(), values),
            log_units: log_units.sum(),
            floor: (SMALLEST_DEVIATION / largest).powi(2),
        }
    }

    /// Log densities in network units as those of the values in the data, nats a reading.
    #[must_use]
    pub fn of_values(&self, log_densities: &[f64]) -> Vec<f64> {
        log_densities
            .iter()
            .map(|log_density| log_density - self.log_units)
            .collect()
    }
}

/// Refuses a number of components that the data cannot have.
fn check_components(components: usize, most: usize, why: &str) -> Result<(), Error> {
    if (1..=most).contains(&components) {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "--components is {components}: give a number from 1 to {most}, {why}"
    )))
}

/// `ln sum exp(x)`, from the largest, so that nothing overflows; minus infinity of nothing.
fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + sum.ln()
}
