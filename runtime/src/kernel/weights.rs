//! Weights of four bits, and how they become the eight that kernels read.
//!
//! A weight of four bits stands for `16 n`, n from -7 to 7, so its byte in any [`Packing`] has four low bits of
//! zero. The high ones are stored, those of two weights in a byte; a shift and a mask bring the packing's bytes
//! back, a word at a time. What a layer of such weights computes is what the same layer of eight bits does.

use super::arch::widen::widen;
use super::packing::{Packing, TILE};
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Bits of each weight of a layer.
///
/// Exhaustive on purpose: a compiler error names each place of the trainer that has to learn a new width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum WeightBits {
    /// Any weight in `[-127, 127]`.
    #[default]
    Eight,
    /// Multiples of 16 in `[-112, 112]`.
    Four,
}

/// Bytes of eight bits a weight that become [`BLOCK_STORED`] of four.
const BLOCK: usize = 8;

/// See [`BLOCK`].
const BLOCK_STORED: usize = BLOCK / 2;

/// The bits of a byte that are stored.
const HIGH: u8 = 0xf0;

impl WeightBits {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Eight, Self::Four];

    /// Whether they are four, as far as this build can tell.
    pub(super) const fn are_four(self) -> bool {
        matches!(self, Self::Four) && cfg!(feature = "four-bit-weights")
    }

    /// How many they are.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::Four => 4,
        }
    }

    /// Whether a layer may have this weight.
    #[must_use]
    pub const fn holds(self, weight: i8) -> bool {
        match self {
            Self::Eight => weight != i8::MIN,
            Self::Four => weight != i8::MIN && weight & 15 == 0,
        }
    }

    /// Bytes of a layer's weights; none where they are too many to count.
    #[must_use]
    pub const fn bytes(self, packing: Packing, columns: usize, rows: usize) -> Option<usize> {
        if !self.are_four() {
            return packing.bytes(columns, rows);
        }
        let last = band_bytes(packing, columns, rows % TILE);
        let (Some(band), Some(last)) = (band_bytes(packing, columns, TILE), last) else {
            return None;
        };
        match band.checked_mul(rows / TILE) {
            Some(bytes) => bytes.checked_add(last),
            None => None,
        }
    }

    /// The weight of a row and a column in a layer's stored `weights`; zero behind their end.
    pub(crate) fn weight(
        self,
        packing: Packing,
        weights: &[u8],
        columns: usize,
        row: usize,
        column: usize,
    ) -> i8 {
        if !self.are_four() {
            return packing.weight(weights, columns, row, column);
        }
        let (at, shift) = place(packing, columns, row, column);
        let stored = weights.get(at).map(|byte| byte << shift & HIGH);
        stored.map_or(0, |stored| (stored ^ packing.flip(column)).cast_signed())
    }

    /// Packs row-major `weights` into `packed`, which has as many bytes as [`WeightBits::bytes`] says, as
    /// [`Packing::pack_into`] does; of four bits a weight the low ones are left out.
    pub fn pack_into(self, packing: Packing, columns: usize, weights: &[i8], packed: &mut [u8]) {
        if !self.are_four() {
            packing.pack_into(columns, weights, packed);
            return;
        }
        for (index, stored) in packed.iter_mut().enumerate() {
            let zero = packing.flip(index % TILE);
            *stored = zero >> 4 | zero & HIGH;
        }
        for (row, weights) in weights.chunks_exact(columns.max(1)).enumerate() {
            for (column, weight) in weights.iter().enumerate() {
                let (at, shift) = place(packing, columns, row, column);
                if let Some(stored) = packed.get_mut(at) {
                    let byte = (weight.cast_unsigned() ^ packing.flip(column)) & HIGH;
                    *stored = *stored & !(HIGH >> shift) | byte >> shift;
                }
            }
        }
    }

    /// [`WeightBits::pack_into`] a new list.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn pack(self, packing: Packing, columns: usize, weights: &[i8]) -> std::vec::Vec<u8> {
        let rows = weights.len() / columns.max(1);
        let mut packed = std::vec![0; self.bytes(packing, columns, rows).unwrap_or(0)];
        self.pack_into(packing, columns, weights, &mut packed);
        packed
    }
}

/// Stored bytes of `rows` rows that begin a band, at most four: whole blocks.
const fn band_bytes(packing: Packing, columns: usize, rows: usize) -> Option<usize> {
    match packing.bytes(columns, rows) {
        Some(bytes) => Some(bytes.div_ceil(BLOCK) * BLOCK_STORED),
        None => None,
    }
}

/// The byte that holds the weight of a row and a column, and how far to the left its bits go.
const fn place(packing: Packing, columns: usize, row: usize, column: usize) -> (usize, u32) {
    let index = packing.index(columns, row % TILE, column);
    let band = match band_bytes(packing, columns, TILE) {
        Some(bytes) => row / TILE * bytes,
        None => 0,
    };
    let at = band + index / BLOCK * BLOCK_STORED + index % BLOCK_STORED;
    (at, if index & BLOCK_STORED == 0 { 4 } else { 0 })
}

/// Rows of four bits a weight that are expanded together at least; kernels of [`Packing::Tiles`] take two bands.
const fn least_rows(packing: Packing) -> usize {
    match packing {
        Packing::Tiles => 2 * TILE,
        Packing::Rows | Packing::PairedTiles => TILE,
    }
}

