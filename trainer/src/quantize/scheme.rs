//! What a step of every integer is worth, layer by layer.

use super::Q16;
use super::layer::quantize_inputs;
use super::operand::{LEAST_FRACTION_BITS, Operand};
use super::plan::Plan;
use crate::error::Error;
use crate::model::{LOG_VARIANCES, Vae};
use crate::readings::Normalization;
use elbow::image::{EncodeError, InputSpec, LikelihoodSpec};
use elbow::requantize::Multiplier;

/// The integers of a model but for its weights and biases. Layers are counted through: the hidden layers of
/// the encoder, the heads, the hidden layers of the decoder, the output.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// How raw readings become what the first layer takes in.
    pub inputs: Vec<InputSpec>,
    /// How centred raw conditions become what the decoder takes in.
    pub conditions: Vec<Multiplier>,
    /// Of latents.
    pub fraction_bits: u8,
    /// Q16.16.
    pub log_variance_range: (i32, i32),
    /// What each layer takes in.
    pub operands: Vec<Operand>,
    /// What a step of each layer's outputs is worth.
    pub steps: Vec<Vec<f64>>,
    /// With the constants of its own.
    pub likelihood: LikelihoodSpec,
}

impl Scheme {
    /// Those of `plan`.
    ///
    /// # Errors
    /// [`Error::Setting`] where the plan is of another model, [`Error::Encode`] where a scale has no multiplier,
    /// [`Error::Tensor`].
    pub fn new(vae: &Vae, normalization: &Normalization, plan: &Plan) -> Result<Self, Error> {
        plan.check(vae, normalization)?;
        let ranges = &plan.ranges;
        let (inputs, input) = quantize_inputs(normalization, &ranges.inputs, plan.inputs)?;
        let fraction_bits = latent_fraction_bits(ranges.latent);
        let taken_in = Operand::latents(vae.latents() + vae.conditions(), fraction_bits);
        let (likelihood, output_steps) = vae.likelihood.quantize(normalization)?;
        let of_units = ranges.encoder.iter().chain(&ranges.decoder);
        let widths = plan.encoder.iter().chain(&plan.decoder);
        let hidden = of_units.zip(widths).enumerate();
        let hidden = hidden.map(|(at, (ranges, &width))| match plan.steps.get(at) {
            None => Operand::rectified(width.finest(ranges), width),
            Some(steps) => Operand::rectified(steps.clone(), width),
        });
        let mut encoder: Vec<Operand> = hidden.collect();
        let decoder = encoder.split_off(plan.encoder.len());
        let steps = |hidden: &[Operand], last: Vec<f64>| -> Vec<Vec<f64>> {
            let hidden = hidden.iter().map(|operand| operand.scales.clone());
            hidden.chain([last]).collect()
        };
        let heads = vec![1.0 / Q16; vae.heads.bias.elem_count()];
        let mut all_steps = steps(&encoder, heads);
        all_steps.extend(steps(&decoder, output_steps));
        let first = [input].into_iter().chain(encoder);
        let operands = first.chain([taken_in]).chain(decoder).collect();
        let bound =
            |log_variance: f64| (log_variance.clamp(LOG_VARIANCES.0, LOG_VARIANCES.1) * Q16) as i32;
        Ok(Self {
            inputs,
            conditions: quantize_conditions(normalization, vae.conditions(), fraction_bits)?,
            fraction_bits,
            // Room for readings that the ranges were not measured on.
            log_variance_range: (
                bound(ranges.log_variance.0 - 1.0),
                bound(ranges.log_variance.1 + 1.0),
            ),
            operands,
            steps: all_steps,
            likelihood,
        })
    }
}

/// From centred raw conditions to network units in steps of a latent.
fn quantize_conditions(
    normalization: &Normalization,
    conditions: usize,
    fraction_bits: u8,
) -> Result<Vec<Multiplier>, Error> {
    let units = &normalization.units[normalization.width() - conditions..];
    let step = 2f64.powi(fraction_bits.into());
    let gains = units
        .iter()
        .map(|&unit| Multiplier::nearest(step / f64::from(unit)));
    let gains: Result<_, _> = gains.collect();
    Ok(gains.map_err(EncodeError::from)?)
}

/// As many fraction bits as leave a factor of 1.5 above the largest latent that was drawn.
fn latent_fraction_bits(largest: f64) -> u8 {
    let integer_bits = (1.5 * largest).max(1.0).log2().ceil();
    (15.0 - integer_bits).clamp(LEAST_FRACTION_BITS.into(), 15.0) as u8
}
