//! The data of a product of a matrix and a few vectors, as every kernel takes it in: weights and rows, numbers and
//! operands, limits of the outputs.

use super::packing::{Packing, TILE};
use super::weights::WeightBits;
use crate::requantize::Multiplier;

/// Inputs that a layer takes in at once, at most: the decoder runs as many latents, and the workspace
/// has room for them.
pub const LANES: usize = 4;

/// What one output row needs besides its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Row {
    /// At the accumulator's scale.
    pub bias: i32,
    /// From the accumulator to the output's scale.
    pub multiplier: Multiplier,
}

impl Row {
    /// A row whose outputs are zero.
    pub const ZERO: Self = Self {
        bias: 0,
        multiplier: Multiplier::from_validated(0),
    };
}

// SAFETY: a row is two words without padding, and no word is an invalid one of either.
#[allow(unsafe_code)]
unsafe impl bytemuck::Zeroable for Row {}
// SAFETY: as above; rows are `Copy`.
#[allow(unsafe_code)]
unsafe impl bytemuck::AnyBitPattern for Row {}
// SAFETY: as above.
#[allow(unsafe_code)]
#[cfg(feature = "image")]
unsafe impl bytemuck::NoUninit for Row {}

/// Numbers that a layer takes in, lane after lane.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    /// Quantized activations; -128 does not occur.
    Narrow(&'a [i8]),
    /// Latents, and activations with more than 8 bits.
    Wide(&'a [i16]),
}

/// Words of [`Operands`] that hold `lanes` inputs of `columns` numbers, on every core.
#[must_use]
pub const fn operand_words(columns: usize, lanes: usize) -> usize {
    // A row of a tile has four columns: two words of 16-bit numbers for one lane. The four lanes of v6-M
    // and v7-M take three words for each column.
    let groups = columns.div_ceil(TILE);
    if lanes == 1 { 2 * groups } else { 12 * groups }
}

/// Inputs as the core's kernel wants them, and room for weights.
#[derive(Debug)]
pub struct Operands<'a> {
    /// Behind the operands, weights of four bits are expanded.
    pub(super) words: &'a mut [u32],
    pub(super) columns: usize,
    pub(super) lanes: usize,
    #[allow(dead_code, reason = "portable kernels take all numbers as wide ones")]
    pub(super) wide: bool,
    /// What an accumulator of each lane starts from: it takes the offset of stored weights back.
    pub(super) starts: [i32; LANES],
}

impl Operands<'_> {
    /// Room for expanded weights.
    pub(super) fn room(&self) -> &[u32] {
        let behind = self.words.get(operand_words(self.columns, self.lanes)..);
        behind.unwrap_or_default()
    }

    pub(super) fn room_mut(&mut self) -> &mut [u32] {
        let behind = self
            .words
            .get_mut(operand_words(self.columns, self.lanes)..);
        behind.unwrap_or_default()
    }
}

/// A dense layer: `rows.len()` outputs of `columns` inputs.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    /// Inputs of each row; at least one.
    pub columns: usize,
    /// Where the weights stand in `weights`.
    pub packing: Packing,
    /// Bits of each of them.
    pub bits: WeightBits,
    /// As many bytes as [`WeightBits::bytes`] says, at a multiple of four bytes in memory.
    pub weights: &'a [u8],
    /// Bias and multiplier of each row.
    pub rows: &'a [Row],
    /// As [`Dense::proves_bound`] finds them; [`Bounds::UNKNOWN`] where that was not asked.
    pub bounds: Bounds,
}

/// What holds for all rows of a layer. Kernels are faster where the norm is small and the shift is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// No row's sum of the magnitudes of its weights is larger.
    pub norm: u32,
    /// No row's multiplier shifts by less.
    pub shift: u32,
}

impl Bounds {
    /// Holds for every layer.
    pub const UNKNOWN: Self = Self {
        norm: u32::MAX,
        shift: 0,
    };
}

/// How accumulators become activations: `q = clamp(M(a) + zero_point, floor, ceiling)`.
///
/// A rectifier is a floor at the zero point, so it costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantization {
    /// The integer that stands for 0.0.
    pub zero_point: i16,
    /// The lowest one that leaves the layer.
    pub floor: i16,
    /// The highest one.
    pub ceiling: i16,
}

impl Quantization {
    /// The limits of outputs before the zero point is added, so that no sum can overflow.
    pub(super) fn limits(self) -> Limits {
        let zero_point = i32::from(self.zero_point);
        Limits {
            floor: i32::from(self.floor) - zero_point,
            ceiling: i32::from(self.ceiling) - zero_point,
            zero_point,
        }
    }
}

/// A [`Quantization`] as kernels apply it: `clamp(output, floor, ceiling) + zero_point`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The lowest output before the zero point is added.
    pub(super) floor: i32,
    /// The highest output before the zero point is added.
    pub(super) ceiling: i32,
    /// Added last.
    pub(super) zero_point: i32,
}
