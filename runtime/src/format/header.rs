//! The postcard header: every scalar of a model. Shapes of tensors follow from it, so that no
//! offset is stored and none can be wrong.
//!
//! The structures derive their writer; [`Header::read`] is written by hand, field by field in the same
//! order, and a test holds the two together.

use super::{Defect, MAX_CALIBRATIONS, MAX_LAYERS, NARROW_CEILING};
use crate::calibration::Noise;
use crate::distribution::Family;
use crate::estimator::{Estimator, SELF_TEST};
use crate::kernel::{Packing, WeightBits};
use crate::layer::Activation;
use crate::signal::{Feature, FrontEnd, MAX_FEATURES};
use crate::wire::{Reader, Text};
use heapless::Vec;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// A hidden layer: its columns are the rows of the layer before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub(crate) struct LayerHeader {
    /// Outputs.
    pub(crate) rows: u16,
    /// Of its weights.
    pub(crate) bits: WeightBits,
    /// What happens to them.
    pub(crate) activation: Activation,
    /// The integer that stands for 0.0 in them.
    pub(crate) zero_point: i16,
    /// The largest magnitude of them; 127 or less makes them `i8`, more makes them `i16`.
    pub(crate) ceiling: i16,
}

/// The likelihood and its scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub(crate) enum LikelihoodHeader {
    Binomial {
        trials: u8,
    },
    Location {
        family: Family,
        predicted_scale: bool,
    },
    /// A kind for each input.
    #[cfg(feature = "heterogeneous")]
    Heterogeneous {
        /// Entries of the tables of all counts.
        entries: u16,
    },
}

/// p(z) and its scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub(crate) enum PriorHeader {
    /// N(0, I).
    Standard,
    /// A mixture of diagonal Gaussians.
    Mixture { components: u16 },
}

/// A table of scores of held-out normal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub(crate) struct CalibrationHeader {
    pub(crate) estimator: Estimator,
    pub(crate) knots: u16,
    /// Of the scores, Q16.16 nats.
    pub(crate) mean: i32,
    /// Of the scores, Q16.16 nats; not negative.
    pub(crate) standard_deviation: i32,
}

/// How a stream of samples becomes readings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub(crate) struct StreamHeader {
    pub(crate) front_end: FrontEnd,
    /// Samples from one window to the next.
    pub(crate) hop: u16,
    /// Samples a second, in thousandths; 0 where nobody said.
    pub(crate) rate_millihertz: u32,
}

/// Everything about a model that is not a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub(crate) struct Header<'a> {
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub(crate) name: Text<'a>,
    /// Bytes of the text on the columns; see [`crate::Column`].
    pub(crate) columns: u32,
    pub(crate) inputs: u16,
    /// Numbers of a reading behind its inputs: both networks take them in, neither models them.
    pub(crate) conditions: u16,
    /// The largest magnitude of what the encoder takes in; 127 or less makes it `i8`, more makes it `i16`.
    pub(crate) input_ceiling: u16,
    pub(crate) picture_width: u16,
    pub(crate) latents: u16,
    pub(crate) latent_fraction_bits: u8,
    pub(crate) log_variance_range: (i32, i32),
    pub(crate) stream: Option<StreamHeader>,
    pub(crate) prior: PriorHeader,
    pub(crate) likelihood: LikelihoodHeader,
    /// How the weights of all layers lie.
    pub(crate) packing: Packing,
    pub(crate) encoder: Vec<LayerHeader, MAX_LAYERS>,
    /// Of the weights of the heads.
    pub(crate) heads: WeightBits,
    pub(crate) decoder: Vec<LayerHeader, MAX_LAYERS>,
    /// Of the weights of the output.
    pub(crate) output: WeightBits,
    pub(crate) calibrations: Vec<CalibrationHeader, MAX_CALIBRATIONS>,
    pub(crate) noise: Noise,
    /// Scores that the self-test must give, bit for bit: Q16.16 nats.
    pub(crate) expected: [i32; SELF_TEST.len()],
}

