//! The score of a reading with some of the device's roundings, the others left out.

use super::network::{I16, I32, LayerSwitches, Network, rounded};
use crate::error::Error;
use crate::model::prepared::Prepared;
use crate::model::{Gaussian, LayerId, Layers, Vae};
use crate::numeric::evidence::Evidence;
use crate::quantize::Q16;
use crate::readings::Normalization;
use candle_core::Tensor;
use elbow::distribution::LARGEST_MEAN;
use elbow::gaussian::standard_normal;
use elbow::image::ImageSpec;
use elbow::posterior::SigmaPoints;
use elbow::transcendental::exp;
use elbow::{Estimator, Model};
use rand_core::Rng;

/// Switches of the roundings that are as on the device; everything else is as in the trained model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Switches {
    /// The `i8` inputs of the encoder.
    pub(super) input: bool,
    /// The layers. The outputs of the heads are below.
    pub(super) layers: Layers<LayerSwitches>,
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

/// A trained model and its image, with readings.
#[derive(Debug)]
pub(super) struct Emulator<'a> {
    model: &'a Model<'a>,
    vae: &'a Vae,
    normalization: &'a Normalization,
    data: &'a Prepared,
    network: Network,
    /// `ln sigma_i` in network units of each number; none where the decoder gives them.
    log_deviations: Vec<f64>,
    estimator: Estimator,
    seed: u64,
}

/// q(z|x), Q16.16.
struct Posterior {
    mean: Vec<f64>,
    log_variance: Vec<f64>,
    deviation: Vec<f64>,
}

/// One decoder pass: where it is taken, and how many deviations from the mean, Q16.16.
struct Pass {
    values: Vec<f64>,
    offsets: Vec<f64>,
}

impl<'a> Emulator<'a> {
    /// An emulator of the image `model`, which was made of `vae`, on `data`.
    ///
    /// # Errors
    /// [`Error::Setting`] where they are of different shapes, [`Error::Tensor`].
    pub(super) fn new(
        (vae, model): (&'a Vae, &'a Model<'a>),
        normalization: &'a Normalization,
        data: &'a Prepared,
        (estimator, seed): (Estimator, u64),
    ) -> Result<Self, Error> {
        let log_deviations = vae.likelihood.log_deviations()?.unwrap_or_default();
        Ok(Self {
            model,
            vae,
            normalization,
            data,
            log_deviations: log_deviations.into_iter().map(f64::from).collect(),
            network: Network::new(vae, &ImageSpec::of(model), normalization)?,
            estimator,
            seed,
        })
    }

    /// The bound of reading `row`, nats.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub(super) fn score(&self, row: usize, switches: &Switches) -> Result<f64, Error> {
        let posterior = self.encode(self.data.readings.row(row), switches);
        let passes = self.passes(row, &posterior, switches);
        let log_likelihoods = self.log_likelihoods(row, &passes, switches);
        if let Estimator::ImportanceWeighted { .. } = self.estimator {
            let ratios = self.log_ratios(&posterior, &passes)?;
            let weights = log_likelihoods.iter().zip(ratios);
            let weights: Vec<f64> = weights.map(|(log, ratio)| log / Q16 + ratio).collect();
            return Ok(Evidence::new(&weights).log_evidence);
        }
        let count = log_likelihoods.len() as f64;
        let sum: f64 = log_likelihoods.iter().sum();
        let (mean, kl) = (sum / count, self.divergence(&posterior, switches)?);
        // floor((s + floor(k / 2)) / k) of integers.
        let mean = if switches.tables {
            ((sum + (count / 2.0).floor()) / count).floor()
        } else {
            mean
        };
        Ok((mean - kl) / Q16)
    }

