//! The part of a training that belongs to its way to ascend: optimizers, streams, posteriors.

use super::checkpoint::unreadable;
use crate::error::Error;
use crate::numeric::adam::Moments;
use crate::numeric::random::Xoshiro128PlusPlus;
use candle_core::{Device, Tensor, WithDType};
use std::collections::BTreeMap;

/// Streams of randomness and lists of numbers, by names.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) streams: BTreeMap<String, Xoshiro128PlusPlus>,
    pub(super) numbers: BTreeMap<String, Tensor>,
}

impl State {
    pub(super) fn put_stream(&mut self, name: &str, stream: &Xoshiro128PlusPlus) {
        self.streams.insert(name.to_owned(), stream.clone());
    }

    pub(super) fn stream(&self, name: &str) -> Result<Xoshiro128PlusPlus, Error> {
        let stream = self.streams.get(name).cloned();
        stream.ok_or_else(|| unreadable(format!("it has no {name}")))
    }

    pub(super) fn put<T: WithDType>(&mut self, name: &str, numbers: &[T]) -> Result<(), Error> {
        let numbers = Tensor::new(numbers, &Device::Cpu)?;
        self.numbers.insert(name.to_owned(), numbers);
        Ok(())
    }

    /// The `count` numbers under `name`.
    pub(super) fn numbers<T: WithDType>(&self, name: &str, count: usize) -> Result<Vec<T>, Error> {
        let numbers = self.numbers.get(name);
        let numbers = numbers.ok_or_else(|| unreadable(format!("it has no {name}")))?;
        let numbers: Vec<T> = numbers.to_vec1().map_err(unreadable)?;
        if numbers.len() == count {
            return Ok(numbers);
        }
        Err(unreadable(format!(
            "{name} has {} numbers, the model takes {count}",
            numbers.len()
        )))
    }

    /// Whether there are numbers under `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.numbers.contains_key(name)
    }

    /// Keeps the moments of each variable of an optimizer after `steps` steps.
    pub(super) fn put_optimizer(
        &mut self,
        name: &str,
        (moments, steps): (Vec<Moments>, i32),
    ) -> Result<(), Error> {
        for (index, moments) in moments.iter().enumerate() {
            let [first, second] = moments.parts();
            self.put(&format!("{name}.first.{index}"), first)?;
            self.put(&format!("{name}.second.{index}"), second)?;
        }
        self.put(&format!("{name}.steps"), &[steps])
    }

    /// The moments and steps that [`State::put_optimizer`] kept, for variables with so many numbers each.
    pub(super) fn optimizer(
        &self,
        name: &str,
        counts: &[usize],
    ) -> Result<(Vec<Moments>, i32), Error> {
        let one = |(index, &count): (usize, &usize)| {
            let part = |part| self.numbers(&format!("{name}.{part}.{index}"), count);
            Ok(Moments::from_parts([part("first")?, part("second")?]))
        };
        let moments = counts.iter().enumerate().map(one);
        let steps = self.numbers(&format!("{name}.steps"), 1)?[0];
        Ok((moments.collect::<Result<_, Error>>()?, steps))
    }
}
