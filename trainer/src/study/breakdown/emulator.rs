//! The score of a reading with some of the device's roundings, the others left out.

use super::network::{Layer, Network, Q16, Rounding, half_up, saturate};
use super::prior::{Prior, log_sum_exp};
use crate::error::Error;
use crate::model::Vae;
use crate::readings::Normalization;
use elbow::distribution::LARGEST_MEAN;
use elbow::gaussian::standard_normal;
use elbow::image::ImageSpec;
use elbow::posterior::SigmaPoints;
use elbow::transcendental::exp;
use elbow::{Estimator, Model};
use rand_core::Rng;

/// What is as on the device; everything else is as in the trained model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Switches {
    /// The `i8` inputs of the encoder.
    pub(super) input: bool,
    /// Weights and biases, layer by layer: encoder, heads, decoder, output.
    pub(super) weights: Vec<bool>,
    /// The limits of hidden outputs, layer by layer.
    pub(super) limits: Vec<bool>,
    /// The rounding of outputs, layer by layer; that of the heads is below.
    pub(super) activations: Vec<bool>,
    /// Rounding and range of the posterior means.
    pub(super) mean: bool,
    /// Rounding and range of the log-variances.
    pub(super) log_variance: bool,
    /// The `i16` latents and conditions that the decoder takes in.
    pub(super) latents: bool,
    /// The integer functions, and the Q16.16 arithmetic between them: deviations, samples, log densities,
    /// the divergence, the mean.
    pub(super) tables: bool,
}

/// A trained model and its image.
#[derive(Debug)]
pub(super) struct Emulator<'a> {
    model: &'a Model<'a>,
    vae: &'a Vae,
    normalization: &'a Normalization,
    network: Network,
    prior: Prior,
    /// `ln sigma_i` in network units, where it is learned.
    log_deviations: Option<Vec<f64>>,
    estimator: Estimator,
    seed: u64,
}

/// q(z|x), Q16.16.
struct Posterior {
    mean: Vec<f64>,
    log_variance: Vec<f64>,
    deviation: Vec<f64>,
}

/// One decoder pass: where it is taken, Q16.16, and with which noise.
struct Pass {
    values: Vec<f64>,
    noise: Option<Vec<f64>>,
}

impl<'a> Emulator<'a> {
    /// Of the image `model`, which was made of `vae`.
    ///
    /// # Errors
    /// [`Error::Setting`] where they are of different shapes, [`Error::Tensor`].
    pub(super) fn new(
        vae: &'a Vae,
        model: &'a Model<'a>,
        normalization: &'a Normalization,
        (estimator, seed): (Estimator, u64),
    ) -> Result<Self, Error> {
        Ok(Self {
            model,
            vae,
            normalization,
            network: Network::new(vae, &ImageSpec::of(model), normalization)?,
            prior: Prior::new(vae)?,
            log_deviations: wide(vae.likelihood.log_deviations()?),
            estimator,
            seed,
        })
    }

    /// Layers of both networks.
    pub(super) fn layers(&self) -> usize {
        self.network.encoder.len() + self.network.decoder.len()
    }

    /// Layers of the encoder, the heads among them.
    pub(super) fn encoder_layers(&self) -> usize {
        self.network.encoder.len()
    }

    /// The bound of reading `index`, whose numbers are `reading` and whose constant of the log density is
    /// `constant`, nats.
    pub(super) fn score(
        &self,
        (index, reading): (usize, &[i16]),
        constant: f64,
        switches: &Switches,
    ) -> f64 {
        let posterior = self.encode(reading, switches);
        let conditions = self.conditions(reading, switches);
        let passes = self.passes(index, &posterior, switches);
        let log_likelihoods: Vec<f64> = passes
            .iter()
            .map(|pass| self.log_likelihood(reading, &pass.values, &conditions, constant, switches))
            .collect();
        let count = log_likelihoods.len() as f64;
        if let Estimator::ImportanceWeighted { .. } = self.estimator {
            let weights = log_likelihoods.iter().zip(&passes);
            let weights = weights.map(|(log, pass)| log / Q16 + self.log_ratio(&posterior, pass));
            return log_sum_exp(weights) - count.ln();
        }
        let sum: f64 = log_likelihoods.iter().sum();
        let (mean, kl) = (sum / count, self.divergence(&posterior, switches));
        // floor((s + floor(k / 2)) / k) of integers.
        let mean = if switches.tables {
            ((sum + (count / 2.0).floor()) / count).floor()
        } else {
            mean
        };
        (mean - kl) / Q16
    }

