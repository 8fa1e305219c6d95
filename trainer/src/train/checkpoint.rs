//! Trainings under way as bytes: everything that determines the batches still to come.

use super::{Best, Epoch, State};
use crate::error::Error;
use crate::model::Vae;
use crate::numeric::random::Xoshiro128PlusPlus;
use candle_core::{Device, Tensor, safetensors::load_buffer};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A training after some batch.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub(super) progress: Progress,
    /// The order of the readings in the last epoch that began; the next one shuffles it again.
    pub(super) order: Vec<u32>,
    /// Values of the variables, in the order of [`Vae::parameters`].
    pub(super) values: Vec<Tensor>,
    /// The averages of the values over the epochs, where they are averaged.
    pub(super) average: Option<Vec<Tensor>>,
    /// The values to keep, if there are any yet.
    pub(super) best: Option<Vec<Tensor>>,
    /// The numbers of a [`State`].
    pub(super) state: BTreeMap<String, Tensor>,
}

/// The part that is no tensor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The criterion of the values to keep.
    pub(super) criterion: Option<f64>,
    /// Whether the values are averaged over the epochs.
    pub(super) averaged: bool,
    /// Readings that the epoch under way has passed; 0 between epochs.
    pub(super) passed: usize,
    /// The stream that shuffles readings.
    pub(super) shuffling: Option<Xoshiro128PlusPlus>,
    /// The streams of a [`State`].
    pub(super) streams: BTreeMap<String, Xoshiro128PlusPlus>,
    /// The results of the epochs so far.
    pub(super) history: Vec<Epoch>,
}

/// The name of [`Progress`] in the file's metadata.
const PROGRESS: &str = "progress";
const ORDER: &str = "order";
const AVERAGE: &str = "average";
const BEST: &str = "best";

impl Checkpoint {
    /// Epochs that are done.
    pub fn epochs(&self) -> usize {
        self.progress.history.len()
    }

    /// The values to keep, and their criterion.
    pub(super) fn best(&self) -> Best {
        Best::new(self.progress.criterion.zip(self.best.clone()))
    }

    /// Takes the state of the way to ascend.
    pub(super) fn take_state(&mut self) -> State {
        State {
            streams: std::mem::take(&mut self.progress.streams),
            numbers: std::mem::take(&mut self.state),
        }
    }

    /// Checks that it is of a training on so many readings.
    pub(super) fn check(&self, readings: usize) -> Result<(), Error> {
        let mut order = self.order.clone();
        order.sort_unstable();
        if order.iter().copied().eq(0..readings as u32) {
            return Ok(());
        }
        Err(unreadable(format!(
            "it is of {} training readings, the data have {readings}",
            order.len()
        )))
    }

    /// The bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Tensor`], [`Error::Setting`].
    pub fn to_bytes(&self, vae: &Vae) -> Result<Vec<u8>, Error> {
        let mut tensors = vec![(ORDER.to_owned(), Tensor::new(&*self.order, &Device::Cpu)?)];
        for (index, (name, _)) in vae.parameters().into_iter().enumerate() {
            tensors.push((format!("value.{name}"), self.values[index].clone()));
            let others = [(AVERAGE, &self.average), (BEST, &self.best)];
            tensors.extend(others.into_iter().filter_map(|(kind, values)| {
                let value = values.as_ref()?[index].clone();
                Some((format!("{kind}.{name}"), value))
            }));
        }
        let state = self.state.iter();
        tensors.extend(state.map(|(name, numbers)| (format!("state.{name}"), numbers.clone())));
        let progress = toml::to_string(&self.progress)
            .map_err(|error| Error::Setting(format!("no TOML can be written: {error}")))?;
        let metadata = [(PROGRESS.to_owned(), progress)];
        let bytes = safetensors::serialize(tensors, Some(HashMap::from(metadata)));
        Ok(bytes.map_err(candle_core::Error::wrap)?)
    }

    fn progress(bytes: &[u8]) -> Result<Progress, Error> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let texts = metadata.metadata().as_ref();
        let text = texts.and_then(|texts| texts.get(PROGRESS));
        let text = text.ok_or_else(|| unreadable(format!("it has no {PROGRESS}")))?;
        toml::from_str(text).map_err(unreadable)
    }

    /// Epochs that were done in the training that [`Checkpoint::to_bytes`] made `bytes` of.
    ///
    /// # Errors
    /// [`Error::Setting`] for bytes that are something else.
    pub fn epochs_in(bytes: &[u8]) -> Result<usize, Error> {
        Ok(Self::progress(bytes)?.history.len())
    }

    /// The checkpoint of the training of a model like `vae` that [`Checkpoint::to_bytes`] made bytes of.
    ///
    /// # Errors
    /// [`Error::Setting`] for bytes that are something else.
    pub fn from_bytes(bytes: &[u8], vae: &Vae) -> Result<Self, Error> {
        let progress = Self::progress(bytes)?;
        let mut tensors = load_buffer(bytes, &Device::Cpu).map_err(unreadable)?;
        let mut take = |name: &str| {
            let tensor = tensors.remove(name);
            tensor.ok_or_else(|| unreadable(format!("it has no {name}")))
        };
        let order = take(ORDER)?.to_vec1().map_err(unreadable)?;
        let mut of_model = |kind: &str| {
            let parameters = vae.parameters().into_iter();
            let one = |(name, var): (String, &candle_core::Var)| {
                let tensor = take(&format!("{kind}.{name}"))?;
                if (tensor.dims(), tensor.dtype()) == (var.dims(), var.dtype()) {
                    return Ok(tensor.to_device(var.device())?);
                }
                Err(unreadable(format!(
                    "{kind}.{name} is {:?} of {:?}, the model has {:?} of {:?}",
                    tensor.dims(),
                    tensor.dtype(),
                    var.dims(),
                    var.dtype()
                )))
            };
            parameters.map(one).collect::<Result<Vec<_>, Error>>()
        };
        let values = of_model("value")?;
        let best = progress.criterion.map(|_| of_model(BEST)).transpose()?;
        let average = progress.averaged.then(|| of_model(AVERAGE)).transpose()?;
        let state = tensors.into_iter().filter_map(|(name, numbers)| {
            let name = name.strip_prefix("state.")?;
            Some((name.to_owned(), numbers))
        });
        Ok(Self {
            progress,
            order,
            values,
            average,
            best,
            state: state.collect(),
        })
    }
}

/// A training that cannot be gone on with, for a reason.
pub(crate) fn unreadable(reason: impl std::fmt::Display) -> Error {
    Error::Setting(format!(
        "the checkpoint cannot be gone on with: {reason}; train anew, without --resume"
    ))
}
