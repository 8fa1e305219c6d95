//! Interrupted trainings as bytes: everything that determines the epochs still to come.

use super::epoch::NUMBERS;
use super::{Best, Epoch, State};
use crate::error::Error;
use crate::model::Vae;
use crate::numeric::random::Xoshiro128PlusPlus;
use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A training after some epoch.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The results of the epochs so far.
    pub(super) history: Vec<Epoch>,
    /// The order of the readings, which the next epoch shuffles again.
    pub(super) order: Vec<u32>,
    pub(super) shuffling: Xoshiro128PlusPlus,
    /// Values of the variables, in the order of [`Vae::parameters`].
    pub(super) values: Vec<Tensor>,
    /// The values to keep, and their criterion.
    pub(super) best: Best,
    /// The state of the way to ascend.
    pub(super) state: State,
    /// The finished training in floats that this one in integers goes on from, as bytes.
    pub(super) before: Option<Vec<u8>>,
}

/// The part that is no array.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    shuffling: Xoshiro128PlusPlus,
    streams: BTreeMap<String, Xoshiro128PlusPlus>,
}

/// The name of [`Progress`] in the file's metadata.
const PROGRESS: &str = "progress";
const ORDER: &str = "order";
/// (epochs, numbers).
const HISTORY: &str = "history";
/// The criterion of the values to keep; empty where there are none.
const CRITERION: &str = "criterion";
const BEFORE: &str = "before";
/// The prefix of the names of numbers of a [`State`].
const STATE: &str = "state.";

impl Checkpoint {
    /// The end of a training of `vae` on so many readings.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn finished(vae: &Vae, history: &[Epoch], readings: usize) -> Result<Self, Error> {
        Ok(Self {
            history: history.to_vec(),
            order: (0..readings as u32).collect(),
            shuffling: elbow::rng::stream(0, 0),
            values: vae.snapshot()?,
            best: Best::default(),
            state: State::default(),
            before: None,
        })
    }

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

    /// The bytes of a safetensors file, with `note` (a name and a text) in the metadata.
    ///
    /// # Errors
    /// [`Error::Tensor`], [`Error::Setting`].
    pub fn to_bytes(&self, vae: &Vae, note: (&str, String)) -> Result<Vec<u8>, Error> {
        let mut arrays = Arrays::default();
        arrays.push(ORDER, &[self.order.len()], &self.order);
        let history = self.history.iter().flat_map(|epoch| epoch.to_numbers());
        let history: Vec<f64> = history.collect();
        arrays.push(HISTORY, &[self.history.len(), NUMBERS], &history);
        let criterion: Vec<f64> = self.best.criterion().into_iter().collect();
        arrays.push(CRITERION, &[criterion.len()], &criterion);
        if let Some(before) = &self.before {
            arrays.push(BEFORE, &[before.len()], before);
        }
        for (index, (name, var)) in vae.parameters().into_iter().enumerate() {
            let shape = var.dims();
            let value = flat(&self.values[index])?;
            arrays.push(&format!("value.{name}"), shape, &value);
            if let Some(best) = self.best.values() {
                arrays.push(&format!("best.{name}"), shape, &flat(&best[index])?);
            }
        }
        for (name, numbers) in &self.state.singles {
            arrays.push(&format!("{STATE}{name}"), &[numbers.len()], numbers);
        }
        for (name, numbers) in &self.state.doubles {
            arrays.push(&format!("{STATE}{name}"), &[numbers.len()], numbers);
        }
        let progress = serde_json::to_string(&Progress {
            shuffling: self.shuffling.clone(),
            streams: self.state.streams.clone(),
        });
        let progress =
            progress.map_err(|error| Error::Setting(format!("no JSON can be written: {error}")))?;
        arrays.serialize([(PROGRESS.to_owned(), progress), (note.0.to_owned(), note.1)])
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

    /// The bytes of the finished training in floats that a checkpoint in integers, as bytes, goes on from; none of one in
    /// floats.
    ///
    /// # Errors
    /// [`Error::Setting`] for bytes that are something else.
    pub fn before_in(bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        Ok(file.tensor(BEFORE).ok().map(|view| view.data().to_vec()))
    }

    /// The checkpoint of the training of a model like `vae` that [`Checkpoint::to_bytes`] made bytes of.
    ///
    /// # Errors
    /// [`Error::Setting`] for bytes that are something else.
    pub fn from_bytes(bytes: &[u8], vae: &Vae) -> Result<Self, Error> {
        let progress: Progress =
            serde_json::from_str(&Self::note(bytes, PROGRESS)?).map_err(unreadable)?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let history: Vec<f64> = numbers(&file, HISTORY)?;
        let history = history.as_chunks::<NUMBERS>().0.iter().enumerate();
        let criterion = numbers::<f64>(&file, CRITERION)?.first().copied();
        let (mut values, mut best) = (vec![], vec![]);
        for (name, var) in vae.parameters() {
            let read = |kind: &str| tensor(&file, &format!("{kind}.{name}"), var);
            values.push(read("value")?);
            if criterion.is_some() {
                best.push(read("best")?);
            }
        }
        let mut state = State {
            streams: progress.streams,
            ..State::default()
        };
        for (name, view) in file.iter() {
            let Some(own) = name.strip_prefix(STATE) else {
                continue;
            };
            match view.dtype() {
                Dtype::F32 => state
                    .singles
                    .insert(own.to_owned(), numbers(&file, name)?)
                    .is_some(),
                _ => state
                    .doubles
                    .insert(own.to_owned(), numbers(&file, name)?)
                    .is_some(),
            };
        }
        Ok(Self {
            history: history
                .map(|(index, numbers)| Epoch::from_numbers(index + 1, *numbers))
                .collect(),
            order: numbers(&file, ORDER)?,
            shuffling: progress.shuffling,
            values,
            best: Best::new(criterion.map(|criterion| (criterion, best))),
            state,
            before: Self::before_in(bytes)?,
        })
    }
}