impl<'a> Header<'a> {
    /// To be read into: a header that is returned would be copied from place to place.
    pub(crate) fn empty() -> Self {
        Self {
            name: Text::EMPTY,
            columns: 0,
            inputs: 0,
            conditions: 0,
            input_ceiling: NARROW_CEILING.unsigned_abs(),
            picture_width: 0,
            latents: 0,
            latent_fraction_bits: 0,
            log_variance_range: (0, 0),
            stream: None,
            prior: PriorHeader::Standard,
            likelihood: LikelihoodHeader::Binomial { trials: 0 },
            packing: Packing::NATIVE,
            encoder: Vec::new(),
            heads: WeightBits::Eight,
            decoder: Vec::new(),
            output: WeightBits::Eight,
            calibrations: Vec::new(),
            noise: Noise {
                mean_excess: 0,
                mean_deviation: 0,
                pair_deviation: 0,
            },
            expected: [0; SELF_TEST.len()],
        }
    }

    /// Reads all of `bytes`; puts the feature that they need into `left_out`, where this build leaves one out.
    ///
    /// # Errors
    /// They are not the fields of a header and nothing else.
    #[inline(never)]
    pub(crate) fn read(
        &mut self,
        bytes: &'a [u8],
        left_out: &mut Option<&'static str>,
    ) -> Result<(), Defect> {
        let mut reader = Reader::new(bytes);
        self.name = Text::read(&mut reader);
        self.columns = reader.u32();
        for number in [
            &mut self.inputs,
            &mut self.conditions,
            &mut self.input_ceiling,
            &mut self.picture_width,
            &mut self.latents,
        ] {
            *number = reader.u16();
        }
        self.latent_fraction_bits = reader.u8();
        self.log_variance_range = (reader.i32(), reader.i32());
        self.stream = read_stream(&mut reader, left_out);
        self.prior = read_prior(&mut reader);
        self.likelihood = read_likelihood(&mut reader, left_out);
        self.packing = match reader.variant(3) {
            0 => Packing::Rows,
            1 => Packing::Tiles,
            _ => Packing::PairedTiles,
        };
        read_layers(&mut reader, &mut self.encoder);
        self.heads = read_bits(&mut reader);
        read_layers(&mut reader, &mut self.decoder);
        self.output = read_bits(&mut reader);
        read_calibrations(&mut reader, &mut self.calibrations);
        self.noise = Noise {
            mean_excess: reader.i32(),
            mean_deviation: reader.i32(),
            pair_deviation: reader.i32(),
        };
        for expected in &mut self.expected {
            *expected = reader.i32();
        }
        // What is behind something that is left out is not read.
        if left_out.is_none() {
            match reader.finish() {
                Ok([]) => *left_out = self.left_out(),
                Ok(_) => return Err(Defect::HeaderTail),
                Err(_) => return Err(Defect::Header),
            }
        }
        Ok(())
    }
}

impl Header<'_> {
    /// A feature that the image needs and this build leaves out.
    fn left_out(&self) -> Option<&'static str> {
        let mut layers = self.encoder.iter().chain(&self.decoder);
        if !cfg!(feature = "conditions") && self.conditions > 0 {
            return Some("conditions");
        }
        if !cfg!(feature = "mixture-prior") && self.prior != PriorHeader::Standard {
            return Some("mixture-prior");
        }
        if !cfg!(feature = "foreign-packings") && self.packing != Packing::NATIVE {
            return Some("foreign-packings");
        }
        if !cfg!(feature = "wide-inputs") && self.input_ceiling > NARROW_CEILING.unsigned_abs() {
            return Some("wide-inputs");
        }
        if !cfg!(feature = "wide-activations") && layers.any(|layer| layer.ceiling > NARROW_CEILING)
        {
            return Some("wide-activations");
        }
        let mut layers = self.encoder.iter().chain(&self.decoder);
        let is_four = |bits: WeightBits| bits != WeightBits::Eight;
        let mut four = layers.any(|layer| is_four(layer.bits));
        four |= is_four(self.heads) || is_four(self.output);
        if !cfg!(feature = "four-bit-weights") && four {
            return Some("four-bit-weights");
        }
        None
    }
}

