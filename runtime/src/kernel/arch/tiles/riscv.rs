//! RV32IM in Rust that compilers keep in registers: four rows together.
//!
//! There is no instruction that multiplies and adds, and loads take an offset, but no index. In a tile the weights of four
//! rows stand at offsets of one pointer, and each number is loaded once for all of them: 3.4 instructions a product in one
//! lane, 2.2 in four.

use super::{SEGMENT, TRIPLE, apart, goes_together};
use crate::kernel::matrix::{LANES, Operands};
use crate::kernel::packing::{BAND, TILE, TILE_BYTES};
use core::arch::asm;

/// Weights of four rows and four columns, row after row.
type Tile = [u8; TILE_BYTES];

/// Numbers of four columns in one lane.
type Singles = [i16; TILE];

/// Words of four columns in four lanes.
type Triples = [u32; TILE * TRIPLE];

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold.
pub(crate) fn sums(weights: &[u8], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let band = operands.columns.div_ceil(TILE) * TILE_BYTES;
    let bands = weights.chunks_exact(band.max(1));
    for (band, sums) in bands.zip(sums.as_chunks_mut::<TILE>().0) {
        let tiles: &[Tile] = band.as_chunks().0;
        if goes_together(operands) {
            of_four_lanes(tiles, operands.words.as_chunks().0, sums);
        } else {
            let numbers: &[i16] = bytemuck::cast_slice(operands.words);
            of_lanes(tiles, numbers.as_chunks().0, operands.lanes, sums);
        }
    }
}

/// The sums of four rows, lane by lane.
fn of_lanes(tiles: &[Tile], numbers: &[Singles], lanes: usize, sums: &mut [[i32; LANES]; TILE]) {
    let lanes = numbers.chunks_exact(tiles.len().max(1)).take(lanes);
    for (lane, numbers) in lanes.enumerate() {
        for (row, sum) in sums.iter_mut().zip(of_one_lane(tiles, numbers)) {
            if let Some(place) = row.get_mut(lane) {
                *place = sum;
            }
        }
    }
}

/// The sums of four rows in one lane.
#[inline(never)]
fn of_one_lane(tiles: &[Tile], numbers: &[Singles]) -> [i32; TILE] {
    let [mut p, mut q, mut r, mut s] = [0; TILE];
    for (tile, &[a, b, c, d]) in tiles.iter().zip(numbers) {
        let x = [a.into(), b.into(), c.into(), d.into()];
        p = plus_row(p, tile, 0, x);
        q = plus_row(q, tile, 1, x);
        r = plus_row(r, tile, 2, x);
        s = plus_row(s, tile, 3, x);
    }
    [p, q, r, s]
}

/// `sum` and the products of four columns.
#[inline(always)]
fn plus_row(sum: i32, tile: &Tile, row: usize, x: [i32; TILE]) -> i32 {
    let product = |column: usize| i32::from(tile[TILE * row + column]) * x[column];
    sum.wrapping_add(product(0))
        .wrapping_add(product(1))
        .wrapping_add(product(2))
        .wrapping_add(product(3))
}

/// The sums of four rows in four lanes.
fn of_four_lanes(tiles: &[Tile], words: &[Triples], sums: &mut [[i32; LANES]; TILE]) {
    *sums = [[0; LANES]; TILE];
    let segments = tiles.chunks(SEGMENT / TILE);
    for (tiles, words) in segments.zip(words.chunks(SEGMENT / TILE)) {
        for ([p, q, r, s], triple) in sums.iter_mut().zip(of_segment(tiles, words)) {
            let [a, b, c, d] = apart(triple);
            *p = p.wrapping_add(a);
            *q = q.wrapping_add(b);
            *r = r.wrapping_add(c);
            *s = s.wrapping_add(d);
        }
    }
}

/// The three accumulators of each of four rows.
#[inline(never)]
fn of_segment(tiles: &[Tile], words: &[Triples]) -> [[u32; TRIPLE]; TILE] {
    let mut sums = [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]];
    for (tile, words) in tiles.iter().zip(words) {
        add_column(&mut sums, tile, words, 0);
        add_column(&mut sums, tile, words, 1);
        add_column(&mut sums, tile, words, 2);
        add_column(&mut sums, tile, words, 3);
    }
    sums
}

/// Adds the products of one column.
#[inline(always)]
fn add_column(
    [p, q, r, s]: &mut [[u32; TRIPLE]; TILE],
    tile: &Tile,
    words: &Triples,
    column: usize,
) {
    let word = |word: usize| words[TRIPLE * column + word];
    let x = [word(0), word(1), word(2)];
    add_triple(p, tile[column], x);
    add_triple(q, tile[TILE + column], x);
    add_triple(r, tile[2 * TILE + column], x);
    add_triple(s, tile[3 * TILE + column], x);
}

/// Adds three products of a weight.
#[inline(always)]
fn add_triple([a, b, c]: &mut [u32; TRIPLE], weight: u8, x: [u32; TRIPLE]) {
    let weight = u32::from(weight);
    *a = multiply_add(*a, weight, x[0]);
    *b = multiply_add(*b, weight, x[1]);
    *c = multiply_add(*c, weight, x[2]);
}

/// `sum + a * b`, wrapping. Compilers compute all products of a tile before they add one, and run out of registers: here
/// they cannot.
#[inline(always)]
fn multiply_add(mut sum: u32, a: u32, b: u32) -> u32 {
    // SAFETY: two instructions, which touch nothing but the named registers.
    unsafe {
        asm!(
            "mul {product}, {a}, {b}",
            "add {sum}, {sum}, {product}",
            a = in(reg) a,
            b = in(reg) b,
            sum = inout(reg) sum,
            product = out(reg) _,
            options(pure, nomem, nostack)
        );
    }
    sum
}
