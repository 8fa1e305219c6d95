//! The prior of an image.

use super::operand::Q16;
use crate::error::Error;
use crate::model::Vae;
use candle_core::Tensor;
use elbow::image::{ComponentSpec, PriorSpec};

/// The largest log-odds of a bit.
const LARGEST: f64 = elbow::distribution::LARGEST_LOG_ODDS as f64 / Q16;

/// The prior, its numbers brought into an image's range.
pub(super) fn quantize_prior(vae: &Vae) -> Result<PriorSpec, Error> {
    if let Some(log_odds) = vae.prior.log_odds() {
        let log_odds = log_odds.to_vec1::<f32>()?.into_iter();
        let limited = log_odds.map(|odds| f64::from(odds).clamp(-LARGEST, LARGEST));
        return Ok(PriorSpec::Bernoulli(limited.collect()));
    }
    let Some(components) = vae.components()? else {
        return Ok(PriorSpec::Standard);
    };
    let wide = |row: Vec<f32>| row.into_iter().map(f64::from).collect::<Vec<_>>();
    let rows = |table: &Tensor| -> Result<Vec<Vec<f64>>, Error> {
        Ok(table.to_vec2::<f32>()?.into_iter().map(wide).collect())
    };
    let log_weights = wide(components.log_weights.to_vec1::<f32>()?);
    let shapes = rows(&components.means)?
        .into_iter()
        .zip(rows(&components.log_variances)?);
    let components = log_weights.into_iter().zip(shapes);
    let spec = components.map(|(log_weight, (mean, log_variance))| ComponentSpec {
        log_weight: log_weight.clamp(-64.0, 0.0),
        mean: mean.into_iter().map(|m| m.clamp(-128.0, 128.0)).collect(),
        log_variance,
    });
    Ok(PriorSpec::Mixture(spec.collect()))
}
