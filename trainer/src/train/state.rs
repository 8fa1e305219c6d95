//! The part of a training that belongs to its way to ascend: optimizers, streams, posteriors.

use super::checkpoint::unreadable;
use crate::error::Error;
use crate::numeric::adam::Moments;
use crate::numeric::random::Xoshiro128PlusPlus;
use std::collections::BTreeMap;

/// Streams of randomness and numbers, by names.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) streams: BTreeMap<String, Xoshiro128PlusPlus>,
    pub(super) singles: BTreeMap<String, Vec<f32>>,
    pub(super) doubles: BTreeMap<String, Vec<f64>>,
}

impl State {
    pub(super) fn put_stream(&mut self, name: &str, stream: &Xoshiro128PlusPlus) {
        self.streams.insert(name.to_owned(), stream.clone());
    }

    pub(super) fn stream(&self, name: &str) -> Result<Xoshiro128PlusPlus, Error> {
        self.streams.get(name).cloned().ok_or_else(|| lack(name))
    }

    pub(super) fn put_singles(&mut self, name: &str, numbers: &[f32]) {
        self.singles.insert(name.to_owned(), numbers.to_vec());
    }

    /// The `count` numbers under `name`.
    pub(super) fn singles(&self, name: &str, count: usize) -> Result<&[f32], Error> {
        of_length(self.singles.get(name), name, count)
    }

    pub(super) fn put_doubles(&mut self, name: &str, numbers: Vec<f64>) {
        self.doubles.insert(name.to_owned(), numbers);
    }

    /// The `count` numbers under `name`.
    pub(super) fn doubles(&self, name: &str, count: usize) -> Result<&[f64], Error> {
        of_length(self.doubles.get(name), name, count)
    }

    /// Whether there are numbers under `name`.
    pub(super) fn has_doubles(&self, name: &str) -> bool {
        self.doubles.contains_key(name)
    }

    /// Keeps the moments of each variable of an optimizer after `steps` steps.
    pub(super) fn put_optimizer(&mut self, name: &str, moments: &[Moments], steps: i32) {
        for (index, moments) in moments.iter().enumerate() {
            let [first, second] = moments.parts();
            self.put_singles(&format!("{name}.first.{index}"), first);
            self.put_singles(&format!("{name}.second.{index}"), second);
        }
        self.put_doubles(&format!("{name}.steps"), vec![steps.into()]);
    }

    /// The moments and steps that [`State::put_optimizer`] kept, for variables with so many numbers each.
    pub(super) fn optimizer(
        &self,
        name: &str,
        counts: &[usize],
    ) -> Result<(Vec<Moments>, i32), Error> {
        let one = |(index, &count): (usize, &usize)| {
            let part = |part| {
                let numbers = self.singles(&format!("{name}.{part}.{index}"), count)?;
                Ok::<_, Error>(numbers.to_vec())
            };
            Ok(Moments::from_parts([part("first")?, part("second")?]))
        };
        let moments = counts.iter().enumerate().map(one);
        let steps = self.doubles(&format!("{name}.steps"), 1)?[0];
        Ok((moments.collect::<Result<_, Error>>()?, steps as i32))
    }
}

fn of_length<'a, T>(
    numbers: Option<&'a Vec<T>>,
    name: &str,
    count: usize,
) -> Result<&'a [T], Error> {
    let numbers = numbers.ok_or_else(|| lack(name))?;
    if numbers.len() == count {
        return Ok(numbers);
    }
    Err(unreadable(format!(
        "{name} has {} numbers, the model takes {count}",
        numbers.len()
    )))
}

fn lack(name: &str) -> Error {
    unreadable(format!("it has no {name}"))
}
