//! Training in the device's integers: the last epochs, in which a model learns to live with what rounding does to
//! it (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
//! inference", CVPR 2018).

use super::step::ByEngine;
use super::validation::Validation;
use super::{Best, Course, Epoch, Phase, Training};
use crate::config::Config;
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose};
use crate::quantize::{Plan, fold};
use crate::readings::Normalization;
use rand_core::Rng;

/// Trains `vae`, which was trained in floats, for the epochs that [`Config::float_epochs`] leaves, in the integers that
/// begin as those of `plan`, and leaves it with the parameters with the highest bound in integers on the validation
/// readings: those of an epoch, or those that it came with. Gives the epochs, and the plan by which the image is the model
/// of training. A training that goes on from a checkpoint takes the same `vae` and `plan` again.
///
/// # Errors
/// [`Error::Diverged`], [`Error::Cancelled`], [`Error::Encode`], [`Error::Tensor`], those of saving.
pub fn train_integers(
    vae: &Vae,
    config: &Config,
    normalization: &Normalization,
    (training, validation): (&Prepared, &Prepared),
    plan: Plan,
    course: Course<'_>,
    mut observe: impl FnMut(&Epoch) -> Result<(), Error>,
) -> Result<(Vec<Epoch>, Plan), Error> {
    let mut config = config.clone();
    // Other draws than those of the first epochs.
    config.train.seed = random::stream(config.train.seed, Purpose::Integers).next_u64();
    let config = &config;
    let mut best = Best::default();
    let unchanged = Validation::new(config, validation, Some((normalization, &plan)));
    // Without readings to choose by, every epoch is better than none.
    let any = unchanged.is_empty().then_some(0.0);
    best.offer(vae, unchanged.criterion(vae)?.or(any))?;
    let before = best.criterion();
    // It learns on from the integers as they are, and ranges that moved would move all.
    let folded = fold(vae, normalization, &plan)?;
    let mut run = Training::new((vae, config), training, course, &mut observe)?;
    run.begin(config.float_epochs(), best)?;
    let step = ByEngine::new(vae, config, training)?.quantize(normalization, &folded)?;
    run.ascend(Phase {
        step: Box::new(step),
        validation: Some(Validation::new(
            config,
            validation,
            Some((normalization, &folded)),
        )),
        rate: Box::new(|epoch, _| config.rate(epoch, training.readings.len(), 0)),
        is_averaged: false,
        patience: None,
        last: config.train.epochs,
    })?;
    let moved = run.best.criterion() != before
        || run.history.iter().any(|epoch| epoch.criterion().is_none());
    let history = run.finish()?;
    if !moved {
        return Ok((history, plan));
    }
    // It learned in integers, between which weights are anywhere: the model is what the integers stand for.
    Ok((history, fold(vae, normalization, &folded)?))
}
