//! Bounds of many readings by samples, without gradients, on all cores; by candle of models that are not computed here.

use super::bits;
use super::network::Network;
use super::quantized::Quantized;
use super::shard::{Shape, Shard};
use super::with_numbers;
use crate::config::Latent;
use crate::config::capability::Feature;
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::model::posterior::{draw_noise, opposite};
use crate::model::prepared::Prepared;
use crate::numeric::cubature;
use crate::numeric::evidence::Evidence;
use crate::numeric::parallel::on_all;
use crate::numeric::random::{self, Purpose, normals, normals_into};
use crate::quantize::Plan;
use crate::readings::Normalization;
use crate::readings::masks::Masks;
use candle_core::Tensor;
use std::convert::Infallible;
use std::ops::Range;

/// Readings that share their draws' order: as many as pass through the networks at once by candle.
const CHUNK: usize = 512;
/// Readings of a part, which one thread computes. Splits do not depend on the number of threads, so that
/// results do not either.
const PART: usize = 128;
/// Decoder passes of a part at once where readings have many samples.
const PASSES: usize = 512;

/// A trained model and readings.
#[derive(Debug)]
pub struct Evaluator<'a> {
    network: Network,
    shape: Shape,
    data: &'a Prepared,
}

/// Inputs and targets of all readings.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    inputs: &'a [f32],
    target: &'a [f32],
    masks: Option<&'a Masks>,
}

