//! A part of each batch: its buffers, and the gradient of what is ascended over it.

use super::network::{Network, Stack};
use super::quantized::Quantized;
use super::sums::Sums;
use super::write;
use crate::likelihood::{Row, Run, Scales, differentiate};
use crate::model::layer::Values;
use crate::model::objective::Weighting;
use crate::model::posterior::gaussian::{Axis, Gaussian};
use std::sync::RwLock;

/// A sample of a smaller share counts as none: next to 1 it is below what a float resolves, and what it is multiplied
/// with could become subnormal.
const SMALLEST_WEIGHT: f32 = 1e-12;

/// Numbers that do not change from step to step.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Numbers in a reading.
    pub(super) numbers: usize,
    /// Conditions among them.
    pub(super) conditions: usize,
    pub(super) latents: usize,
    /// Samples for each reading.
    pub(super) samples: usize,
    /// The families of the numbers that the decoder models.
    pub(super) likelihood: Vec<Run>,
}

impl Shape {
    /// Numbers that the decoder models.
    pub(super) fn modelled(&self) -> usize {
        self.numbers - self.conditions
    }

    /// Numbers that the decoder takes in.
    fn taken_in(&self) -> usize {
        self.latents + self.conditions
    }
}

/// A step's readings in a shard, filled in by whoever makes batches.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    pub(super) rows: usize,
    /// Network inputs, (rows, numbers).
    pub(super) inputs: Vec<f32>,
    /// The numbers whose density is computed, (rows, modelled).
    pub(super) target: Vec<f32>,
    /// One where observed, (rows, modelled).
    pub(super) observed: Vec<f32>,
    /// Standard normals, (samples, rows, latents).
    pub(super) noise: Vec<f32>,
}

impl Readings {
    /// Makes gaps where a number of a reading is not `seen`.
    pub(super) fn hide(
        &mut self,
        numbers: usize,
        modelled: usize,
        seen: impl Fn(usize, usize) -> bool,
    ) {
        for place in 0..self.rows {
            for number in 0..numbers {
                let seen = f32::from(u8::from(seen(place, number)));
                self.inputs[place * numbers + number] *= seen;
                if number < modelled {
                    self.observed[place * modelled + number] = seen;
                }
            }
        }
    }
}

/// The buffers of one thread.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    shape: Shape,
    pub(super) readings: Readings,
    pub(super) encoder: Stack,
    decoder: Stack,
    /// Standard deviations, (rows, latents).
    deviations: Vec<f32>,
    /// Latents, conditions behind them, (samples, rows, taken in).
    pub(super) latents: Vec<f32>,
    /// Gradient of the objective in `latents`.
    of_latents: Vec<f32>,
    /// Importance weights where there are several samples, (samples, rows).
    weights: Vec<f32>,
    /// The outputs of one pass.
    scratch: Vec<f32>,
    scales: Scales,
    of_scales: Vec<f32>,
    /// Values of integer inputs, (rows, numbers).
    taken_in: Vec<f32>,
    /// In integers: the lowest and the highest log-variance, beyond which there is no gradient.
    log_variances: (f32, f32),
}

/// The objective of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ascended {
    /// Weight of the divergence in the ELBO of one sample.
    pub(super) weighting: Weighting,
    /// Readings in the whole batch.
    pub(super) batch: usize,
}

