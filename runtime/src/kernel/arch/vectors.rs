//! Inner products on machines with memory to spare, shaped so that compilers make vector instructions of them. Operands
//! are those of [`super::portable`], whose sums these are.
//!
//! Block after block of four rows is brought into the order and the width of the operands, once for all lanes.

use crate::kernel::matrix::{LANES, Operands};
use crate::kernel::packing::{BAND, Packing, TILE, TILE_BYTES};

/// Columns of a block.
const BLOCK: usize = 256;

/// Numbers in a sum of products that compilers turn into instructions for pairs of products: of more they do not.
const PIECE: usize = 32;

/// See [`super::portable::sums_of`].
pub(crate) fn sums_of(
    packing: Packing,
    weights: &[u8],
    operands: &Operands<'_>,
    sums: &mut [[i32; LANES]; BAND],
) {
    let columns = operands.columns;
    let padded = columns.next_multiple_of(TILE).max(1);
    let x: &[i16] = bytemuck::cast_slice(operands.words);
    let band = packing.bytes(columns, TILE).unwrap_or(0).max(1);
    let mut block = [[0i16; BLOCK]; TILE];
    *sums = [[0; LANES]; BAND];
    let bands = sums.as_chunks_mut::<TILE>().0;
    for (weights, sums) in weights.chunks(band).zip(bands) {
        for first in (0..columns).step_by(BLOCK) {
            unpack(packing, weights, (columns, first), &mut block);
            let last = padded.min(first + BLOCK);
            for (lane, x) in x.chunks_exact(padded).take(operands.lanes).enumerate() {
                let x = x.get(first..last).unwrap_or_default();
                for (sums, weights) in sums.iter_mut().zip(&block) {
                    if let Some(sum) = sums.get_mut(lane) {
                        *sum = sum.wrapping_add(product(weights, x));
                    }
                }
            }
        }
    }
}

/// The weights of four rows from column `first` on, as many as there are.
fn unpack(
    packing: Packing,
    weights: &[u8],
    (columns, first): (usize, usize),
    block: &mut [[i16; BLOCK]; TILE],
) {
    match packing {
        Packing::Rows => {
            for (weights, row) in weights.chunks(columns.max(1)).zip(block) {
                let weights = weights.get(first..).unwrap_or_default();
                for (weight, &stored) in row.iter_mut().zip(weights) {
                    *weight = stored.cast_signed().into();
                }
            }
        }
        Packing::Tiles | Packing::PairedTiles => {
            let flip = u32::from_ne_bytes(core::array::from_fn(|column| packing.flip(column)));
            let tiles = weights.as_chunks::<TILE_BYTES>().0;
            let tiles = tiles.get(first / TILE..).unwrap_or_default();
            // Rows of tiles first, then the numbers of each row.
            let mut words = [[0u32; BLOCK / TILE]; TILE];
            let [a, b, c, d] = &mut words;
            let places = a.iter_mut().zip(b).zip(c).zip(d);
            for ((((a, b), c), d), tile) in places.zip(tiles) {
                let word = |row: usize| {
                    let bytes = tile.as_chunks::<TILE>().0.get(row).copied();
                    u32::from_ne_bytes(bytes.unwrap_or_default()) ^ flip
                };
                (*a, *b, *c, *d) = (word(0), word(1), word(2), word(3));
            }
            for (row, words) in block.iter_mut().zip(&words) {
                let bytes: &[i8] = bytemuck::cast_slice(words);
                for (weight, &byte) in row.iter_mut().zip(bytes) {
                    *weight = byte.into();
                }
            }
        }
    }
}

/// `sum_c weights[c] * x[c]`, wrapping, over the numbers of `x`, a multiple of [`TILE`].
fn product(weights: &[i16], x: &[i16]) -> i32 {
    let (pieces, weights) = pieces::<PIECE>(weights, x);
    let x = x.as_chunks::<PIECE>().1;
    pieces.wrapping_add(self::pieces::<TILE>(weights, x).0)
}

/// The same over as many numbers as fill pieces of `N`, and the weights that are left. The number is a
/// constant so that compilers see the sum as one of pairs.
fn pieces<'a, const N: usize>(weights: &'a [i16], x: &[i16]) -> (i32, &'a [i16]) {
    let x = x.as_chunks::<N>().0;
    let (weights, rest) = weights.split_at_checked(x.len() * N).unwrap_or_default();
    let mut sum = 0i32;
    for (weights, x) in weights.as_chunks::<N>().0.iter().zip(x) {
        let products = weights.iter().zip(x);
        let products = products.map(|(&weight, &x)| i32::from(weight) * i32::from(x));
        sum = sum.wrapping_add(products.fold(0, i32::wrapping_add));
    }
    (sum, rest)
}
