//! Training in the device's integers: the last epochs, in which a model learns to live with what rounding does to
//! it (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
//! inference", CVPR 2018).

use super::{Ascent, Best, Epoch, Means, fixed_masks};
use crate::config::Config;
use crate::engine::Evaluator;
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose};
use crate::quantize::{Plan, fold};
use crate::readings::Normalization;
use crate::readings::masks::Masks;
use rand_core::Rng;

/// Antithetic pairs of draws for each validation reading.
const PAIRS: usize = 2;

/// Trains `vae`, which was trained in floats, for the epochs that [`Config::float_epochs`] leaves, in the integers that
/// begin as those of `plan`, and leaves it with the parameters with the highest bound in integers on the validation
/// readings: those of an epoch, or those that it came with. Gives the epochs, and the plan by which the image is what
/// training saw.
///
/// # Errors
/// [`Error::Diverged`], [`Error::Encode`], [`Error::Tensor`].
pub fn train_integers(
    vae: &Vae,
    config: &Config,
    normalization: &Normalization,
    (training, validation): (&Prepared, &Prepared),
    plan: Plan,
    mut observe: impl FnMut(&Epoch) -> Result<(), Error>,
) -> Result<(Vec<Epoch>, Plan), Error> {
    let mut config = config.clone();
    // Other draws than those of the first epochs.
    config.train.seed = random::stream(config.train.seed, Purpose::Integers).next_u64();
    let config = config;
    let judge = Validation {
        vae,
        normalization,
        data: validation,
        masks: fixed_masks(&config, validation),
    };
    let (mut best, mut history) = (Best::default(), vec![]);
    best.offer(vae, judge.criterion(&plan)?)?;
    // It learns on from the integers as they are, and ranges that moved would move all.
    let folded = fold(vae, normalization, &plan)?;
    let mut ascent = Ascent::new(Means::Engine, vae, &config, training)?;
    if let Some(engine) = &mut ascent.engine {
        engine.quantize(vae, normalization, &folded)?;
    }
    let mut moved = false;
    for epoch in config.float_epochs() + 1..=config.train.epochs {
        let mut metrics = ascent.epoch(epoch)?;
        metrics.validation_elbo = judge.elbo(&folded, None)?;
        if judge.masks.is_some() {
            metrics.validation_masked_elbo = judge.elbo(&folded, judge.masks.as_ref())?;
        }
        let better = best.offer(vae, metrics.criterion())?;
        moved |= better || metrics.criterion().is_none();
        observe(&metrics)?;
        history.push(metrics);
    }
    best.restore(vae)?;
    if !moved {
        return Ok((history, plan));
    }
    // It learned in integers, between which weights are anywhere: the model is what the integers stand for.
    Ok((history, fold(vae, normalization, &folded)?))
}

/// The readings that a model in integers is chosen by.
struct Validation<'a> {
    vae: &'a Vae,
    normalization: &'a Normalization,
    data: &'a Prepared,
    masks: Option<Masks>,
}

impl Validation<'_> {
    /// The mean bound in the integers of `plan`; none without readings.
    fn elbo(&self, plan: &Plan, masks: Option<&Masks>) -> Result<Option<f64>, Error> {
        let Some(mut evaluator) = Evaluator::new(self.vae, self.data)? else {
            return Ok(None);
        };
        evaluator.quantize(self.vae, self.normalization, plan)?;
        let elbos = evaluator.elbos(PAIRS, masks)?;
        let mean = elbos.iter().sum::<f64>() / elbos.len() as f64;
        Ok((!elbos.is_empty()).then_some(mean))
    }

    /// [`Epoch::criterion`] as the model is.
    fn criterion(&self, plan: &Plan) -> Result<Option<f64>, Error> {
        let masked = match &self.masks {
            None => None,
            Some(masks) => self.elbo(plan, Some(masks))?,
        };
        let epoch = Epoch {
            validation_elbo: self.elbo(plan, None)?,
            validation_masked_elbo: masked,
            ..Epoch::default()
        };
        Ok(epoch.criterion())
    }
}