impl Shard {
    /// Buffers for up to `rows` readings.
    pub(super) fn new(network: &Network, shape: &Shape, rows: usize) -> Self {
        let passes = shape.samples * rows;
        let scales = network
            .scales
            .map_or(0, |group| network.groups[group].values().bias.len());
        Self {
            shape: shape.clone(),
            readings: Readings {
                rows: 0,
                inputs: vec![0.0; rows * shape.numbers],
                target: vec![0.0; rows * shape.modelled()],
                observed: vec![1.0; rows * shape.modelled()],
                noise: vec![0.0; passes * shape.latents],
            },
            encoder: Stack::new(network, network.encoder.clone(), rows),
            decoder: Stack::new(network, network.decoder.clone(), passes),
            deviations: vec![0.0; rows * shape.latents],
            latents: vec![0.0; passes * shape.taken_in()],
            of_latents: vec![0.0; passes * shape.taken_in()],
            weights: vec![0.0; passes],
            scratch: vec![],
            scales: Scales::default(),
            of_scales: vec![0.0; scales],
            taken_in: vec![],
            log_variances: (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// Runs the networks on the readings at hand; gives the sums over them, but for the divergence. The
    /// gradient of the negative mean over the batch stands in the place of the decoder's outputs.
    pub(super) fn forward(&mut self, network: &Network, ascended: &Ascended) -> Sums {
        let rows = self.readings.rows;
        if rows == 0 {
            return Sums::default();
        }
        self.encode(network);
        self.decode(network);
        self.likelihoods(network, ascended)
    }

    /// Runs the encoder on the readings at hand.
    pub(super) fn encode(&mut self, network: &Network) {
        let (rows, latents) = (self.readings.rows, self.shape.latents);
        if let Some(quantized) = &network.quantized {
            let inputs = &self.readings.inputs[..rows * self.shape.numbers];
            self.taken_in.resize(inputs.len(), 0.0);
            let integers = &mut self.encoder.scratch.integers;
            quantized.take_inputs(inputs, integers, &mut self.taken_in);
            self.encoder.forward(network, &self.taken_in, rows);
            self.log_variances = quantized.log_variances();
            let (heads, integers) = self.encoder.last_and_integers(network, rows);
            quantized.take_heads(integers, heads, &mut self.deviations);
            return;
        }
        let heads = self
            .encoder
            .forward(network, &self.readings.inputs, rows)
            .chunks_exact(Gaussian::HEADS * latents);
        for (deviations, heads) in self.deviations.chunks_exact_mut(latents).zip(heads) {
            for (deviation, log_variance) in deviations.iter_mut().zip(&heads[latents..]) {
                *deviation = (0.5 * log_variance).exp();
            }
        }
    }

    /// The divergence of each encoded reading.
    pub(super) fn divergences(&mut self, network: &Network) -> impl Iterator<Item = f64> {
        let latents = self.shape.latents;
        let heads = self.encoder.last(network, self.readings.rows);
        let rows = heads.chunks_exact(Gaussian::HEADS * latents);
        rows.zip(self.deviations.chunks_exact(latents))
            .map(move |(heads, deviations)| {
                let axis = |j: usize| Axis {
                    mean: heads[j],
                    log_variance: heads[latents + j],
                    deviation: deviations[j],
                };
                (0..latents)
                    .map(|j| f64::from(axis(j).divergence()))
                    .sum::<f64>()
            })
    }

    /// Draws latents of the encoded readings by the noise at hand and runs the decoder on them; gives
    /// `log p(x|z)` without the likelihood's constant, (samples, rows).
    pub(super) fn log_likelihoods(&mut self, network: &Network) -> &[f32] {
        self.decode(network);
        self.take_scales(network);
        self.terms(network);
        &self.weights[..self.shape.samples * self.readings.rows]
    }

    /// The logarithms of the importance weights, (samples, rows), once [`Shard::log_likelihoods`] are
    /// there, with `p(z) / q(z|x)` to the power of `power`.
    pub(super) fn log_weights(&mut self, network: &Network, power: f32) -> &[f32] {
        let Shape {
            samples, latents, ..
        } = self.shape;
        let rows = self.readings.rows;
        let heads = self.encoder.last(network, rows);
        for (pass, weight) in self.weights[..samples * rows].iter_mut().enumerate() {
            let log_variances =
                &heads[pass % rows * Gaussian::HEADS * latents + latents..][..latents];
            let z = &self.latents[pass * self.shape.taken_in()..][..latents];
            let noise = &self.readings.noise[pass * latents..][..latents];
            let axes = z.iter().zip(noise).zip(log_variances);
            let twice: f32 = axes
                .map(|((z, e), log_variance)| e * e + log_variance - z * z)
                .sum();
            *weight += 0.5 * power * twice;
        }
        &self.weights[..samples * rows]
    }

    fn decode(&mut self, network: &Network) {
        self.sample(network);
        let passes = self.shape.samples * self.readings.rows;
        self.decoder.forward(network, &self.latents, passes);
    }

    fn take_scales(&mut self, network: &Network) {
        if let Some(group) = network.scales {
            self.scales.set(&network.groups[group].values().bias);
        }
    }

    /// `log p(x|z)` of each pass into the place of its weight; the decoder's outputs stay.
    fn terms(&mut self, network: &Network) {
        let (rows, modelled) = (self.readings.rows, self.shape.modelled());
        let passes = self.shape.samples * rows;
        let outputs = self.decoder.last(network, passes);
        let width = outputs.len() / passes;
        for (pass, outputs) in outputs.chunks_exact(width).enumerate() {
            self.scratch.clear();
            self.scratch.extend_from_slice(outputs);
            let of_row = pass % rows * modelled..(pass % rows + 1) * modelled;
            let row = Row {
                target: &self.readings.target[of_row.clone()],
                observed: &self.readings.observed[of_row],
                outputs: &mut self.scratch,
                factor: 0.0,
            };
            let likelihood = &self.shape.likelihood;
            self.weights[pass] = differentiate(likelihood, row, &self.scales, &mut self.of_scales);
        }
    }

    /// Takes that gradient back through the networks, into `gradients`, and completes the sums.
    pub(super) fn backward(
        &mut self,
        network: &Network,
        gradients: &[RwLock<Values>],
        ascended: &Ascended,
        sums: &mut Sums,
    ) {
        let rows = self.readings.rows;
        if rows == 0 {
            for gradient in gradients {
                let mut gradient = write(gradient);
                gradient.weight.fill(0.0);
                gradient.bias.fill(0.0);
            }
            return;
        }
        let passes = self.shape.samples * rows;
        let of_latents = Some(&mut self.of_latents[..]);
        self.decoder
            .backward(network, gradients, &self.latents, passes, of_latents);
        self.posteriors(network, ascended, sums);
        let inputs = match &network.quantized {
            Some(_) => &self.taken_in,
            None => &self.readings.inputs,
        };
        self.encoder
            .backward(network, gradients, inputs, rows, None);
        if let Some(group) = network.scales {
            let of_scales = &mut write(&gradients[group]).bias;
            of_scales.copy_from_slice(&self.of_scales);
        }
    }

    /// `z = mu + sigma * noise`, and the conditions behind it.
    fn sample(&mut self, network: &Network) {
        let Shape {
            numbers, latents, ..
        } = self.shape;
        let (rows, modelled) = (self.readings.rows, self.shape.modelled());
        if let Some(quantized) = &network.quantized {
            self.sample_integers(network, quantized);
            return;
        }
        let heads = self.encoder.last(network, rows);
        let passes = self.latents.chunks_exact_mut(self.shape.taken_in());
        let noise = self.readings.noise.chunks_exact(latents);
        for (pass, (z, noise)) in passes
            .zip(noise)
            .enumerate()
            .take(self.shape.samples * rows)
        {
            let row = pass % rows;
            let mean = &heads[row * Gaussian::HEADS * latents..][..latents];
            let deviation = &self.deviations[row * latents..][..latents];
            for j in 0..latents {
                z[j] = mean[j] + deviation[j] * noise[j];
            }
            let reading = &self.readings.inputs[row * numbers..][..numbers];
            z[latents..].copy_from_slice(&reading[modelled..]);
        }
    }

    /// [`Shard::sample`] in integers, into the decoder's scratch.
    fn sample_integers(&mut self, network: &Network, quantized: &Quantized) {
        let Shape {
            numbers, latents, ..
        } = self.shape;
        let (rows, taken_in) = (self.readings.rows, self.shape.taken_in());
        let (_, heads) = self.encoder.last_and_integers(network, rows);
        let integers = &mut self.decoder.scratch.integers;
        integers.clear();
        for pass in 0..self.shape.samples * rows {
            let row = pass % rows;
            let z = &mut self.latents[pass * taken_in..][..taken_in];
            for (j, z) in z.iter_mut().enumerate() {
                let (integer, value) = if j < latents {
                    let deviation = self.deviations[row * latents + j];
                    let noise = self.readings.noise[pass * latents + j];
                    quantized.latent(heads[row * Gaussian::HEADS * latents + j], deviation, noise)
                } else {
                    let column = self.shape.modelled() + j - latents;
                    let input = self.readings.inputs[row * numbers + column];
                    quantized.condition(input, column)
                };
                integers.push(integer);
                *z = value;
            }
        }
    }

    /// `log p(x|z)` of each pass, and the gradient by the decoder's outputs in their place.
    fn likelihoods(&mut self, network: &Network, ascended: &Ascended) -> Sums {
        let (rows, modelled) = (self.readings.rows, self.shape.modelled());
        let samples = self.shape.samples;
        self.take_scales(network);
        let passes = samples * rows;
        let share = -1.0 / ascended.batch as f32;
        let row = |pass: usize| (pass % rows) * modelled..(pass % rows + 1) * modelled;
        let mut sums = Sums::default();
        if samples > 1 {
            self.terms(network);
            let sum: f64 = self.weights[..passes].iter().map(|&l| f64::from(l)).sum();
            sums.reconstruction = sum / samples as f64;
            sums.objective = self.weigh(network, ascended.weighting.weight as f32);
        }
        self.of_scales.fill(0.0);
        let outputs = self.decoder.last(network, passes);
        let width = outputs.len() / passes;
        let (readings, mut sum) = (&self.readings, 0.0);
        for (pass, outputs) in outputs.chunks_exact_mut(width).enumerate() {
            let weight = if samples > 1 { self.weights[pass] } else { 1.0 };
            let row = Row {
                target: &readings.target[row(pass)],
                observed: &readings.observed[row(pass)],
                outputs,
                factor: share * weight,
            };
            let likelihood = &self.shape.likelihood;
            sum += f64::from(differentiate(
                likelihood,
                row,
                &self.scales,
                &mut self.of_scales,
            ));
        }
        if samples == 1 {
            (sums.reconstruction, sums.objective) = (sum, sum);
        }
        sums
    }

    /// Makes importance weights, normalized over the samples of each reading, of `log p(x|z)`; gives the
    /// sum over the readings of the logarithm of their mean.
    fn weigh(&mut self, network: &Network, power: f32) -> f64 {
        self.log_weights(network, power);
        let (rows, samples) = (self.readings.rows, self.shape.samples);
        let mut sum = 0.0;
        for row in 0..rows {
            let mut highest = f32::NEG_INFINITY;
            for pass in (0..samples).map(|sample| sample * rows + row) {
                highest = highest.max(self.weights[pass]);
            }
            let mut total = 0.0;
            for pass in (0..samples).map(|sample| sample * rows + row) {
                self.weights[pass] = (self.weights[pass] - highest).exp();
                total += self.weights[pass];
            }
            for pass in (0..samples).map(|sample| sample * rows + row) {
                let weight = self.weights[pass] / total;
                self.weights[pass] = if weight < SMALLEST_WEIGHT {
                    0.0
                } else {
                    weight
                };
            }
            sum += f64::from(highest) + f64::from(total / samples as f32).ln();
        }
        sum
    }

    /// The gradient by the heads in their place: through the samples, and of the divergence or of the
    /// logarithm of the weights.
    fn posteriors(&mut self, network: &Network, ascended: &Ascended, sums: &mut Sums) {
        let latents = self.shape.latents;
        let share = -1.0 / ascended.batch as f32;
        let power = ascended.weighting.weight as f32;
        let rows = self.readings.rows;
        let heads = self.encoder.last(network, rows);
        for (row, heads) in heads
            .chunks_exact_mut(Gaussian::HEADS * latents)
            .enumerate()
        {
            let (means, log_variances) = heads.split_at_mut(latents);
            for j in 0..latents {
                let deviation = self.deviations[row * latents + j];
                let axis = Axis {
                    mean: means[j],
                    log_variance: log_variances[j],
                    deviation,
                };
                sums.kl += f64::from(axis.divergence());
                let (mut of_mean, mut of_log_variance) = (0.0, 0.0);
                for pass in (0..self.shape.samples).map(|sample| sample * rows + row) {
                    let at = pass * self.shape.taken_in() + j;
                    let (z, mut of_z) = (self.latents[at], self.of_latents[at]);
                    if self.shape.samples > 1 {
                        of_z -= share * power * self.weights[pass] * z;
                    }
                    of_mean += of_z;
                    let noise = self.readings.noise[pass * latents + j];
                    of_log_variance += of_z * 0.5 * noise * deviation;
                }
                if self.shape.samples > 1 {
                    of_log_variance += 0.5 * power * share;
                } else {
                    let (z, noise) = (
                        self.latents[row * self.shape.taken_in() + j],
                        self.readings.noise[row * latents + j],
                    );
                    let divergence = axis.divergence_at(ascended.weighting.form, z, noise);
                    sums.objective -= f64::from(power * divergence.value);
                    of_mean += -share * power * divergence.of_mean;
                    of_log_variance += -share * power * divergence.of_log_variance;
                }
                let (low, high) = self.log_variances;
                if axis.log_variance <= low || axis.log_variance >= high {
                    of_log_variance = 0.0;
                }
                means[j] = of_mean;
                log_variances[j] = of_log_variance;
            }
        }
    }
}
