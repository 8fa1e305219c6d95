//! Where a model stays, and how it gets there.

use super::{Model, SelfTestVector};
use crate::calibration::Noise;
use crate::distribution::{Binomial, Likelihood, Prior};
use crate::format::{self, Header, ImageError, List, NARROW_CEILING, Tensors};
use crate::kernel::Packing;
use crate::layer::Stack;
use crate::posterior::PosteriorKind;
#[cfg(feature = "statistics")]
use crate::statistic::Statistics;
use crate::wire::Text;
use heapless::Vec;

/// Memory in which a model is parsed and stays. [`Model::parse`] moves it out, which takes flash, and twice
/// its size of stack.
///
/// ```no_run
/// # fn main() -> Result<(), elbow::ImageError> {
/// # static IMAGE: &[u8] = &[];
/// let mut place = elbow::ModelPlace::new();
/// let model = place.parse(IMAGE)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ModelPlace<'a> {
    model: Model<'a>,
}

impl<'a> ModelPlace<'a> {
    /// Memory without a model.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self {
            model: Model::blank(),
        }
    }

    /// As [`Model::parse`]; a model that was here before is gone.
    ///
    /// # Errors
    /// As [`Model::parse`].
    #[inline(never)]
    pub fn parse(&mut self, image: &'a [u8]) -> Result<&Model<'a>, ImageError> {
        let Self { model } = self;
        // No image is as short: until all is read and checked there is no model here.
        model.image_length = 0;
        // All else is read anew.
        model.encoder.hidden.clear();
        model.decoder.hidden.clear();
        model.calibrations.clear();
        #[cfg(feature = "statistics")]
        {
            model.statistics = Statistics::NONE;
        }
        let (bytes, tensors) = format::open(image)?;
        let mut header = Header::empty();
        let mut left_out = None;
        header
            .read(bytes, &mut left_out)
            .map_err(ImageError::Invalid)?;
        if let Some(feature) = left_out {
            return Err(ImageError::LeftOut { feature });
        }
        let mut tensors = Tensors::new(tensors);
        let image_length = format::image_length(image)?;
        model.read(&mut tensors, &header);
        match tensors.finish() {
            None => {
                model.image_length = image_length;
                Ok(model)
            }
            Some(defect) => Err(ImageError::Invalid(defect)),
        }
    }

    /// The model that was parsed here last; none before, and where that was refused.
    #[inline]
    #[must_use]
    pub fn model(&self) -> Option<&Model<'a>> {
        Some(&self.model).filter(|model| model.image_length > 0)
    }
}

impl Default for ModelPlace<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Model<'a> {
    /// Reads and validates an image in place. `image` starts at a multiple of
    /// [`format::ALIGNMENT`] bytes and may be longer than the image (the rest of a flash region).
    ///
    /// What is checked, once and for all: magic, versions, length and CRC-32 over every byte;
    /// that every tensor lies inside the image; that every multiplier is in range; that no weight
    /// is -128 and that no accumulator of any layer can reach 2^30 for any input whatever (by
    /// each row's L1 norm); the range of log-variances; that calibration tables ascend.
    ///
    /// # Errors
    /// [`ImageError`] says which of these does not hold.
    pub fn parse(image: &'a [u8]) -> Result<Self, ImageError> {
        let mut place = ModelPlace::new();
        place.parse(image)?;
        Ok(place.model)
    }

    /// Without any tensors, to be read into. Nothing here is a constant with fields: it would be copied from
    /// flash.
    #[inline]
    pub(crate) fn blank() -> Self {
        Self {
            name: Text::EMPTY,
            columns: &[],
            image_length: 0,
            input_ceiling: NARROW_CEILING.unsigned_abs(),
            picture_width: 0,
            latents: 0,
            latent_fraction_bits: 0,
            posterior: PosteriorKind::blank(),
            centers: &[],
            exponents: &[],
            stream: None,
            typical: &[],
            gains: &[],
            conditions: &[],
            prior: Prior::Standard,
            likelihood: Likelihood::Binomial(Binomial::blank()),
            packing: Packing::NATIVE,
            encoder: Stack::blank(),
            decoder: Stack::blank(),
            #[cfg(feature = "statistics")]
            statistics: Statistics::NONE,
            calibrations: Vec::new(),
            noise: Noise {
                mean_excess: 0,
                mean_deviation: 0,
                pair_deviation: 0,
            },
            self_test: SelfTestVector {
                reading: &[],
                expected: List::new(&[]),
                hashes: &[],
            },
        }
    }
}
