//! p(x|z) in floats: the formulas of `elbow::distribution`, on tensors.

use crate::error::Error;
use crate::readings::{Normalization, SMALLEST_DEVIATION};
use candle_core::{D, Device, Tensor, Var};

/// The likelihood of a reading given the decoder's outputs.
#[derive(Clone, Debug)]
pub enum Likelihood {
    /// Counts in `0..=trials` with `sigmoid(output)` as the chance of each trial.
    Binomial {
        /// At least one; one is Bernoulli.
        trials: u8,
    },
    /// Normal around `output` in network units, with a learned deviation for each input.
    Gaussian {
        /// `ln sigma_i` in network units, (inputs).
        log_deviation: Var,
        /// The lowest `ln sigma_i`: below it 16 bits resolve nothing.
        floor: Tensor,
        /// `sum_i ln u_i`, where `u_i` is the network unit in the units of the data.
        log_unit: f64,
    },
}

impl Likelihood {
    /// A Gaussian with deviation 1 in network units.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn gaussian(normalization: &Normalization, device: &Device) -> Result<Self, Error> {
        let width = normalization.width();
        let floor: Vec<f32> = normalization
            .units
            .iter()
            .map(|&unit| (SMALLEST_DEVIATION / f64::from(unit)).ln() as f32)
            .collect();
        let units = normalization.units.iter().zip(&normalization.exponents);
        let log_unit = units
            .map(|(&unit, &exponent)| {
                f64::from(unit).ln() + f64::from(exponent) * std::f64::consts::LN_2
            })
            .sum();
        Ok(Self::Gaussian {
            log_deviation: Var::zeros(width, candle_core::DType::F32, device)?,
            floor: Tensor::from_vec(floor, width, device)?,
            log_unit,
        })
    }

    /// The parameters beside the decoder's.
    pub fn log_deviation(&self) -> Option<&Var> {
        match self {
            Self::Binomial { .. } => None,
            Self::Gaussian { log_deviation, .. } => Some(log_deviation),
        }
    }

    /// Brings the parameters back into their range after a step of the optimizer.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn project(&self) -> Result<(), Error> {
        if let Self::Gaussian {
            log_deviation,
            floor,
            ..
        } = self
        {
            log_deviation.set(&log_deviation.maximum(floor)?)?;
        }
        Ok(())
    }

    /// `log p(x|z)` in nats without its constant, (batch), of the target (batch, inputs): counts,
    /// or network units.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn log_density(&self, target: &Tensor, outputs: &Tensor) -> Result<Tensor, Error> {
        match self {
            Self::Binomial { trials } => {
                let softplus = (softplus(outputs)? * f64::from(*trials))?;
                Ok(((target * outputs)? - softplus)?.sum(D::Minus1)?)
            }
            Self::Gaussian { log_deviation, .. } => {
                let scale = log_deviation.neg()?.exp()?;
                let deviation = (target - outputs)?.broadcast_mul(&scale)?;
                let squares = (deviation.sqr()?.sum(D::Minus1)? * -0.5)?;
                Ok(squares.broadcast_sub(&log_deviation.sum_all()?)?)
            }
        }
    }

    /// The part of `log p(x|z)` that depends on no parameter, one number for each row of counts or
    /// raw readings.
    pub fn log_constant(&self, row: &[i16]) -> f64 {
        match self {
            Self::Binomial { trials } => {
                let n = f64::from(*trials);
                row.iter().map(|&x| log_choose(n, f64::from(x))).sum()
            }
            Self::Gaussian { log_unit, .. } => {
                -log_unit - 0.5 * row.len() as f64 * (2.0 * std::f64::consts::PI).ln()
            }
        }
    }
}

/// `ln(1 + e^x)` without overflow: `max(x, 0) + ln(1 + e^-|x|)`.
fn softplus(x: &Tensor) -> Result<Tensor, Error> {
    let small = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok((x.relu()? + small)?)
}

/// `ln C(n, x)` for whole numbers up to 255.
fn log_choose(n: f64, x: f64) -> f64 {
    (1..=x as u32)
        .map(|i| ((n - f64::from(i) + 1.0) / f64::from(i)).ln())
        .sum()
}
