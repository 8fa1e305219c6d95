//! How the weights of a layer lie in memory. Every kernel reads every packing with the same result;
//! each has one that it reads fastest.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Rows and columns of a tile.
pub(crate) const TILE: usize = 4;

/// Bytes of a tile.
pub(crate) const TILE_BYTES: usize = TILE * TILE;

/// Rows that the kernels of this build are asked for at once: a whole number of those that go together.
pub(super) const BAND: usize = if cfg!(any(elbow_kernels = "dsp", elbow_kernels = "riscv")) {
    4 * TILE
} else if cfg!(any(
    elbow_kernels = "v6m",
    elbow_kernels = "v7m",
    elbow_kernels = "helium",
    target_pointer_width = "64"
)) {
    8 * TILE
} else {
    TILE
};

/// Rows in pairs are never in two bands.
const _: () = assert!(BAND.is_multiple_of(2));

/// What is added to a weight that is stored as an unsigned byte.
const OFFSET: u8 = 128;

/// The order and the encoding of weights.
///
/// A tile is four rows by four columns, the four weights of one row in one word, the first column in
/// its lowest byte. Four rows make a band: their tiles from left to right. Bands follow one another
/// from the first row on. Columns and rows are filled up to multiples of four with weights of zero.
///
/// Exhaustive on purpose: a compiler error names each place of the trainer that has to learn a new packing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Packing {
    /// Row after row without gaps, each weight a signed byte: for Helium, and for hosts.
    #[default]
    Rows,
    /// Tiles, each weight an unsigned byte with 128 added: for v6-M, v7-M and RISC-V.
    Tiles,
    /// Tiles; the weights of columns 0 and 2 are unsigned bytes with 128 added, those of columns 1 and
    /// 3 signed ones: for cores with the DSP extension.
    PairedTiles,
}

impl Packing {
    /// The one that the kernels of this build read fastest; they read the others with portable code.
    pub const NATIVE: Self = if cfg!(elbow_kernels = "dsp") {
        Self::PairedTiles
    } else if cfg!(any(
        elbow_kernels = "v6m",
        elbow_kernels = "v7m",
        elbow_kernels = "riscv"
    )) {
        Self::Tiles
    } else {
        Self::Rows
    };

    /// The one for a core, by its short name, such as `m0`, `m33` or `rv32imc`.
    #[must_use]
    pub fn for_core(name: &str) -> Option<Self> {
        match name {
            "m0" | "m0+" | "m1" | "m23" | "m3" | "rv32imc" | "rv32imac" => Some(Self::Tiles),
            "m4" | "m7" | "m33" | "m35p" => Some(Self::PairedTiles),
            "m52" | "m55" | "m85" => Some(Self::Rows),
            _ => None,
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rows, Self::Tiles, Self::PairedTiles];

    /// Whether the kernels of this build read it fastest. Without the feature `foreign-packings` nothing else
    /// comes before them.
    pub(crate) const fn is_native(self) -> bool {
        self as u8 == Self::NATIVE as u8 || !cfg!(feature = "foreign-packings")
    }

    /// The packing as far as this build can tell.
    const fn known(self) -> Self {
        if self.is_native() { Self::NATIVE } else { self }
    }

    /// Bytes of a layer's weights; none where they are too many to count.
    #[must_use]
    pub const fn bytes(self, columns: usize, rows: usize) -> Option<usize> {
        match self.known() {
            Self::Rows => columns.checked_mul(rows),
            Self::Tiles | Self::PairedTiles => {
                match columns.div_ceil(TILE).checked_mul(rows.div_ceil(TILE)) {
                    Some(tiles) => tiles.checked_mul(TILE_BYTES),
                    None => None,
                }
            }
        }
    }

    /// What a stored byte of column `column` has to be combined with by exclusive or to be a signed
    /// byte.
    pub(crate) const fn flip(self, column: usize) -> u8 {
        match self.known() {
            Self::Rows => 0,
            Self::Tiles => OFFSET,
            Self::PairedTiles => OFFSET * column.is_multiple_of(2) as u8,
        }
    }

    /// Where the weight of a row and a column is stored.
    pub(super) const fn index(self, columns: usize, row: usize, column: usize) -> usize {
        match self.known() {
            Self::Rows => row * columns + column,
            Self::Tiles | Self::PairedTiles => {
                let tile = row / TILE * columns.div_ceil(TILE) + column / TILE;
                tile * TILE_BYTES + row % TILE * TILE + column % TILE
            }
        }
    }

    /// The weight of a row and a column in a layer's stored `weights`; zero behind their end.
    pub(crate) fn weight(self, weights: &[u8], columns: usize, row: usize, column: usize) -> i8 {
        let stored = weights.get(self.index(columns, row, column));
        stored.map_or(0, |stored| (stored ^ self.flip(column)).cast_signed())
    }

    /// Packs row-major `weights`, of which there are a multiple of `columns`, into `packed`, which has as
    /// many bytes as [`Packing::bytes`] says; what does not fit is left out.
    pub fn pack_into(self, columns: usize, weights: &[i8], packed: &mut [u8]) {
        for (index, stored) in packed.iter_mut().enumerate() {
            *stored = self.flip(index % TILE);
        }
        for (row, weights) in weights.chunks_exact(columns.max(1)).enumerate() {
            for (column, weight) in weights.iter().enumerate() {
                if let Some(stored) = packed.get_mut(self.index(columns, row, column)) {
                    *stored = weight.cast_unsigned() ^ self.flip(column);
                }
            }
        }
    }

    /// [`Packing::pack_into`] a new list.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn pack(self, columns: usize, weights: &[i8]) -> std::vec::Vec<u8> {
        let rows = weights.len() / columns.max(1);
        let mut packed = std::vec![0; self.bytes(columns, rows).unwrap_or(0)];
        self.pack_into(columns, weights, &mut packed);
        packed
    }
}

#[cfg(all(test, feature = "image"))]
mod tests {
    use super::*;

    #[test]
    fn tiles_by_hand() {
        // Two rows of five columns.
        let weights = [1, -2, 3, -4, 5, -127, 127, 0, 6, -7];
        assert_eq!(Packing::Rows.pack(5, &weights)[5], 129);
        let tiles = Packing::Tiles.pack(5, &weights);
        assert_eq!(tiles.len(), 32);
        assert_eq!(tiles[..8], [129, 126, 131, 124, 1, 255, 128, 134]);
        assert_eq!(tiles[16..24], [133, 128, 128, 128, 121, 128, 128, 128]);
        let paired = Packing::PairedTiles.pack(5, &weights);
        assert_eq!(paired[..8], [129, 254, 131, 252, 1, 127, 128, 6]);
        assert_eq!(paired[16..24], [133, 0, 128, 0, 121, 0, 128, 0]);
    }

    #[test]
    fn what_was_packed_is_read_again() {
        for (columns, rows) in [(1, 1), (4, 4), (5, 3), (8, 9), (3, 70)] {
            let weights: std::vec::Vec<i8> = (0..columns * rows)
                .map(|index| ((index * 37) % 255) as i8)
                .collect();
            for packing in Packing::ALL {
                let packed = packing.pack(columns, &weights);
                assert_eq!(Some(packed.len()), packing.bytes(columns, rows));
                for (index, &weight) in weights.iter().enumerate() {
                    let (row, column) = (index / columns, index % columns);
                    assert_eq!(packing.weight(&packed, columns, row, column), weight);
                }
            }
        }
    }
}
