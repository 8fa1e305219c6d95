//! The description of a model, as an exporter gives it.

use super::{GroupSpec, StatisticsSpec};
use crate::calibration::Noise;
use crate::distribution::Family;
use crate::kernel::{Packing, Row, WeightBits};
use crate::layer::{Activation, LayerKind};
use crate::posterior::PosteriorKind;
use crate::requantize::Multiplier;
use crate::signal::FrontEnd;
use std::string::String;
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
    /// The kind of q(z|x).
    pub posterior: PosteriorKind,
    /// Hidden layers of the encoder.
    pub encoder: Vec<LayerSpec>,
    /// [`PosteriorKind::heads`] rows for each latent; of a Gaussian means, then log-variances; of bits log-odds.
    pub heads: DenseSpec,
    /// Hidden layers of the decoder.
    pub decoder: Vec<LayerSpec>,
    /// One row for each input; two, one behind the other, where the likelihood has a predicted
    /// scale.
    pub output: DenseSpec,
    /// Statistics beside the bound.
    pub statistics: StatisticsSpec,
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
///
/// Exhaustive on purpose: a compiler error names each place of an exporter that has to learn a new prior.
#[derive(Clone, Debug, PartialEq)]
pub enum PriorSpec {
    /// N(0, I).
    Standard,
    /// A mixture of diagonal Gaussians, at least one; see [`crate::distribution::Mixture`].
    Mixture(Vec<ComponentSpec>),
    /// Independent bits: the log-odds of each latent; see [`crate::distribution::Coins`].
    Bernoulli(Vec<f64>),
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
///
/// Exhaustive on purpose: a compiler error names each place of an exporter that has to learn a new likelihood.
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
    /// What it does with the numbers that it takes in.
    pub kind: LayerKind,
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

impl ImageSpec {
    /// Numbers in a latent vector.
    #[must_use]
    pub fn latents(&self) -> usize {
        self.heads.rows.len() / self.posterior.heads()
    }

    /// Numbers that the decoder takes in: latents, then conditions.
    pub(super) fn decoder_inputs(&self) -> usize {
        self.latents() + self.conditions.len()
    }
}

impl DenseSpec {
    /// Inputs of each row.
    #[must_use]
    pub fn columns(&self) -> usize {
        let rows = self.rows.len();
        self.weights.len().checked_div(rows).unwrap_or_default()
    }
}

impl LikelihoodSpec {
    pub(super) fn rows_per_input(&self) -> usize {
        match self {
            Self::Location(location) if location.predicted_scale => 2,
            _ => 1,
        }
    }
}