fn read_stream(
    reader: &mut Reader<'_>,
    left_out: &mut Option<&'static str>,
) -> Option<StreamHeader> {
    if !reader.bool() {
        return None;
    }
    if !cfg!(feature = "streams") {
        *left_out = Some("streams");
        return None;
    }
    let (channels, samples) = (reader.u8(), reader.u16());
    let mut features: Vec<Feature, MAX_FEATURES> = Vec::new();
    for _ in 0..reader.length(MAX_FEATURES) {
        let feature = match reader.variant(4) {
            0 => Feature::Samples {
                remove_mean: reader.bool(),
            },
            1 => Feature::Mean {
                fraction_bits: reader.u8(),
            },
            2 => Feature::Rms {
                fraction_bits: reader.u8(),
            },
            _ => Feature::BandEnergies { bands: reader.u8() },
        };
        // The list is as long as its capacity at most.
        let _ = features.push(feature);
    }
    let (hop, rate_millihertz) = (reader.u16(), reader.u32());
    let front_end = FrontEnd::new(channels, samples, &features);
    if front_end.is_err() {
        reader.refuse();
    }
    front_end.ok().map(|front_end| StreamHeader {
        front_end,
        hop,
        rate_millihertz,
    })
}

fn read_prior(reader: &mut Reader<'_>) -> PriorHeader {
    match reader.variant(2) {
        0 => PriorHeader::Standard,
        _ => PriorHeader::Mixture {
            components: reader.u16(),
        },
    }
}

fn read_likelihood(
    reader: &mut Reader<'_>,
    left_out: &mut Option<&'static str>,
) -> LikelihoodHeader {
    let variant = reader.variant(3);
    let (kept, feature) = match variant {
        0 => (cfg!(feature = "counts"), "counts"),
        1 => (cfg!(feature = "locations"), "locations"),
        _ => (cfg!(feature = "heterogeneous"), "heterogeneous"),
    };
    if !kept {
        *left_out = left_out.or(Some(feature));
    }
    match variant {
        0 => LikelihoodHeader::Binomial {
            trials: reader.u8(),
        },
        1 => LikelihoodHeader::Location {
            family: match reader.variant(2) {
                0 => Family::Normal,
                _ => Family::Laplace,
            },
            predicted_scale: reader.bool(),
        },
        #[cfg(feature = "heterogeneous")]
        _ => LikelihoodHeader::Heterogeneous {
            entries: reader.u16(),
        },
        #[cfg(not(feature = "heterogeneous"))]
        _ => LikelihoodHeader::Binomial { trials: 0 },
    }
}

fn read_bits(reader: &mut Reader<'_>) -> WeightBits {
    match reader.variant(2) {
        0 => WeightBits::Eight,
        _ => WeightBits::Four,
    }
}

#[inline(never)]
fn read_layers(reader: &mut Reader<'_>, layers: &mut Vec<LayerHeader, MAX_LAYERS>) {
    for _ in 0..reader.length(MAX_LAYERS) {
        let layer = LayerHeader {
            rows: reader.u16(),
            bits: read_bits(reader),
            activation: match reader.variant(2) {
                0 => Activation::Identity,
                _ => Activation::Relu,
            },
            zero_point: reader.i16(),
            ceiling: reader.i16(),
        };
        // The list is as long as its capacity at most.
        let _ = layers.push(layer);
    }
}

fn read_calibrations(
    reader: &mut Reader<'_>,
    tables: &mut Vec<CalibrationHeader, MAX_CALIBRATIONS>,
) {
    for _ in 0..reader.length(MAX_CALIBRATIONS) {
        let table = CalibrationHeader {
            estimator: match reader.variant(4) {
                0 => Estimator::PosteriorMean,
                1 => Estimator::SigmaPoints,
                2 => Estimator::MonteCarlo {
                    samples: reader.u16(),
                },
                _ => Estimator::ImportanceWeighted {
                    samples: reader.u16(),
                },
            },
            knots: reader.u16(),
            mean: reader.i32(),
            standard_deviation: reader.i32(),
        };
        // The list is as long as its capacity at most.
        let _ = tables.push(table);
    }
}

