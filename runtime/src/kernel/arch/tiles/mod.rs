//! Armv6-M, Armv7-M, and Armv8-M without the DSP extension (Cortex-M0, M3), by assembly; RISC-V in Rust:
//! [`crate::kernel::Packing::Tiles`].
//!
//! # Algebra
//!
//! A stored byte is u = weight + 128, which one load brings in without a sign to extend. What the 128 adds
//! is 128 * sum x, the same for all rows: it is taken back by what [`prepare`] gives.
//!
//! *One lane* takes its numbers as 16-bit ones, and eight rows together, two bands, or on RISC-V four: each number is
//! loaded once for all of them.
//!
//! *Four lanes* a, b, c, d of narrow numbers take three products instead of four. Their operands are, for
//! each column, the words
//!
//! ```text
//! X1 = xa + 2^24 xd        X2 = xb + 2^16 xd        X3 = xc + 2^8 xd        modulo 2^32
//! ```
//!
//! so that with the four sums A, B, C, D of u x, the three accumulators are, modulo 2^32,
//!
//! ```text
//! T1 = A + 2^24 D          T2 = B + 2^16 D          T3 = C + 2^8 D
//! ```
//!
//! Of at most [`SEGMENT`] columns each sum is below 2^23 in magnitude, so known from its lowest 24 bits: T1
//! gives A from its low 24 bits; then T1 - A = 2^24 D gives the low 8 bits of D; these in T2 give the low
//! 24 bits of B; then T2 - B = 2^16 D gives 16 bits of D, these in T3 the low 24 bits of C, and
//! T3 - C = 2^8 D gives 24 bits of D.
#![allow(unsafe_code)]

#[cfg(elbow_assembly)]
mod assembly;
#[cfg(elbow_assembly)]
mod job;
#[cfg(elbow_kernels = "riscv")]
mod riscv;
#[cfg(elbow_kernels = "v6m")]
mod v6m;
#[cfg(elbow_kernels = "v7m")]
mod v7m;

#[cfg(elbow_assembly)]
pub(crate) use assembly::{activated, scaled, sums};
#[cfg(elbow_kernels = "riscv")]
pub(crate) use riscv::sums;

use crate::kernel::matrix::{LANES, Numbers, Operands};
use crate::kernel::packing::TILE;

/// Columns whose sums stay below 2^23: 256 * 255 * 127 = 8,290,560 < 2^23.
const SEGMENT: usize = 256;

/// Words of a column in four lanes.
const TRIPLE: usize = 3;

/// See [`super::prepare`].
pub(crate) fn prepare(
    numbers: Numbers<'_>,
    columns: usize,
    lanes: usize,
    words: &mut [u32],
) -> [i32; LANES] {
    match numbers {
        Numbers::Narrow(x) if lanes == LANES => triples(x, columns, words),
        Numbers::Narrow(x) => singles(x, columns, lanes, words),
        Numbers::Wide(x) => singles(x, columns, lanes, words),
    }
}

/// Lane after lane, 16-bit numbers, filled up to groups of four.
fn singles<X: Copy + Into<i16>>(
    x: &[X],
    columns: usize,
    lanes: usize,
    words: &mut [u32],
) -> [i32; LANES] {
    let padded = columns.next_multiple_of(TILE);
    let mut starts = [0; LANES];
    let mut rest = x;
    let mut places: &mut [i16] = bytemuck::cast_slice_mut(words);
    for start in starts.iter_mut().take(lanes) {
        let Some((x, later)) = rest.split_at_checked(columns) else {
            break;
        };
        let Some((operands, later_places)) = places.split_at_mut_checked(padded) else {
            break;
        };
        (rest, places) = (later, later_places);
        *start = place(x, operands).wrapping_mul(-128);
    }
    starts
}

/// Puts `x` into place, and zeros behind it; gives their sum.
fn place<X: Copy + Into<i16>>(x: &[X], operands: &mut [i16]) -> i32 {
    let (whole, rest) = x.as_chunks::<TILE>();
    let places = operands.as_chunks_mut::<TILE>().0;
    let (places, last) = places.split_at_mut_checked(whole.len()).unwrap_or_default();
    let mut sum = 0i32;
    for (&[a, b, c, d], place) in whole.iter().zip(places) {
        let (a, b, c, d) = (a.into(), b.into(), c.into(), d.into());
        *place = [a, b, c, d];
        let pairs = (i32::from(a) + i32::from(b), i32::from(c) + i32::from(d));
        sum = sum.wrapping_add(pairs.0 + pairs.1);
    }
    if let [place, ..] = last {
        // Up to three, each by itself: a loop would become a call of a function that takes flash.
        let number = |column| rest.get(column).map_or(0, |&x: &X| x.into());
        let (a, b, c) = (number(0), number(1), number(2));
        *place = [a, b, c, 0];
        sum = sum.wrapping_add(i32::from(a) + i32::from(b) + i32::from(c));
    }
    sum
}

/// The three words of each column.
fn triples(x: &[i8], columns: usize, words: &mut [u32]) -> [i32; LANES] {
    let of_lane = |lane: usize| x.get(lane * columns..).unwrap_or_default().iter();
    let lanes = of_lane(0).zip(of_lane(1)).zip(of_lane(2)).zip(of_lane(3));
    let padded = columns.next_multiple_of(TILE);
    let mut starts = [0i32; LANES];
    let Some(words) = words.get_mut(..padded * TRIPLE) else {
        return starts;
    };
    // By address: to count chunks of three takes a division.
    let mut place = words.as_mut_ptr();
    for (((&a, &b), &c), &d) in lanes.take(columns) {
        let x = [a, b, c, d].map(i32::from);
        for (start, x) in starts.iter_mut().zip(x) {
            *start -= 128 * x;
        }
        let [a, b, c, d] = x.map(i32::cast_unsigned);
        let triple = [
            a.wrapping_add(d << 24),
            b.wrapping_add(d << 16),
            c.wrapping_add(d << 8),
        ];
        // SAFETY: there are three words for each of `columns` columns, and this loop has no more.
        unsafe { place.cast::<[u32; TRIPLE]>().write(triple) };
        // SAFETY: these three words are among them.
        place = unsafe { place.add(TRIPLE) };
    }
    for word in words.iter_mut().skip(columns * TRIPLE) {
        *word = 0;
    }
    starts
}

/// Four lanes of narrow numbers go together; others go one by one.
fn goes_together(operands: &Operands<'_>) -> bool {
    operands.lanes == LANES && !operands.wide
}

/// The four sums, each below 2^23 in magnitude, from `A + 2^24 D`, `B + 2^16 D` and `C + 2^8 D`.
fn apart([t1, t2, t3]: [u32; TRIPLE]) -> [i32; LANES] {
    let low = |t: u32| (t << 8).cast_signed() >> 8;
    let a = low(t1);
    // What is left of each is D, shifted as far as it was.
    let d8 = t1.wrapping_sub(a.cast_unsigned()) >> 24;
    let b = low(t2.wrapping_sub(d8 << 16));
    let d16 = t2.wrapping_sub(b.cast_unsigned()) >> 16;
    let c = low(t3.wrapping_sub(d16 << 8));
    let d = t3.wrapping_sub(c.cast_unsigned()).cast_signed() >> 8;
    [a, b, c, d]
}
