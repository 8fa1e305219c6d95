//! Models whose bound is known exactly: a linear Gaussian one, and one of enumerated bits.

use crate::linear::normal_noise;
use candle_core::{Device, Tensor};
use elbow_trainer::config::{Latent, Target};
use elbow_trainer::model::objective::Batch;
use elbow_trainer::model::{Architecture, Likelihood, Vae};
use elbow_trainer::numeric::random::{self, Purpose};

pub(crate) const INPUTS: usize = 3;

/// A model, two readings, and its exact bound.
pub(crate) struct Case {
    pub(crate) vae: Vae,
    pub(crate) readings: [[f32; INPUTS]; 2],
    /// Of one reading, in nats without constants, given all parameters in their order.
    pub(crate) bound: fn(&[f64], &[f64], Target) -> f64,
}

pub(crate) fn architecture(latent: Latent, latents: usize) -> Architecture {
    Architecture {
        inputs: INPUTS,
        latents,
        latent,
        ..Architecture::default()
    }
}

/// From the latent to the locations.
pub(crate) const WEIGHT: [[f32; INPUTS]; 1] = [[0.8, -0.5, 0.6]];
/// `ln s` of the noise.
pub(crate) const LOG_DEVIATION: f32 = -0.2;

/// One latent, a linear decoder, normal noise.
pub(crate) fn gaussian() -> Case {
    let device = Device::Cpu;
    let likelihood = normal_noise(INPUTS, LOG_DEVIATION);
    let mut rng = random::stream(3, Purpose::Initialization);
    let vae = Vae::new(
        &architecture(Latent::Gaussian, 1),
        likelihood,
        &mut rng,
        &device,
    )
    .unwrap();
    let weight = Tensor::new(&WEIGHT, &device).unwrap();
    vae.output.weight.set(&weight).unwrap();
    Case {
        vae,
        readings: [[1.2, -0.4, 0.3], [-0.7, 0.9, 0.2]],
        bound: |parameters, x, target| match target {
            Target::Elbo => linear_elbo(&Linear::new(parameters, x)),
            Target::ImportanceWeighted(samples) => {
                Linear::new(parameters, x).importance_weighted(samples, 0.25)
            }
        },
    }
}

/// Three bits, a linear decoder of the logits of three bits.
pub(crate) fn bits() -> Case {
    let mut rng = random::stream(4, Purpose::Initialization);
    let likelihood = Likelihood::binomial(1, INPUTS).unwrap();
    let (shape, device) = (architecture(Latent::Bernoulli, 3), Device::Cpu);
    let vae = Vae::new(&shape, likelihood, &mut rng, &device).unwrap();
    let weight = [[2.0f32, -1.5, 1.0], [-1.0, 2.5, 0.5], [0.7, 1.0, -2.0]];
    vae.output
        .weight
        .set(&Tensor::new(&weight, &device).unwrap())
        .unwrap();
    Case {
        vae,
        readings: [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]],
        bound: enumerated,
    }
}

/// The model of one reading: q(z) = N(mean, exp(log_variance)), p(x|z) = N(z weight + bias, exp(2 log_deviation)).
pub(crate) struct Linear {
    mean: f64,
    log_variance: f64,
    weight: Vec<f64>,
    /// Of the reading from the bias.
    residual: Vec<f64>,
    log_deviation: f64,
}

impl Linear {
    pub(crate) fn new(parameters: &[f64], x: &[f64]) -> Self {
        let (heads, rest) = parameters.split_at(2 * INPUTS + 2);
        let head = |at: usize| {
            let products = (0..INPUTS).map(|i| x[i] * heads[2 * i + at]);
            products.sum::<f64>() + heads[2 * INPUTS + at]
        };
        Self {
            mean: head(0),
            log_variance: head(1),
            weight: rest[..INPUTS].to_vec(),
            residual: (0..INPUTS).map(|i| x[i] - rest[INPUTS + i]).collect(),
            log_deviation: rest[2 * INPUTS],
        }
    }

    /// `log p(x|z) + log p(z) - log q(z)` at `z = mean + sigma noise`.
    pub(crate) fn log_weight(&self, noise: f64) -> f64 {
        let z = self.mean + (0.5 * self.log_variance).exp() * noise;
        let squares = self.residual.iter().zip(&self.weight);
        let squares: f64 = squares.map(|(r, w)| (r - w * z).powi(2)).sum();
        let log_likelihood =
            -0.5 * squares * (-2.0 * self.log_deviation).exp() - INPUTS as f64 * self.log_deviation;
        log_likelihood - 0.5 * z * z + 0.5 * (noise * noise + self.log_variance)
    }