    fn encode(&self, reading: &[i16], switches: &Switches) -> Posterior {
        let largest = self.network.largest_input;
        let inputs = reading.iter().zip(&self.network.inputs);
        let inputs = inputs.map(|(&x, &(center, gain))| {
            let level = (f64::from(x) - center) * gain;
            rounded(switches.input, level, (-largest, largest))
        });
        let layers = &switches.layers;
        let heads = self.network.run(LayerId::Heads, inputs.collect(), layers);
        let (means, log_variances) = heads.split_at(self.vae.latents());
        // The integer functions take whole numbers.
        let head = |is_limited: bool, limits, &head: &f64| {
            let range = if is_limited { limits } else { I32 };
            rounded(is_limited || switches.tables, head, range)
        };
        let limit = f64::from(LARGEST_MEAN);
        let mean = |mean| head(switches.mean, (-limit, limit), mean);
        let range = self.network.log_variance_range;
        let log_variance = |log| head(switches.log_variance, range, log);
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
            let gain = if switches.latents { gain } else { exact };
            rounded(switches.latents, (f64::from(x) - center) * gain, I16)
        });
        steps.collect()
    }

    /// Where the estimator decodes.
    fn passes(&self, index: usize, posterior: &Posterior, switches: &Switches) -> Vec<Pass> {
        let latents = self.vae.latents();
        let at = |sign: f64, offsets: &[f64]| {
            let axes = posterior.mean.iter().zip(&posterior.deviation).zip(offsets);
            let values = axes.map(|((mean, deviation), offset)| {
                let away = rounded(switches.tables, deviation * offset / Q16, I32);
                (mean + sign * away).clamp(I32.0, I32.1)
            });
            Pass {
                values: values.collect(),
                offsets: offsets.to_vec(),
            }
        };
        let mut rng = elbow::rng::stream(self.seed, index as u64);
        let mut draw = || -> Vec<f64> {
            let words = (0..latents).map(|_| rng.next_u32());
            words.map(|word| standard_normal(word).into()).collect()
        };
        match self.estimator {
            // Codes are of bits, which the network refuses.
            Estimator::PosteriorMean | Estimator::Enumeration => {
                vec![at(1.0, &vec![0.0; latents])]
            }
            Estimator::SigmaPoints => {
                let pair = |direction: usize| {
                    let offsets = offsets(latents, direction, switches.tables);
                    [1.0, -1.0].map(|sign| at(sign, &offsets))
                };
                (0..latents).flat_map(pair).collect()
            }
            Estimator::MonteCarlo { samples } => {
                let pair = |first: u16| {
                    let noise = draw();
                    let both = [1.0, -1.0].map(|sign| at(sign, &noise));
                    both.into_iter().take((samples - first).into())
                };
                (0..samples).step_by(2).flat_map(pair).collect()
            }
            Estimator::ImportanceWeighted { samples } => {
                (0..samples).map(|_| at(1.0, &draw())).collect()
            }
        }
    }

    /// `log p(x|z)` of each pass, Q16.16, of a wide sum.
    fn log_likelihoods(&self, row: usize, passes: &[Pass], switches: &Switches) -> Vec<f64> {
        let reading = self.data.readings.row(row);
        let conditions = self.conditions(reading, switches);
        let step = 2f64.powi(16 - i32::from(self.network.latent_fraction_bits));
        let outputs = passes.iter().map(|pass| {
            let latents = pass.values.iter();
            let latents = latents.map(|value| rounded(switches.latents, value / step, I16));
            let taken_in = latents.chain(conditions.iter().copied()).collect();
            let layers = &switches.layers;
            self.network.run(LayerId::Output, taken_in, layers)
        });
        let modelled = &reading[..self.model.inputs()];
        if switches.tables {
            let likelihood = self.model.likelihood();
            let log_density = |outputs: Vec<f64>| {
                let outputs = outputs.iter();
                let outputs = outputs.map(|&output| rounded(true, output, I32) as i32);
                let log_density = likelihood.log_density_of(modelled, &outputs.collect::<Vec<_>>());
                log_density.to_bits() as f64
            };
            return outputs.map(log_density).collect();
        }
        let likelihood = &self.vae.likelihood;
        let targets = likelihood.targets(modelled, self.normalization);
        let constant = self.data.constant(row, None);
        let log_density = |outputs: Vec<f64>| {
            let scales = outputs.iter().zip(&self.network.output_scales);
            let outputs: Vec<f64> = scales.map(|(output, scale)| output * scale).collect();
            let log_density = likelihood.log_density(&self.log_deviations, &targets, &outputs);
            (log_density + constant) * Q16
        };
        outputs.map(log_density).collect()
    }

    /// `KL(q(z|x) || p(z))`, Q16.16.
    fn divergence(&self, posterior: &Posterior, switches: &Switches) -> Result<f64, Error> {
        let Posterior {
            mean, log_variance, ..
        } = posterior;
        if switches.tables {
            let whole = |values: &[f64]| values.iter().map(|&x| x as i32).collect::<Vec<_>>();
            let kl = self
                .model
                .prior()
                .divergence(&whole(mean), &whole(log_variance));
            return Ok(kl.to_bits() as f64);
        }
        let q = Gaussian {
            mean: self.row(mean)?,
            log_variance: self.row(log_variance)?,
        };
        let kl = self.vae.divergence_of(&q)?;
        Ok(f64::from(kl.to_vec1::<f32>()?[0]) * Q16)
    }

    /// `log p(z) - log q(z|x)` of each pass, nats.
    fn log_ratios(&self, posterior: &Posterior, passes: &[Pass]) -> Result<Vec<f64>, Error> {
        let ratio = |pass: &Pass| -> Result<f64, Error> {
            let noise = pass.offsets.iter().map(|noise| noise / Q16);
            let entropy = noise.zip(&posterior.log_variance);
            let entropy: f64 = entropy.map(|(noise, log)| noise * noise + log / Q16).sum();
            let log_prior = self.vae.log_prior(&self.row(&pass.values)?)?;
            Ok(f64::from(log_prior.to_vec1::<f32>()?[0]) + 0.5 * entropy)
        };
        passes.iter().map(ratio).collect()
    }

    /// Numbers in Q16.16 as a batch of one.
    fn row(&self, values: &[f64]) -> Result<Tensor, Error> {
        let values = values.iter().map(|value| (value / Q16) as f32);
        let device = self.data.batch.target.device();
        Ok(Tensor::from_iter(values, device)?.unsqueeze(0)?)
    }
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
