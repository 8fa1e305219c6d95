//! Layers: a matrix applied to numbers, and what becomes of the sums.

mod kind;
mod stack;

pub use kind::{LayerKind, LayerShape};
pub(crate) use stack::{Hidden, Memory, Stack};

use crate::kernel::Dense;
pub use crate::kernel::{Packing, Quantization, WeightBits};
use core::fmt;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Hidden layers that each half of a model may have; the heads and the output layer come on top.
pub const MAX_LAYERS: usize = 8;
/// The largest magnitude of `i8` activations.
pub(crate) const NARROW_CEILING: i16 = 127;

/// How a layer's accumulators become activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Activation {
    /// The affine map alone.
    Identity,
    /// `max(0, .)`.
    Relu,
}

impl Activation {
    /// The limits of the outputs of a hidden layer.
    pub(crate) fn quantization(self, zero_point: i16, ceiling: i16) -> Quantization {
        let floor = match self {
            Self::Identity => ceiling.wrapping_neg(),
            Self::Relu => zero_point,
        };
        Quantization {
            zero_point,
            floor,
            ceiling,
        }
    }
}

/// One layer of a model, as [`crate::Model::layers`] lists them.
#[derive(Clone, Copy, Debug)]
pub struct LayerView<'a> {
    /// Where it stands.
    pub role: LayerRole,
    /// What it does with the numbers that it takes in.
    pub kind: LayerKind,
    /// Its matrix.
    pub shape: LayerShape,
    /// Bits of each weight.
    pub bits: WeightBits,
    /// What happens to its accumulators: activation and limits of the quantized outputs, or nothing
    /// where the outputs are Q16.16.
    pub activation: Option<(Activation, Quantization)>,
    pub(crate) dense: Dense<'a>,
}

/// The range of the factors from the accumulators of a layer to its outputs.
#[cfg(feature = "float")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleRange {
    /// The smallest factor.
    pub smallest: f64,
    /// The largest factor.
    pub largest: f64,
}

/// The place of a layer in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LayerRole {
    /// A hidden layer of q(z|x).
    Encoder,
    /// Mean and log-variance of q(z|x), one after the other.
    Heads,
    /// A hidden layer of p(x|z).
    Decoder,
    /// The parameters of p(x|z), one or two rows for each input.
    Output,
}

impl fmt::Display for LayerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoder => "encoder",
            Self::Heads => "heads",
            Self::Decoder => "decoder",
            Self::Output => "output",
        })
    }
}

impl LayerView<'_> {
    /// Bytes in the image: weights, biases and multipliers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.dense.weights) + size_of_val(self.dense.rows)
    }

    /// The factors from an accumulator to an output of this layer.
    #[cfg(feature = "float")]
    #[must_use]
    pub fn scale_range(&self) -> ScaleRange {
        let scales = self.dense.rows.iter().map(|row| row.multiplier.to_f64());
        let none = ScaleRange {
            smallest: f64::INFINITY,
            largest: 0.0,
        };
        scales.fold(none, |range, scale| ScaleRange {
            smallest: scale.min(range.smallest),
            largest: scale.max(range.largest),
        })
    }
}
