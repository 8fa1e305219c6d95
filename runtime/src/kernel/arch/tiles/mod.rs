//! Armv6-M, Armv7-M, and Armv8-M without the DSP extension (Cortex-M0, M3): [`crate::kernel::Packing::Tiles`].
//!
//! # Algebra
//!
//! A stored byte is u = weight + 128, which one load brings in without a sign to extend. What the 128 adds
//! is 128 * sum x, the same for all rows: it is taken back by what [`prepare`] gives.
//!
//! *One lane* takes its numbers as 16-bit ones, and eight rows together, two bands: each number is
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

mod job;
#[cfg(elbow_kernels = "v6m")]
mod v6m;
#[cfg(elbow_kernels = "v7m")]
mod v7m;

use job::Job;
#[cfg(elbow_kernels = "v6m")]
use v6m::{four_lanes, rows_of_job as outputs_of_job, rows_of_job as activations_of_job};
#[cfg(elbow_kernels = "v7m")]
use v7m::{activations_of_job, four_lanes, outputs_of_job};

#[cfg(elbow_kernels = "v7m")]
use crate::kernel::matrix::Row;
use crate::kernel::matrix::{Dense, LANES, Limits, Numbers, Operands};
use crate::kernel::packing::{BAND, TILE, TILE_BYTES};

/// Rows of one lane that go together: two bands of tiles.
const TOGETHER: usize = 2 * TILE;

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

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold and four lanes of narrow
/// numbers; others are not asked for here.
pub(crate) fn sums(weights: &[u8], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let groups = operands.columns.div_ceil(TILE);
    let band = groups * TILE_BYTES;
    // The words of all lanes are read below.
    if !goes_together(operands) || operands.words.len() < groups * TILE * TRIPLE || groups == 0 {
        return;
    }
    let mut rest = weights;
    for sums in sums.as_chunks_mut::<TILE>().0 {
        let Some((weights, later)) = rest.split_at_checked(band) else {
            break;
        };
        rest = later;
        for (pair, sums) in sums.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            // SAFETY: a tile is four rows of four bytes, and `weights` are `groups` tiles.
            let rows = unsafe { weights.as_ptr().add(pair * 2 * TILE) };
            // SAFETY: two rows of `groups` tiles start at `rows`, and there are three words for each of
            // their columns, as checked above.
            unsafe { two_rows(rows, operands.words, groups, sums) };
        }
    }
}

/// Four lanes of narrow numbers go together; others go one by one.
fn goes_together(operands: &Operands<'_>) -> bool {
    operands.lanes == LANES && !operands.wide
}

