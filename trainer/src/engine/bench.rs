//! How fast training is, and how fast the matrix products alone would be.

use super::network::Network;
use super::{Barrier, Engine, Settings, Times};
use crate::config::ElboForm;
use crate::data::{Dataset, Intensities, Table};
use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::layer::product::{forward, input_gradient, weight_gradient};
use crate::model::objective::{Bound, Weighting};
use crate::model::prepared::Prepared;
use crate::model::{Architecture, Likelihood, Vae};
use crate::numeric::adam::Clip;
use crate::numeric::random::{self, Purpose, normals};
use crate::readings::{Normalization, Readings};
use candle_core::{Device, Tensor, Var};
use rand_core::Rng;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Pictures to train on: enough that batches do not stay in the nearest cache.
const READINGS: usize = 6000;
/// Numbers in each.
const PIXELS: usize = 784;
/// The least time that each figure is measured for.
const LONG: Duration = Duration::from_millis(1500);

/// A network to train: hidden widths of the encoder, which the decoder mirrors, latents and readings in
/// a batch.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    hidden: &'static [usize],
    latents: usize,
    batch: usize,
}

/// The networks that are measured, of 784 bits each.
pub const CASES: [Case; 3] = [
    Case {
        name: "784-200-200-z50-b100",
        hidden: &[200, 200],
        latents: 50,
        batch: 100,
    },
    Case {
        name: "784-400-z20-b128",
        hidden: &[400],
        latents: 20,
        batch: 128,
    },
    Case {
        name: "64-32-z4-b100",
        hidden: &[32],
        latents: 4,
        batch: 100,
    },
];

/// The results of a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Steps of the engine, batches and dynamic binarization included.
    pub steps_per_second: f64,
    /// Readings in them.
    pub samples_per_second: f64,
    /// Steps of the matrix products alone, on as many threads.
    pub matmul_floor_steps_per_second: f64,
    /// Steps of candle's automatic differentiation.
    pub candle_steps_per_second: f64,
    /// Splits of a step of the engine that the first thread spends, adding up to one.
    pub split: Split,
}

/// Splits of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Split {
    /// Gathering a batch, encoder, samples, decoder, likelihood.
    pub forward: f64,
    /// Gradients.
    pub backward: f64,
    /// Adam, and the draws for the next step.
    pub optimizer: f64,
    /// Waiting for the other threads.
    pub waiting: f64,
}

impl Case {
    /// Measures it.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn measure(&self, threads: usize) -> Result<Speed, Error> {
        let numbers = if self.name.starts_with("64") {
            64
        } else {
            PIXELS
        };
        let hidden = || self.hidden.iter().map(|&units| units.into());
        let architecture = Architecture {
            inputs: numbers,
            encoder: hidden().collect(),
            latents: self.latents,
            decoder: hidden().rev().collect(),
            ..Architecture::default()
        };
        let mut rng = random::stream(0, Purpose::Initialization);
        let likelihood = Likelihood::binomial(1, numbers)?;
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu)?;
        let data = pictures(numbers, &vae)?;
        let settings = Settings {
            batch: self.batch,
            samples: 1,
            missing: 0.0,
            clip: Clip::None,
            seed: 0,
            threads,
        };
        let mut engine = Engine::new(&vae, &settings, &data)?;
        let order: Vec<u32> = (0..data.readings.len() as u32).collect();
        let steps = order.len().div_ceil(self.batch);
        let weighting = Weighting {
            form: ElboForm::Divergence,
            weight: 1.0,
            free_bits: 0.0,
        };
        engine.epoch(&order, weighting, 1e-3, &|_| {})?;
        let mut times = Times::default();
        let mut steps_per_second = 0f64;
        // The fastest epoch: others disturb, nothing speeds up.
        let start = Instant::now();
        while start.elapsed() < LONG {
            let begin = Instant::now();
            engine.epoch(&order, weighting, 1e-3, &|_| {})?;
            let speed = steps as f64 / begin.elapsed().as_secs_f64();
            if speed > steps_per_second {
                (steps_per_second, times) = (speed, engine.times());
            }
        }
        Ok(Speed {
            steps_per_second,
            samples_per_second: steps_per_second * self.batch as f64,
            matmul_floor_steps_per_second: floor(&Network::new(&vae)?, self.batch, threads),
            candle_steps_per_second: self.candle(&vae, &data)?,
            split: Split::new(&times),
        })
    }

    /// Steps a second of the same training by automatic differentiation.
    fn candle(&self, vae: &Vae, data: &Prepared) -> Result<f64, Error> {
        let variables: Vec<&Var> = vae.parameters().into_iter().map(|(_, var)| var).collect();
        let mut adam = Adam::new(&variables);
        let mut rng = random::stream(0, Purpose::Noise);
        let order: Vec<u32> = (0..data.readings.len() as u32).collect();
        let mut fastest = f64::INFINITY;
        let start = Instant::now();
        for indices in order.chunks_exact(self.batch).cycle() {
            let begin = Instant::now();
            let batch = data.select(indices, &mut rng)?;
            let shape = (1, self.batch, self.latents);
            let noise = normals(&mut rng, self.batch * self.latents);
            let noise = Tensor::from_vec(noise, shape, &Device::Cpu)?;
            let bound = Bound::sample(vae, &batch, &noise)?;
            let gradients = bound.objective()?.mean_all()?.neg()?.backward()?;
            adam.step(&variables, &gradients, 1e-3)?;
            fastest = fastest.min(begin.elapsed().as_secs_f64());
            if start.elapsed() > LONG {
                break;
            }
        }
        Ok(1.0 / fastest)
    }
}

