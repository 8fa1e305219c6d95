//! Single layers in a file, one after another: their instructions are counted.
//!
//! A layer is its rows, two words each (bias, multiplier), then its packed weights, padded to 16 bytes.

use core::fmt;
use core::hint::black_box;
use core::str::FromStr;
use elbow::internal::{Activations, Bounds, Dense, Numbers, Operands, Row, layer_words};
use elbow::layer::{Packing, Quantization, WeightBits};
use elbow::rng;
use rand_core::Rng;

/// Most columns of a layer.
const MOST_COLUMNS: usize = 784;

/// Most rows of a layer.
const MOST_ROWS: usize = 640;

/// Words of [`Layer`]: as many as the widest layer of the anomaly autoencoder needs with weights of four bits, so
/// that the others have as much room as there.
const WORDS: usize = layer_words(WeightBits::Four, Packing::NATIVE, 640, 1);

/// Layers begin on a multiple of this.
const ALIGNMENT: usize = 16;

/// 2^14 * 2^-27: accumulators of random weights and inputs end well within an `i8`.
#[cfg(feature = "write")]
const MULTIPLIER: i32 = 1 << 14 | 27 << 16;

/// Bits of the numbers that a layer takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// Activations.
    Eight,
    /// Latents.
    Sixteen,
}

/// A layer's size, written `640x128` with activations and `8x128:i16` with latents as inputs, `128x640:q16`
/// with outputs in Q16.16, and `640x128:w4` with weights of four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Inputs, at most 784.
    pub columns: usize,
    /// Outputs, at most 640.
    pub rows: usize,
    /// The kind of inputs.
    pub inputs: Bits,
    /// Whether the outputs are Q16.16 rather than activations.
    pub last: bool,
    /// Bits of each weight.
    pub weights: WeightBits,
}

/// A text that is no layer's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError;

impl FromStr for LayerShape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        let (text, weights) = match text.strip_suffix(":w4") {
            Some(text) => (text, WeightBits::Four),
            None => (text, WeightBits::Eight),
        };
        let (text, last) = match text.strip_suffix(":q16") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (text, inputs) = match text.strip_suffix(":i16") {
            Some(text) => (text, Bits::Sixteen),
            None => (text, Bits::Eight),
        };
        let (columns, rows) = text.split_once('x').ok_or(ShapeError)?;
        let width = |text: &str, most: usize| {
            let number = text.parse().map_err(|_| ShapeError)?;
            let valid = (1..=most).contains(&number);
            valid.then_some(number).ok_or(ShapeError)
        };
        Ok(Self {
            columns: width(columns, MOST_COLUMNS)?,
            rows: width(rows, MOST_ROWS)?,
            inputs,
            last,
            weights,
        })
    }
}

impl fmt::Display for LayerShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.inputs {
            Bits::Eight => "",
            Bits::Sixteen => ":i16",
        };
        let outputs = if self.last { ":q16" } else { "" };
        let weights = match self.weights {
            WeightBits::Eight => "",
            WeightBits::Four => ":w4",
        };
        let Self { columns, rows, .. } = self;
        write!(f, "{columns}x{rows}{suffix}{outputs}{weights}")
    }
}

impl LayerShape {
    /// Multiply-accumulates.
    #[must_use]
    pub const fn macs(&self) -> usize {
        self.columns * self.rows
    }

    /// Bytes in the file, padding included.
    #[must_use]
    pub fn file_bytes(&self, packing: Packing) -> usize {
        let weights = self.weights.bytes(packing, self.columns, self.rows);
        let weights = weights.unwrap_or(0);
        (self.rows * size_of::<Row>() + weights).next_multiple_of(ALIGNMENT)
    }

    /// The file's bytes of a layer with random weights.
    #[cfg(feature = "write")]
    #[must_use]
    pub fn write(&self, packing: Packing, seed: u64) -> std::vec::Vec<u8> {
        let mut words = rng::stream(seed, 0);
        let mut bytes = std::vec::Vec::new();
        for _ in 0..self.rows {
            let bias = (words.next_u32() % 4001).cast_signed() - 2000;
            for word in [bias, MULTIPLIER] {
                bytes.extend(word.to_le_bytes());
            }
        }
        let step = match self.weights {
            WeightBits::Eight => 1,
            WeightBits::Four => 16,
        };
        let weights = (0..self.macs()).map(|_| weight(words.next_u32()) / step * step);
        let weights: std::vec::Vec<i8> = weights.collect();
        bytes.extend(self.weights.pack(packing, self.columns, &weights));
        bytes.resize(self.file_bytes(packing), 0);
        bytes
    }
}

/// A weight from a word; -128 does not occur.
#[cfg(feature = "write")]
fn weight(word: u32) -> i8 {
    ((word % 255).cast_signed() - 127) as i8
}

/// A layer in a file, and room for what goes in and comes out.
#[derive(Debug)]
pub struct Layer<'a> {
    dense: Dense<'a>,
    shape: LayerShape,
    numbers: [i16; MOST_COLUMNS],
    operands: [u32; WORDS],
    outputs: [i8; MOST_ROWS],
}

impl<'a> Layer<'a> {
    /// The layer of that shape, in the packing of this core, at the start of `file`, which begins on a multiple of four;
    /// none where the file is too short.
    #[must_use]
    pub fn new(shape: LayerShape, file: &'a [u8]) -> Option<Self> {
        let packing = Packing::NATIVE;
        let (rows, rest) = file.split_at_checked(shape.rows * size_of::<Row>())?;
        let dense = Dense {
            columns: shape.columns,
            packing,
            bits: shape.weights,
            weights: rest.get(..shape.weights.bytes(packing, shape.columns, shape.rows)?)?,
            rows: bytemuck::try_cast_slice(rows).ok()?,
            bounds: Bounds::UNKNOWN,
        };
        let bounds = dense.proves_bound(127).ok()?;
        let mut words = rng::stream(1, 0);
        Some(Self {
            dense: Dense { bounds, ..dense },
            shape,
            // Two activations of eight bits, or a latent; -128 among them is as good as any.
            numbers: [(); MOST_COLUMNS].map(|()| words.next_u32() as i16),
            operands: [0; WORDS],
            outputs: [0; MOST_ROWS],
        })
    }

    /// Computes the layer once: activations from one input.
    pub fn run(&mut self) {
        let quantization = Quantization {
            zero_point: -127,
            floor: -127,
            ceiling: 127,
        };
        let columns = self.dense.columns;
        let numbers = match self.shape.inputs {
            Bits::Eight => Numbers::Narrow(bytemuck::cast_slice(&self.numbers)),
            Bits::Sixteen => Numbers::Wide(&self.numbers),
        };
        let packing = self.dense.packing;
        let operands =
            Operands::prepare(packing, black_box(numbers), columns, 1, &mut self.operands);
        if self.shape.last {
            let mut outputs = self.dense.outputs(operands);
            while let Some(band) = outputs.next() {
                black_box(band);
            }
            return;
        }
        let out = Activations::Narrow(&mut self.outputs);
        self.dense.activate(operands, quantization, out);
        black_box(&mut self.outputs);
    }
}
