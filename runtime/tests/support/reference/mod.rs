//! The whole path from a reading to its score, implemented a second time from NUMERICS.md: 128-bit
//! integers, plain loops, one latent at a time, and of the crate nothing but elementary functions,
//! the normal quantile and the generator.

mod arithmetic;
mod bits;
mod divergence;
mod estimators;
mod likelihood;

#[allow(unused_imports)]
pub(crate) use arithmetic::{apply, crc32, mean, root, round, saturate};

use arithmetic::{network, q16};
use elbow::Score;
use elbow::distribution::LogVarianceRange;
use elbow::gaussian::standard_normal;
use elbow::image::{ImageSpec, LayerSpec, PriorSpec};
use elbow::posterior::PosteriorKind;
use elbow::rng::Xoshiro128PlusPlus;
use elbow::transcendental::exp;
use rand_core::Rng;

/// q(z|x), and which inputs it was made of.
pub(crate) struct Reference<'a> {
    pub(crate) spec: &'a ImageSpec,
    pub(crate) mean: Vec<i128>,
    pub(crate) log_variance: Vec<i128>,
    deviation: Vec<i128>,
    /// Of latents that are bits, else nothing.
    logits: Vec<i128>,
    observed: Vec<bool>,
    /// The numbers that the decoder takes in behind the latents.
    pub(crate) conditions: Vec<i128>,
}

/// The parts of a score.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) elbo: i128,
    pub(crate) reconstruction: i128,
    pub(crate) kl: i128,
    pub(crate) standard_error: Option<i128>,
    pub(crate) passes: i128,
}

impl Expected {
    pub(crate) fn of(score: &Score) -> Self {
        Self {
            elbo: score.elbo().to_bits().into(),
            reconstruction: score.reconstruction().to_bits().into(),
            kl: score.kl().to_bits().into(),
            standard_error: score.standard_error().map(|error| error.to_bits().into()),
            passes: score.passes().into(),
        }
    }
}

impl<'a> Reference<'a> {
    pub(crate) fn prior(spec: &'a ImageSpec) -> Self {
        let latents = spec.latents();
        let mut reference = Self {
            spec,
            mean: vec![0; latents],
            log_variance: vec![0; latents],
            deviation: vec![1 << 16; latents],
            logits: vec![],
            observed: vec![true; spec.inputs.len()],
            conditions: vec![0; spec.conditions.len()],
        };
        if reference.has_bits() {
            reference.set_logits(reference.log_odds());
        }
        reference
    }

    /// The prior that is drawn from: of a mixture, a component by a word of `rng`.
    pub(crate) fn of_prior(spec: &'a ImageSpec, rng: &mut Xoshiro128PlusPlus) -> Self {
        let mut reference = Self::prior(spec);
        if let PriorSpec::Mixture(components) = &spec.prior {
            let fraction = i128::from(rng.next_u32() >> 16);
            let mut below = 0;
            let drawn = components.iter().find(|component| {
                below += i128::from(exp(q16(component.log_weight) as i32));
                fraction < below
            });
            let drawn = drawn.unwrap_or(components.last().unwrap());
            reference.mean = drawn.mean.iter().map(|&m| q16(m)).collect();
            reference.log_variance = drawn.log_variance.iter().map(|&l| q16(l)).collect();
            let deviation = |l: &i128| exp(l.div_euclid(2) as i32).into();
            reference.deviation = reference.log_variance.iter().map(deviation).collect();
        }
        reference
    }

    /// Raw conditions, all of them given.
    pub(crate) fn set_conditions(&mut self, raw: &[i16]) {
        let inputs = self.spec.inputs.len() - raw.len();
        for (k, &c) in raw.iter().enumerate() {
            let centred = i128::from(c) - i128::from(self.spec.inputs[inputs + k].center);
            self.conditions[k] = match self.observed[inputs + k] {
                true => saturate(apply(self.spec.conditions[k], centred), 16),
                false => 0,
            };
        }
    }

    pub(crate) fn encode(spec: &'a ImageSpec, reading: &[i16]) -> Self {
        Self::encode_observed(spec, reading, &vec![0xff; reading.len().div_ceil(8)])
    }

