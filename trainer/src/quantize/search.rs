//! The search for the integers of an image: every candidate is scored by the device's own code.

use super::balance::Balance;
use super::correction::corrections;
use super::loss::{Judge, Loss};
use super::plan::Plan;
use super::pool::Pool;
use super::ranges::Ranges;
use super::{Label, quantize};
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::readings::Normalization;
use candle_core::Device;
use elbow::image::ImageSpec;
use elbow::layer::{Packing, WeightBits};

/// Readings of each kind that a choice is judged on.
const JUDGED: usize = 256;
/// What ranges are multiplied by, in turn.
const FACTORS: [f64; 5] = [0.5, 0.7, 1.4, 2.0, 4.0];

/// Whether what an image by a plan takes can be afforded.
pub type Affords<'a> = dyn Fn(&Plan) -> Result<bool, Error> + 'a;

/// What `work` makes of a search on the first readings of `pool`.
///
/// # Errors
/// [`Error::Tensor`].
pub(super) fn with_search<T>(
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
            columns: vec![],
            picture_width: 0,
            packing: Packing::Rows,
        };
        quantize(self.vae, self.normalization, plan, &label, self.reading)
    }

    pub(super) fn loss(&self, plan: &Plan) -> Result<Loss, Error> {
        self.judge.loss(&self.image(plan)?)
    }

    /// Scales the ranges of one place after the other by the factor that costs least.
    pub(super) fn scale(&self, mut plan: Plan) -> Result<Plan, Error> {
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
    pub(super) fn narrow(
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
    pub(super) fn correct(&self, plan: Plan, pool: &Pool) -> Result<Plan, Error> {
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
