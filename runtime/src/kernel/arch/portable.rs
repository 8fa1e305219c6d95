//! Inner products in plain Rust: the definition of every other one. Operands are 16-bit numbers, lane
//! after lane, each lane filled up with zeros to a multiple of four.

use crate::kernel::matrix::{LANES, Numbers, Operands};
use crate::kernel::packing::{BAND, Packing, TILE, TILE_BYTES};

/// See [`super::prepare`].
#[inline(never)]
pub(crate) fn prepare(
    numbers: Numbers<'_>,
    columns: usize,
    lanes: usize,
    words: &mut [u32],
) -> [i32; LANES] {
    let operands: &mut [i16] = bytemuck::cast_slice_mut(words);
    let padded = columns.next_multiple_of(TILE).max(1);
    let operands = operands.chunks_exact_mut(padded).take(lanes);
    for (lane, operands) in operands.enumerate() {
        let range = lane * columns..(lane + 1) * columns;
        let rest = match numbers {
            Numbers::Narrow(x) => {
                let x = x.get(range).unwrap_or_default();
                let (filled, rest) = operands.split_at_mut_checked(x.len()).unwrap_or_default();
                for (operand, &x) in filled.iter_mut().zip(x) {
                    *operand = x.into();
                }
                rest
            }
            Numbers::Wide(x) => {
                let x = x.get(range).unwrap_or_default();
                let (filled, rest) = operands.split_at_mut_checked(x.len()).unwrap_or_default();
                for (operand, &x) in filled.iter_mut().zip(x) {
                    *operand = x;
                }
                rest
            }
        };
        rest.fill(0);
    }
    [0; LANES]
}

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold.
#[cfg_attr(
    target_pointer_width = "64",
    allow(dead_code, reason = "see `vectors`")
)]
#[inline(never)]
pub(crate) fn sums_of(
    packing: Packing,
    weights: &[u8],
    operands: &Operands<'_>,
    sums: &mut [[i32; LANES]; BAND],
) {
    let columns = operands.columns;
    let padded = columns.next_multiple_of(TILE).max(1);
    let x: &[i16] = bytemuck::cast_slice(operands.words);
    for (lane, x) in x.chunks_exact(padded).take(operands.lanes).enumerate() {
        match packing {
            Packing::Rows => {
                let rows = weights.chunks_exact(columns.max(1)).zip(sums.iter_mut());
                for (weights, row) in rows {
                    if let Some(sum) = row.get_mut(lane) {
                        *sum = of_row(weights, x);
                    }
                }
            }
            Packing::Tiles | Packing::PairedTiles => {
                let flip = core::array::from_fn(|column| packing.flip(column));
                let bands = weights.chunks_exact((TILE * padded).max(1));
                for (weights, rows) in bands.zip(sums.as_chunks_mut::<TILE>().0) {
                    for (sum, row) in of_band(weights, flip, x).into_iter().zip(rows) {
                        if let Some(row) = row.get_mut(lane) {
                            *row = sum;
                        }
                    }
                }
            }
        }
    }
}

/// `sum_c weights[c] * x[c]`, wrapping.
fn of_row(weights: &[u8], x: &[i16]) -> i32 {
    let products = weights
        .iter()
        .zip(x)
        .map(|(&weight, &x)| i32::from(weight.cast_signed()) * i32::from(x));
    products.fold(0, i32::wrapping_add)
}

/// The same of four rows in tiles.
fn of_band(weights: &[u8], flip: [u8; TILE], x: &[i16]) -> [i32; TILE] {
    let mut sums = [[0i32; TILE]; TILE];
    let tiles = weights.as_chunks::<TILE_BYTES>().0;
    for (tile, x) in tiles.iter().zip(x.as_chunks::<TILE>().0) {
        for (row, sums) in tile.as_chunks::<TILE>().0.iter().zip(&mut sums) {
            let terms = row.iter().zip(x).zip(flip);
            for (sum, ((&stored, &x), flip)) in sums.iter_mut().zip(terms) {
                let weight = i32::from((stored ^ flip).cast_signed());
                *sum = sum.wrapping_add(weight * i32::from(x));
            }
        }
    }
    sums.map(|columns| columns.into_iter().fold(0, i32::wrapping_add))
}
