//! The tensors of an image in their order: reader and writer side by side.

mod distributions;
mod layers;
mod statistics;

use super::{Model, Stream};
#[cfg(feature = "image")]
use crate::format::TensorWriter;
use crate::format::{
    Defect, Header, MAX_COMPONENTS, MAX_INPUTS, MAX_LATENTS, NARROW_CEILING, PriorHeader,
    StreamHeader, Tensors,
};
use crate::mask::Mask;
#[cfg(feature = "bits")]
use crate::posterior::PosteriorKind;
use crate::requantize::Multiplier;
use distributions::{read_likelihood, read_prior};
use layers::{Inputs, read_stack};

impl<'a> Model<'a> {
    /// Reads everything but the length of the image.
    pub(super) fn read(&mut self, tensors: &mut Tensors<'a>, header: &Header<'a>) {
        check_scalars(tensors, header);
        self.name = header.name;
        self.input_ceiling = header.input_ceiling;
        self.picture_width = header.picture_width.into();
        self.latents = header.latents;
        self.latent_fraction_bits = header.latent_fraction_bits.into();
        self.posterior = header.posterior;
        self.packing = header.packing;
        self.noise = header.noise;
        self.self_test.expected = header.expected;
        self.read_tensors(tensors, header);
    }

    #[inline(never)]
    fn read_tensors(&mut self, tensors: &mut Tensors<'a>, header: &Header<'a>) {
        let inputs = usize::from(header.inputs);
        let numbers = inputs + usize::from(header.conditions);
        self.centers = tensors.next(numbers);
        self.exponents = tensors.next(numbers);
        self.gains = read_multipliers(tensors, numbers);
        self.conditions = read_multipliers(tensors, header.conditions.into());
        self.typical = tensors.next(inputs);
        self.stream = read_stream(tensors, header.stream.as_ref(), numbers);
        self.prior = read_prior(tensors, header.prior, header.latents.into());
        let centers = self.centers.get(..inputs).unwrap_or_default();
        self.likelihood = read_likelihood(tensors, header, centers);
        self.read_layers(tensors, header);
        self.read_statistics(tensors, header);
        self.read_self_test(tensors, header);
        self.columns = tensors.next(header.columns as usize);
    }

    /// Writes what [`Model::read_tensors`] reads.
    #[cfg(feature = "image")]
    pub(crate) fn write_tensors(&self, tensors: &mut TensorWriter) {
        tensors.push(self.centers);
        tensors.push(self.exponents);
        tensors.push(self.gains);
        tensors.push(self.conditions);
        tensors.push(self.typical);
        if let Some(stream) = &self.stream {
            tensors.push(stream.exponents);
        }
        distributions::write_prior(tensors, &self.prior);
        distributions::write_likelihood(tensors, &self.likelihood);
        layers::write_stack(tensors, &self.encoder);
        layers::write_stack(tensors, &self.decoder);
        self.write_statistics(tensors);
        tensors.push(self.self_test.reading);
        tensors.push(self.self_test.hashes);
        tensors.push(self.columns);
    }

    fn read_layers(&mut self, tensors: &mut Tensors<'a>, header: &Header<'a>) {
        let (packing, latents) = (header.packing, self.latents());
        let inputs = Inputs {
            count: self.centers.len(),
            largest: header.input_ceiling.into(),
        };
        let (layers, stack) = (header.encoder, &mut self.encoder);
        let heads = header.posterior.heads() * latents;
        read_stack(tensors, packing, layers, inputs, heads, stack);
        let inputs = Inputs {
            count: latents + self.conditions.len(),
            largest: LARGEST_LATENT,
        };
        let outputs = usize::from(header.inputs) * self.likelihood.rows_per_input();
        let (layers, stack) = (header.decoder, &mut self.decoder);
        read_stack(tensors, packing, layers, inputs, outputs, stack);
    }

    fn read_self_test(&mut self, tensors: &mut Tensors<'a>, header: &Header<'_>) {
        self.self_test.reading = tensors.next(self.centers.len());
        self.self_test.hashes = tensors.next(header.encoder.len() + header.decoder.len());
        let inputs = self.self_test.reading.get(..self.typical.len());
        let modelled = inputs.unwrap_or_default();
        let outside = self.likelihood.outside_support(modelled, Mask::ALL);
        tensors.require(outside.is_none(), Defect::SelfTestReading);
    }
}

/// The largest magnitude of a latent.
const LARGEST_LATENT: i64 = 1 << 15;

fn check_scalars(tensors: &mut Tensors<'_>, header: &Header<'_>) {
    tensors.require((1..=MAX_INPUTS).contains(&header.inputs), Defect::Inputs);
    tensors.require(header.conditions <= MAX_INPUTS, Defect::Conditions);
    tensors.require(
        (NARROW_CEILING.unsigned_abs()..=i16::MAX.unsigned_abs()).contains(&header.input_ceiling),
        Defect::InputCeiling,
    );
    if let PriorHeader::Mixture { components } = header.prior {
        tensors.require(
            (1..=MAX_COMPONENTS).contains(&components),
            Defect::Components,
        );
    }
    tensors.require((1..=MAX_LATENTS).contains(&header.latents), Defect::Latents);
    tensors.require(
        (6..=15).contains(&header.latent_fraction_bits),
        Defect::LatentFractionBits,
    );
    tensors.require(header.posterior.is_valid(), Defect::Posterior);
    #[cfg(feature = "bits")]
    check_bits(tensors, header);
    tensors.require(
        header.noise.mean_deviation >= 0 && header.noise.pair_deviation >= 0,
        Defect::Noise,
    );
}

/// Bits go with a prior of bits, Gaussian latents do not; a bit that is one fits in 16 bits, with its sign.
#[cfg(feature = "bits")]
fn check_bits(tensors: &mut Tensors<'_>, header: &Header<'_>) {
    let are_bits = header.posterior == PosteriorKind::Bernoulli;
    let suits = match header.prior {
        PriorHeader::Standard => true,
        PriorHeader::Mixture { .. } => !are_bits,
        PriorHeader::Bernoulli => are_bits,
    };
    tensors.require(suits, Defect::Prior);
    tensors.require(
        !are_bits || header.latent_fraction_bits < 15,
        Defect::LatentFractionBits,
    );
}

fn read_stream<'a>(
    tensors: &mut Tensors<'a>,
    header: Option<&StreamHeader>,
    numbers: usize,
) -> Option<Stream<'a>> {
    let StreamHeader {
        front_end,
        hop,
        rate_millihertz,
    } = header?;
    tensors.require(front_end.features_len() == numbers, Defect::FrontEndLength);
    tensors.require((1..=front_end.samples()).contains(hop), Defect::Hop);
    Some(Stream {
        front_end: front_end.clone(),
        hop: *hop,
        rate_millihertz: *rate_millihertz,
        exponents: tensors.next(front_end.channels().into()),
    })
}

#[inline(never)]
fn read_multipliers<'a>(tensors: &mut Tensors<'a>, count: usize) -> &'a [u32] {
    let words: &[u32] = tensors.next(count);
    let mut words_left = words.iter();
    let valid = words_left.all(|&word| Multiplier::from_word(word).is_some());
    tensors.require(valid, Defect::Multiplier);
    words
}
