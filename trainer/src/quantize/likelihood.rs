//! The likelihood and the prior of an image, and the units of the decoder's outputs.

use super::Q16;
use crate::error::Error;
use crate::model::{Likelihood, Location, Vae};
use crate::readings::Normalization;
use candle_core::Tensor;
use elbow::format::{ComponentSpec, EncodeError, LikelihoodSpec, LocationSpec, PriorSpec};
use elbow::requantize::{FactorError, Multiplier};

/// The prior, its numbers brought into an image's range.
pub(super) fn quantize_prior(vae: &Vae) -> Result<PriorSpec, Error> {
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

/// The likelihood, and the network units that make one step of each wide output.
pub(super) fn quantize_likelihood(
    vae: &Vae,
    normalization: &Normalization,
) -> Result<(LikelihoodSpec, Vec<f64>), Error> {
    let conditions = vae.conditions();
    match &vae.likelihood {
        Likelihood::Binomial { trials } => Ok((
            LikelihoodSpec::Binomial { trials: *trials },
            vec![1.0 / Q16; normalization.width() - conditions],
        )),
        Likelihood::Location(location) => quantize_location(location, normalization),
    }
}

fn quantize_location(
    location: &Location,
    normalization: &Normalization,
) -> Result<(LikelihoodSpec, Vec<f64>), Error> {
    let deviations = location.log_deviations()?;
    let mut spec = LocationSpec {
        family: location.family,
        predicted_scale: deviations.is_none(),
        standardize: vec![],
        units: vec![],
        log_normalizers: vec![],
    };
    let mut scales = vec![];
    for (input, (&unit, log_unit)) in normalization
        .units
        .iter()
        .zip(&location.log_units)
        .enumerate()
    {
        let log_deviation = deviations.as_ref().map_or(0.0, |all| f64::from(all[input]));
        let multiplier = |factor| Multiplier::nearest(factor).map_err(EncodeError::from);
        let standard = standardization(unit, log_deviation).map_err(EncodeError::from)?;
        // The unit that the multiplier means is the one that everything else uses.
        let exact = 8192.0 / standard.to_f64();
        spec.standardize.push(standard);
        spec.units.push(multiplier(exact)?);
        spec.log_normalizers
            .push(-log_unit - (exact / f64::from(unit)).ln() - location.log_normalizer());
        scales.push(location_step(standard, unit));
        if spec.predicted_scale {
            scales.push(1.0 / Q16);
        }
    }
    Ok((LikelihoodSpec::Location(spec), scales))
}

/// From raw readings to units of their own scale.
fn standardization(unit: f32, log_deviation: f64) -> Result<Multiplier, FactorError> {
    Multiplier::nearest(8192.0 / (log_deviation.exp() * f64::from(unit)))
}

/// The network units that make a step of a location.
fn location_step(standard: Multiplier, unit: f32) -> f64 {
    8192.0 / standard.to_f64() / f64::from(unit) / Q16
}

/// What a step of each location is worth where scales are learned, one for each input or one for all.
///
/// # Errors
/// [`FactorError`] where a scale has no multiplier.
pub(crate) fn location_steps(
    units: &[f32],
    log_deviations: &[f32],
) -> Result<Vec<f64>, FactorError> {
    let inputs = units.iter().zip(log_deviations.iter().cycle());
    let step = |(&unit, &log_deviation): (&f32, &f32)| {
        Ok(location_step(
            standardization(unit, log_deviation.into())?,
            unit,
        ))
    };
    inputs.map(step).collect()
}
