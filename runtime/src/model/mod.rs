//! A model: a validated view of an image.

mod features;
mod place;
mod stream;
mod tensors;

pub use place::ModelPlace;
pub use stream::Stream;

use crate::calibration::{self, Calibrated, Calibration, Noise};
use crate::distribution::{Likelihood, Prior};
use crate::estimator::Estimator;
use crate::format::{ExpectedScore, List, MAX_CALIBRATIONS, NARROW_CEILING};
use crate::kernel::Packing;
#[cfg(feature = "statistics")]
use crate::kernel::WeightBits;
use crate::layer::{LayerRole, LayerView, Stack};
use crate::posterior::PosteriorKind;
use crate::score::ReadingError;
#[cfg(feature = "statistics")]
use crate::statistic::{self, Statistics};
use crate::wire::Text;
use heapless::Vec;

/// A variational autoencoder whose weights stay where the image is. [`Model::parse`] is the only
/// way to make one; it proves what every later operation relies on, so that none of them can fail
/// or overflow.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    pub(crate) name: Text<'a>,
    /// The text on the columns; see [`crate::Column`].
    pub(crate) columns: &'a [u8],
    pub(crate) image_length: usize,
    pub(crate) input_ceiling: u16,
    pub(crate) picture_width: usize,
    pub(crate) latents: u16,
    pub(crate) latent_fraction_bits: u32,
    pub(crate) posterior: PosteriorKind,
    /// Subtracted from a raw reading before anything else; one for each of its numbers, inputs and
    /// conditions.
    pub(crate) centers: &'a [i16],
    pub(crate) exponents: &'a [i8],
    pub(crate) stream: Option<Stream<'a>>,
    /// For each input the mean of `log p(x_i|z)` over held-out normal readings, Q16.16 nats.
    pub(crate) typical: &'a [i32],
    /// Packed [`Multiplier`]s from a centred reading to the `i8` that the encoder takes in.
    pub(crate) gains: &'a [u32],
    /// Packed [`Multiplier`]s from a centred condition to what the decoder takes in.
    pub(crate) conditions: &'a [u32],
    pub(crate) prior: Prior<'a>,
    pub(crate) likelihood: Likelihood<'a>,
    pub(crate) packing: Packing,
    pub(crate) encoder: Stack<'a>,
    pub(crate) decoder: Stack<'a>,
    #[cfg(feature = "statistics")]
    pub(crate) statistics: Statistics<'a>,
    /// Those of the bound, and those of the joined score, where there is one.
    pub(crate) calibrations: Vec<Calibration<'a>, MAX_CALIBRATIONS>,
    pub(crate) noise: Noise,
    pub(crate) self_test: SelfTestVector<'a>,
}

/// A reading and the scores that it must have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelfTestVector<'a> {
    pub(crate) reading: &'a [i16],
    pub(crate) expected: List<'a, ExpectedScore>,
    /// One for each layer.
    pub(crate) hashes: &'a [u32],
}

