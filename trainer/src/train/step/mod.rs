//! The ways to ascend a bound, a file each.

mod candle;
mod engine;
mod local;

pub(super) use candle::ByCandle;
pub(super) use engine::ByEngine;
pub(super) use local::{Locally, Stage};

use super::{Epoch, State};
use crate::config::{Config, Objective, Target};
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Weighting;
use candle_core::{Tensor, Var};

/// An epoch that is to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Its count, from 1.
    pub(super) epoch: usize,
    /// Adam's step size.
    pub(super) rate: f64,
}

/// Name of the sums of an epoch in a [`State`].
const SUMS: &str = "sums";

/// A way to ascend the bound of a model that it borrows, with an optimizer, streams of randomness and the sums of an epoch
/// of its own. However an epoch is cut into calls of [`Step::ascend`], it ends alike.
pub(super) trait Step {
    /// Ascends on each of `readings` once, whole batches of an epoch in its order.
    fn ascend(&mut self, readings: &[u32], turn: Turn) -> Result<(), Error>;

    /// Ends an epoch over so many readings, and gives the means over them.
    fn end(&mut self, readings: usize, turn: Turn) -> Result<Epoch, Error>;

    /// Everything that later steps depend on, the variables of the model excepted.
    fn state(&self) -> Result<State, Error>;

    /// Continues from a [`Step::state`].
    fn resume(&mut self, state: &State) -> Result<(), Error>;
}

/// The weight of the divergence in an epoch; none where the plain bound is ascended.
fn weighting(config: &Config, epoch: usize) -> Option<Weighting> {
    let objective = &config.train.objective;
    (*objective != Objective::default()).then(|| Weighting {
        form: objective.form,
        weight: objective.weight(epoch),
        free_bits: objective.free_bits,
    })
}

/// The results of an epoch without the numbers that `config` does not ask for.
fn reported(config: &Config, means: Epoch) -> Epoch {
    let train = &config.train;
    let target = train.gradient.target(train.importance_samples);
    let is_elbo = target == Target::Elbo && train.objective.is_bound();
    Epoch {
        objective: means.objective.filter(|_| !is_elbo),
        observed_fraction: means
            .observed_fraction
            .filter(|_| config.train.missing > 0.0),
        ..means
    }
}

/// All variables, in the order of [`Vae::parameters`].
fn variables(vae: &Vae) -> Vec<&Var> {
    vae.parameters().into_iter().map(|(_, var)| var).collect()
}

/// The numbers of each variable.
fn counts(variables: &[&Var]) -> Vec<usize> {
    variables.iter().map(|var| var.elem_count()).collect()
}

fn total(tensor: &Tensor) -> Result<f64, Error> {
    Ok(f64::from(tensor.sum_all()?.to_scalar::<f32>()?))
}
