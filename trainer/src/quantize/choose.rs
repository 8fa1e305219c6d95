//! The plan of an image: ranges from data, and what is chosen by nats.

use super::correction::corrections;
use super::loss::{Judge, Loss};
use super::plan::Plan;
use super::pool::Pool;
use super::ranges::Ranges;
use super::{Label, quantize};
use crate::config::Calibration;
use crate::error::Error;
use crate::model::Vae;
use crate::prepared::Prepared;
use crate::readings::Normalization;
use candle_core::Device;
use elbow::kernel::Packing;

/// Readings of each kind that a choice is judged on.
const JUDGED: usize = 256;
/// What ranges are multiplied by, in turn.
const FACTORS: [f64; 5] = [0.5, 0.7, 1.4, 2.0, 4.0];

/// What activations reach on `pool`, or what they exceed there as rarely as `calibration` says.
///
/// # Errors
/// [`Error::Tensor`].
pub fn measure(vae: &Vae, pool: &Pool, calibration: Calibration) -> Result<Ranges, Error> {
    let quantile = match calibration {
        Calibration::MinMax | Calibration::Nats => 1.0,
        Calibration::Percentile(percentile) => percentile / 100.0,
    };
    let mut ranges: Option<Ranges> = None;
    for batch in pool.batches()? {
        let measured = Ranges::measure(vae, &batch, quantile)?;
        ranges = Some(match ranges {
            None => measured,
            Some(ranges) => ranges.hull(measured),
        });
    }
    ranges.ok_or_else(|| Error::Setting("no readings to calibrate with".into()))
}

/// Chooses the plan of `vae`.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
pub fn choose(
    vae: &Vae,
    normalization: &Normalization,
    pool: &Pool,
    calibration: Calibration,
) -> Result<Plan, Error> {
    let plan = Plan::new(vae, measure(vae, pool, calibration)?);
    let first = |data: &Prepared| {
        let readings = data.readings.first(JUDGED);
        Prepared::new(readings, normalization, vae, &Device::Cpu)
    };
    let (normal, strange) = (first(&pool.normal)?, first(&pool.strange)?);
    let search = Search {
        vae,
        normalization,
        judge: Judge::new(vae, &normal, &strange)?,
        reading: pool.normal.readings.row(0),
    };
    let plan = match calibration {
        Calibration::Nats => search.scale(plan)?,
        _ => plan,
    };
    search.correct(plan, pool)
}

/// What choices are judged with.
struct Search<'a> {
    vae: &'a Vae,
    normalization: &'a Normalization,
    judge: Judge<'a>,
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
    fn loss(&self, plan: &Plan) -> Result<Loss, Error> {
        let label = Label {
            name: String::new(),
            picture_width: 0,
            packing: Packing::Rows,
        };
        let spec = quantize(self.vae, self.normalization, plan, &label, self.reading)?;
        self.judge.loss(&spec)
    }

    /// Scales the ranges of one place after the other by the factor that costs least.
    fn scale(&self, mut plan: Plan) -> Result<Plan, Error> {
        let layers = plan.ranges.encoder.len() + plan.ranges.decoder.len();
        let mut least = self.loss(&plan)?.cost();
        for place in [Place::Inputs]
            .into_iter()
            .chain((0..layers).map(Place::Hidden))
        {
            let start = plan.clone();
            for factor in FACTORS {
                let scaled = start.clone().scaled(place, factor);
                let cost = self.loss(&scaled)?.cost();
                if cost < least {
                    (least, plan) = (cost, scaled);
                }
            }
        }
        Ok(plan)
    }

    /// The plan with its biases corrected, where that costs less.
    fn correct(&self, plan: Plan, pool: &Pool) -> Result<Plan, Error> {
        let shifts = corrections(self.vae, self.normalization, &plan, pool)?;
        let corrected = Plan {
            corrections: Some(shifts),
            ..plan.clone()
        };
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
