//! A model: a validated view of an image.

use crate::calibration::{self, Calibration, Noise};
#[cfg(feature = "heterogeneous")]
use crate::distribution::Heterogeneous;
use crate::distribution::{Binomial, LARGEST_LOG_NORMALIZER, Likelihood, Location, Mixture, Prior};
use crate::estimator::{Estimator, SELF_TEST};
use crate::fixed::Nats;
use crate::format::{
    self, CalibrationHeader, Defect, Header, ImageError, LayerHeader, LikelihoodHeader,
    MAX_CALIBRATIONS, MAX_COMPONENTS, MAX_INPUTS, MAX_LATENTS, MAX_LAYERS, NARROW_CEILING,
    PriorHeader, StreamHeader, Tensors,
};
use crate::kernel::{Bounds, Dense, Packing, Quantization, Row, WeightBits};
use crate::layer::{Activation, LayerRole, LayerView};
use crate::mask::Mask;
use crate::requantize::Multiplier;
use crate::signal::{FrontEnd, WindowShape};
use crate::wire::Text;
use core::num::NonZeroUsize;
use heapless::Vec;

/// The widest range that log-variances may be clamped to: -32 to 8 in Q16.16.
const LOG_VARIANCE_LIMITS: (i32, i32) = (-32 << 16, 8 << 16);

/// A variational autoencoder whose weights stay where the image is. [`Model::parse`] is the only
/// way to make one; it proves what every later operation relies on, so that none of them can fail
/// or overflow.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    name: Text<'a>,
    /// The text on the columns; see [`crate::Column`].
    pub(crate) columns: &'a [u8],
    pub(crate) image_length: usize,
    pub(crate) input_ceiling: u16,
    pub(crate) picture_width: usize,
    pub(crate) latents: u16,
    pub(crate) latent_fraction_bits: u32,
    pub(crate) log_variance_range: (i32, i32),
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
    pub(crate) encoder: Half<'a>,
    pub(crate) decoder: Half<'a>,
    pub(crate) calibrations: Vec<Calibration<'a>, MAX_CALIBRATIONS>,
    pub(crate) noise: Noise,
    pub(crate) self_test: SelfTestVector<'a>,
}

/// How a stream of samples becomes readings of a model.
#[derive(Clone, Debug)]
pub struct Stream<'a> {
    /// From a window to a reading.
    pub front_end: FrontEnd,
    /// Samples from one window to the next.
    pub hop: u16,
    /// Samples of a channel in a thousand seconds; 0 where nobody said.
    pub rate_millihertz: u32,
    /// For each channel the power of two that a raw sample stands for.
    pub exponents: &'a [i8],
}

impl Stream<'_> {
    /// The windows that the front end takes in.
    #[must_use]
    pub fn shape(&self) -> WindowShape {
        WindowShape {
            channels: self.front_end.channels().into(),
            samples: self.front_end.samples().into(),
            hop: self.hop.into(),
        }
    }

    /// The channel that input `input` of a reading tells of.
    #[must_use]
    pub fn channel_of(&self, input: usize) -> usize {
        let channels = NonZeroUsize::new(self.front_end.channels().into());
        let of_channel = channels.map_or(1, |channels| self.front_end.features_len() / channels);
        NonZeroUsize::new(of_channel).map_or(0, |of_channel| input / of_channel)
    }
}

/// Encoder or decoder: hidden layers and the one whose outputs are wide.
#[derive(Clone, Debug)]
pub(crate) struct Half<'a> {
    pub(crate) hidden: Vec<Hidden<'a>, MAX_LAYERS>,
    pub(crate) last: Dense<'a>,
}

impl<'a> Half<'a> {
    /// To be read into. No constant: that would take as much flash as it has memory.
    fn blank() -> Self {
        let (weights, rows) = (&[], &[]);
        Self {
            hidden: Vec::new(),
            last: Dense {
                columns: 1,
                bits: WeightBits::Eight,
                packing: Packing::NATIVE,
                weights,
                rows,
                bounds: Bounds::UNKNOWN,
            },
        }
    }