impl Split {
    fn new(times: &Times) -> Self {
        let parts = [
            times.forward,
            times.backward,
            times.optimizer,
            times.waiting,
        ];
        let total: f64 = parts.iter().map(Duration::as_secs_f64).sum();
        let [forward, backward, optimizer, waiting] = parts.map(|part| part.as_secs_f64() / total);
        Self {
            forward,
            backward,
            optimizer,
            waiting,
        }
    }
}

/// Pictures of which four pixels of five are paper, and the rest any shade.
fn pictures(numbers: usize, vae: &Vae) -> Result<Prepared, Error> {
    let mut rng = random::stream(0, Purpose::EvaluationBinarization);
    let mut shade = || match rng.next_u32() >> 24 {
        word @ 205.. => (word - 205) as f32 * 5.0,
        _ => 0.0,
    };
    let values = (0..READINGS * numbers).map(|_| shade()).collect();
    let mut dataset = Dataset::new("pictures", Table::new(numbers, values)?);
    let intensities = Intensities::new(&dataset, u8::MAX)?;
    dataset.table = intensities.fixed(crate::data::Binarization::Threshold, &mut rng)?;
    let normalization = Normalization::counts(numbers, 1);
    let (readings, _) = Readings::from_table(&dataset.table, &normalization.exponents);
    let mut data = Prepared::new(readings, &normalization, vae, &Device::Cpu)?;
    data.intensities = Some(intensities);
    Ok(data)
}

/// Steps a second of the matrix products of a step alone, each thread with its part of the batch.
fn floor(network: &Network, batch: usize, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    let work = |thread: usize| {
        let member = barrier.member();
        let rows = (thread + 1) * batch / threads - thread * batch / threads;
        let shapes = network.groups.iter().map(|group| group.shape);
        let widest = shapes.map(|shape| shape.inputs.max(shape.outputs)).max();
        let (x, mut y) = (
            vec![0.5f32; rows * widest.unwrap_or(0)],
            vec![0f32; rows * widest.unwrap_or(0)],
        );
        let mut gradients = network.gradients();
        let mut fastest = f64::INFINITY;
        for _ in 0..300 {
            member.wait();
            let begin = Instant::now();
            for (index, (group, gradient)) in network.groups.iter().zip(&mut gradients).enumerate()
            {
                let shape = group.shape(rows);
                let values = group.values();
                forward(&x, &values.weight, &mut y, shape);
                weight_gradient(&x, &y, &mut super::write(gradient).weight, shape);
                // Nobody asks for the gradient by the reading.
                if index > 0 {
                    input_gradient(&x, &values.weight, &mut y, shape);
                }
            }
            member.wait();
            fastest = fastest.min(begin.elapsed().as_secs_f64());
        }
        1.0 / fastest
    };
    std::thread::scope(|scope| {
        let work = &work;
        for thread in 1..threads {
            scope.spawn(move || work(thread));
        }
        work(0)
    })
}
