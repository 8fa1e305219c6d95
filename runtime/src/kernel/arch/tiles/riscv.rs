//! RV32IM in plain Rust, shaped so that compilers keep all sums of four rows in registers.
//!
//! There is no instruction that multiplies and adds, and loads take an offset, but no index. In a tile the weights of four
//! rows stand at offsets of one pointer, and each number is loaded once for all of them: 3.4 instructions a product in one
//! lane, two in four.

use super::{SEGMENT, TRIPLE, apart, goes_together};
use crate::kernel::matrix::{LANES, Operands};
use crate::kernel::packing::{BAND, TILE, TILE_BYTES};

/// Weights of four rows and four columns, row after row.
type Tile = [[u8; TILE]; TILE];

/// Numbers of four columns in one lane.
type Singles = [i16; TILE];

/// Numbers of four columns in four lanes.
type Triples = [[u32; TRIPLE]; TILE];

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold.
pub(crate) fn sums(weights: &[u8], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let groups = operands.columns.div_ceil(TILE).max(1);
    let bands = weights.chunks_exact(groups * TILE_BYTES);
    for (band, sums) in bands.zip(sums.as_chunks_mut::<TILE>().0) {
        let tiles: &[Tile] = bytemuck::cast_slice(band);
        if goes_together(operands) {
            *sums = of_four_lanes(tiles, bytemuck::cast_slice(operands.words));
            continue;
        }
        let numbers: &[Singles] = bytemuck::cast_slice(operands.words);
        let lanes = numbers.chunks_exact(groups).take(operands.lanes);
        for (lane, numbers) in lanes.enumerate() {
            for (row, sum) in sums.iter_mut().zip(of_one_lane(tiles, numbers)) {
                if let Some(place) = row.get_mut(lane) {
                    *place = sum;
                }
            }
        }
    }
}

/// The sums of four rows in one lane.
fn of_one_lane(tiles: &[Tile], numbers: &[Singles]) -> [i32; TILE] {
    let [mut p, mut q, mut r, mut s] = [0; TILE];
    for (tile, numbers) in tiles.iter().zip(numbers) {
        let x = numbers.map(i32::from);
        p = plus_row(p, tile[0], x);
        q = plus_row(q, tile[1], x);
        r = plus_row(r, tile[2], x);
        s = plus_row(s, tile[3], x);
    }
    [p, q, r, s]
}

/// `sum` and the products of four columns.
#[inline(always)]
fn plus_row(sum: i32, weights: [u8; TILE], x: [i32; TILE]) -> i32 {
    let [a, b, c, d] = weights.map(i32::from);
    let sum = sum.wrapping_add(a * x[0]).wrapping_add(b * x[1]);
    sum.wrapping_add(c * x[2]).wrapping_add(d * x[3])
}

/// The sums of four rows in four lanes.
fn of_four_lanes(tiles: &[Tile], numbers: &[Triples]) -> [[i32; LANES]; TILE] {
    let mut sums = [[0i32; LANES]; TILE];
    let segments = tiles.chunks(SEGMENT / TILE);
    for (tiles, numbers) in segments.zip(numbers.chunks(SEGMENT / TILE)) {
        let triples = of_segment(tiles, numbers);
        for (sums, triple) in sums.iter_mut().zip(triples) {
            for (sum, part) in sums.iter_mut().zip(apart(triple)) {
                *sum = sum.wrapping_add(part);
            }
        }
    }
    sums
}

/// The three accumulators of each of four rows.
fn of_segment(tiles: &[Tile], numbers: &[Triples]) -> [[u32; TRIPLE]; TILE] {
    let [mut p, mut q, mut r, mut s] = [[0; TRIPLE]; TILE];
    for (tile, numbers) in tiles.iter().zip(numbers) {
        for column in [0, 1, 2, 3] {
            let x = numbers[column];
            p = plus_triple(p, tile[0][column], x);
            q = plus_triple(q, tile[1][column], x);
            r = plus_triple(r, tile[2][column], x);
            s = plus_triple(s, tile[3][column], x);
        }
    }
    [p, q, r, s]
}

/// `sums` and the products of one column.
#[inline(always)]
fn plus_triple(sums: [u32; TRIPLE], weight: u8, x: [u32; TRIPLE]) -> [u32; TRIPLE] {
    let [a, b, c] = x.map(|x| u32::from(weight).wrapping_mul(x));
    [
        sums[0].wrapping_add(a),
        sums[1].wrapping_add(b),
        sums[2].wrapping_add(c),
    ]
}