    /// Its layers, hidden ones in the role `hidden` and the last one in the role `last`.
    fn views(
        &self,
        hidden: LayerRole,
        last: LayerRole,
    ) -> impl Iterator<Item = LayerView<'a>> + '_ {
        let view = |role, dense: Dense<'a>, activation| LayerView {
            role,
            columns: dense.columns,
            rows: dense.rows.len(),
            bits: dense.bits,
            activation,
            dense,
        };
        // By reference: the consuming iterator of the list could panic as far as a linker can tell.
        let layers = self.hidden.iter().map(move |layer| {
            let activation = (layer.activation, layer.quantization);
            view(hidden, layer.dense, Some(activation))
        });
        layers.chain(core::iter::once(view(last, self.last, None)))
    }
}

/// A layer with quantized outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hidden<'a> {
    pub(crate) dense: Dense<'a>,
    pub(crate) quantization: Quantization,
    activation: Activation,
}

impl Hidden<'_> {
    /// Whether its outputs are `i16`.
    pub(crate) fn is_wide(&self) -> bool {
        self.quantization.ceiling > NARROW_CEILING && cfg!(feature = "wide-activations")
    }

    /// Bytes of one output.
    pub(crate) fn output_bytes(&self) -> usize {
        if self.is_wide() { 2 } else { 1 }
    }
}

/// A reading and the scores that it must have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelfTestVector<'a> {
    pub(crate) reading: &'a [i16],
    pub(crate) scores: [i32; SELF_TEST.len()],
    /// One for each layer.
    pub(crate) hashes: &'a [u32],
}

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
        // All else is read anew.
        model.encoder.hidden.clear();
        model.decoder.hidden.clear();
        model.calibrations.clear();
        let (bytes, tensors) = format::open(image)?;
        let mut header = Header::empty();
        let mut left_out = None;
        if let Err(defect) = header.read(bytes, &mut left_out) {
            return Err(ImageError::Invalid(defect));
        }
        if let Some(feature) = left_out {
            return Err(ImageError::LeftOut { feature });
        }
        let mut tensors = Tensors::new(tensors);
        check_scalars(&mut tensors, &header);
        model.image_length = format::image_length(image)?;
        model.read_scalars(&header);
        model.read_tensors(&mut tensors, &header);
        match tensors.finish() {
            None => Ok(model),
            Some(defect) => Err(ImageError::Invalid(defect)),
        }
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
    fn blank() -> Self {
        Self {
            name: Text::EMPTY,
            columns: &[],
            image_length: 0,
            input_ceiling: NARROW_CEILING.unsigned_abs(),
            picture_width: 0,
            latents: 0,
            latent_fraction_bits: 0,
            log_variance_range: (0, 0),
            centers: &[],
            exponents: &[],
            stream: None,
            typical: &[],
            gains: &[],
            conditions: &[],
            prior: Prior::Standard,
            likelihood: Likelihood::Binomial(Binomial::blank()),
            packing: Packing::NATIVE,
            encoder: Half::blank(),
            decoder: Half::blank(),
            calibrations: Vec::new(),
            noise: Noise {
                mean_excess: 0,
                mean_deviation: 0,
                pair_deviation: 0,
            },
            self_test: SelfTestVector {
                reading: &[],
                scores: [0; SELF_TEST.len()],
                hashes: &[],
            },
        }
    }

    fn read_scalars(&mut self, header: &Header<'a>) {
        self.name = header.name;
        self.input_ceiling = header.input_ceiling;
        self.picture_width = header.picture_width.into();
        self.latents = header.latents;
        self.latent_fraction_bits = header.latent_fraction_bits.into();
        self.log_variance_range = header.log_variance_range;
        self.packing = header.packing;
        self.noise = header.noise;
        self.self_test.scores = header.expected;
    }

    #[inline(never)]
    fn read_tensors(&mut self, tensors: &mut Tensors<'a>, header: &Header<'_>) {
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
        read_calibrations(tensors, &header.calibrations, &mut self.calibrations);
        self.read_self_test(tensors, header);
        self.columns = tensors.next(header.columns as usize);
    }

    fn read_layers(&mut self, tensors: &mut Tensors<'a>, header: &Header<'_>) {
        let (packing, latents) = (header.packing, self.latents());
        let takes_in = (self.centers.len(), header.input_ceiling.into());
        let encoder = (&mut self.encoder, takes_in, 2 * latents);
        read_half(tensors, packing, (&header.encoder, header.heads), encoder);
        let takes_in = (latents + self.conditions.len(), LARGEST_LATENT);
        let outputs = usize::from(header.inputs) * self.likelihood.rows_per_input();
        let decoder = (&mut self.decoder, takes_in, outputs);
        read_half(tensors, packing, (&header.decoder, header.output), decoder);
    }

    fn read_self_test(&mut self, tensors: &mut Tensors<'a>, header: &Header<'_>) {
        self.self_test.reading = tensors.next(self.centers.len());
        self.self_test.hashes = tensors.next(header.encoder.len() + header.decoder.len() + 2);
        let inputs = self.self_test.reading.get(..self.typical.len());
        let modelled = inputs.unwrap_or_default();
        let outside = self.likelihood.outside_support(modelled, Mask::ALL);
        tensors.require(outside.is_none(), Defect::SelfTestReading);
    }

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

    /// The range that log-variances are clamped to, Q16.16.
    #[must_use]
    pub fn log_variance_range(&self) -> (i32, i32) {
        self.log_variance_range
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

    /// The calibration table for scores of `estimator`: its own, else one of the same kind, else
    /// the first. None where the image has no tables.
    #[must_use]
    pub fn calibration(&self, estimator: Estimator) -> Option<&Calibration<'a>> {
        calibration::choose(&self.calibrations, estimator)
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

    /// The p-value table's verdict on a score; certainty where there is no table.
    pub(crate) fn p_value(&self, estimator: Estimator, elbo: Nats) -> crate::Probability {
        self.calibration(estimator)
            .map_or(crate::Probability::ONE, |table| table.p_value(elbo))
    }
}