impl<'a> Model<'a> {
    /// The name that the trainer gave it.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name.as_str()
    }

    /// Length of the image in bytes.
    #[must_use]
    pub fn image_length(&self) -> usize {
        self.image_length
    }

    /// Numbers of a reading that the model gives a probability: those at its front.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.typical.len()
    }

    /// Numbers of a reading behind its inputs, under which the model gives these a probability,
    /// `p(x|c)`: speed, load, temperature. Both networks take them in. 0 for most models.
    #[must_use]
    pub fn conditions(&self) -> usize {
        if cfg!(feature = "conditions") {
            self.conditions.len()
        } else {
            0
        }
    }

    /// The largest magnitude of what the encoder takes in of a number of a reading; above 127 it is 16 bits wide.
    #[must_use]
    pub fn input_ceiling(&self) -> u16 {
        self.input_ceiling
    }

    /// Whether the encoder takes 16 bits in.
    pub(crate) fn has_wide_inputs(&self) -> bool {
        cfg!(feature = "wide-inputs") && self.input_ceiling > NARROW_CEILING.unsigned_abs()
    }

    /// Numbers in a reading: inputs, then conditions.
    #[must_use]
    pub fn reading_length(&self) -> usize {
        self.centers.len()
    }

    /// Numbers that the decoder takes in: latents, and conditions behind them.
    pub(crate) fn decoder_inputs(&self) -> usize {
        // At least one: parsing has made sure of it, and the linker is to know it too.
        (self.latents() + self.conditions()).max(1)
    }

    /// Columns of a reading drawn as a picture; 0 where it is none.
    #[must_use]
    pub fn picture_width(&self) -> usize {
        self.picture_width
    }

    /// Numbers in a latent vector.
    #[must_use]
    pub fn latents(&self) -> usize {
        self.latents.into()
    }

    /// Fraction bits of the `i16` latents that the decoder takes in.
    #[must_use]
    pub fn latent_fraction_bits(&self) -> u32 {
        self.latent_fraction_bits
    }

    /// The kind of q(z|x).
    #[must_use]
    pub fn posterior(&self) -> PosteriorKind {
        self.posterior
    }

    /// The estimator that suits it best: what the trainer calibrates first and reports.
    #[must_use]
    pub fn estimator(&self) -> Estimator {
        self.posterior.estimator(self.latents())
    }

    /// Decoder passes of `estimator`.
    ///
    /// # Errors
    /// As [`PosteriorKind::passes`].
    pub fn passes(&self, estimator: Estimator) -> Result<u16, ReadingError> {
        self.posterior.passes(estimator, self.latents)
    }

    /// The prior of the latents.
    #[must_use]
    pub fn prior(&self) -> &Prior<'a> {
        &self.prior
    }

    /// The likelihood of a reading given latents.
    #[must_use]
    pub fn likelihood(&self) -> &Likelihood<'a> {
        &self.likelihood
    }

    /// How a stream of samples becomes readings; none for a model of whole readings.
    #[must_use]
    pub fn stream(&self) -> Option<&Stream<'a>> {
        self.stream.as_ref()
    }

    /// For each input the mean of `log p(x_i|z)` over held-out normal readings, Q16.16 nats: what
    /// [`crate::Session::explain`]'s terms are to be compared with. All zero where the exporter had
    /// no such readings.
    #[must_use]
    pub fn typical(&self) -> &'a [i32] {
        self.typical
    }

    /// For each number of a reading the power of two that a raw one stands for: `value = raw * 2^exponent`
    /// in the units that the trainer saw.
    #[must_use]
    pub fn exponents(&self) -> &'a [i8] {
        self.exponents
    }

    /// The calibration table for bounds of `estimator`: its own, else one of the same kind, else
    /// the first. None where the image has no tables.
    #[must_use]
    pub fn calibration(&self, estimator: Estimator) -> Option<&Calibration<'a>> {
        calibration::choose(&self.calibrations, Calibrated::Bound, estimator)
    }

    /// The table that p-values of [`crate::Score`] come from. Where the image joins several statistics it is of the joined
    /// score, the negative of the largest surprise; else it is [`Model::calibration`].
    #[must_use]
    pub fn p_values(&self, estimator: Estimator) -> Option<&Calibration<'a>> {
        calibration::choose(&self.calibrations, Calibrated::Joined, estimator)
            .or_else(|| self.calibration(estimator))
    }

    /// Whether p-values are of several statistics joined.
    #[must_use]
    pub fn joins_statistics(&self) -> bool {
        let mut tables = self.calibrations.iter();
        cfg!(feature = "statistics") && tables.any(|table| table.of() == Calibrated::Joined)
    }

    /// How many typical readings a reading is compared with; none where it is judged by the bound alone.
    #[cfg(feature = "statistics")]
    #[must_use]
    pub fn prototypes(&self) -> usize {
        let prototypes = &self.statistics.prototypes;
        let bytes = statistic::row_bytes(prototypes.bits, self.inputs());
        prototypes.rows.len() / bytes.max(1)
    }

    /// The bits of their numbers.
    #[cfg(feature = "statistics")]
    #[must_use]
    pub fn prototype_bits(&self) -> WeightBits {
        self.statistics.prototypes.bits
    }

    /// How many knots the curve of each input by itself has; none where inputs are not judged by themselves.
    #[cfg(feature = "statistics")]
    #[must_use]
    pub fn column_knots(&self) -> usize {
        self.statistics.columns.knots
    }

    /// How its weights lie: for which cores it was packed.
    #[must_use]
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// How single passes scatter around the ELBO; see [`crate::decision`].
    #[must_use]
    pub fn noise(&self) -> Noise {
        self.noise
    }

    /// All calibration tables.
    #[must_use]
    pub fn calibrations(&self) -> &[Calibration<'a>] {
        &self.calibrations
    }

    /// The layers from the reading to the reading's parameters.
    pub fn layers(&self) -> impl Iterator<Item = LayerView<'a>> + '_ {
        let encoder = self.encoder.views(LayerRole::Encoder, LayerRole::Heads);
        encoder.chain(self.decoder.views(LayerRole::Decoder, LayerRole::Output))
    }
}
