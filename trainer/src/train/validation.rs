//! The validation readings, by which the parameters to keep are chosen.

use super::Epoch;
use crate::config::Config;
use crate::engine::Evaluator;
use crate::engine::float_scores;
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose};
use crate::quantize::Plan;
use crate::readings::Normalization;
use crate::readings::masks::Masks;

/// Draws for each reading of a bound in floats, the same ones every time.
const SAMPLES: usize = 4;
/// Antithetic pairs of draws for each reading of a bound in integers.
const PAIRS: usize = 2;

/// The masks of `data` that do not change from epoch to epoch; none where training makes no gaps.
pub fn fixed_masks(config: &Config, data: &Prepared) -> Option<Masks> {
    let mut rng = random::stream(0, Purpose::EvaluationMissing);
    let (rows, width) = (data.readings.len(), data.readings.width());
    (config.train.missing > 0.0).then(|| Masks::draw(rows, width, config.train.missing, &mut rng))
}

/// The validation readings and the bounds on them.
pub(super) struct Validation<'a> {
    data: &'a Prepared,
    masks: Option<Masks>,
    /// The device's integers that the bounds are computed in, if not in floats.
    integers: Option<(&'a Normalization, &'a Plan)>,
    /// Epochs from one bound to the next.
    interval: usize,
    /// The last epoch in floats, which always has a bound.
    last: usize,
}

impl<'a> Validation<'a> {
    /// Bounds on `data`, with gaps too where training makes some: in floats every so many epochs, in integers after each.
    pub(super) fn new(
        config: &Config,
        data: &'a Prepared,
        integers: Option<(&'a Normalization, &'a Plan)>,
    ) -> Self {
        Self {
            data,
            masks: fixed_masks(config, data),
            integers,
            interval: match integers {
                None => (config.train.epochs / config.train.schedule.turns()).max(1),
                Some(_) => 1,
            },
            last: config.float_epochs(),
        }
    }

    /// Whether bounds are computed after an epoch.
    pub(super) fn is_due(&self, epoch: usize) -> bool {
        epoch.is_multiple_of(self.interval) || epoch == self.last || self.is_empty()
    }

    /// Whether there are no readings to compute bounds on.
    pub(super) fn is_empty(&self) -> bool {
        self.data.readings.is_empty()
    }

    /// Adds the bounds, where there are readings, to the results of an epoch.
    pub(super) fn after(&self, vae: &Vae, epoch: &mut Epoch) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        epoch.validation_elbo = self.mean_elbo(vae, None)?;
        if let Some(masks) = &self.masks {
            epoch.validation_masked_elbo = self.mean_elbo(vae, Some(masks))?;
        }
        Ok(())
    }

    /// [`Epoch::criterion`] of the model as it is.
    pub(super) fn criterion(&self, vae: &Vae) -> Result<Option<f64>, Error> {
        let mut epoch = Epoch::default();
        self.after(vae, &mut epoch)?;
        Ok(epoch.criterion())
    }

    fn mean_elbo(&self, vae: &Vae, masks: Option<&Masks>) -> Result<Option<f64>, Error> {
        let elbos = match self.integers {
            None => float_scores(vae, self.data, masks, SAMPLES)?,
            Some((normalization, plan)) => {
                let Some(mut evaluator) = Evaluator::new(vae, self.data)? else {
                    return Ok(None);
                };
                evaluator.quantize(vae, normalization, plan)?;
                evaluator.elbos(PAIRS, masks)?
            }
        };
        Ok(Some(elbos.iter().sum::<f64>() / elbos.len() as f64))
    }
}