fn check_scalars(tensors: &mut Tensors<'_>, header: &Header<'_>) {
    let (low, high) = header.log_variance_range;
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
    tensors.require(
        LOG_VARIANCE_LIMITS.0 <= low && low <= high && high <= LOG_VARIANCE_LIMITS.1,
        Defect::LogVarianceRange,
    );
    tensors.require(
        header.noise.mean_deviation >= 0 && header.noise.pair_deviation >= 0,
        Defect::Noise,
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

#[inline(never)]
fn read_prior<'a>(tensors: &mut Tensors<'a>, header: PriorHeader, latents: usize) -> Prior<'a> {
    let PriorHeader::Mixture { components } = header else {
        return Prior::Standard;
    };
    if !cfg!(feature = "mixture-prior") {
        return Prior::Standard;
    }
    let components = usize::from(components);
    let mixture = Mixture {
        log_weights: tensors.next(components),
        means: tensors.next(components * latents),
        log_variances: tensors.next(components * latents),
        precisions: tensors.next(components * latents),
    };
    tensors.require(mixture.is_valid(), Defect::Prior);
    Prior::Mixture(mixture)
}

#[inline(never)]
fn read_likelihood<'a>(
    tensors: &mut Tensors<'a>,
    header: &Header<'_>,
    centers: &'a [i16],
) -> Likelihood<'a> {
    match header.likelihood {
        LikelihoodHeader::Binomial { trials } if cfg!(feature = "counts") => {
            let log_choose = tensors.next(usize::from(trials) + 1);
            let binomial = Binomial::new(trials, log_choose);
            tensors.require(binomial.is_some(), Defect::Binomial);
            Likelihood::Binomial(binomial.unwrap_or(Binomial::blank()))
        }
        LikelihoodHeader::Location {
            family,
            predicted_scale,
        } if cfg!(feature = "locations") => {
            let location = Location {
                family,
                predicted_scale,
                centers,
                standardize: read_multipliers(tensors, centers.len()),
                units: read_multipliers(tensors, centers.len()),
                log_normalizers: tensors.next(centers.len()),
            };
            let mut logs = location.log_normalizers.iter();
            let range = -LARGEST_LOG_NORMALIZER..=LARGEST_LOG_NORMALIZER;
            let within = logs.all(|log| range.contains(log));
            tensors.require(within, Defect::LogNormalizer);
            Likelihood::Location(location)
        }
        #[cfg(feature = "heterogeneous")]
        LikelihoodHeader::Heterogeneous { entries } => {
            let (kinds, words) = (tensors.next(centers.len()), tensors.next(centers.len()));
            let tables = tensors.next(entries.into());
            let heterogeneous = Heterogeneous::new(kinds, words, centers, tables);
            tensors.require(heterogeneous.is_some(), Defect::Kinds);
            heterogeneous.map_or(
                Likelihood::Binomial(Binomial::blank()),
                Likelihood::Heterogeneous,
            )
        }
        // The header was refused.
        _ => Likelihood::Binomial(Binomial::blank()),
    }
}