    /// The expectation of the logarithm of the mean weight by the trapezoidal rule, which converges
    /// exponentially for what decays like a Gaussian.
    pub(crate) fn importance_weighted(&self, samples: usize, step: f64) -> f64 {
        let reach = (7.0 / step) as i32;
        let nodes: Vec<(f64, f64)> = (-reach..=reach)
            .map(|at| {
                let noise = f64::from(at) * step;
                let density = (-0.5 * noise * noise).exp() / (2.0 * std::f64::consts::PI).sqrt();
                (density * step, self.log_weight(noise).exp())
            })
            .collect();
        let (mut sum, mut at) = (0.0, vec![0; samples]);
        loop {
            let chance: f64 = at.iter().map(|&node: &usize| nodes[node].0).product();
            let weight: f64 = at.iter().map(|&node| nodes[node].1).sum();
            sum += chance * (weight / samples as f64).ln();
            let Some(place) = at.iter().position(|&node| node + 1 < nodes.len()) else {
                return sum;
            };
            at[place] += 1;
            at[..place].fill(0);
        }
    }
}

/// `E_q[log p(x|z)] - KL(q || p(z))`, both in closed form.
pub(crate) fn linear_elbo(model: &Linear) -> f64 {
    let variance = model.log_variance.exp();
    let terms = model.residual.iter().zip(&model.weight);
    let squares: f64 = terms
        .map(|(r, w)| (r - w * model.mean).powi(2) + w * w * variance)
        .sum();
    let reconstruction =
        -0.5 * squares * (-2.0 * model.log_deviation).exp() - INPUTS as f64 * model.log_deviation;
    reconstruction - 0.5 * (model.mean * model.mean + variance - model.log_variance - 1.0)
}

/// The bound of three bits behind a reading of three bits, over all of their values.
pub(crate) fn enumerated(parameters: &[f64], x: &[f64], target: Target) -> f64 {
    const BITS: usize = 3;
    let logit = |layer: &[f64], inputs: &[f64], at: usize| -> f64 {
        let products = (0..BITS).map(|i| inputs[i] * layer[BITS * i + at]);
        products.sum::<f64>() + layer[BITS * BITS + at]
    };
    let log_chance = |logit: f64, bit: f64| bit * logit - (1.0 + logit.exp()).ln();
    let (encoder, decoder) = parameters.split_at(BITS * BITS + BITS);
    let values: Vec<(f64, f64)> = (0..1 << BITS)
        .map(|code| {
            let z = [0, 1, 2].map(|at| f64::from(code >> at & 1));
            let each = 0..BITS;
            let log_q: f64 = each
                .clone()
                .map(|at| log_chance(logit(encoder, x, at), z[at]))
                .sum();
            let log_p: f64 = each
                .map(|at| log_chance(logit(decoder, &z, at), x[at]))
                .sum();
            (log_q.exp(), log_p - BITS as f64 * 2f64.ln() - log_q)
        })
        .collect();
    let samples = match target {
        Target::Elbo => return values.iter().map(|(q, log_weight)| q * log_weight).sum(),
        Target::ImportanceWeighted(samples) => samples,
    };
    let choices = values.len().pow(samples as u32);
    let of_choice = |choice: usize| {
        let digits =
            (0..samples).map(|at| values[choice / values.len().pow(at as u32) % values.len()]);
        let (chance, weight) = digits.fold((1.0, 0.0), |(chance, sum), (q, log_weight)| {
            (chance * q, sum + log_weight.exp())
        });
        chance * (weight / samples as f64).ln()
    };
    (0..choices).map(of_choice).sum()
}

impl Case {
    /// `copies` of both readings.
    pub(crate) fn batch(&self, copies: usize) -> Batch {
        let values = (0..copies).flat_map(|_| self.readings.as_flattened().to_vec());
        let shape = (2 * copies, INPUTS);
        let x = Tensor::from_vec(values.collect(), shape, &Device::Cpu).unwrap();
        Batch::whole(x.clone(), x)
    }

    /// All parameters in their order.
    pub(crate) fn parameters(&self) -> Vec<f64> {
        let variables = self.vae.parameters().into_iter();
        let values = variables.flat_map(|(_, var)| {
            let values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values.into_iter().map(f64::from)
        });
        values.collect()
    }

    /// The mean of the exact bound over both readings, differentiated by differences.
    pub(crate) fn exact(&self, target: Target) -> Vec<f64> {
        let parameters = self.parameters();
        let value = |parameters: &[f64]| -> f64 {
            let of = self
                .readings
                .map(|x| (self.bound)(parameters, &x.map(f64::from), target));
            0.5 * (of[0] + of[1])
        };
        let step = 1e-4;
        (0..parameters.len())
            .map(|at| {
                let moved = |by: f64| {
                    let mut parameters = parameters.clone();
                    parameters[at] += by;
                    value(&parameters)
                };
                (moved(step) - moved(-step)) / (2.0 * step)
            })
            .collect()
    }
}
