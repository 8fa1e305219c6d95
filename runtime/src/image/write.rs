//! The writer of images, for hosts: the description of a model, and its bytes.

use crate::calibration::Noise;
use crate::distribution::{Family, Kind, Place};
use crate::estimator::{Estimator, SELF_TEST};
use crate::format::{
    ALIGNMENT, AlignedImage, CalibrationHeader, Header, ImageError, LayerHeader, LikelihoodHeader,
    PriorHeader, StreamHeader, seal,
};
use crate::kernel::{Packing, Row, WeightBits};
use crate::layer::Activation;
use crate::model::Model;
use crate::requantize::{FactorError, Multiplier};
use crate::signal::FrontEnd;
use crate::wire::Text;
use crate::workspace::WorkspaceError;
use core::fmt;
use std::borrow::ToOwned;
use std::string::{String, ToString};
use std::vec::Vec;

/// A model as the exporter describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSpec {
    /// What the model is called.
    pub name: String,
    /// Names, units and offsets of the columns of the data, one for each number of a reading, or for each channel
    /// of a stream; empty where nothing is known of them.
    pub columns: Vec<ColumnSpec>,
    /// Columns of a reading that is a picture; 0 otherwise.
    pub picture_width: u16,
    /// The normalization of each number of a reading: of its inputs, then of its conditions.
    pub inputs: Vec<InputSpec>,
    /// The largest magnitude of what the encoder takes in of each of them: 127 for `i8`; more, up to 32767, for `i16`, costs
    /// twice the RAM and about a quarter more instructions in the first layer.
    pub input_ceiling: u16,
    /// For each condition the factor from the centred raw number to what the decoder takes in, which
    /// has as many fraction bits as a latent. Empty for most models.
    pub conditions: Vec<Multiplier>,
    /// How a stream of samples becomes readings; none for whole readings.
    pub stream: Option<StreamSpec>,
    /// For each input the mean of `log p(x_i|z)` over held-out normal readings, nats; empty where
    /// there were none.
    pub typical: Vec<f64>,
    /// The prior.
    pub prior: PriorSpec,
    /// The likelihood.
    pub likelihood: LikelihoodSpec,
    /// How the weights lie in the image: the core that is to be fastest.
    pub packing: Packing,
    /// Fraction bits of the latents that the decoder takes in.
    pub latent_fraction_bits: u8,
    /// The range that log-variances are clamped to, Q16.16.
    pub log_variance_range: (i32, i32),
    /// Hidden layers of the encoder.
    pub encoder: Vec<LayerSpec>,
    /// Means, then log-variances: two rows for each latent.
    pub heads: DenseSpec,
    /// Hidden layers of the decoder.
    pub decoder: Vec<LayerSpec>,
    /// One row for each input; two, one behind the other, where the likelihood has a predicted
    /// scale.
    pub output: DenseSpec,
    /// How single passes scatter; [`Noise::UNKNOWN`] where that was not measured.
    pub noise: Noise,
    /// A reading for the self-test.
    pub self_test_reading: Vec<i16>,
}

/// A column of the data; see [`crate::Column`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnSpec {
    /// What the data call it; tabs and line feeds become blanks.
    pub name: String,
    /// The unit of its values.
    pub unit: String,
    /// A raw integer stands for `(raw + offset) * 2^exponent`.
    pub offset: i64,
}

/// Normalization of one input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputSpec {
    /// Subtracted from the raw reading.
    pub center: i16,
    /// A raw reading stands for `raw * 2^exponent`.
    pub exponent: i8,
    /// From the centred reading to what the encoder takes in.
    pub gain: Multiplier,
}

/// How a stream of samples becomes readings.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSpec {
    /// From a window to a reading.
    pub front_end: FrontEnd,
    /// Samples from one window to the next.
    pub hop: u16,
    /// Samples of a channel in a thousand seconds; 0 where nobody said.
    pub rate_millihertz: u32,
    /// For each channel the power of two that a raw sample stands for.
    pub exponents: Vec<i8>,
}

/// The prior of an image.
#[derive(Clone, Debug, PartialEq)]
pub enum PriorSpec {
    /// N(0, I).
    Standard,
    /// A mixture of diagonal Gaussians, at least one; see [`crate::distribution::Mixture`].
    Mixture(Vec<ComponentSpec>),
}