/// Words of a band that was expanded.
const fn band_words(packing: Packing, columns: usize) -> usize {
    match packing {
        Packing::Rows => columns,
        Packing::Tiles | Packing::PairedTiles => columns.div_ceil(TILE) * TILE,
    }
}

/// Words that hold the least part of a layer of `columns` columns that is expanded together.
pub(crate) const fn expanded_words(bits: WeightBits, packing: Packing, columns: usize) -> usize {
    if bits.are_four() {
        whole_blocks(packing, columns, least_rows(packing))
    } else {
        0
    }
}

/// Words of so many rows that were expanded: each band is written in whole blocks of two.
const fn whole_blocks(packing: Packing, columns: usize, rows: usize) -> usize {
    let band = band_words(packing, columns);
    band * (rows / TILE) + band % 2
}

/// Rows of a layer of four bits a weight that `words` have room for together, of at most `most`: whole bands, and
/// the fewest that are expanded together even where there is less room.
pub(crate) fn rows_together(packing: Packing, columns: usize, words: usize, most: usize) -> usize {
    let (band, least) = (band_words(packing, columns), least_rows(packing));
    let bands = words.saturating_sub(band % 2).checked_div(band);
    let rows = bands.unwrap_or(0).min(most.div_ceil(TILE)) * TILE;
    (rows / least * least).max(least.min(most))
}

/// Splits the stored weights of `rows` rows off the front of `stored`, and puts them into `words`, eight bits each.
/// Gives what is left.
#[inline(never)]
pub(crate) fn expand<'s>(
    packing: Packing,
    columns: usize,
    rows: usize,
    stored: &'s [u8],
    words: &mut [u32],
) -> &'s [u8] {
    let stored_band = band_bytes(packing, columns, TILE).unwrap_or(usize::MAX);
    let band = band_words(packing, columns);
    // Bands that fill their blocks follow one another; a word behind another one is written by the next.
    let step = if band.is_multiple_of(2) { rows } else { TILE };
    let mut rest = stored;
    for first in (0..rows).step_by(step.max(1)) {
        let bands = step.div_ceil(TILE);
        let (nibbles, later) = rest.split_at(rest.len().min(stored_band.saturating_mul(bands)));
        rest = later;
        let words = words.get_mut(first / TILE * band..).unwrap_or_default();
        widen(bytemuck::try_cast_slice(nibbles).unwrap_or_default(), words);
    }
    rest
}

/// The bytes of so many rows that were expanded, as the packing has them.
pub(crate) fn expanded(packing: Packing, columns: usize, rows: usize, words: &[u32]) -> &[u8] {
    let bytes: &[u8] = bytemuck::cast_slice(words);
    let length = packing.bytes(columns, rows).unwrap_or(0);
    bytes.get(..length).unwrap_or_default()
}

#[cfg(all(test, feature = "image"))]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn four_bits_by_hand() {
        // Two rows of five columns; 10 bytes of eight bits, filled up to 16.
        let weights = [16, -32, 48, -64, 80, -112, 112, 0, 96, -16];
        let rows = WeightBits::Four.pack(Packing::Rows, 5, &weights);
        // Bytes 0 to 7 are 0x10, 0xe0, 0x30, 0xc0 and 0x50, 0x90, 0x70, 0; then 0x60 and 0xf0.
        assert_eq!(rows, [0x51, 0x9e, 0x73, 0x0c, 6, 15, 0, 0]);
        // Of tiles the first two rows are 0x90, 0x60, 0xb0, 0x40 and 0x10, 0xf0, 0x80, 0xe0.
        let tiles = WeightBits::Four.pack(Packing::Tiles, 5, &weights);
        assert_eq!(
            (tiles.len(), &tiles[..4]),
            (16, &[0x19, 0xf6, 0x8b, 0xe4][..])
        );
        // And of paired tiles 0x90, 0xe0, 0xb0, 0xc0 and 0x10, 0x70, 0x80, 0x60.
        let paired = WeightBits::Four.pack(Packing::PairedTiles, 5, &weights);
        assert_eq!(paired[..4], [0x19, 0x7e, 0x8b, 0x6c]);
    }

    /// Expanded, they are the bytes of eight bits, whatever the words held before.
    #[test]
    fn what_is_expanded_is_the_packing_of_eight_bits() {
        for (columns, rows) in [(1, 1), (4, 4), (5, 3), (3, 4), (8, 9), (17, 8), (31, 32)] {
            let weights: Vec<i8> = (0..columns * rows)
                .map(|index| (((index * 37) % 15) as i8 - 7) * 16)
                .collect();
            for packing in Packing::ALL {
                let stored = WeightBits::Four.pack(packing, columns, &weights);
                let bytes = WeightBits::Four.bytes(packing, columns, rows);
                assert_eq!(Some(stored.len()), bytes);
                for (index, &weight) in weights.iter().enumerate() {
                    let (row, column) = (index / columns, index % columns);
                    let read = WeightBits::Four.weight(packing, &stored, columns, row, column);
                    assert_eq!(read, weight);
                }
                // At an address as in an image.
                let mut aligned = std::vec![0u32; stored.len().div_ceil(4)];
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut aligned);
                let stored_there = &mut bytes[..stored.len()];
                stored_there.copy_from_slice(&stored);
                let mut words = std::vec![0xdead_beef; whole_blocks(packing, columns, 32)];
                let rest = expand(packing, columns, rows, stored_there, &mut words);
                assert!(rest.is_empty());
                let eight = packing.pack(columns, &weights);
                assert_eq!(expanded(packing, columns, rows, &words), eight);
            }
        }
    }
}