    pub(crate) fn encode_observed(spec: &'a ImageSpec, reading: &[i16], mask: &[u8]) -> Self {
        let mut reference = Self::prior(spec);
        let observed = (0..reading.len()).map(|i| (mask[i / 8] >> (i % 8)) & 1 == 1);
        reference.observed = observed.collect();
        let inputs = reading.len() - spec.conditions.len();
        reference.set_conditions(&reading[inputs..]);
        let (_, heads) = reference.encoder_outputs(reading);
        let PosteriorKind::Gaussian {
            log_variance_range:
                LogVarianceRange {
                    lowest: low,
                    highest: high,
                },
        } = spec.posterior
        else {
            let logits = heads.iter().map(|&l| l.clamp(-(16 << 16), 16 << 16));
            reference.set_logits(logits.collect());
            return reference;
        };
        let latents = reference.mean.len();
        for j in 0..latents {
            reference.mean[j] = heads[j].clamp(-(128 << 16), 128 << 16);
            let log_variance = heads[latents + j].max(low.into()).min(high.into());
            reference.log_variance[j] = log_variance;
            reference.deviation[j] = exp(log_variance.div_euclid(2) as i32).into();
        }
        reference
    }

    /// The outputs of the hidden layers of the encoder, and of its last one.
    pub(super) fn encoder_outputs(&self, reading: &[i16]) -> (Vec<Vec<i128>>, Vec<i128>) {
        let ceiling = i128::from(self.spec.input_ceiling);
        let mut q = vec![];
        for (i, (input, &x)) in self.spec.inputs.iter().zip(reading).enumerate() {
            let centred = i128::from(x) - i128::from(input.center);
            q.push(match self.observed[i] {
                true => apply(input.gain, centred).clamp(-ceiling, ceiling),
                false => 0,
            });
        }
        let mut layers = network(&self.spec.encoder, &self.spec.heads, q);
        let heads = layers.pop().unwrap();
        (layers, heads)
    }

    /// The latents of [`elbow::Estimator::PosteriorMean`].
    pub(super) fn at_mean(&self) -> Vec<i128> {
        if self.has_bits() {
            return self.mode();
        }
        self.mean.iter().map(|&v| self.to_latent(v)).collect()
    }

    pub(super) fn to_latent(&self, v: i128) -> i128 {
        let bits = 16 - u32::from(self.spec.latent_fraction_bits);
        saturate(round(saturate(v, 32), bits), 16)
    }

    pub(crate) fn draw(&self, rng: &mut Xoshiro128PlusPlus) -> Vec<i128> {
        if self.has_bits() {
            return self.draw_words(rng);
        }
        let draw = |_: &i128| standard_normal(rng.next_u32()).into();
        self.mean.iter().map(draw).collect()
    }

    /// `v_j` of a draw.
    pub(super) fn values(&self, noise: &[i128], sign: i128) -> Vec<i128> {
        let mut v = vec![];
        for (j, noise) in noise.iter().enumerate() {
            let moved = saturate(round(self.deviation[j] * noise, 16), 32);
            v.push(saturate(self.mean[j] + sign * moved, 32));
        }
        v
    }

    pub(crate) fn sample(&self, noise: &[i128], sign: i128) -> Vec<i128> {
        if self.has_bits() {
            return self.sample_bits(noise, sign);
        }
        let values = self.values(noise, sign);
        values.into_iter().map(|v| self.to_latent(v)).collect()
    }

    pub(super) fn outputs(&self, z: &[i128]) -> Vec<i128> {
        let taken_in = [z, &self.conditions].concat();
        let mut layers = network(&self.spec.decoder, &self.spec.output, taken_in);
        layers.pop().unwrap()
    }

    /// The hash of what each layer gives for `reading`.
    pub(crate) fn layer_hashes(spec: &'a ImageSpec, reading: &[i16]) -> Vec<u32> {
        // One byte for each activation, or two.
        let activations = |(q, layer): (&Vec<i128>, &LayerSpec)| {
            let bytes = if layer.ceiling > 127 { 2 } else { 1 };
            let bytes = q.iter().flat_map(|q| q.to_le_bytes()[..bytes].to_vec());
            crc32(&bytes.collect::<Vec<u8>>())
        };
        let wide = |layer: &[i128]| -> Vec<u8> {
            let bytes = layer.iter().map(|&o| (o as i32).to_le_bytes());
            bytes.flatten().collect()
        };
        let reference = Self::encode(spec, reading);
        let (hidden, _) = reference.encoder_outputs(reading);
        let encoder = hidden.iter().zip(&spec.encoder);
        let mut hashes: Vec<u32> = encoder.map(activations).collect();
        let heads = match reference.has_bits() {
            true => reference.logits.clone(),
            false => [&reference.mean[..], &reference.log_variance].concat(),
        };
        hashes.push(crc32(&wide(&heads)));
        let taken_in = [reference.at_mean(), reference.conditions.clone()].concat();
        let mut decoder = network(&spec.decoder, &spec.output, taken_in);
        let outputs = decoder.pop().unwrap();
        hashes.extend(decoder.iter().zip(&spec.decoder).map(activations));
        hashes.push(crc32(&wide(&outputs)));
        hashes
    }
}