impl<'a> Evaluator<'a> {
    /// One for `vae` on `data`; none for what is not computed here: bits for latents, learned priors, data
    /// that are not in the processor's memory.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(vae: &Vae, data: &'a Prepared) -> Result<Option<Self>, Error> {
        if !(Feature::Engine.can(vae) && data.batch.inputs.device().is_cpu()) {
            return Ok(None);
        }
        Ok(Some(Self {
            network: Network::new(vae)?,
            shape: Shape {
                numbers: data.readings.width(),
                conditions: vae.conditions(),
                latents: vae.latents(),
                samples: 1,
                likelihood: vae.likelihood.runs().to_vec(),
            },
            data,
        }))
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
        let network = &mut self.network;
        network.quantize(vae, normalization, plan)?;
        network.quantized.as_ref().map_or(Ok(()), Quantized::check)
    }

    /// The ELBO of each reading, nats: the mean over `pairs` antithetic pairs of draws, with the divergence
    /// in closed form; with `masks`, of what they observe.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn elbos(&self, pairs: usize, masks: Option<&Masks>) -> Result<Vec<f64>, Error> {
        let masks = self.data.masks(masks);
        let masks = masks.as_ref();
        let mut rng = random::stream(0, Purpose::Evaluation);
        let (readings, latents) = (self.data.readings.len(), self.shape.latents);
        let mut scores = Vec::with_capacity(readings);
        for start in (0..readings).step_by(CHUNK) {
            let length = CHUNK.min(readings - start);
            let noise = normals(&mut rng, pairs * length * latents);
            let part = |inputs: Inputs<'_>, rows: Range<usize>| {
                let mut shard = Shard::new(&self.network, &self.shape, rows.len());
                self.fill(&mut shard, inputs, rows.start + start..rows.end + start);
                shard.encode(&self.network);
                let mut sums: Vec<f64> = shard.divergences(&self.network).collect();
                sums.iter_mut().for_each(|kl| *kl *= -2.0 * pairs as f64);
                for noise in noise.chunks_exact(length * latents) {
                    let noise = &noise[rows.start * latents..rows.end * latents];
                    for sign in [-1.0, 1.0] {
                        let own = shard.readings.noise.iter_mut().zip(noise);
                        own.for_each(|(own, noise)| *own = sign * noise);
                        let terms = shard.log_likelihoods(&self.network);
                        let sums = sums.iter_mut().zip(terms);
                        sums.for_each(|(sum, &term)| *sum += f64::from(term));
                    }
                }
                let rows = sums.into_iter().zip(rows.start + start..);
                rows.map(|(sum, row)| sum / (2 * pairs) as f64 + self.constant(row, masks))
                    .collect()
            };
            scores.extend(self.in_parts(length, PART, masks, part)?);
        }
        Ok(scores)
    }

    /// The ELBO of each reading, nats, by that many [`cubature`] points, with the divergence in closed form; with `masks`, of
    /// what they observe.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn expected(&self, turns: usize, masks: Option<&Masks>) -> Result<Vec<f64>, Error> {
        let masks = self.data.masks(masks);
        let masks = masks.as_ref();
        let latents = self.shape.latents;
        let part = |inputs: Inputs<'_>, rows: Range<usize>| {
            let mut shard = Shard::new(&self.network, &self.shape, rows.len());
            self.fill(&mut shard, inputs, rows.clone());
            shard.encode(&self.network);
            let divergences: Vec<f64> = shard.divergences(&self.network).collect();
            let Ok(expected) = cubature::expectations(rows.clone(), latents, turns, |noise| {
                shard.readings.noise.copy_from_slice(noise);
                let terms = shard.log_likelihoods(&self.network).iter();
                Ok::<_, Infallible>(terms.map(|&term| f64::from(term)).collect())
            });
            let all = expected.into_iter().zip(divergences).zip(rows);
            all.map(|((expected, divergence), row)| {
                expected - divergence + self.constant(row, masks)
            })
            .collect()
        };
        self.in_parts(self.data.readings.len(), PART, masks, part)
    }

    /// Estimates of log p(x) of each reading by `samples` draws from the encoder's posterior. Reading `i`
    /// draws from stream `i` of `seed`, as on a device.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn evidence(&self, samples: usize, seed: u64) -> Result<Vec<Evidence>, Error> {
        let latents = self.shape.latents;
        let at_once = samples.clamp(1, PASSES);
        let shape = Shape {
            samples: at_once,
            ..self.shape.clone()
        };
        let part = |inputs: Inputs<'_>, rows: Range<usize>| {
            let mut shard = Shard::new(&self.network, &shape, 1);
            let mut log_weights = Vec::with_capacity(samples);
            let one = |row: usize| {
                log_weights.clear();
                self.fill(&mut shard, inputs, row..row + 1);
                shard.encode(&self.network);
                let mut rng = elbow::rng::stream(seed, row as u64);
                while log_weights.len() < samples {
                    let count = at_once.min(samples - log_weights.len());
                    normals_into(&mut rng, &mut shard.readings.noise[..count * latents]);
                    shard.log_likelihoods(&self.network);
                    let drawn = &shard.log_weights(&self.network, 1.0)[..count];
                    log_weights.extend(drawn.iter().map(|&weight| f64::from(weight)));
                }
                let evidence = Evidence::new(&log_weights);
                Evidence {
                    log_evidence: evidence.log_evidence + self.constant(row, None),
                    ..evidence
                }
            };
            rows.map(one).collect()
        };
        self.in_parts(self.data.readings.len(), 8, None, part)
    }

    fn constant(&self, row: usize, masks: Option<&Masks>) -> f64 {
        self.data.constant(row, masks.map(|masks| (masks, row)))
    }

    /// The results of `work` on the numbers below `count`, `size` at a time, in their order.
    fn in_parts<T: Send>(
        &self,
        count: usize,
        size: usize,
        masks: Option<&Masks>,
        work: impl Fn(Inputs<'_>, Range<usize>) -> Vec<T> + Sync,
    ) -> Result<Vec<T>, Error> {
        let batch = &self.data.batch;
        with_numbers(&batch.inputs, |inputs| {
            with_numbers(&batch.target, |target| {
                let inputs = Inputs {
                    inputs,
                    target,
                    masks,
                };
                let part = |index: usize| index * size..count.min((index + 1) * size);
                let made = |index| (index, Ok::<_, Error>(work(inputs, part(index))));
                let parts = on_all(count.div_ceil(size), |parts| Ok(parts.map(made).collect()))?;
                Ok(parts.into_iter().flatten().collect())
            })
        })??
    }

    /// Puts the readings `rows` into a shard.
    fn fill(&self, shard: &mut Shard, all: Inputs<'_>, rows: Range<usize>) {
        let (numbers, modelled) = (self.shape.numbers, self.shape.modelled());
        let readings = &mut shard.readings;
        readings.rows = rows.len();
        let of = |width: usize| rows.start * width..rows.end * width;
        readings.inputs.copy_from_slice(&all.inputs[of(numbers)]);
        readings.target.copy_from_slice(&all.target[of(modelled)]);
        if let Some(masks) = all.masks {
            readings.hide(numbers, modelled, |place, number| {
                masks.observes(rows.start + place, number)
            });
        }
    }
}

