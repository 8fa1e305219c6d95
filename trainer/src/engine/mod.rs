//! Training on the processor, by hand: the forward and backward passes of the networks, of the samples
//! and of the likelihood in buffers that are made once, a part of each batch on each thread, and Adam's
//! step over all variables at once.
//!
//! It computes what candle's automatic differentiation does in [`crate::train`], from the same draws;
//! tests hold its gradients against candle's. What it cannot do, [`supports`] says, and candle does.
//!
//! A batch is cut into two parts, or into as many as there are threads where these are more, and the
//! parts' gradients are summed in order: the results are the same, bit for bit, on one thread and on two,
//! and for one number of more threads, on one class of processor.

pub mod adam;
mod barrier;
pub mod bench;
mod bits;
mod draws;
mod evaluate;
mod network;
mod optimizer;
mod quantized;
mod shard;
mod sums;
#[cfg(test)]
mod tests;

use crate::config::capability::Feature;
use crate::config::{Config, Gradient};
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::{Batch, Weighting};
use crate::model::prepared::Prepared;
use crate::numeric::adam::{Clip, Moments, Rates};
use crate::numeric::random::Xoshiro128PlusPlus;
use crate::quantize::Plan;
use crate::readings::Normalization;
use barrier::Barrier;
use candle_core::{CpuStorage, Device, Storage, Tensor};
use draws::{Bits, Draws};
pub use evaluate::{Evaluator, float_scores};
use network::Network;
use optimizer::Optimizer;
use shard::{Ascended, Shape, Shard};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
pub use sums::EpochSums;
use sums::Sums;

/// Whether [`Engine`] can train such a model: on the processor, with Gaussian latents, the prior N(0, I), reparameterized
/// gradients and without free bits.
pub fn supports(vae: &Vae, config: &Config, training: &Prepared) -> bool {
    Feature::Engine.can(vae)
        && Feature::Engine.can(config)
        && config.train.gradient == Gradient::Reparameterized
        && training.batch.inputs.device().is_cpu()
}

/// Settings of a training.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Readings in a step, at least one.
    pub batch: usize,
    /// Samples for each reading: 1 for the ELBO, more for the importance-weighted bound.
    pub samples: usize,
    /// The fraction of numbers that is hidden.
    pub missing: f64,
    /// The limit of gradients.
    pub clip: Clip,
    /// The seed of all draws.
    pub seed: u64,
    /// At least one.
    pub threads: usize,
}

impl Settings {
    /// The settings of a run.
    pub fn new(config: &Config) -> Self {
        Self {
            batch: config.train.batch,
            samples: config.train.importance_samples,
            missing: config.train.missing,
            clip: config.train.clip,
            seed: config.train.seed,
            threads: config.train.threads,
        }
    }
}

/// The times that the first thread spent in the last epoch.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    forward: Duration,
    backward: Duration,
    optimizer: Duration,
    waiting: Duration,
}

/// A model in training.
#[derive(Debug)]
pub struct Engine<'a> {
    training: &'a Prepared,
    batch: usize,
    shape: Shape,
    network: Network,
    threads: usize,
    shards: Vec<Mutex<Shard>>,
    optimizer: Optimizer,
    draws: RwLock<Draws>,
    bits: RwLock<Bits>,
    steps: i32,
    /// Sums of the epoch so far, those of each thread.
    sums: Vec<Sums>,
    times: Mutex<Times>,
}

/// Where an engine is: everything that later steps depend on, its variables and settings excepted.
#[derive(Clone, Debug)]
pub struct Position {
    /// The moments of each variable in the order of [`Vae::parameters`].
    pub moments: Vec<Moments>,
    /// Steps that were taken.
    pub steps: i32,
    /// The streams of noise, gaps and bits.
    pub streams: [Xoshiro128PlusPlus; 3],
    /// The sums of an epoch that is under way.
    pub sums: Vec<f64>,
}

/// The arguments that all steps of a pass share.
struct Pass<'e> {
    order: &'e [u32],
    inputs: &'e [f32],
    target: &'e [f32],
    weighting: Weighting,
    learning_rate: f64,
    barrier: Barrier,
    /// Whether a step has a bound that is not finite; its gradients are not descended.
    diverged: AtomicBool,
}