/// The sums of two rows in four lanes.
///
/// # Safety
/// `rows` are two rows of `groups` tiles, and `words` three words for each of their columns.
unsafe fn two_rows(rows: *const u8, words: &[u32], groups: usize, sums: &mut [[i32; LANES]; 2]) {
    *sums = [[0; LANES]; 2];
    let segment = SEGMENT / TILE;
    let mut first = 0;
    while first < groups {
        let length = segment.min(groups - first);
        let mut sixes = [0u32; 2 * TRIPLE];
        // SAFETY: `first` is below `groups`, the number of tiles.
        let tiles = unsafe { rows.add(first * TILE_BYTES) };
        // SAFETY: there are three words for each column of all groups.
        let operands = unsafe { words.as_ptr().add(first * TILE * TRIPLE) };
        // SAFETY: `length` tiles are left from there on, and not 0, with three words for each column; six
        // numbers are written.
        unsafe { four_lanes(tiles, operands, length, sixes.as_mut_ptr()) };
        for (row, sums) in sixes.as_chunks::<TRIPLE>().0.iter().zip(sums.iter_mut()) {
            let split = apart(*row);
            for (sum, part) in sums.iter_mut().zip(split) {
                *sum = sum.wrapping_add(part);
            }
        }
        first += length;
    }
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

/// Where outputs are activations: the zero point less the floor, the floor, the ceiling less the floor. Else
/// [`UNCLAMPED`].
#[derive(Clone, Copy)]
struct Clamp {
    offset: i32,
    floor: i32,
    #[cfg(elbow_kernels = "v6m")]
    range: i32,
}

/// Outputs as they are: no activation has that floor.
const UNCLAMPED: Clamp = Clamp {
    offset: 0,
    floor: 128,
    #[cfg(elbow_kernels = "v6m")]
    range: 0,
};

/// The outputs lane by lane, those of a lane `step` bytes behind those of the lane before; false where there is less
/// than that needs.
///
/// # Safety
/// `kernel` may be called with `clamp` for the rows of `dense` and places at `out`, in each lane.
#[inline(never)]
unsafe fn lane_by_lane(
    kernel: unsafe extern "C" fn(&mut Job),
    dense: &Dense<'_>,
    operands: &Operands<'_>,
    clamp: Clamp,
    (out, step): (*mut u8, usize),
) -> bool {
    let groups = operands.columns.div_ceil(TILE);
    let band = groups * TILE_BYTES;
    let (bytes, rows) = (dense.weights.len(), dense.rows.len());
    // Weights of a band alone serve as those of the band behind it, too.
    let alone = bytes == band && rows <= TOGETHER;
    let complete = alone || bytes >= rows.div_ceil(TILE) * band;
    if !complete || rows == 0 || operands.words.len() < operands.lanes * groups * 2 || groups == 0 {
        return false;
    }
    let mut words = operands.words.as_ptr();
    let mut out = out;
    for &start in operands.starts.iter().take(operands.lanes) {
        let words_end = words.wrapping_add(groups * 2);
        let rows = dense.rows.as_ptr_range();
        let mut job = Job {
            weights: dense.weights.as_ptr(),
            band: if alone { 0 } else { band },
            words,
            start,
            words_end,
            rows_end: rows.end,
            rows: rows.start,
            out,
            offset: clamp.offset,
            floor: clamp.floor,
            #[cfg(elbow_kernels = "v6m")]
            range: clamp.range,
        };
        // SAFETY: the job has as many tiles, words and rows as it says, as checked above; the caller answers for the
        // rest.
        unsafe { kernel(&mut job) };
        words = words_end;
        out = out.wrapping_add(step);
    }
    true
}

/// The outputs, lane by lane; false where that is not what is asked for.
#[inline]
pub(crate) fn scaled(
    part: Dense<'_>,
    operands: &Operands<'_>,
    outputs: &mut [[i32; LANES]; BAND],
) -> bool {
    if goes_together(operands) || part.rows.len() > BAND {
        return false;
    }
    #[cfg(elbow_kernels = "v7m")]
    let (part, outputs) = {
        let whole = part.rows.len() / TOGETHER * TOGETHER;
        let (rows, last_rows) = part.rows.split_at(whole);
        let (outputs, last_outputs) = outputs.split_at_mut(whole);
        if !last_rows.is_empty() && !scaled_last(&part, operands, last_rows, last_outputs) {
            return false;
        }
        if rows.is_empty() {
            return true;
        }
        (Dense { rows, ..part }, outputs)
    };
    let places = (outputs.as_mut_ptr().cast(), size_of::<i32>());
    // SAFETY: there are LANES numbers for each of at most BAND rows, and a lane's are each one behind those of the lane
    // before; on v7-M the rows are whole pairs of bands.
    unsafe { lane_by_lane(outputs_of_job, &part, operands, UNCLAMPED, places) }
}

/// The last rows of a part, fewer than go together, filled up: the assembly of v7-M takes whole pairs of bands. A last
/// band alone is computed twice.
#[cfg(elbow_kernels = "v7m")]
#[inline(never)]
fn scaled_last(
    part: &Dense<'_>,
    operands: &Operands<'_>,
    last: &[Row],
    outputs: &mut [[i32; LANES]],
) -> bool {
    let mut rows = [Row::ZERO; TOGETHER];
    for (row, &given) in rows.iter_mut().zip(last) {
        *row = given;
    }
    let before = (part.rows.len() - last.len()) / TILE * operands.columns.div_ceil(TILE);
    let filled = Dense {
        rows: &rows,
        weights: part.weights.get(before * TILE_BYTES..).unwrap_or_default(),
        ..*part
    };
    let places = (outputs.as_mut_ptr().cast(), size_of::<i32>());
    // SAFETY: as for [`scaled`]: where fewer rows than go together are left, there is room for as many as do.
    outputs.len() >= TOGETHER
        && unsafe { lane_by_lane(outputs_of_job, &filled, operands, UNCLAMPED, places) }
}

/// The narrow activations of a whole layer; false where that is not what is asked for.
#[inline]
pub(crate) fn activated(
    dense: Dense<'_>,
    operands: &Operands<'_>,
    Limits {
        floor,
        ceiling,
        zero_point,
    }: Limits,
    out: &mut [i8],
) -> bool {
    let rows = dense.rows.len();
    // The assembly of v7-M takes whole pairs of bands, saturates at the ceiling of eight bits, and knows one way.
    #[cfg(elbow_kernels = "v7m")]
    if !rows.is_multiple_of(TOGETHER)
        || ceiling + zero_point != i32::from(i8::MAX)
        || dense.bounds.shift < SHIFT
    {
        return false;
    }
    // That of v6-M knows outputs that are no activations by this.
    #[cfg(elbow_kernels = "v6m")]
    if floor + zero_point == UNCLAMPED.floor {
        return false;
    }
    if goes_together(operands) || out.len() < operands.lanes * rows {
        return false;
    }
    let clamp = Clamp {
        offset: -floor,
        floor: floor + zero_point,
        #[cfg(elbow_kernels = "v6m")]
        range: ceiling - floor,
    };
    let places = (out.as_mut_ptr().cast(), rows);
    // SAFETY: `out` has a byte for each row and lane, those of a lane `rows` behind those of the lane before; on v7-M the rows
    // and their shifts are as checked above.
    unsafe { lane_by_lane(activations_of_job, &dense, operands, clamp, places) }
}

/// The least shift of an activation's multiplier that the assembly of v7-M knows.
#[cfg(elbow_kernels = "v7m")]
const SHIFT: u32 = 17;
