//! The scales of all numbers of a model in integers.

use super::operand::{LEAST_FRACTION_BITS, Operand, Q16, Width};
use super::plan::{ActivationPlan, Plan};
use crate::config::Latent;
use crate::error::Error;
use crate::model::{LOG_VARIANCES, LayerId, Layers, Vae};
use crate::readings::Normalization;
use elbow::distribution::LogVarianceRange;
use elbow::image::{InputSpec, LikelihoodSpec, WriteError};
use elbow::requantize::Multiplier;

/// How many times as far as their ranges inputs of 16 bits reach: they have levels to spare, and a reading further away than
/// any is not cut off.
const HEADROOM: f64 = 4.0;

/// The integers of a model but for its weights and biases.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// How raw readings become what the first layer takes in.
    pub inputs: Vec<InputSpec>,
    /// How centred raw conditions become what the decoder takes in.
    pub conditions: Vec<Multiplier>,
    /// Fraction bits of a latent.
    pub fraction_bits: u8,
    /// The range that log-variances are clamped to.
    pub log_variance_range: LogVarianceRange,
    /// The layers.
    pub layers: Layers<LayerScheme>,
    /// The likelihood, with its constants.
    pub likelihood: LikelihoodSpec,
}

/// The scales around one layer.
#[derive(Clone, Debug, Default)]
pub struct LayerScheme {
    /// The numbers that it takes in.
    pub input: Operand,
    /// Scale of each output: what a step is worth.
    pub output_scales: Vec<f64>,
    /// The largest output of a hidden layer, which is the negative of its zero point.
    pub q_max: Option<i16>,
}

impl Scheme {
    /// The scheme of `plan`.
    ///
    /// # Errors
    /// [`Error::Setting`] where the plan is of another model, [`Error::Encode`] where a scale has no multiplier,
    /// [`Error::Tensor`].
    pub fn new(vae: &Vae, normalization: &Normalization, plan: &Plan) -> Result<Self, Error> {
        plan.check(vae, normalization)?;
        let (inputs, input) = quantize_inputs(normalization, &plan.inputs)?;
        let mut largest = plan.latents.largest;
        if vae.latent() == Latent::Bernoulli {
            // Whatever was drawn, a bit may be one.
            largest = largest.max(1.0);
        }
        let fraction_bits = latent_fraction_bits(largest);
        let (likelihood, output_scales) = vae.likelihood.quantize(normalization)?;
        let depth = plan.layers.depth();
        let mut layers = Layers::from_fn(depth, |layer| {
            let activations = plan.layers[layer].activations.as_ref();
            LayerScheme {
                input: Operand::default(),
                output_scales: match activations {
                    Some(activations) => activations.scales(),
                    None => vec![1.0 / Q16; vae.layer(layer).bias.elem_count()],
                },
                q_max: activations.map(|activations| activations.width.largest()),
            }
        });
        layers.output.output_scales = output_scales;
        layers[depth.first(LayerId::Heads)].input = input;
        layers[depth.first(LayerId::Output)].input =
            Operand::latents(vae.latents() + vae.conditions(), fraction_bits);
        for layer in depth.layers() {
            if let (Some(next), Some(q_max)) = (depth.next(layer), layers[layer].q_max) {
                layers[next].input = Operand::rectified(layers[layer].output_scales.clone(), q_max);
            }
        }
        let bound =
            |log_variance: f64| (log_variance.clamp(LOG_VARIANCES.0, LOG_VARIANCES.1) * Q16) as i32;
        let (lowest, highest) = plan.latents.log_variance;
        Ok(Self {
            inputs,
            conditions: quantize_conditions(normalization, vae.conditions(), fraction_bits)?,
            fraction_bits,
            // Room for readings that the ranges were not measured on.
            log_variance_range: LogVarianceRange {
                lowest: bound(lowest - 1.0),
                highest: bound(highest + 1.0),
            },
            layers,
            likelihood,
        })
    }
}

/// Scales of the outputs, in network units.
///
/// # Errors
/// [`Error::Encode`] where a scale has no multiplier, [`Error::Tensor`].
pub(crate) fn output_scales(vae: &Vae, normalization: &Normalization) -> Result<Vec<f64>, Error> {
    Ok(vae.likelihood.quantize(normalization)?.1)
}

/// Each input becomes a whole number of the width of `plan` over its own `[-range, range]` in network units.
fn quantize_inputs(
    normalization: &Normalization,
    plan: &ActivationPlan,
) -> Result<(Vec<InputSpec>, Operand), Error> {
    let largest = f64::from(plan.width.largest_input());
    let headroom = match plan.width {
        Width::I8 => 1.0,
        Width::I16 => HEADROOM,
    };
    let columns = normalization
        .centers
        .iter()
        .zip(&normalization.exponents)
        .zip(normalization.units.iter().zip(&plan.ranges));
    let (mut specs, mut scales) = (vec![], vec![]);
    for ((&center, &exponent), (&unit, &range)) in columns {
        let unit = f64::from(unit);
        let gain = input_gain(headroom * range * unit, largest)?;
        specs.push(InputSpec {
            center,
            exponent,
            gain,
        });
        scales.push(1.0 / (gain.to_f64() * unit));
    }
    let operand = Operand {
        scales,
        zero_point: 0,
        largest,
    };
    Ok((specs, operand))
}

/// Steps of a raw unit, for raw readings up to `reach` from their centre, of so many levels. Few readings, counts among
/// them, have whole steps each, and lose nothing; what the multiplier rounds, the scale takes up.
fn input_gain(reach: f64, levels: f64) -> Result<Multiplier, Error> {
    // An input that never moved may move.
    let gain = levels / reach.max(1.0);
    let gain = if gain < 1.0 { gain } else { gain.floor() };
    Ok(Multiplier::nearest(gain).map_err(WriteError::from)?)
}

/// Multipliers from centred raw conditions to steps of a latent.
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
    Ok(gains.map_err(WriteError::from)?)
}

/// The most fraction bits that leave a factor of 1.5 above the largest latent that was drawn.
fn latent_fraction_bits(largest: f64) -> u8 {
    let integer_bits = (1.5 * largest).max(1.0).log2().ceil();
    (15.0 - integer_bits).clamp(LEAST_FRACTION_BITS.into(), 15.0) as u8
}
