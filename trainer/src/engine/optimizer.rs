//! The step of the optimizer after the gradients of all parts.

use super::network::Network;
use super::{lock, write};
use crate::model::layer::Values;
use crate::model::layer::elementwise::add;
use crate::numeric::adam::{Clip, Moments, Rates, descend, squares};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

/// Gradients of the groups of a network, and Adam's moments.
#[derive(Debug)]
pub(super) struct Optimizer {
    /// The groups that each thread steps.
    pub(super) shares: Vec<Vec<usize>>,
    /// Gradients of each part of a batch.
    pub(super) gradients: Vec<Vec<RwLock<Values>>>,
    /// Moments of the weights and of the biases of each group.
    moments: Vec<Mutex<[Moments; 2]>>,
    clip: Clip,
    /// The bits of the sum of squares of the gradient of each group.
    squares: Vec<AtomicU64>,
}

impl Optimizer {
    pub(super) fn new(network: &Network, parts: usize, threads: usize, clip: Clip) -> Self {
        let zeros = |gradients: &RwLock<Values>| {
            let gradients = write(gradients);
            let counts = [gradients.weight.len(), gradients.bias.len()];
            Mutex::new(counts.map(Moments::new))
        };
        let gradients: Vec<_> = (0..parts).map(|_| network.gradients()).collect();
        Self {
            shares: network.share(threads),
            moments: gradients[0].iter().map(zeros).collect(),
            squares: gradients[0].iter().map(|_| AtomicU64::default()).collect(),
            gradients,
            clip,
        }
    }

    /// The moments of each variable, in the order of [`Vae::parameters`](crate::model::Vae::parameters). The group
    /// `scales` has no weights.
    pub(super) fn moments(&self, scales: Option<usize>) -> Vec<Moments> {
        let of_group = |(index, moments): (usize, &Mutex<[Moments; 2]>)| {
            let [weight, bias] = lock(moments).clone();
            let weight = (scales != Some(index)).then_some(weight);
            weight.into_iter().chain([bias])
        };
        self.moments.iter().enumerate().flat_map(of_group).collect()
    }

    /// Takes the moments that [`Optimizer::moments`] gave.
    pub(super) fn set_moments(&self, moments: &[Moments], scales: Option<usize>) {
        let mut moments = moments.iter().cloned();
        for (index, own) in self.moments.iter().enumerate() {
            let places = usize::from(scales == Some(index))..2;
            for (own, moments) in lock(own)[places].iter_mut().zip(moments.by_ref()) {
                *own = moments;
            }
        }
    }

    /// Whether a step waits for [`Optimizer::measure`] of all threads.
    pub(super) fn is_by_norm(&self) -> bool {
        matches!(self.clip, Clip::Norm(_))
    }

    /// Notes the squares of the gradients of the groups of a thread, which are sums over all parts then.
    pub(super) fn measure(&self, thread: usize) {
        for &index in &self.shares[thread] {
            self.sum(index, 1);
            let first = write(&self.gradients[0][index]);
            let squares = squares(&first.weight) + squares(&first.bias);
            self.squares[index].store(squares.to_bits(), Ordering::Relaxed);
        }
    }

    /// Adds the gradients of a group in the parts from `from` on to those in the first part.
    fn sum(&self, index: usize, from: usize) {
        let mut first = write(&self.gradients[0][index]);
        for more in self.gradients.iter().skip(from) {
            let more = write(&more[index]);
            add(&mut first.weight, &more.weight);
            add(&mut first.bias, &more.bias);
        }
    }

    /// Sums the gradients of a group over all parts into the first, and limits them.
    fn limit(&self, index: usize) {
        if !self.is_by_norm() {
            self.sum(index, 1);
        }
        let of_group = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        // In the order of the groups: the same on any number of threads.
        let squares = self.squares.iter().map(of_group).sum();
        let mut first = write(&self.gradients[0][index]);
        self.clip.apply(&mut first.weight, squares);
        self.clip.apply(&mut first.bias, squares);
    }

    /// A step on the groups of a thread; `project` is called with the log-deviations of the likelihood.
    pub(super) fn descend(
        &self,
        network: &Network,
        thread: usize,
        rates: Rates,
        project: &(dyn Fn(&mut [f32]) + Sync),
    ) {
        let is_limited = self.clip != Clip::None;
        for &index in &self.shares[thread] {
            match is_limited {
                true => self.limit(index),
                false => self.sum(index, 2),
            }
            let mut values = write(&network.groups[index].values);
            let mut moments = lock(&self.moments[index]);
            let [of_weight, of_bias] = &mut *moments;
            let first = write(&self.gradients[0][index]);
            let second = self.gradients.get(1).filter(|_| !is_limited);
            let second = second.map(|gradients| write(&gradients[index]));
            let (more_weight, more_bias): (&[f32], &[f32]) = match &second {
                Some(second) => (&second.weight, &second.bias),
                None => (&[], &[]),
            };
            let gradients = (first.weight.as_slice(), more_weight);
            descend(&mut values.weight, of_weight.all(), gradients, rates);
            let gradients = (first.bias.as_slice(), more_bias);
            descend(&mut values.bias, of_bias.all(), gradients, rates);
            if network.scales == Some(index) {
                project(&mut values.bias);
            }
        }
    }
}