    fn encode(&self, reading: &[i16], switches: &Switches) -> Posterior {
        let ceiling = self.network.input_ceiling;
        let inputs = reading.iter().zip(&self.network.inputs);
        let inputs = inputs.map(|(&x, &(center, gain))| {
            let level = (f64::from(x) - center) * gain;
            if switches.input {
                half_up(level).clamp(-ceiling, ceiling)
            } else {
                level
            }
        });
        let heads = run(&self.network.encoder, inputs.collect(), switches, 0);
        let (means, log_variances) = heads.split_at(self.network.latents);
        let limit = f64::from(LARGEST_MEAN);
        let (low, high) = self.network.log_variance_range;
        let mean = |&mean: &f64| match switches.mean {
            true => half_up(mean).clamp(-limit, limit),
            false if switches.tables => saturate(half_up(mean)),
            false => mean,
        };
        let log_variance = |&log: &f64| match switches.log_variance {
            true => half_up(log).clamp(low, high),
            false if switches.tables => saturate(half_up(log)),
            false => log,
        };
        let log_variance: Vec<f64> = log_variances.iter().map(log_variance).collect();
        let deviation = |&log: &f64| {
            if switches.tables {
                exp(log as i32 >> 1).into()
            } else {
                (0.5 * log / Q16).exp() * Q16
            }
        };
        Posterior {
            mean: means.iter().map(mean).collect(),
            deviation: log_variance.iter().map(deviation).collect(),
            log_variance,
        }
    }

    /// The conditions as the decoder takes them in.
    fn conditions(&self, reading: &[i16], switches: &Switches) -> Vec<f64> {
        let behind = &reading[self.model.inputs()..];
        let shapes = behind.iter().zip(&self.network.conditions);
        let steps = shapes.map(|(&x, &(center, exact, gain))| {
            let centred = f64::from(x) - center;
            if switches.latents {
                half_up(centred * gain).clamp(i16::MIN.into(), i16::MAX.into())
            } else {
                centred * exact
            }
        });
        steps.collect()
    }

    /// Where the estimator decodes.
    fn passes(&self, index: usize, posterior: &Posterior, switches: &Switches) -> Vec<Pass> {
        let times = |a: f64, b: f64| {
            let product = a * b / Q16;
            if switches.tables {
                saturate(half_up(product))
            } else {
                product
            }
        };
        let latents = self.network.latents;
        let at = |sign: f64, offsets: &[f64]| -> Vec<f64> {
            let offsets = posterior.deviation.iter().zip(offsets);
            let means = posterior.mean.iter().zip(offsets);
            means
                .map(|(mean, (&deviation, &offset))| {
                    saturate(mean + sign * times(deviation, offset))
                })
                .collect()
        };
        let mut rng = elbow::rng::stream(self.seed, index as u64);
        let mut draw = |_| f64::from(standard_normal(rng.next_u32()));
        let mut sampled = |signs: &[f64]| -> Vec<Pass> {
            let noise: Vec<f64> = (0..latents).map(&mut draw).collect();
            let pass = |&sign: &f64| Pass {
                values: at(sign, &noise),
                noise: Some(noise.clone()),
            };
            signs.iter().map(pass).collect()
        };
        match self.estimator {
            Estimator::PosteriorMean => vec![Pass {
                values: posterior.mean.clone(),
                noise: None,
            }],
            Estimator::SigmaPoints => {
                let pair = |direction: usize| {
                    let offsets = offsets(latents, direction, switches.tables);
                    [1.0, -1.0].map(|sign| Pass {
                        values: at(sign, &offsets),
                        noise: None,
                    })
                };
                (0..latents).flat_map(pair).collect()
            }
            Estimator::MonteCarlo { samples } => {
                let pairs = (0..samples).step_by(2);
                pairs
                    .flat_map(|first| match samples - first {
                        1 => sampled(&[1.0]),
                        _ => sampled(&[1.0, -1.0]),
                    })
                    .collect()
            }
            Estimator::ImportanceWeighted { samples } => {
                (0..samples).flat_map(|_| sampled(&[1.0])).collect()
            }
        }
    }