/// The bound of each reading in floats, nats, by `samples` points or a few more, always the same: in [`cubature`] points where
/// they suffice for one, otherwise draws in antithetic pairs. Of bits all codes, where devices enumerate them, otherwise the
/// draws of a device. With `masks`, that of what they observe.
///
/// # Errors
/// [`Error::Tensor`].
pub fn float_scores(
    vae: &Vae,
    data: &Prepared,
    masks: Option<&Masks>,
    samples: usize,
) -> Result<Vec<f64>, Error> {
    let masks = data.masks(masks);
    let masks = masks.as_ref();
    if vae.latent() == Latent::Gaussian && samples >= 2 * vae.latents() {
        return by_turns(vae, data, masks, cubature::count(samples, vae.latents()));
    }
    if vae.latent() == Latent::Bernoulli {
        return in_chunks(data, masks, |batch, rows| {
            bits::bounds(vae, batch, rows, samples)
        });
    }
    let pairs = samples.div_ceil(2);
    if let Some(evaluator) = Evaluator::new(vae, data)? {
        return evaluator.elbos(pairs, masks);
    }
    let mut rng = random::stream(0, Purpose::Evaluation);
    in_chunks(data, masks, |batch, rows| {
        let shape = (1, rows.len(), vae.latents());
        let mut sums = vec![0.0; rows.len()];
        for _ in 0..pairs {
            let noise = draw_noise(vae.latent(), shape, &mut rng, batch.inputs.device())?;
            for noise in [opposite(vae.latent(), &noise)?, noise] {
                let elbos = batch.elbos_at(vae, &noise)?;
                let sums = sums.iter_mut().zip(elbos);
                sums.for_each(|(sum, elbo)| *sum += elbo);
            }
        }
        sums.iter_mut().for_each(|sum| *sum /= (2 * pairs) as f64);
        Ok(sums)
    })
}

/// The bound of each reading of Gaussian latents, by so many turns.
fn by_turns(
    vae: &Vae,
    data: &Prepared,
    masks: Option<&Masks>,
    turns: usize,
) -> Result<Vec<f64>, Error> {
    if let Some(evaluator) = Evaluator::new(vae, data)? {
        return evaluator.expected(turns, masks);
    }
    let latents = vae.latents();
    in_chunks(data, masks, |batch, rows| {
        let shape = (1, rows.len(), latents);
        cubature::expectations(rows, latents, turns, |noise| {
            let noise = Tensor::from_slice(noise, shape, batch.inputs.device())?;
            batch.elbos_at(vae, &noise)
        })
    })
}

/// The bounds of all readings, from those without constants that `bounds` gives of some.
fn in_chunks(
    data: &Prepared,
    masks: Option<&Masks>,
    mut bounds: impl FnMut(&Batch, Range<usize>) -> Result<Vec<f64>, Error>,
) -> Result<Vec<f64>, Error> {
    let mut scores = Vec::with_capacity(data.readings.len());
    for start in (0..data.readings.len()).step_by(CHUNK) {
        let rows = start..data.readings.len().min(start + CHUNK);
        let batch = data.narrow(start, rows.len(), masks)?;
        let bounds = bounds(&batch, rows.clone())?;
        let constant = |row| data.constant(row, masks.map(|masks| (masks, row)));
        let all = bounds.into_iter().zip(rows);
        scores.extend(all.map(|(bound, row)| bound + constant(row)));
    }
    Ok(scores)
}
