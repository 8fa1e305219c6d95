//! The search for the integers of an image: every candidate is scored by the device's own code.

use super::balance::Balance;
use super::calibration_set::CalibrationSet;
use super::correction::compensated;
use super::image::{Label, quantize};
use super::loss::{Judge, Loss};
use super::plan::Plan;
use crate::error::Error;
use crate::model::prepared::Prepared;
use crate::model::{LayerId, Vae};
use crate::readings::Normalization;
use candle_core::Device;
use elbow::image::ImageSpec;
use elbow::layer::{Packing, WeightBits};

/// Readings of each kind that a choice is judged on.
const JUDGED: usize = 256;
/// Factors of ranges that are tried in turn.
const FACTORS: [f64; 5] = [0.5, 0.7, 1.4, 2.0, 4.0];

/// Whether what an image by a plan takes can be afforded.
pub type Affords<'a> = dyn Fn(&Plan) -> Result<bool, Error> + 'a;

/// The readings that choices are judged on: the first of a calibration set, normal and anomalous.
pub(super) struct Judged {
    normal: Prepared,
    anomalous: Prepared,
}

/// The search for the plan of a model.
pub(super) struct Search<'a> {
    vae: &'a Vae,
    normalization: &'a Normalization,
    set: &'a CalibrationSet,
    judge: Judge<'a>,
    pub(super) balance: Balance,
}

impl Judged {
    /// Takes the first readings of `set`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub(super) fn new(
        vae: &Vae,
        normalization: &Normalization,
        set: &CalibrationSet,
    ) -> Result<Self, Error> {
        let first = |data: &Prepared| {
            let readings = data.readings.first(JUDGED);
            Prepared::new(readings, normalization, vae, &Device::Cpu)
        };
        Ok(Self {
            normal: first(&set.normal)?,
            anomalous: first(&set.anomalous)?,
        })
    }
}

impl<'a> Search<'a> {
    /// A search that judges on `judged`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub(super) fn new(
        vae: &'a Vae,
        normalization: &'a Normalization,
        set: &'a CalibrationSet,
        judged: &'a Judged,
    ) -> Result<Self, Error> {
        Ok(Self {
            vae,
            normalization,
            set,
            judge: Judge::new(vae, &judged.normal, &judged.anomalous)?,
            balance: Balance::new(vae, set)?,
        })
    }

    /// The image of a plan, with any reading for its self-test.
    pub(super) fn image(&self, plan: &Plan) -> Result<ImageSpec, Error> {
        let label = Label {
            name: String::new(),
            columns: vec![],
            picture_width: 0,
            packing: Packing::Rows,
        };
        let reading = self.set.normal.readings.row(0);
        quantize(self.vae, self.normalization, plan, &label, reading)
    }

    /// The loss of the image of a plan.
    pub(super) fn loss(&self, plan: &Plan) -> Result<Loss, Error> {
        self.judge.loss(&self.image(plan)?)
    }

    /// Scales the ranges of one place after the other by the factor that costs least.
    pub(super) fn scale(&self, mut plan: Plan) -> Result<Plan, Error> {
        let mut least = self.loss(&self.balance.apply(plan.clone()))?.cost();
        for place in plan.places() {
            let start = plan.clone();
            for factor in FACTORS {
                let scaled = start.changed(place, |activations| {
                    activations
                        .ranges
                        .iter_mut()
                        .for_each(|range| *range *= factor);
                });
                let scaled = self.balance.apply(scaled);
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
        nats: f64,
        affords: &Affords<'_>,
    ) -> Result<Plan, Error> {
        let with_four = |plan: &Plan, layer: LayerId| {
            let mut plan = plan.to_nearest();
            plan.layers[layer].bits = WeightBits::Four;
            plan
        };
        let mut costs = vec![];
        for layer in plan.layers.depth().layers() {
            let narrow = self.correct(with_four(&plan, layer))?;
            let cost = self.loss(&narrow)?.normal;
            let weights = self.vae.layer(layer).weight.elem_count();
            costs.push((cost / weights as f64, layer));
        }
        costs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut best = self.correct(plan)?;
        for (_, layer) in costs {
            let narrow = with_four(&best, layer);
            if !affords(&narrow)? {
                continue;
            }
            let narrow = self.correct(narrow)?;
            if self.loss(&narrow)?.normal <= nats {
                best = narrow;
            }
        }
        Ok(best)
    }

    /// The plan with errors of rounding made good, where that costs less.
    pub(super) fn correct(&self, plan: Plan) -> Result<Plan, Error> {
        let plan = self.balance.apply(plan);
        let compensated = compensated(self.vae, self.normalization, &plan, self.set)?;
        let better = self.loss(&compensated)?.cost() < self.loss(&plan)?.cost();
        Ok(if better { compensated } else { plan })
    }
}