/// One of the Gaussians of a prior.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentSpec {
    /// The logarithm of its weight; those of all components sum up to one.
    pub log_weight: f64,
    /// One for each latent.
    pub mean: Vec<f64>,
    /// One for each latent.
    pub log_variance: Vec<f64>,
}

/// The likelihood of an image.
#[derive(Clone, Debug, PartialEq)]
pub enum LikelihoodSpec {
    /// Counts up to `trials`.
    Binomial {
        /// At least one; one is Bernoulli.
        trials: u8,
    },
    /// Real values around a location.
    Location(LocationSpec),
    /// A kind for each input, or for a group of inputs, in their order.
    Heterogeneous(Vec<GroupSpec>),
}

/// Inputs of one kind; see [`crate::distribution::Kind`].
#[derive(Clone, Debug, PartialEq)]
pub enum GroupSpec {
    /// A real value around a location.
    Real {
        /// The shape of the density.
        tail: Tail,
        /// From eighths of a centred raw reading to units, Q16.16: `2^13 / u_i`.
        standardize: Multiplier,
        /// From units to raw readings: `u_i`; of Student-t `sigma_i sqrt(v)`.
        unit: Multiplier,
        /// The log density at the location, in nats.
        log_normalizer: f64,
    },
    /// 0 or 1.
    Flag,
    /// 0, 1, 2 and so on.
    Count {
        /// The number of failures r of the negative binomial, not above 128.
        failures: f64,
        /// The largest count that the likelihood tells from larger ones, from 1 to 255.
        largest: u8,
    },
    /// One of so many states, at least two, an input for each.
    States {
        /// How many.
        count: u16,
    },
}

/// The shape of the density of a real value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Normal.
    Normal,
    /// Laplace.
    Laplace,
    /// Student-t.
    Student {
        /// Degrees of freedom, from 1 to 248.
        degrees: u8,
    },
}

/// See [`crate::distribution::Location`].
#[derive(Clone, Debug, PartialEq)]
pub struct LocationSpec {
    /// The shape of the density.
    pub family: Family,
    /// Whether the decoder gives a log-deviation behind each location: two output rows an input.
    pub predicted_scale: bool,
    /// From eighths of a centred raw reading to units, Q16.16: `2^13 / u_i`.
    pub standardize: Vec<Multiplier>,
    /// From units to raw readings: `u_i`.
    pub units: Vec<Multiplier>,
    /// `-ln(u_i sqrt(2 pi))` or `-ln(2 u_i)` in nats.
    pub log_normalizers: Vec<f64>,
}

/// A hidden layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    /// Weights, biases and multipliers to the quantized outputs.
    pub dense: DenseSpec,
    /// What happens to the outputs.
    pub activation: Activation,
    /// The integer that stands for 0.0 in them; its magnitude is at most the ceiling.
    pub zero_point: i16,
    /// Their largest magnitude: 127 for `i8` outputs; more, for `i16` ones, costs twice the RAM and
    /// about a quarter more instructions in the next layer.
    pub ceiling: i16,
}

/// Weights and rows of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseSpec {
    /// Bits of each weight in the image.
    pub bits: WeightBits,
    /// Row-major, in `[-127, 127]`; of four bits each a multiple of 16.
    pub weights: Vec<i8>,
    /// One for each output.
    pub rows: Vec<Row>,
}

/// A calibration table; see [`crate::Calibration`].
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationSpec {
    estimator: Estimator,
    scores: Vec<i32>,
    p_values: Vec<u32>,
    mean: i32,
    standard_deviation: i32,
}