#[cfg(all(test, feature = "encode"))]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use crate::rng::Xoshiro128PlusPlus;
    use rand_core::Rng;
    use std::vec;

    fn read(bytes: &[u8]) -> Result<Header<'_>, Defect> {
        let mut header = Header::empty();
        header.read(bytes, &mut None).map(|()| header)
    }

    #[test]
    fn reads_and_writes_the_fixture() {
        let header = Header {
            name: Text::new("ab"),
            columns: 300,
            inputs: 300,
            conditions: 1,
            input_ceiling: 127,
            picture_width: 0,
            latents: 2,
            latent_fraction_bits: 12,
            log_variance_range: (-1, 64),
            stream: None,
            prior: PriorHeader::Mixture { components: 5 },
            likelihood: LikelihoodHeader::Binomial { trials: 16 },
            packing: Packing::PairedTiles,
            encoder: Vec::from_slice(&[LayerHeader {
                rows: 4,
                bits: WeightBits::Four,
                activation: Activation::Relu,
                zero_point: -127,
                ceiling: 127,
            }])
            .unwrap(),
            heads: WeightBits::Eight,
            decoder: Vec::new(),
            output: WeightBits::Four,
            calibrations: Vec::from_slice(&[CalibrationHeader {
                estimator: Estimator::MonteCarlo { samples: 8 },
                knots: 3,
                mean: -64,
                standard_deviation: 5,
            }])
            .unwrap(),
            noise: Noise {
                mean_excess: 1,
                mean_deviation: 2,
                pair_deviation: 3,
            },
            expected: [-2, 0, 1, 2],
        };
        // Varints of the postcard wire format; signed ones are zigzag coded.
        let bytes = [
            2, b'a', b'b', 0xac, 0x02, 0xac, 0x02, 1, 127, 0, 2, 12, 1, 0x80, 0x01, 0, 1, 5, 0, 16,
            2, 1, 4, 1, 1, 0xfd, 0x01, 0xfe, 0x01, 0, 0, 1, 1, 2, 8, 3, 127, 10, 2, 4, 6, 3, 0, 2,
            4,
        ];
        assert_eq!(postcard::to_stdvec(&header).unwrap(), bytes);
        assert_eq!(read(&bytes), Ok(header));
        let location = |family, predicted_scale| LikelihoodHeader::Location {
            family,
            predicted_scale,
        };
        for (likelihood, bytes) in [
            (location(Family::Normal, false), [1, 0, 0]),
            (location(Family::Laplace, true), [1, 1, 1]),
            (
                LikelihoodHeader::Heterogeneous { entries: 300 },
                [2, 0xac, 0x02],
            ),
        ] {
            assert_eq!(postcard::to_stdvec(&likelihood).unwrap(), bytes);
            assert_eq!(
                read_likelihood(&mut Reader::new(&bytes), &mut None),
                likelihood
            );
        }
        let estimator = Estimator::ImportanceWeighted { samples: 300 };
        assert_eq!(postcard::to_stdvec(&estimator).unwrap(), [3, 0xac, 0x02]);
    }

    /// A header with every kind of field in it, each at random within its type.
    fn random<'a>(words: &mut Xoshiro128PlusPlus, name: &'a str) -> Header<'a> {
        fn bits(words: &mut Xoshiro128PlusPlus) -> WeightBits {
            WeightBits::ALL[words.next_u32() as usize % 2]
        }
        fn layers(words: &mut Xoshiro128PlusPlus) -> Vec<LayerHeader, MAX_LAYERS> {
            let count = words.next_u32() % 9;
            let layer = |_| LayerHeader {
                rows: words.next_u32() as u16,
                bits: bits(words),
                activation: [Activation::Identity, Activation::Relu][words.next_u32() as usize % 2],
                zero_point: words.next_u32() as i16 >> (words.next_u32() % 16),
                ceiling: words.next_u32() as i16,
            };
            (0..count).map(layer).collect()
        }
        let number =
            |words: &mut Xoshiro128PlusPlus| words.next_u32() as i32 >> (words.next_u32() % 32);
        let short =
            |words: &mut Xoshiro128PlusPlus| words.next_u32() as u16 >> (words.next_u32() % 16);
        let features = [
            Feature::Samples { remove_mean: true },
            Feature::Mean { fraction_bits: 3 },
            Feature::Rms { fraction_bits: 8 },
            Feature::BandEnergies { bands: 4 },
        ];
        let which = words.next_u32() as usize;
        let stream = StreamHeader {
            front_end: FrontEnd::new(2, 16 << (which % 4), &features[which % 4..]).unwrap(),
            hop: short(words),
            rate_millihertz: words.next_u32(),
        };
        let table = |words: &mut Xoshiro128PlusPlus| CalibrationHeader {
            estimator: [
                Estimator::PosteriorMean,
                Estimator::SigmaPoints,
                Estimator::MonteCarlo {
                    samples: short(words),
                },
                Estimator::ImportanceWeighted {
                    samples: short(words),
                },
            ][words.next_u32() as usize % 4],
            knots: short(words),
            mean: number(words),
            standard_deviation: number(words),
        };
        Header {
            name: Text::new(name),
            columns: words.next_u32() >> (which % 32),
            inputs: short(words),
            conditions: short(words),
            input_ceiling: short(words),
            picture_width: short(words),
            latents: short(words),
            latent_fraction_bits: words.next_u32() as u8,
            log_variance_range: (number(words), number(words)),
            stream: (which & 4 == 0).then_some(stream),
            prior: [
                PriorHeader::Standard,
                PriorHeader::Mixture {
                    components: short(words),
                },
            ][which >> 3 & 1],
            likelihood: [
                LikelihoodHeader::Binomial {
                    trials: which as u8,
                },
                LikelihoodHeader::Location {
                    family: [Family::Normal, Family::Laplace][which >> 4 & 1],
                    predicted_scale: which & 32 == 0,
                },
            ][which >> 6 & 1],
            packing: Packing::ALL[(which >> 7) % 3],
            encoder: layers(words),
            heads: bits(words),
            decoder: layers(words),
            output: bits(words),
            calibrations: (0..words.next_u32() % 9).map(|_| table(words)).collect(),
            noise: Noise {
                mean_excess: number(words),
                mean_deviation: number(words),
                pair_deviation: number(words),
            },
            expected: [0; 4].map(|_| number(words)),
        }
    }

    /// What is read by hand is what the postcard crate reads, of headers and of damaged ones: it is the
    /// same, or it is refused.
    #[test]
    fn reads_as_the_derived_reader_does() {
        let mut words = rng::stream(2, 9);
        let mut accepted = 0;
        for round in 0..20_000 {
            let name = ["", "pump", "Pumpe \u{fc}ber \u{1f600}"][round % 3];
            let header = random(&mut words, name);
            let mut bytes = postcard::to_stdvec(&header).unwrap();
            assert_eq!(read(&bytes), Ok(header));
            for length in [bytes.len() - 1, words.next_u32() as usize % bytes.len()] {
                assert!(read(&bytes[..length]).is_err());
            }
            let longer = [&bytes[..], &[0]].concat();
            assert!(read(&longer).is_err());
            for _ in 0..=words.next_u32() % 3 {
                let at = words.next_u32() as usize % bytes.len();
                bytes[at] ^= 1 << (words.next_u32() % 8);
            }
            if let Ok(read) = read(&bytes) {
                assert_eq!(postcard::from_bytes(&bytes), Ok(read));
                accepted += 1;
            } else if let Ok(read) = postcard::from_bytes::<Header<'_>>(&bytes) {
                // It takes LEB128 longer than it need be.
                assert_ne!(postcard::to_stdvec(&read).unwrap(), bytes);
            }
        }
        assert!(accepted > 1000, "{accepted}");
        let mut noise = vec![0; 64];
        for _ in 0..20_000 {
            words.fill_bytes(&mut noise);
            assert!(read(&noise).is_err() || postcard::from_bytes::<Header<'_>>(&noise).is_ok());
        }
    }
}