/// The largest magnitude of a latent.
const LARGEST_LATENT: i64 = 1 << 15;

/// Reads the layers of one half, hidden ones and one whose weights have so many bits; the first takes in so many
/// numbers of at most such a magnitude, and the last gives so many.
#[inline(never)]
fn read_half<'a>(
    tensors: &mut Tensors<'a>,
    packing: Packing,
    (headers, last): (&[LayerHeader], WeightBits),
    (half, (mut columns, mut largest), outputs): (&mut Half<'a>, (usize, i64), usize),
) {
    for layer in headers {
        let rows = layer.rows.into();
        let dense = read_dense(tensors, (packing, layer.bits), (columns, largest), rows);
        let LayerHeader {
            zero_point,
            ceiling,
            ..
        } = *layer;
        tensors.require(
            ceiling > 0 && (-ceiling..=ceiling).contains(&zero_point),
            Defect::ZeroPoint,
        );
        let floor = match layer.activation {
            Activation::Identity => ceiling.wrapping_neg(),
            Activation::Relu => zero_point,
        };
        let quantization = Quantization {
            zero_point,
            floor,
            ceiling,
        };
        // There are as many as the header has, which has the same capacity.
        let _ = half.hidden.push(Hidden {
            dense,
            quantization,
            activation: layer.activation,
        });
        (columns, largest) = (layer.rows.into(), ceiling.into());
    }
    half.last = read_dense(tensors, (packing, last), (columns, largest), outputs);
}

/// Reads a layer that takes in so many numbers of at most such a magnitude.
#[inline(never)]
fn read_dense<'a>(
    tensors: &mut Tensors<'a>,
    (packing, bits): (Packing, WeightBits),
    (columns, largest): (usize, i64),
    rows: usize,
) -> Dense<'a> {
    tensors.require(rows > 0, Defect::NoRows);
    let weights = bits.bytes(packing, columns, rows);
    tensors.require(weights.is_some(), Defect::Weights);
    let mut dense = Dense {
        columns,
        packing,
        bits,
        rows: tensors.next(rows),
        weights: tensors.next(weights.unwrap_or(0)),
        bounds: Bounds::UNKNOWN,
    };
    // Of an image that has ended the weights are missing.
    if tensors.is_intact() {
        let valid = |row: &Row| row.multiplier.is_valid();
        tensors.require(dense.rows.iter().all(valid), Defect::Multiplier);
        let bounds = dense.proves_bound(largest);
        tensors.require(bounds.is_ok(), Defect::Accumulator);
        dense.bounds = bounds.unwrap_or(Bounds::UNKNOWN);
    }
    dense
}

#[inline(never)]
fn read_calibrations<'a>(
    tensors: &mut Tensors<'a>,
    headers: &[CalibrationHeader],
    calibrations: &mut Vec<Calibration<'a>, MAX_CALIBRATIONS>,
) {
    for table in headers {
        let calibration = Calibration {
            estimator: table.estimator,
            scores: tensors.next(table.knots.into()),
            p_values: tensors.next(usize::from(table.knots) + 1),
            mean: Nats::from_bits(table.mean),
            standard_deviation: Nats::from_bits(table.standard_deviation),
        };
        tensors.require(calibration.is_valid(), Defect::Calibration);
        // There are as many as the header has, which has the same capacity.
        let _ = calibrations.push(calibration);
    }
}
