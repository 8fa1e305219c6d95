//! The plan of an image: ranges from data, and what is chosen by nats.

use super::plan::Plan;
use super::pool::Pool;
use super::ranges::Ranges;
use super::search::{Affords, with_search};
use super::widths::Sensitivity;
use crate::config::{Activations, Calibration, Config, Weights};
use crate::error::Error;
use crate::model::Vae;
use crate::readings::Normalization;
use elbow::layer::WeightBits;

/// The part of all weights that keep 8 bits where 4 are asked for: those of the smallest layers, such as the heads and the
/// decoder's first layer, through which everything that is known of a reading goes. Flash stays within 0.55 of that of
/// 8 bits.
const SPARED: f64 = 0.038;

/// What the ranges of activations are above what units reached: half a bit, for readings that reach further. What
/// saturates costs more than what is half a bit coarser.
const HEADROOM: f64 = 1.4;

/// A unit has at least this part of its layer's loudest unit for its range.
const QUIETEST: f64 = 16.0;

/// What activations reach on `pool`, with headroom, or what they exceed there as rarely as `calibration` says.
///
/// # Errors
/// [`Error::Tensor`].
pub fn measure(vae: &Vae, pool: &Pool, calibration: Calibration) -> Result<Ranges, Error> {
    let (quantile, headroom) = match calibration {
        Calibration::MinMax | Calibration::Nats => (1.0, HEADROOM),
        Calibration::Percentile(percentile) => (percentile / 100.0, 1.0),
    };
    let mut ranges: Option<Ranges> = None;
    for batch in pool.batches()? {
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
pub fn four_bits(vae: &Vae) -> Vec<WeightBits> {
    let sizes: Vec<usize> = vae
        .layers()
        .map(|layer| layer.weight.elem_count())
        .collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&at| sizes[at]);
    let mut left = SPARED * sizes.iter().sum::<usize>() as f64;
    let mut bits = vec![WeightBits::Four; sizes.len()];
    for at in order {
        left -= sizes[at] as f64;
        if left < 0.0 {
            break;
        }
        bits[at] = WeightBits::Eight;
    }
    bits
}

/// What a plan is chosen by.
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
    /// Those of a run.
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
    pool: &Pool,
    choices: Choices,
    affords: &Affords<'_>,
) -> Result<Plan, Error> {
    let plan = Plan::new(vae, measure(vae, pool, choices.calibration)?);
    let weights = match choices.weights {
        Weights::Int4 => four_bits(vae),
        Weights::Int8 | Weights::Auto(_) => vec![],
    };
    let with_weights = |plan: &Plan| Plan {
        weights: weights.clone(),
        ..plan.clone()
    };
    with_search(vae, normalization, pool, |search| {
        let affords_wide = |plan: &Plan| affords(&with_weights(plan));
        let plan = search.widen(plan, choices.activations, &affords_wide)?;
        let rounded = |plan: Plan| match choices.weights {
            Weights::Int8 | Weights::Int4 => search.correct(with_weights(&plan), pool),
            Weights::Auto(nats) => search.narrow(plan, pool, nats, affords),
        };
        if choices.calibration != Calibration::Nats {
            return rounded(plan);
        }
        // Ranges are scaled with weights that are the nearest: what is best for these need not be for others.
        let scaled = rounded(search.scale(plan.clone())?)?;
        let plain = rounded(plan)?;
        let better = search.loss(&scaled)?.cost() < search.loss(&plain)?.cost();
        Ok(if better { scaled } else { plain })
    })
}

/// What 16 bits for its activations are worth in each hidden layer of an image by `plan`.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
pub fn sensitivities(
    vae: &Vae,
    normalization: &Normalization,
    pool: &Pool,
    plan: &Plan,
) -> Result<Vec<Sensitivity>, Error> {
    with_search(vae, normalization, pool, |search| {
        search.sensitivities(plan)
    })
}