impl CalibrationSpec {
    /// The table of the Q16.16 `scores` of held-out normal readings, with at most `knots` knots:
    /// the lower half of them are the lowest scores, where p-values matter; the others are spread
    /// evenly over the rest.
    #[must_use]
    pub fn from_scores(estimator: Estimator, scores: &[i32], knots: usize) -> Self {
        let mut sorted = scores.to_vec();
        sorted.sort_unstable();
        let mut distinct = sorted.clone();
        distinct.dedup();
        let kept: Vec<i32> = if distinct.len() <= knots {
            distinct
        } else {
            let tail = knots / 2;
            let (low, rest) = distinct.split_at(tail);
            let spread =
                (1..=knots - tail).map(|knot| rest[knot * rest.len() / (knots - tail) - 1]);
            low.iter().copied().chain(spread).collect()
        };
        // Rounded up, so that no p-value is understated.
        let p_value = |below: usize| {
            let (count, total) = (below as u64 + 1, sorted.len() as u64 + 1);
            (count << 31).div_ceil(total) as u32
        };
        let below = kept
            .iter()
            .map(|knot| sorted.partition_point(|score| score < knot));
        let p_values = below.chain([sorted.len()]).map(p_value).collect();
        let count = sorted.len().max(1) as f64;
        let center = sorted.iter().map(|&score| f64::from(score)).sum::<f64>() / count;
        let squares = sorted
            .iter()
            .map(|&score| (f64::from(score) - center).powi(2));
        let (mean, standard_deviation) = (
            center.round() as i32,
            // Up, so that a positive deviation stays one.
            (squares.sum::<f64>() / count).sqrt().ceil() as i32,
        );
        Self {
            estimator,
            scores: kept,
            p_values,
            mean,
            standard_deviation,
        }
    }
}

