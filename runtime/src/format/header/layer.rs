//! Layers in a header: all of them alike, those of wide outputs included.

use crate::format::MAX_LAYERS;
use crate::format::list::Element;
use crate::kernel::WeightBits;
use crate::layer::{Activation, LayerKind};
use crate::wire::Reader;
#[cfg(feature = "image")]
use serde::Serialize;

/// A layer of the encoder or of the decoder. What it takes in, the layer before it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "image", derive(Serialize))]
#[cfg_attr(all(test, feature = "image"), derive(serde::Deserialize))]
pub(crate) struct LayerHeader {
    pub(crate) kind: LayerKind,
    /// Rows of its matrix.
    pub(crate) rows: u16,
    /// Bits of each weight.
    pub(crate) bits: WeightBits,
    pub(crate) outputs: OutputsHeader,
}

/// What becomes of the accumulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "image", derive(Serialize))]
#[cfg_attr(all(test, feature = "image"), derive(serde::Deserialize))]
pub(crate) enum OutputsHeader {
    /// Activations for the next layer.
    Quantized {
        activation: Activation,
        /// The integer that stands for 0.0.
        zero_point: i16,
        /// The largest magnitude; 127 or less makes them `i8`, more makes them `i16`.
        ceiling: i16,
    },
    /// Q16.16: the last layer.
    Wide,
}

impl Element<'_> for LayerHeader {
    const LEAST: usize = 1;
    const MOST: usize = MAX_LAYERS + 1;

    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            kind: LayerKind::read(reader),
            rows: reader.u16(),
            bits: match reader.variant(2) {
                0 => WeightBits::Eight,
                _ => WeightBits::Four,
            },
            outputs: match reader.variant(2) {
                0 => OutputsHeader::Quantized {
                    activation: match reader.variant(2) {
                        0 => Activation::Identity,
                        _ => Activation::Relu,
                    },
                    zero_point: reader.i16(),
                    ceiling: reader.i16(),
                },
                _ => OutputsHeader::Wide,
            },
        }
    }
}
