//! The postcard header: every scalar of a model. Shapes of tensors follow from it, so that no
//! offset is stored and none can be wrong.
//!
//! The structures derive their writer; [`Header::read`] is written by hand, field by field in the same
//! order, and a test holds the two together.

mod layer;
mod statistic;
#[cfg(all(test, feature = "image"))]
mod tests;

pub(crate) use layer::{LayerHeader, OutputsHeader};
#[cfg(feature = "statistics")]
pub(crate) use statistic::StatisticHeader;
#[cfg(feature = "statistics")]
pub(crate) use statistic::StatisticKind;
pub(crate) use statistic::{CalibrationHeader, ExpectedScore};

use crate::calibration::Noise;
use crate::distribution::Family;
use crate::format::NARROW_CEILING;
use crate::format::defect::Defect;
use crate::format::list::List;
use crate::kernel::{Packing, WeightBits};
use crate::posterior::PosteriorKind;
use crate::signal::{Feature, FrontEnd, MAX_FEATURES};
use crate::wire::{Reader, Text};
use heapless::Vec;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

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
    /// Independent bits, each with a chance of its own.
    #[cfg(feature = "bits")]
    Bernoulli,
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
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "image", derive(Serialize))]
#[cfg_attr(all(test, feature = "image"), derive(Deserialize))]
pub(crate) struct Header<'a> {
    #[cfg_attr(all(test, feature = "image"), serde(borrow))]
    pub(crate) name: Text<'a>,
    /// Bytes of the text on the columns; see [`crate::Column`].
    pub(crate) columns: u32,
    pub(crate) inputs: u16,
    /// Numbers of a reading behind its inputs: both networks take them in, neither models them.
    pub(crate) conditions: u16,
    /// The largest magnitude of what the encoder takes in: 127 for `i8`, up to 32767 for `i16`.
    pub(crate) input_ceiling: u16,
    pub(crate) picture_width: u16,
    pub(crate) latents: u16,
    pub(crate) latent_fraction_bits: u8,
    pub(crate) posterior: PosteriorKind,
    pub(crate) stream: Option<StreamHeader>,
    pub(crate) prior: PriorHeader,
    pub(crate) likelihood: LikelihoodHeader,
    /// How the weights of all layers lie.
    pub(crate) packing: Packing,
    /// The layers of the encoder, the heads last.
    pub(crate) encoder: List<'a, LayerHeader>,
    /// The layers of the decoder, the output layer last.
    pub(crate) decoder: List<'a, LayerHeader>,
    #[cfg(feature = "statistics")]
    pub(crate) statistics: List<'a, StatisticHeader<'a>>,
    /// Those of the bound, the only statistic that this build knows.
    #[cfg(not(feature = "statistics"))]
    pub(crate) tables: List<'a, CalibrationHeader>,
    pub(crate) noise: Noise,
    /// Scores that the self-test must give, bit for bit.
    pub(crate) expected: List<'a, ExpectedScore>,
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
            posterior: PosteriorKind::blank(),
            stream: None,
            prior: PriorHeader::Standard,
            likelihood: LikelihoodHeader::Binomial { trials: 0 },
            packing: Packing::NATIVE,
            encoder: List::new(&[]),
            decoder: List::new(&[]),
            #[cfg(feature = "statistics")]
            statistics: List::new(&[]),
            #[cfg(not(feature = "statistics"))]
            tables: List::new(&[]),
            noise: Noise {
                mean_excess: 0,
                mean_deviation: 0,
                pair_deviation: 0,
            },
            expected: List::new(&[]),
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
        self.posterior = PosteriorKind::read(&mut reader, left_out);
        self.stream = read_stream(&mut reader, left_out);
        self.prior = read_prior(&mut reader);
        self.likelihood = read_likelihood(&mut reader, left_out);
        self.packing = match reader.variant(3) {
            0 => Packing::Rows,
            1 => Packing::Tiles,
            _ => Packing::PairedTiles,
        };
        self.encoder = List::read(&mut reader);
        self.decoder = List::read(&mut reader);
        self.read_statistics(&mut reader, left_out);
        self.noise = Noise {
            mean_excess: reader.i32(),
            mean_deviation: reader.i32(),
            pair_deviation: reader.i32(),
        };
        self.expected = List::read(&mut reader);
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

impl<'a> Header<'a> {
    #[cfg(feature = "statistics")]
    #[inline(always)]
    fn read_statistics(&mut self, reader: &mut Reader<'a>, _: &mut Option<&'static str>) {
        self.statistics = List::read(reader);
    }

    /// Reads the bound and its tables. Others, and tables with tails, come in a longer list.
    #[cfg(not(feature = "statistics"))]
    #[inline(always)]
    fn read_statistics(&mut self, reader: &mut Reader<'a>, left_out: &mut Option<&'static str>) {
        if reader.u8() > 1 {
            *left_out = left_out.or(Some("statistics"));
        }
        // Its kind, and no knots of a curve.
        reader.variant(1);
        reader.u16();
        self.tables = List::read(reader);
    }
}

impl Header<'_> {
    /// A feature that the image needs and this build leaves out.
    fn left_out(&self) -> Option<&'static str> {
        if !cfg!(feature = "conditions") && self.conditions > 0 {
            return Some("conditions");
        }
        if !cfg!(feature = "mixture-prior") && matches!(self.prior, PriorHeader::Mixture { .. }) {
            return Some("mixture-prior");
        }
        if !cfg!(feature = "foreign-packings") && self.packing != Packing::NATIVE {
            return Some("foreign-packings");
        }
        if !cfg!(feature = "wide-inputs") && self.input_ceiling > NARROW_CEILING.unsigned_abs() {
            return Some("wide-inputs");
        }
        for list in [self.encoder, self.decoder] {
            for layer in list.iter() {
                if !cfg!(feature = "wide-activations")
                    && matches!(layer.outputs, OutputsHeader::Quantized { ceiling, .. } if ceiling > NARROW_CEILING)
                {
                    return Some("wide-activations");
                }
                if !cfg!(feature = "four-bit-weights") && layer.bits != WeightBits::Eight {
                    return Some("four-bit-weights");
                }
            }
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
        *left_out = left_out.or(Some("streams"));
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

/// Kinds of priors that this build knows. That of bits comes behind their posterior, at which a build without them stops.
const PRIORS: u8 = if cfg!(feature = "bits") { 3 } else { 2 };

fn read_prior(reader: &mut Reader<'_>) -> PriorHeader {
    match reader.variant(PRIORS) {
        0 => PriorHeader::Standard,
        #[cfg(feature = "bits")]
        2 => PriorHeader::Bernoulli,
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