/// Why no image was written.
#[derive(Clone, Debug, PartialEq)]
pub enum EncodeError {
    /// A list is longer than an image has room for.
    TooMany {
        /// What is listed.
        what: &'static str,
        /// How many.
        have: usize,
        /// How many there may be.
        most: usize,
    },
    /// A list has not the length that the others ask for.
    Length {
        /// What is listed.
        what: &'static str,
        /// How many.
        have: usize,
        /// How many there must be.
        need: usize,
    },
    /// A scale factor has no multiplier.
    Factor(FactorError),
    /// A layer whose weights have four bits has one that is no multiple of 16.
    Weight {
        /// Where it is among the layer's.
        index: usize,
        /// What it is.
        weight: i8,
    },
    /// The image would not be read again.
    Image(ImageError),
    /// The header could not be serialized.
    Header(postcard::Error),
    /// The workspace of the self-test; cannot happen, since it is sized for the model.
    Workspace(WorkspaceError),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { what, have, most } => {
                write!(f, "{have} {what}, an image has room for {most}")
            }
            Self::Length { what, have, need } => {
                write!(f, "{have} {what}, the model needs {need}")
            }
            Self::Factor(error) => error.fmt(f),
            Self::Weight { index, weight } => write!(
                f,
                "weight {index} of a layer of four-bit weights is {weight}: use a multiple of 16, or eight bits"
            ),
            Self::Image(error) => error.fmt(f),
            Self::Header(error) => write!(f, "the header cannot be serialized: {error}"),
            Self::Workspace(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EncodeError {}

impl From<FactorError> for EncodeError {
    fn from(error: FactorError) -> Self {
        Self::Factor(error)
    }
}

/// What the self-test must give.
struct Answers {
    scores: [i32; SELF_TEST.len()],
    hashes: Vec<u32>,
}

impl ImageSpec {
    /// The image, with the scores and the layer hashes of its self-test, which the writer computes.
    /// It has been parsed, so it can be.
    ///
    /// # Errors
    /// [`EncodeError`] says what no image can hold.
    pub fn encode(&self, calibrations: &[CalibrationSpec]) -> Result<AlignedImage, EncodeError> {
        let layers = self.encoder.len() + self.decoder.len() + 2;
        let unknown = Answers {
            scores: [0; SELF_TEST.len()],
            hashes: std::vec![0; layers],
        };
        let draft = self.encode_expecting(calibrations, &unknown)?;
        let model = Model::parse(&draft).map_err(EncodeError::Image)?;
        let mut workspace = std::vec![0; model.workspace_words()];
        let scores = model.self_test_scores(&mut workspace);
        let hashes = model.layer_hashes(&mut workspace);
        let answers = Answers {
            scores: scores.map_err(EncodeError::Workspace)?,
            hashes: hashes.map_err(EncodeError::Workspace)?.to_vec(),
        };
        self.encode_expecting(calibrations, &answers)
    }

    fn encode_expecting(
        &self,
        calibrations: &[CalibrationSpec],
        answers: &Answers,
    ) -> Result<AlignedImage, EncodeError> {
        self.check_lengths()?;
        let layer = |layer: &LayerSpec| {
            let rows = narrow("rows of a layer", layer.dense.rows.len())?;
            Ok(LayerHeader {
                rows,
                bits: layer.dense.bits,
                activation: layer.activation,
                zero_point: layer.zero_point,
                ceiling: layer.ceiling,
            })
        };
        let table = |table: &CalibrationSpec| {
            let knots = narrow("knots of a calibration table", table.scores.len())?;
            Ok(CalibrationHeader {
                estimator: table.estimator,
                knots,
                mean: table.mean,
                standard_deviation: table.standard_deviation,
            })
        };
        let columns = self.column_text();
        let too_long = |_| EncodeError::TooMany {
            what: "bytes of text on columns",
            have: columns.len(),
            most: u32::MAX as usize,
        };
        let likelihood = self.likelihood.header()?;
        let header = Header {
            name: Text::new(&self.name),
            columns: columns.len().try_into().map_err(too_long)?,
            inputs: narrow("inputs", self.modelled())?,
            conditions: narrow("conditions", self.conditions.len())?,
            input_ceiling: self.input_ceiling,
            picture_width: self.picture_width,
            latents: narrow("latents", self.heads.rows.len() / 2)?,
            latent_fraction_bits: self.latent_fraction_bits,
            log_variance_range: self.log_variance_range,
            stream: self.stream.as_ref().map(|stream| StreamHeader {
                front_end: stream.front_end.clone(),
                hop: stream.hop,
                rate_millihertz: stream.rate_millihertz,
            }),
            prior: self.prior.header()?,
            likelihood,
            packing: self.packing,
            encoder: collect("hidden layers of the encoder", &self.encoder, layer)?,
            heads: self.heads.bits,
            decoder: collect("hidden layers of the decoder", &self.decoder, layer)?,
            output: self.output.bits,
            calibrations: collect("calibration tables", calibrations, table)?,
            noise: self.noise,
            expected: answers.scores,
        };
        let header = postcard::to_stdvec(&header).map_err(EncodeError::Header)?;
        let tensors = self.tensors(calibrations, &answers.hashes, &columns);
        Ok(AlignedImage::new(&seal(&header, &tensors)))
    }

    /// The text on the columns, a line for each; nothing where nothing is known of any.
    fn column_text(&self) -> String {
        let plain = |text: &str| text.replace(['\t', '\n'], " ");
        let line = |column: &ColumnSpec| {
            let offset = match column.offset {
                0 => String::new(),
                offset => offset.to_string(),
            };
            let line = [plain(&column.name), plain(&column.unit), offset].join("\t");
            line.trim_end_matches('\t').to_owned()
        };
        let lines: Vec<String> = self.columns.iter().map(line).collect();
        lines.join("\n").trim_end_matches('\n').to_owned()
    }

    /// Numbers of a reading that are no conditions.
    fn modelled(&self) -> usize {
        self.inputs.len().saturating_sub(self.conditions.len())
    }

    /// Every list has the length that the header will claim for it.
    fn check_lengths(&self) -> Result<(), EncodeError> {
        let (numbers, inputs) = (self.inputs.len(), self.modelled());
        if inputs == 0 {
            return Err(EncodeError::Length {
                what: "numbers in a reading",
                have: numbers,
                need: self.conditions.len() + 1,
            });
        }
        let latents = self.heads.rows.len() / 2;
        let of_half = |first: usize, hidden: &[LayerSpec], last: &DenseSpec| {
            let mut columns = first;
            for dense in hidden.iter().map(|layer| &layer.dense).chain([last]) {
                let need = columns.saturating_mul(dense.rows.len());
                check_length("weights in a layer", dense.weights.len(), need)?;
                dense.check_weights()?;
                columns = dense.rows.len();
            }
            Ok::<_, EncodeError>(())
        };
        check_length("rows in the heads", self.heads.rows.len(), 2 * latents)?;
        let outputs = self.likelihood.rows_per_input() * inputs;
        check_length("rows in the output", self.output.rows.len(), outputs)?;
        of_half(numbers, &self.encoder, &self.heads)?;
        let taken_in = latents + self.conditions.len();
        of_half(taken_in, &self.decoder, &self.output)?;
        if let PriorSpec::Mixture(components) = &self.prior {
            for component in components {
                check_length("means of a component", component.mean.len(), latents)?;
                let log_variances = component.log_variance.len();
                check_length("log-variances of a component", log_variances, latents)?;
            }
        }
        if !self.typical.is_empty() {
            check_length("typical terms", self.typical.len(), inputs)?;
        }
        let mut columns = numbers;
        if let Some(stream) = &self.stream {
            columns = stream.front_end.channels().into();
            check_length("exponents of channels", stream.exponents.len(), columns)?;
        }
        if !self.columns.is_empty() {
            check_length("columns", self.columns.len(), columns)?;
        }
        if let LikelihoodSpec::Location(location) = &self.likelihood {
            let normalizers = location.log_normalizers.len();
            check_length("standardizing factors", location.standardize.len(), inputs)?;
            check_length("units", location.units.len(), inputs)?;
            check_length("normalizers", normalizers, inputs)?;
        }
        if let LikelihoodSpec::Heterogeneous(groups) = &self.likelihood {
            let have = groups.iter().map(GroupSpec::inputs).sum();
            check_length("inputs of the groups", have, inputs)?;
        }
        let reading = self.self_test_reading.len();
        check_length("numbers in the self-test's reading", reading, numbers)
    }

    /// The tensors in the order of FORMAT.md.
    fn tensors(
        &self,
        calibrations: &[CalibrationSpec],
        hashes: &[u32],
        columns_text: &str,
    ) -> Vec<u8> {
        let mut tensors = TensorWriter::default();
        tensors.push(self.inputs.iter().map(|input| input.center.to_le_bytes()));
        tensors.push(self.inputs.iter().map(|input| input.exponent.to_le_bytes()));
        tensors.push(
            self.inputs
                .iter()
                .map(|input| input.gain.to_word().to_le_bytes()),
        );
        let gains = self.conditions.iter();
        tensors.push(gains.map(|gain| gain.to_word().to_le_bytes()));
        let silent = self
            .typical
            .is_empty()
            .then(|| std::vec![0.0; self.modelled()]);
        let typical = silent.as_ref().unwrap_or(&self.typical).iter();
        tensors.push(typical.map(|&nats| to_q16(nats).to_le_bytes()));
        if let Some(stream) = &self.stream {
            tensors.push(
                stream
                    .exponents
                    .iter()
                    .map(|exponent| exponent.to_le_bytes()),
            );
        }
        if let PriorSpec::Mixture(components) = &self.prior {
            let mut push = |numbers: fn(&ComponentSpec) -> Vec<f64>| {
                let numbers = components.iter().flat_map(numbers);
                tensors.push(numbers.map(|number| to_q16(number).to_le_bytes()));
            };
            push(|component| std::vec![component.log_weight]);
            push(|component| component.mean.clone());
            push(|component| component.log_variance.clone());
            push(ComponentSpec::precisions);
        }
        match &self.likelihood {
            LikelihoodSpec::Binomial { trials } => {
                tensors.push(log_choose(*trials).into_iter().map(i32::to_le_bytes));
            }
            LikelihoodSpec::Location(location) => {
                for scales in [&location.standardize, &location.units] {
                    tensors.push(scales.iter().map(|scale| scale.to_word().to_le_bytes()));
                }
                let normalizers = location.log_normalizers.iter();
                tensors.push(normalizers.map(|&nats| to_q16(nats).to_le_bytes()));
            }
            LikelihoodSpec::Heterogeneous(groups) => {
                let (words, tables) = heterogeneous_words(groups);
                let kinds = groups.iter().flat_map(GroupSpec::kinds);
                tensors.push(kinds.map(|kind| [kind.to_byte()]));
                let words = words.into_iter().flatten();
                tensors.push(words.map(u32::to_le_bytes));
                tensors.push(tables.into_iter().map(i32::to_le_bytes));
            }
        }
        let encoder = self
            .encoder
            .iter()
            .map(|layer| &layer.dense)
            .chain([&self.heads]);
        let decoder = self
            .decoder
            .iter()
            .map(|layer| &layer.dense)
            .chain([&self.output]);
        let taken_in = self.heads.rows.len() / 2 + self.conditions.len();
        let mut columns = [self.inputs.len(), taken_in];
        let halves = core::iter::repeat_n(0, self.encoder.len() + 1).chain(core::iter::repeat(1));
        for (half, dense) in halves.zip(encoder.chain(decoder)) {
            tensors.push(dense.rows.iter().flat_map(|row| {
                [
                    row.bias.to_le_bytes(),
                    row.multiplier.to_word().to_le_bytes(),
                ]
            }));
            let weights = dense.bits.pack(self.packing, columns[half], &dense.weights);
            tensors.push(weights.into_iter().map(|weight| [weight]));
            columns[half] = dense.rows.len();
        }
        for table in calibrations {
            tensors.push(table.scores.iter().map(|score| score.to_le_bytes()));
            tensors.push(table.p_values.iter().map(|p| p.to_le_bytes()));
        }
        tensors.push(self.self_test_reading.iter().map(|x| x.to_le_bytes()));
        tensors.push(hashes.iter().map(|hash| hash.to_le_bytes()));
        tensors.push(columns_text.bytes().map(|byte| [byte]));
        tensors.bytes
    }
}

impl DenseSpec {
    /// Each weight has the bits that the layer's have. That none is -128, parsing checks.
    fn check_weights(&self) -> Result<(), EncodeError> {
        let mut weights = self.weights.iter().copied().enumerate();
        let other = weights.find(|&(_, weight)| weight != i8::MIN && !self.bits.holds(weight));
        other.map_or(Ok(()), |(index, weight)| {
            Err(EncodeError::Weight { index, weight })
        })
    }
}

impl PriorSpec {
    fn header(&self) -> Result<PriorHeader, EncodeError> {
        Ok(match self {
            Self::Standard => PriorHeader::Standard,
            Self::Mixture(components) => PriorHeader::Mixture {
                components: narrow("components of the prior", components.len())?,
            },
        })
    }
}

impl ComponentSpec {
    /// The reciprocals of the standard deviations.
    fn precisions(&self) -> Vec<f64> {
        let log_variances = self.log_variance.iter();
        log_variances.map(|log| (-0.5 * log).exp()).collect()
    }
}

impl GroupSpec {
    /// Inputs of it.
    #[must_use]
    pub fn inputs(&self) -> usize {
        match self {
            Self::States { count } => (*count).into(),
            Self::Real { .. } | Self::Flag | Self::Count { .. } => 1,
        }
    }

    /// The kinds of its inputs.
    fn kinds(&self) -> Vec<Kind> {
        match *self {
            Self::Real { tail, .. } => std::vec![match tail {
                Tail::Normal => Kind::Location(Family::Normal),
                Tail::Laplace => Kind::Location(Family::Laplace),
                Tail::Student { degrees } => Kind::Student { degrees },
            }],
            Self::Flag => std::vec![Kind::Flag],
            Self::Count { .. } => std::vec![Kind::Count],
            Self::States { count } => {
                let place = |at| match at {
                    0 => Place::First,
                    at if at + 1 == count => Place::Last,
                    _ => Place::Inner,
                };
                (0..count).map(|at| Kind::State(place(at))).collect()
            }
        }
    }
}

/// The words of each input, and the tables of all counts.
fn heterogeneous_words(groups: &[GroupSpec]) -> (Vec<[u32; 3]>, Vec<i32>) {
    let (mut words, mut tables) = (std::vec![], std::vec![]);
    for group in groups {
        match group {
            GroupSpec::Real {
                standardize,
                unit,
                log_normalizer,
                ..
            } => words.push([
                standardize.to_word(),
                unit.to_word(),
                to_q16(*log_normalizer) as u32,
            ]),
            GroupSpec::Count { failures, largest } => {
                let failures = to_q16(*failures);
                words.push([tables.len() as u32, (*largest).into(), failures as u32]);
                tables.extend(log_counts(f64::from(failures) / 65536.0, *largest));
            }
            GroupSpec::Flag | GroupSpec::States { .. } => {
                words.extend(core::iter::repeat_n([0; 3], group.inputs()));
            }
        }
    }
    (words, tables)
}

/// `ln C(x + r - 1, x)` for `x = 0..=largest`, Q16.16, rounded to nearest.
fn log_counts(failures: f64, largest: u8) -> Vec<i32> {
    let mut log = 0f64;
    let mut table = std::vec![0];
    for x in 1..=largest {
        log += ((failures + f64::from(x) - 1.0) / f64::from(x)).ln();
        table.push(to_q16(log));
    }
    table
}

impl LikelihoodSpec {
    fn header(&self) -> Result<LikelihoodHeader, EncodeError> {
        Ok(match self {
            Self::Binomial { trials } => LikelihoodHeader::Binomial { trials: *trials },
            Self::Location(location) => LikelihoodHeader::Location {
                family: location.family,
                predicted_scale: location.predicted_scale,
            },
            Self::Heterogeneous(groups) => {
                let entries = groups.iter().map(|group| match group {
                    GroupSpec::Count { largest, .. } => usize::from(*largest) + 1,
                    GroupSpec::Real { .. } | GroupSpec::Flag | GroupSpec::States { .. } => 0,
                });
                LikelihoodHeader::Heterogeneous {
                    entries: narrow("entries of the tables of counts", entries.sum())?,
                }
            }
        })
    }

    fn rows_per_input(&self) -> usize {
        match self {
            Self::Location(location) if location.predicted_scale => 2,
            _ => 1,
        }
    }
}

/// Q16.16, rounded to nearest, saturating. NaN, of which `as` would make 0, becomes a number that
/// no reader accepts.
fn to_q16(value: f64) -> i32 {
    if value.is_nan() {
        i32::MAX
    } else {
        (value * 65536.0).round() as i32
    }
}

/// `ln C(trials, x)` for `x = 0..=trials`, Q16.16, rounded to nearest.
fn log_choose(trials: u8) -> Vec<i32> {
    let mut log = 0f64;
    let mut table = std::vec![0];
    for x in 1..=u32::from(trials) {
        // C(n, x) = C(n, x - 1) * (n - x + 1) / x
        log += (f64::from(u32::from(trials) + 1 - x) / f64::from(x)).ln();
        table.push((log * 65536.0).round().max(0.0) as i32);
    }
    table
}

/// Tensors one after another, each at a multiple of [`ALIGNMENT`].
#[derive(Default)]
struct TensorWriter {
    bytes: Vec<u8>,
}

impl TensorWriter {
    fn push<const N: usize>(&mut self, elements: impl Iterator<Item = [u8; N]>) {
        elements.for_each(|element| self.bytes.extend_from_slice(&element));
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }
}

fn check_length(what: &'static str, have: usize, need: usize) -> Result<(), EncodeError> {
    if have == need {
        Ok(())
    } else {
        Err(EncodeError::Length { what, have, need })
    }
}

fn narrow(what: &'static str, have: usize) -> Result<u16, EncodeError> {
    u16::try_from(have).map_err(|_| EncodeError::TooMany {
        what,
        have,
        most: u16::MAX.into(),
    })
}

fn collect<T, U, const N: usize>(
    what: &'static str,
    items: &[T],
    convert: impl Fn(&T) -> Result<U, EncodeError>,
) -> Result<heapless::Vec<U, N>, EncodeError> {
    let too_many = || EncodeError::TooMany {
        what,
        have: items.len(),
        most: N,
    };
    let mut list = heapless::Vec::new();
    for item in items {
        list.push(convert(item)?).map_err(|_| too_many())?;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_choose_of_four() {
        let exact = [1f64, 4.0, 6.0, 4.0, 1.0].map(|c| (c.ln() * 65536.0).round() as i32);
        assert_eq!(log_choose(4), exact);
        assert_eq!(log_choose(255).last(), Some(&0));
    }

    #[test]
    fn tables_keep_the_lowest_scores() {
        let scores: Vec<i32> = (0..1000).rev().collect();
        let table = CalibrationSpec::from_scores(Estimator::SigmaPoints, &scores, 20);
        assert_eq!(table.scores[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(table.scores.len(), 20);
        assert_eq!(table.scores.last(), Some(&999));
        assert_eq!(table.p_values[0], (1u64 << 31).div_ceil(1001) as u32);
        assert_eq!(table.p_values[20], 1 << 31);
        let small = CalibrationSpec::from_scores(Estimator::SigmaPoints, &[5, 3, 5], 20);
        assert_eq!(
            (small.scores, small.p_values),
            (std::vec![3, 5], std::vec![1 << 29, 2 << 29, 4 << 29])
        );
    }
}
