//! Special functions of tensors, number by number.

use crate::error::Error;
use candle_core::Tensor;
use std::f64::consts::PI;

/// `ln(1 + e^x)` without overflow: `max(x, 0) + ln(1 + e^-|x|)`.
pub(crate) fn softplus(x: &Tensor) -> Result<Tensor, Error> {
    let small = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok((x.relu()? + small)?)
}

/// `ln Gamma(y)` of numbers above 0: eight steps up by its recurrence, and Stirling's series (Abramowitz and Stegun, 6.1.15
/// and 6.1.41).
pub(super) fn ln_gamma(y: &Tensor) -> Result<Tensor, Error> {
    const STEPS: usize = 8;
    let mut product = y.log()?;
    for step in 1..STEPS {
        product = (product + (y + step as f64)?.log()?)?;
    }
    let z = (y + STEPS as f64)?;
    let stirling = ((&z - 0.5)? * z.log()?)?;
    let stirling = ((stirling - &z)? + 0.5 * (2.0 * PI).ln())?;
    let series = z.recip()?;
    let series = ((&series / 12.0)? - (series.powf(3.0)? / 360.0)?)?;
    Ok(((stirling + series)? - product)?)
}
