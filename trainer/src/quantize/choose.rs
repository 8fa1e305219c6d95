//! The plan of an image: ranges from data, and what is chosen by nats.

use super::calibration_set::CalibrationSet;
use super::operand::Width;
use super::plan::Plan;
use super::ranges::Ranges;
use super::search::{Affords, Judged, Search};
use super::sensitivity::{self, Sensitivity};
use crate::config::{Activations, Calibration, Config, Weights};
use crate::error::Error;
use crate::model::{LayerId, Layers, Vae};
use crate::readings::Normalization;
use elbow::layer::WeightBits;

/// The part of all weights that keep 8 bits where 4 are asked for: those of the smallest layers, such as the heads and the
/// decoder's first layer, through which everything that is known of a reading goes. Flash stays within 0.55 of that of
/// 8 bits.
const SPARED: f64 = 0.038;

/// Factor of the ranges of activations above what units reached: half a bit, for readings that reach further. What
/// saturates costs more than what is half a bit coarser.
const HEADROOM: f64 = 1.4;

/// A unit has for its range at least the range of its layer's loudest unit divided by this: a unit that is quiet on the
/// calibration set may be loud on anomalous readings. Sensible from 8 to 64.
const QUIETEST: f64 = 16.0;

/// Ranges of activations on `set`, with headroom, or exceeded there as rarely as `calibration` says.
///
/// # Errors
/// [`Error::Tensor`].
pub fn measure(vae: &Vae, set: &CalibrationSet, calibration: Calibration) -> Result<Ranges, Error> {
    let (quantile, headroom) = match calibration {
        Calibration::MinMax | Calibration::Nats => (1.0, HEADROOM),
        Calibration::Percentile(percentile) => (percentile / 100.0, 1.0),
    };
    let mut ranges: Option<Ranges> = None;
    for batch in set.batches()? {
        let measured = Ranges::measure(vae, &batch, quantile)?;
        ranges = Some(match ranges {
            None => measured,
            Some(ranges) => ranges.hull(measured),
        });
    }
    let mut ranges =
        ranges.ok_or_else(|| Error::Setting("no readings to calibrate with".into()))?;
    for layer in ranges.encoder.iter_mut().chain(&mut ranges.decoder) {
        // A unit that is never or hardly active on these readings may be on others.
        let loudest = layer.iter().copied().fold(1e-6, f64::max);
        let range = |reached: f64| headroom * reached.max(loudest / QUIETEST);
        layer
            .iter_mut()
            .for_each(|reached| *reached = range(*reached));
    }
    Ok(ranges)
}

/// Four bits in each layer of `vae` but the smallest, which together hold at most 3.8 % of all weights and keep eight.
pub fn four_bits(vae: &Vae) -> Layers<WeightBits> {
    let size = |layer: &LayerId| vae.layer(*layer).weight.elem_count();
    let mut order: Vec<LayerId> = vae.depth().layers().collect();
    order.sort_by_key(size);
    let mut left = SPARED * order.iter().map(size).sum::<usize>() as f64;
    let mut bits = Layers::from_fn(vae.depth(), |_| WeightBits::Four);
    for layer in order {
        left -= size(&layer) as f64;
        if left < 0.0 {
            break;
        }
        bits[layer] = WeightBits::Eight;
    }
    bits
}

/// Settings that a plan is chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choices {
    /// How ranges are found.
    pub calibration: Calibration,
    /// How many bits weights have.
    pub weights: Weights,
    /// How many bits activations have.
    pub activations: Activations,
}

impl Choices {
    /// The choices of a run.
    pub fn new(config: &Config) -> Self {
        Self {
            calibration: config.export.calibration,
            weights: config.export.weights,
            activations: config.export.activations,
        }
    }
}

/// Chooses the plan of `vae`. More than the least that `choices` ask for is chosen where it can be afforded.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
pub fn choose(
    vae: &Vae,
    normalization: &Normalization,
    set: &CalibrationSet,
    choices: Choices,
    affords: &Affords<'_>,
) -> Result<Plan, Error> {
    let plan = Plan::new(vae, measure(vae, set, choices.calibration)?);
    let with_weights = |plan: Plan| match choices.weights {
        Weights::Int4 => plan.with_bits(&four_bits(vae)),
        Weights::Int8 | Weights::Auto(_) => plan,
    };
    let judged = Judged::new(vae, normalization, set)?;
    let search = Search::new(vae, normalization, set, &judged)?;
    let with_width = |mut plan: Plan, width| {
        plan.inputs.width = width;
        plan.with_width(width)
    };
    let plan = match choices.activations {
        Activations::I8 => with_width(plan, Width::I8),
        Activations::I16 => with_width(plan, Width::I16),
        Activations::Auto => {
            let affords = |plan: &Plan| affords(&with_weights(plan.clone()));
            sensitivity::widened(&search, plan, &affords)?
        }
    };
    let rounded = |plan: Plan| match choices.weights {
        Weights::Int8 | Weights::Int4 => search.correct(with_weights(plan)),
        Weights::Auto(nats) => search.narrow(plan, nats, affords),
    };
    if choices.calibration != Calibration::Nats {
        return rounded(plan);
    }
    // Ranges are scaled with weights that are the nearest: what is best for these need not be for others.
    let scaled = rounded(search.scale(plan.clone())?)?;
    let plain = rounded(plan)?;
    let better = search.loss(&scaled)?.cost() < search.loss(&plain)?.cost();
    Ok(if better { scaled } else { plain })
}

/// Worth of 16 bits for the activations of each hidden layer of an image by `plan`.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
pub fn sensitivities(
    vae: &Vae,
    normalization: &Normalization,
    set: &CalibrationSet,
    plan: &Plan,
) -> Result<Vec<Sensitivity>, Error> {
    let judged = Judged::new(vae, normalization, set)?;
    let search = Search::new(vae, normalization, set, &judged)?;
    sensitivity::sensitivities(&search, plan)
}
