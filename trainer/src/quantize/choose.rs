//! The plan of an image: ranges from data, and what is chosen by nats.

use super::balance::Balance;
use super::correction::corrections;
use super::loss::{Judge, Loss};
use super::plan::Plan;
use super::pool::Pool;
use super::ranges::Ranges;
use super::widths::Sensitivity;
use super::{Label, quantize};
use crate::config::{Activations, Calibration, Config, Weights};
use crate::error::Error;
use crate::model::Vae;
use crate::prepared::Prepared;
use crate::readings::Normalization;
use candle_core::Device;
use elbow::format::ImageSpec;
use elbow::kernel::{Packing, WeightBits};

/// Readings of each kind that a choice is judged on.
const JUDGED: usize = 256;
/// What ranges are multiplied by, in turn.
const FACTORS: [f64; 5] = [0.5, 0.7, 1.4, 2.0, 4.0];

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
            calibration: config.calibration,
            weights: config.weights,
            activations: config.activations,
        }
    }
}

/// Whether what an image by a plan takes can be afforded.
pub type Affords<'a> = dyn Fn(&Plan) -> Result<bool, Error> + 'a;

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

fn with_search<T>(
    vae: &Vae,
    normalization: &Normalization,
    pool: &Pool,
    work: impl FnOnce(&Search<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let first = |data: &Prepared| {
        let readings = data.readings.first(JUDGED);
        Prepared::new(readings, normalization, vae, &Device::Cpu)
    };
    let (normal, strange) = (first(&pool.normal)?, first(&pool.strange)?);
    work(&Search {
        vae,
        normalization,
        judge: Judge::new(vae, &normal, &strange)?,
        balance: Balance::new(vae, pool)?,
        reading: pool.normal.readings.row(0),
    })
}

/// What choices are judged with.
pub(super) struct Search<'a> {
    vae: &'a Vae,
    normalization: &'a Normalization,
    judge: Judge<'a>,
    pub(super) balance: Balance,
    /// Any reading.
    reading: &'a [i16],
}

/// Ranges that are scaled together: those of the inputs, or of a hidden layer, counted through.
#[derive(Clone, Copy, Debug)]
enum Place {
    Inputs,
    Hidden(usize),
}

impl Search<'_> {
    /// The image of a plan.
    pub(super) fn image(&self, plan: &Plan) -> Result<ImageSpec, Error> {
        let label = Label {
            name: String::new(),
            picture_width: 0,
            packing: Packing::Rows,
        };
        quantize(self.vae, self.normalization, plan, &label, self.reading)
    }

    pub(super) fn loss(&self, plan: &Plan) -> Result<Loss, Error> {
        self.judge.loss(&self.image(plan)?)
    }

    /// Scales the ranges of one place after the other by the factor that costs least.
    fn scale(&self, mut plan: Plan) -> Result<Plan, Error> {
        let layers = plan.ranges.encoder.len() + plan.ranges.decoder.len();
        let mut least = self.loss(&self.balance.apply(plan.clone()))?.cost();
        for place in [Place::Inputs]
            .into_iter()
            .chain((0..layers).map(Place::Hidden))
        {
            let start = plan.clone();
            for factor in FACTORS {
                let scaled = self.balance.apply(start.clone().scaled(place, factor));
                let cost = self.loss(&scaled)?.cost();
                if cost < least {
                    (least, plan) = (cost, scaled);
                }
            }
        }
        Ok(plan)
    }

    /// The plan with weights of four bits in as many layers as leave normal readings within `nats` of their scores
    /// in floats, in the mean: those first that save the most bytes for what they cost.
    fn narrow(
        &self,
        plan: Plan,
        pool: &Pool,
        nats: f64,
        affords: &Affords<'_>,
    ) -> Result<Plan, Error> {
        let with = |plan: &Plan, layer: usize| {
            let mut weights: Vec<_> = (0..plan.layers()).map(|at| plan.weight_bits(at)).collect();
            weights[layer] = WeightBits::Four;
            Plan {
                weights,
                ..plan.to_nearest()
            }
        };
        let mut costs = vec![];
        for (at, layer) in self.vae.layers().enumerate() {
            let narrow = self.correct(with(&plan, at), pool)?;
            let cost = self.loss(&narrow)?.normal;
            costs.push((cost / layer.weight.elem_count() as f64, at));
        }
        costs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut best = self.correct(plan, pool)?;
        for (_, at) in costs {
            let narrow = with(&best, at);
            if !affords(&narrow)? {
                continue;
            }
            let narrow = self.correct(narrow, pool)?;
            if self.loss(&narrow)?.normal <= nats {
                best = narrow;
            }
        }
        Ok(best)
    }

    /// The plan with its biases corrected, where that costs less.
    fn correct(&self, plan: Plan, pool: &Pool) -> Result<Plan, Error> {
        let plan = self.balance.apply(plan);
        let corrected = corrections(self.vae, self.normalization, &plan, pool)?;
        let better = self.loss(&corrected)?.cost() < self.loss(&plan)?.cost();
        Ok(if better { corrected } else { plan })
    }
}

impl Plan {
    /// The plan with the ranges of `place` multiplied by `factor`.
    fn scaled(mut self, place: Place, factor: f64) -> Self {
        let Ranges {
            inputs,
            encoder,
            decoder,
            ..
        } = &mut self.ranges;
        let encoders = encoder.len();
        let ranges = match place {
            Place::Inputs => inputs,
            Place::Hidden(at) if at < encoders => &mut encoder[at],
            Place::Hidden(at) => &mut decoder[at - encoders],
        };
        ranges.iter_mut().for_each(|range| *range *= factor);
        self
    }
}
