//! The likelihood and the prior of an image, and the units of the decoder's outputs.

use super::Q16;
use crate::config::ColumnKind;
use crate::error::Error;
use crate::model::{Heterogeneous, Likelihood, Location, Vae, log_normalizer};
use crate::readings::{FAILURES, Normalization};
use candle_core::Tensor;
use elbow::image::{
    ComponentSpec, EncodeError, GroupSpec, LikelihoodSpec, LocationSpec, PriorSpec, Tail,
};
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
        Likelihood::Heterogeneous(heterogeneous) => {
            quantize_heterogeneous(heterogeneous, normalization)
        }
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
    let inputs = normalization.units.iter().zip(&location.log_units);
    for (input, (&unit, log_unit)) in inputs.enumerate() {
        let log_deviation = deviations.as_ref().map_or(0.0, |all| f64::from(all[input]));
        let made = Standardized::new(unit, log_deviation)?;
        spec.standardize.push(made.standardize);
        spec.units.push(made.unit);
        let constant = -log_unit - location.log_normalizer();
        spec.log_normalizers.push(constant - made.log_scale);
        scales.push(location_step(made.standardize, unit));
        if spec.predicted_scale {
            scales.push(1.0 / Q16);
        }
    }
    Ok((LikelihoodSpec::Location(spec), scales))
}

fn quantize_heterogeneous(
    heterogeneous: &Heterogeneous,
    normalization: &Normalization,
) -> Result<(LikelihoodSpec, Vec<f64>), Error> {
    let log_deviations = heterogeneous.log_deviation.to_vec1::<f32>()?;
    let (mut groups, mut scales) = (vec![], vec![]);
    let mut number = 0;
    for &kind in &heterogeneous.kinds {
        let (unit, log_deviation) = (
            normalization.units[number],
            f64::from(log_deviations[number]),
        );
        let mut real = |tail| -> Result<GroupSpec, Error> {
            let log_scale = log_deviation + kind.log_unit().unwrap_or(0.0);
            let made = Standardized::new(unit, log_scale)?;
            scales.push(location_step(made.standardize, unit));
            let of_unit = made.log_scale - kind.log_unit().unwrap_or(0.0);
            Ok(GroupSpec::Real {
                tail,
                standardize: made.standardize,
                unit: made.unit,
                log_normalizer: -heterogeneous.log_units[number] - of_unit - log_normalizer(kind),
            })
        };
        groups.push(match kind {
            ColumnKind::Normal => real(Tail::Normal)?,
            ColumnKind::Laplace => real(Tail::Laplace)?,
            ColumnKind::Student { degrees } => real(Tail::Student { degrees })?,
            ColumnKind::Flag => GroupSpec::Flag,
            ColumnKind::Count => GroupSpec::Count {
                failures: (-log_deviation).exp().clamp(FAILURES.0, FAILURES.1),
                largest: largest_count(normalization, number),
            },
            ColumnKind::State { states } => GroupSpec::States { count: states },
        });
        if kind.is_discrete() {
            scales.extend(std::iter::repeat_n(1.0 / Q16, kind.numbers()));
        }
        number += kind.numbers();
    }
    Ok((LikelihoodSpec::Heterogeneous(groups), scales))
}

/// How many standard deviations above the mean of a count its table ends, and how long it is at least.
const TABLE: (f32, f32) = (20.0, 7.0);

/// The largest count that an image tells from larger ones.
fn largest_count(normalization: &Normalization, number: usize) -> u8 {
    let (deviations, least) = TABLE;
    let center = f32::from(normalization.centers[number]);
    let largest = (center + deviations * normalization.units[number]).max(least);
    // Saturates.
    largest.ceil() as u8
}

/// What an image has for the scale of an input.
struct Standardized {
    standardize: Multiplier,
    unit: Multiplier,
    /// Of the unit that the multiplier means, which everything else uses, in network units.
    log_scale: f64,
}

impl Standardized {
    fn new(unit: f32, log_deviation: f64) -> Result<Self, Error> {
        let standardize = standardization(unit, log_deviation).map_err(EncodeError::from)?;
        let exact = 8192.0 / standardize.to_f64();
        Ok(Self {
            standardize,
            unit: Multiplier::nearest(exact).map_err(EncodeError::from)?,
            log_scale: (exact / f64::from(unit)).ln(),
        })
    }
}

/// From raw readings to units of their own scale.
fn standardization(unit: f32, log_deviation: f64) -> Result<Multiplier, FactorError> {
    Multiplier::nearest(8192.0 / (log_deviation.exp() * f64::from(unit)))
}

/// The network units that make a step of a location.
fn location_step(standard: Multiplier, unit: f32) -> f64 {
    8192.0 / standard.to_f64() / f64::from(unit) / Q16
}

/// What a step of each output is worth where scales are learned, one for each input or one for all; `log_units` is of
/// [`Likelihood::log_units`].
///
/// # Errors
/// [`FactorError`] where a scale has no multiplier.
pub(crate) fn output_steps(
    units: &[f32],
    log_deviations: &[f32],
    log_units: &[Option<f64>],
) -> Result<Vec<f64>, FactorError> {
    let scales = log_deviations.iter().cycle().zip(log_units);
    let step = |(&unit, (&log_deviation, log_unit)): (&f32, (&f32, &Option<f64>))| {
        let Some(log_unit) = log_unit else {
            return Ok(1.0 / Q16);
        };
        let standard = standardization(unit, f64::from(log_deviation) + log_unit)?;
        Ok(location_step(standard, unit))
    };
    units.iter().zip(scales).map(step).collect()
}