/// Arrays on their way into a file.
#[derive(Default)]
struct Arrays {
    names: Vec<(String, Vec<usize>, Dtype)>,
    bytes: Vec<Vec<u8>>,
}

impl Arrays {
    fn push<T: Number>(&mut self, name: &str, shape: &[usize], numbers: &[T]) {
        self.names.push((name.to_owned(), shape.to_vec(), T::KIND));
        self.bytes.push(
            numbers
                .iter()
                .flat_map(|&number| number.to_bytes())
                .collect(),
        );
    }

    fn serialize(self, metadata: [(String, String); 2]) -> Result<Vec<u8>, Error> {
        let views = self.names.into_iter().zip(&self.bytes);
        let views = views
            .map(|((name, shape, kind), bytes)| Ok((name, TensorView::new(kind, shape, bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(candle_core::Error::wrap)?;
        let metadata = Some(HashMap::from(metadata));
        Ok(safetensors::serialize(views, metadata).map_err(candle_core::Error::wrap)?)
    }
}

/// A number in a file, in little-endian bytes.
trait Number: Copy {
    const KIND: Dtype;
    type Bytes: IntoIterator<Item = u8>;
    fn to_bytes(self) -> Self::Bytes;
    fn read_all(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! numbers {
    ($($number:ty: $kind:ident),*) => { $(
        impl Number for $number {
            const KIND: Dtype = Dtype::$kind;
            type Bytes = [u8; size_of::<$number>()];
            fn to_bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }
            fn read_all(bytes: &[u8]) -> Vec<Self> {
                let words = bytes.as_chunks().0.iter();
                words.map(|word| Self::from_le_bytes(*word)).collect()
            }
        }
    )* };
}
numbers!(u8: U8, u32: U32, f32: F32, f64: F64);

/// A training that cannot be gone on with, for a reason.
pub(super) fn unreadable(reason: impl std::fmt::Display) -> Error {
    Error::Setting(format!(
        "the checkpoint cannot be gone on with: {reason}; train anew, without --resume"
    ))
}

/// The numbers of an array of their kind.
fn numbers<T: Number>(file: &SafeTensors<'_>, name: &str) -> Result<Vec<T>, Error> {
    let view = file.tensor(name).map_err(unreadable)?;
    if view.dtype() != T::KIND {
        let (found, wanted) = (view.dtype(), T::KIND);
        return Err(unreadable(format!(
            "{name} is of {found:?} instead of {wanted:?}"
        )));
    }
    Ok(T::read_all(view.data()))
}

/// An array of the shape of `var`, on its device.
fn tensor(file: &SafeTensors<'_>, name: &str, var: &Tensor) -> Result<Tensor, Error> {
    let view = file.tensor(name).map_err(unreadable)?;
    let shape = var.dims();
    if view.shape() != shape {
        return Err(unreadable(format!(
            "{name} is {:?} of {:?}, the model has {shape:?} of F32",
            view.shape(),
            view.dtype()
        )));
    }
    let numbers: Vec<f32> = numbers(file, name)?;
    Ok(Tensor::from_vec(numbers, shape, var.device())?)
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor
        .to_device(&Device::Cpu)?
        .flatten_all()?
        .to_vec1::<f32>()?)
}