    /// `log p(x|z)`, Q16.16, of a wide sum.
    fn log_likelihood(
        &self,
        reading: &[i16],
        values: &[f64],
        conditions: &[f64],
        constant: f64,
        switches: &Switches,
    ) -> f64 {
        let step = 2f64.powi(16 - i32::from(self.network.latent_fraction_bits));
        let latents = values.iter().map(|value| {
            if switches.latents {
                half_up(value / step).clamp(i16::MIN.into(), i16::MAX.into())
            } else {
                value / step
            }
        });
        let taken_in = latents.chain(conditions.iter().copied()).collect();
        let first = self.network.encoder.len();
        let outputs = run(&self.network.decoder, taken_in, switches, first);
        let modelled = &reading[..self.model.inputs()];
        if switches.tables {
            let likelihood = self.model.likelihood();
            let outputs = outputs
                .iter()
                .map(|&output| saturate(half_up(output)) as i32);
            let outputs: Vec<i32> = outputs.collect();
            return likelihood.log_density_of(modelled, &outputs) as f64;
        }
        let scales = outputs.iter().zip(&self.network.output_scales);
        let outputs: Vec<f64> = scales.map(|(output, scale)| output * scale).collect();
        let parameters = self.log_deviations.as_deref().unwrap_or_default();
        let likelihood = &self.vae.likelihood;
        let targets = likelihood.targets(modelled, self.normalization);
        (likelihood.log_density(parameters, &targets, &outputs) + constant) * Q16
    }

    /// `KL(q(z|x) || p(z))`, Q16.16.
    fn divergence(&self, posterior: &Posterior, switches: &Switches) -> f64 {
        if switches.tables {
            let whole = |values: &[f64]| values.iter().map(|&x| x as i32).collect::<Vec<_>>();
            let (mean, log_variance) = (whole(&posterior.mean), whole(&posterior.log_variance));
            return self.model.prior().divergence(&mean, &log_variance) as f64;
        }
        let nats = |values: &[f64]| values.iter().map(|x| x / Q16).collect::<Vec<_>>();
        let (mean, log_variance) = (nats(&posterior.mean), nats(&posterior.log_variance));
        self.prior.divergence(&mean, &log_variance) * Q16
    }

    /// `log p(z) - log q(z|x)` of a pass with noise, nats.
    fn log_ratio(&self, posterior: &Posterior, pass: &Pass) -> f64 {
        let noise = pass.noise.iter().flatten().map(|noise| noise / Q16);
        let entropy = noise.zip(&posterior.log_variance);
        let entropy: f64 = entropy.map(|(noise, log)| noise * noise + log / Q16).sum();
        let z: Vec<f64> = pass.values.iter().map(|value| value / Q16).collect();
        self.prior.log_density(&z) + 0.5 * entropy
    }
}

fn wide(numbers: Option<Vec<f32>>) -> Option<Vec<f64>> {
    numbers.map(|all| all.into_iter().map(f64::from).collect())
}

/// Runs layers of which the first is layer `first` of all.
fn run(layers: &[Layer], inputs: Vec<f64>, switches: &Switches, first: usize) -> Vec<f64> {
    let numbered = layers.iter().zip(first..);
    numbered.fold(inputs, |numbers, (layer, at)| {
        let how = Rounding {
            device_weights: switches.weights[at],
            limited: switches.limits[at],
            // The heads are rounded where they are divided.
            rounded: switches.activations[at] && !(layer.is_last() && first == 0),
        };
        layer.run(&numbers, how)
    })
}

/// How many deviations, Q16.16, the latents of a pair of sigma points are from their means: from the device's table, or
/// by the definition.
fn offsets(latents: usize, direction: usize, by_table: bool) -> Vec<f64> {
    if by_table {
        let offsets = SigmaPoints::new(latents as u16).offsets(direction as u16);
        return offsets.take(latents).map(f64::from).collect();
    }
    let exact = |latent: usize| {
        let angle = std::f64::consts::TAU * (direction * latent % latents) as f64 / latents as f64;
        (angle.cos() + angle.sin()) * Q16
    };
    (0..latents).map(exact).collect()
}
