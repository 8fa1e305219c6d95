//! A training that can be gone on with: everything that determines the epochs still to come.

use super::{Best, Epoch, NUMBERS};
use crate::engine::adam::Moments;
use crate::error::Error;
use crate::model::Vae;
use crate::numeric::random::Xoshiro128PlusPlus;
use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A training after some epoch.
#[derive(Debug)]
pub struct Checkpoint {
    pub(super) progress: Progress,
    /// What the epochs so far came to.
    pub(super) history: Vec<Epoch>,
    /// The order of the readings, which the next epoch shuffles again.
    pub(super) order: Vec<u32>,
    /// Values of the variables, in the order of [`Vae::parameters`].
    pub(super) values: Vec<Tensor>,
    /// What the optimizer knows of each of them.
    pub(super) moments: Vec<Moments>,
    /// The values to keep, and what they were kept for.
    pub(super) best: Best,
}

/// The part that is no array.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Steps of the optimizer so far.
    pub(super) steps: i32,
    pub(super) streams: Streams,
}

/// The streams of randomness of a training.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Streams {
    pub(super) shuffling: Xoshiro128PlusPlus,
    pub(super) noise: Xoshiro128PlusPlus,
    pub(super) missing: Xoshiro128PlusPlus,
    pub(super) binarization: Xoshiro128PlusPlus,
}

/// Where [`Progress`] stands in the file's metadata.
const PROGRESS: &str = "progress";
const ORDER: &str = "order";
/// (epochs, numbers).
const HISTORY: &str = "history";
/// What the values to keep were kept for; nothing where none were.
const CRITERION: &str = "criterion";

impl Checkpoint {
    /// Epochs that are done.
    pub fn epochs(&self) -> usize {
        self.history.len()
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

    /// The bytes of a safetensors file: of each variable its value, its first and second moment and the
    /// value to keep, with `note` (a name and a text) in the metadata.
    ///
    /// # Errors
    /// [`Error::Tensor`], [`Error::Setting`].
    pub fn to_bytes(&self, vae: &Vae, note: (&str, String)) -> Result<Vec<u8>, Error> {
        let mut arrays = vec![(ORDER.to_owned(), vec![self.order.len()], Dtype::U32)];
        let mut bytes = vec![little_endian(&self.order, u32::to_le_bytes)];
        let history: Vec<f64> = self
            .history
            .iter()
            .flat_map(|epoch| epoch.to_numbers())
            .collect();
        arrays.push((
            HISTORY.to_owned(),
            vec![self.history.len(), NUMBERS],
            Dtype::F64,
        ));
        bytes.push(little_endian(&history, f64::to_le_bytes));
        let criterion: Vec<f64> = self.best.criterion().into_iter().collect();
        arrays.push((CRITERION.to_owned(), vec![criterion.len()], Dtype::F64));
        bytes.push(little_endian(&criterion, f64::to_le_bytes));
        let mut push = |name: String, shape: &[usize], values: &[f32]| {
            arrays.push((name, shape.to_vec(), Dtype::F32));
            bytes.push(little_endian(values, f32::to_le_bytes));
        };
        let best = self.best.values();
        for (index, (name, var)) in vae.parameters().into_iter().enumerate() {
            let shape = var.dims();
            push(format!("value.{name}"), shape, &flat(&self.values[index])?);
            let [first, second] = self.moments[index].parts();
            push(format!("first.{name}"), shape, first);
            push(format!("second.{name}"), shape, second);
            if let Some(best) = best {
                push(format!("best.{name}"), shape, &flat(&best[index])?);
            }
        }
        let views = arrays.into_iter().zip(&bytes);
        let views = views
            .map(|((name, shape, kind), bytes)| Ok((name, TensorView::new(kind, shape, bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(candle_core::Error::wrap)?;
        let progress = serde_json::to_string(&self.progress)
            .map_err(|error| Error::Setting(format!("no JSON can be written: {error}")))?;
        let metadata =
            HashMap::from([(PROGRESS.to_owned(), progress), (note.0.to_owned(), note.1)]);
        Ok(safetensors::serialize(views, Some(metadata)).map_err(candle_core::Error::wrap)?)
    }

    /// The text under `name` in the metadata of [`Checkpoint::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Setting`] where there is none.
    pub fn note(bytes: &[u8], name: &str) -> Result<String, Error> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let notes = metadata.metadata().as_ref();
        let note = notes.and_then(|notes| notes.get(name).cloned());
        note.ok_or_else(|| unreadable(format!("it has no {name}")))
    }

    /// What [`Checkpoint::to_bytes`] made of the training of a model like `vae`.
    ///
    /// # Errors
    /// [`Error::Setting`] for bytes that are something else.
    pub fn from_bytes(bytes: &[u8], vae: &Vae) -> Result<Self, Error> {
        let progress: Progress =
            serde_json::from_str(&Self::note(bytes, PROGRESS)?).map_err(unreadable)?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let device = vae.heads.weight.device();
        let order = file.tensor(ORDER).map_err(unreadable)?;
        let order = order.data().as_chunks::<4>().0;
        let doubles = |name: &str| {
            let view = file.tensor(name).map_err(unreadable)?;
            let words = view.data().as_chunks::<8>().0;
            let numbers = words.iter().map(|word| f64::from_le_bytes(*word));
            Ok::<_, Error>(numbers.collect::<Vec<_>>())
        };
        let history = doubles(HISTORY)?;
        let history = history.as_chunks::<NUMBERS>().0.iter().enumerate();
        let criterion = doubles(CRITERION)?.first().copied();
        let (mut values, mut moments, mut best) = (vec![], vec![], vec![]);
        for (name, var) in vae.parameters() {
            let read = |kind: &str| array(&file, &format!("{kind}.{name}"), var.dims());
            let tensor = |numbers| Tensor::from_vec(numbers, var.dims(), device);
            values.push(tensor(read("value")?)?);
            moments.push(Moments::from_parts([read("first")?, read("second")?]));
            if criterion.is_some() {
                best.push(tensor(read("best")?)?);
            }
        }
        Ok(Self {
            history: history
                .map(|(index, numbers)| Epoch::from_numbers(index + 1, *numbers))
                .collect(),
            order: order.iter().map(|word| u32::from_le_bytes(*word)).collect(),
            values,
            moments,
            best: Best::new(criterion.map(|criterion| (criterion, best))),
            progress,
        })
    }
}

fn unreadable(reason: impl std::fmt::Display) -> Error {
    Error::Setting(format!(
        "the checkpoint cannot be gone on with: {reason}; train anew, without --resume"
    ))
}

/// The numbers of an array of a shape.
fn array(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
    let view = file.tensor(name).map_err(unreadable)?;
    if view.shape() != shape || view.dtype() != Dtype::F32 {
        return Err(unreadable(format!(
            "{name} is {:?} of {:?}, the model has {shape:?} of F32",
            view.shape(),
            view.dtype()
        )));
    }
    let words = view.data().as_chunks::<4>().0;
    Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
}

fn little_endian<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor
        .to_device(&Device::Cpu)?
        .flatten_all()?
        .to_vec1::<f32>()?)
}
