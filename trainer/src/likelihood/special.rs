//! Special functions, and constants of several families.

use crate::error::Error;
use candle_core::Tensor;
use rand_core::Rng as _;
use std::f64::consts::PI;

/// The stream that readings are perturbed by.
pub type Rng = elbow::rng::Xoshiro128PlusPlus;

/// The least frequency that the decoder's biases start from: those of what is always or never there are not sure.
pub(super) const LEAST_FREQUENCY: f64 = 1e-3;

/// A number uniform in [0, 1).
pub fn fraction(rng: &mut Rng) -> f64 {
    f64::from(rng.next_u32()) / 4_294_967_296.0
}

/// `sigmoid(x)`.
pub(super) fn chances(x: &Tensor) -> Result<Tensor, Error> {
    Ok(((((x * 0.5)?.tanh()? + 1.0)?) * 0.5)?)
}

/// `ln(1 + e^x)` in double precision.
pub(super) fn exact_softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

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