/// A step whose bound is not finite.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// Its readings.
    pub batch: Batch,
    /// Its draws, (samples, batch, latents).
    pub noise: Tensor,
}

impl<'a> Engine<'a> {
    /// Begins with the variables of `vae` as they are.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(vae: &Vae, settings: &Settings, training: &'a Prepared) -> Result<Self, Error> {
        let network = Network::new(vae)?;
        let threads = settings.threads.clamp(1, settings.batch.max(1));
        let parts = threads.max(2);
        let shape = Shape {
            numbers: training.readings.width(),
            conditions: vae.conditions(),
            latents: vae.latents(),
            samples: settings.samples,
            likelihood: vae.likelihood.runs().to_vec(),
        };
        let batch = settings.batch.min(training.readings.len());
        let rows = batch.div_ceil(parts);
        let shard = |_| Mutex::new(Shard::new(&network, &shape, rows));
        Ok(Self {
            training,
            batch: settings.batch,
            shards: (0..parts).map(shard).collect(),
            optimizer: Optimizer::new(&network, parts, threads, settings.clip),
            network,
            threads,
            draws: RwLock::new(Draws::new(settings, training, &shape)),
            bits: RwLock::new(Bits::new(settings, training)),
            shape,
            steps: 0,
            sums: vec![Sums::default(); threads],
            times: Mutex::default(),
        })
    }

    /// Puts the values into the variables of `vae`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn write(&self, vae: &Vae) -> Result<(), Error> {
        self.network.write(vae)
    }

    /// Where it is, before or between the steps of an epoch.
    pub fn position(&self) -> Position {
        let (draws, bits) = (read(&self.draws), read(&self.bits));
        let of_threads = self.sums.iter().flat_map(Sums::parts);
        Position {
            moments: self.optimizer.moments(self.network.scales),
            steps: self.steps,
            streams: [&draws.noise, &draws.missing, &bits.rng].map(Clone::clone),
            sums: of_threads.chain([draws.constant, draws.observed]).collect(),
        }
    }

    /// Numbers in [`Position::sums`].
    pub fn sums(&self) -> usize {
        Sums::PARTS * self.sums.len() + 2
    }

    /// Goes on from an [`Engine::position`] of an engine like this.
    pub fn resume(&mut self, position: Position) {
        let Position {
            moments,
            steps,
            streams: [noise, missing, bits],
            sums,
        } = position;
        self.optimizer.set_moments(&moments, self.network.scales);
        self.steps = steps;
        let (of_threads, of_draws) = sums.split_at(sums.len().saturating_sub(2));
        for (sums, parts) in self.sums.iter_mut().zip(of_threads.chunks(Sums::PARTS)) {
            *sums = Sums::from_parts(parts);
        }
        let mut draws = write(&self.draws);
        (draws.noise, draws.missing) = (noise, missing);
        if let &[constant, observed] = of_draws {
            (draws.constant, draws.observed) = (constant, observed);
        }
        write(&self.bits).rng = bits;
    }

    /// From now on, computes in the integers of `plan`.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`].
    pub fn quantize(
        &mut self,
        vae: &Vae,
        normalization: &Normalization,
        plan: &Plan,
    ) -> Result<(), Error> {
        self.network.quantize(vae, normalization, plan)
    }

    /// Passes over the training readings once, in the order `order`, and calls `project` with the
    /// log-deviations of the likelihood after each step.
    ///
    /// # Errors
    /// [`Error::Tensor`]; in integers, [`Error::Encode`] where a scale has no multiplier.
    pub fn epoch(
        &mut self,
        order: &[u32],
        weighting: Weighting,
        learning_rate: f64,
        project: &(dyn Fn(&mut [f32]) + Sync),
    ) -> Result<EpochSums, Error> {
        self.ascend(order, weighting, learning_rate, project)?;
        Ok(self.end())
    }

    /// Does as [`Engine::epoch`] with `order`, some whole batches of an epoch. However an epoch is cut into such calls,
    /// the results are the same. It stops before a step whose bound is not finite, and gives that.
    ///
    /// # Errors
    /// The errors of [`Engine::epoch`].
    pub fn ascend(
        &mut self,
        order: &[u32],
        weighting: Weighting,
        learning_rate: f64,
        project: &(dyn Fn(&mut [f32]) + Sync),
    ) -> Result<Option<Divergence>, Error> {
        let batch = &self.training.batch;
        let (sums, steps) = with_numbers(&batch.inputs, |inputs| {
            with_numbers(&batch.target, |target| {
                let pass = Pass {
                    order,
                    inputs,
                    target,
                    weighting,
                    learning_rate,
                    barrier: Barrier::new(self.threads),
                    diverged: AtomicBool::new(false),
                };
                self.run(&pass, project)
            })
        })??;
        self.sums = sums;
        self.steps += steps;
        if let Some(quantized) = &self.network.quantized {
            quantized.check()?;
        }
        let next = order.chunks(self.batch).nth(steps as usize);
        next.map(|indices| self.divergence(indices)).transpose()
    }

    /// The step on the readings `indices`, by the draws that were made for it; bits are drawn anew.
    fn divergence(&self, indices: &[u32]) -> Result<Divergence, Error> {
        let mut bits = read(&self.bits).rng.clone();
        let mut batch = self.training.select(indices, &mut bits)?;
        let draws = read(&self.draws);
        if let Some(masks) = &draws.masks {
            batch = batch.observe(masks.to_tensor(&Device::Cpu)?)?;
        }
        let shape = (self.shape.samples, indices.len(), self.shape.latents);
        let count = shape.0 * shape.1 * shape.2;
        let noise = Tensor::from_slice(&draws.normals[..count], shape, &Device::Cpu)?;
        Ok(Divergence { batch, noise })
    }

    /// Ends an epoch: its sums, which begin anew.
    pub fn end(&mut self) -> EpochSums {
        let mut sums = Sums::default();
        for of_thread in &mut self.sums {
            sums.add(std::mem::take(of_thread));
        }
        let mut draws = write(&self.draws);
        let (constant, observed) = (draws.constant, draws.observed);
        draws.begin();
        EpochSums {
            reconstruction: sums.reconstruction,
            kl: sums.kl,
            objective: sums.objective,
            constant,
            observed,
        }
    }

    fn times(&self) -> Times {
        *lock(&self.times)
    }

    /// The sums of each thread after `pass`, and the steps that were made.
    fn run(&self, pass: &Pass<'_>, project: &(dyn Fn(&mut [f32]) + Sync)) -> (Vec<Sums>, i32) {
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads)
                .map(|thread| scope.spawn(move || self.work(thread, pass, project)))
                .collect();
            let (first, steps) = self.work(0, pass, project);
            let mut sums = vec![first];
            for other in others {
                match other.join() {
                    Ok((of_other, _)) => sums.push(of_other),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            (sums, steps)
        })
    }

    /// The work of one thread in a pass: its sums, and the steps that were made.
    fn work(
        &self,
        thread: usize,
        pass: &Pass<'_>,
        project: &(dyn Fn(&mut [f32]) + Sync),
    ) -> (Sums, i32) {
        let member = pass.barrier.member();
        let mut sums = self.sums[thread];
        let parts = (thread..self.shards.len()).step_by(self.threads);
        let mut shards: Vec<_> = parts.map(|part| (part, lock(&self.shards[part]))).collect();
        let mut chunks = pass.order.chunks(self.batch).peekable();
        if let Some(first) = chunks.peek() {
            self.draw(thread, first);
        }
        let mut step = self.steps;
        member.wait();
        let mut times = Times::default();
        while let Some(indices) = chunks.next() {
            step += 1;
            for (part, shard) in &mut shards {
                sums.add(self.differentiate((*part, shard), pass, indices, &mut times));
            }
            let clock = Instant::now();
            member.wait();
            times.waiting += clock.elapsed();
            if pass.diverged.load(Ordering::Relaxed) {
                step -= 1;
                break;
            }
            let clock = Instant::now();
            if self.optimizer.is_by_norm() {
                self.optimizer.measure(thread);
                member.wait();
            }
            let rates = Rates::new(step, pass.learning_rate);
            self.optimizer
                .descend(&self.network, thread, rates, project);
            if self.network.quantized.is_some() {
                // The output's integers depend on the likelihood's scales, which another thread may step.
                member.wait();
                self.network
                    .requantize(self.optimizer.shares[thread].iter().copied());
            }
            if let Some(next) = chunks.peek() {
                self.draw(thread, next);
            }
            times.optimizer += clock.elapsed();
            let clock = Instant::now();
            member.wait();
            times.waiting += clock.elapsed();
        }
        if thread == 0 {
            *lock(&self.times) = times;
        }
        (sums, step - self.steps)
    }

    /// The gradient of a part of a batch, and its sums.
    fn differentiate(
        &self,
        (part, shard): (usize, &mut Shard),
        pass: &Pass<'_>,
        indices: &[u32],
        times: &mut Times,
    ) -> Sums {
        let ascended = Ascended {
            weighting: pass.weighting,
            batch: indices.len(),
        };
        let clock = Instant::now();
        self.gather(part, pass, indices, shard);
        let mut sums = shard.forward(&self.network, &ascended);
        times.forward += clock.elapsed();
        let clock = Instant::now();
        let gradients = &self.optimizer.gradients[part];
        shard.backward(&self.network, gradients, &ascended, &mut sums);
        if !sums.are_finite() {
            pass.diverged.store(true, Ordering::Relaxed);
        }
        times.backward += clock.elapsed();
        sums
    }

    /// Draws what the step on `indices` needs, the bits on the last thread and the rest on the first.
    fn draw(&self, thread: usize, indices: &[u32]) {
        if thread == 0 {
            write(&self.draws).draw(self.training, &self.shape, indices);
        }
        if thread + 1 == self.threads {
            write(&self.bits).draw(self.training, indices);
        }
    }

    /// Puts a shard's part of the readings `indices` into its buffers.
    fn gather(&self, part: usize, pass: &Pass<'_>, indices: &[u32], shard: &mut Shard) {
        let (count, parts) = (indices.len(), self.shards.len());
        let part = part * count / parts..(part + 1) * count / parts;
        let &Shape {
            numbers,
            latents,
            samples,
            ..
        } = &self.shape;
        let modelled = self.shape.modelled();
        let readings = &mut shard.readings;
        readings.rows = part.len();
        if self.training.intensities.is_some() {
            let drawn = &read(&self.bits).drawn[part.start * numbers..part.end * numbers];
            readings.inputs[..drawn.len()].copy_from_slice(drawn);
            readings.target[..drawn.len()].copy_from_slice(drawn);
        } else {
            for (place, &row) in indices[part.clone()].iter().enumerate() {
                let row = row as usize;
                readings.inputs[place * numbers..][..numbers]
                    .copy_from_slice(&pass.inputs[row * numbers..][..numbers]);
                readings.target[place * modelled..][..modelled]
                    .copy_from_slice(&pass.target[row * modelled..][..modelled]);
            }
        }
        let draws = read(&self.draws);
        for sample in 0..samples {
            let from = (sample * count + part.start) * latents;
            let length = part.len() * latents;
            readings.noise[sample * length..][..length]
                .copy_from_slice(&draws.normals[from..][..length]);
        }
        if let Some(masks) = &draws.masks {
            readings.hide(numbers, modelled, |place, number| {
                masks.observes(part.start + place, number)
            });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Hands the numbers of a contiguous tensor on the processor to `work`, where they are.
fn with_numbers<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> T) -> Result<T, Error> {
    let (storage, layout) = tensor.storage_and_layout();
    let numbers = match &*storage {
        Storage::Cpu(CpuStorage::F32(numbers)) => layout
            .contiguous_offsets()
            .map(|(start, end)| &numbers[start..end]),
        _ => None,
    };
    let numbers = numbers
        .ok_or_else(|| candle_core::Error::msg("readings are not contiguous on the processor"))?;
    Ok(work(numbers))
}
