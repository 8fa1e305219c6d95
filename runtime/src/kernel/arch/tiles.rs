//! Armv6-M, Armv7-M, and Armv8-M without the DSP extension (Cortex-M0, M3): [`Packing::Tiles`].
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

use crate::kernel::packing::{Packing, TILE, TILE_BYTES};
#[cfg(elbow_kernels = "v7m")]
use crate::kernel::{Dense, Row};
use crate::kernel::{LANES, Numbers, Operands};
#[cfg(elbow_kernels = "v7m")]
use crate::requantize::Multiplier;
use core::arch::naked_asm;

/// The loop over the tiles of two bands on v7-M: rows in r4 to r11, the bands at r0 and r1, numbers at r2 up to r3; uses r12
/// and lr. Column 0 comes last in a tile: its first loads move the pointers on.
#[cfg(elbow_kernels = "v7m")]
macro_rules! eight_rows {
    () => {
        concat!(
            "2:\n",
            ".irp column, 1, 2, 3\n",
            "ldrsh lr, [r2, #2 * \\column]\n",
            "ldrb r12, [r0, #0 + \\column]\n",
            "mla r4, r12, lr, r4\n",
            "ldrb r12, [r0, #4 + \\column]\n",
            "mla r5, r12, lr, r5\n",
            "ldrb r12, [r0, #8 + \\column]\n",
            "mla r6, r12, lr, r6\n",
            "ldrb r12, [r0, #12 + \\column]\n",
            "mla r7, r12, lr, r7\n",
            "ldrb r12, [r1, #0 + \\column]\n",
            "mla r8, r12, lr, r8\n",
            "ldrb r12, [r1, #4 + \\column]\n",
            "mla r9, r12, lr, r9\n",
            "ldrb r12, [r1, #8 + \\column]\n",
            "mla r10, r12, lr, r10\n",
            "ldrb r12, [r1, #12 + \\column]\n",
            "mla r11, r12, lr, r11\n",
            ".endr\n",
            "ldrsh lr, [r2], #8\n",
            "ldrb r12, [r0, #4]\n",
            "mla r5, r12, lr, r5\n",
            "ldrb r12, [r0, #8]\n",
            "mla r6, r12, lr, r6\n",
            "ldrb r12, [r0, #12]\n",
            "mla r7, r12, lr, r7\n",
            "ldrb r12, [r0], #16\n",
            "mla r4, r12, lr, r4\n",
            "ldrb r12, [r1, #4]\n",
            "mla r9, r12, lr, r9\n",
            "ldrb r12, [r1, #8]\n",
            "mla r10, r12, lr, r10\n",
            "ldrb r12, [r1, #12]\n",
            "mla r11, r12, lr, r11\n",
            "ldrb r12, [r1], #16\n",
            "mla r8, r12, lr, r8\n",
            "cmp r2, r3\n",
            "bne 2b\n"
        )
    };
}

/// Two bands of tiles.
pub(crate) const BAND: usize = 2 * TILE;

/// The packing of these kernels.
pub(crate) const NATIVE: Packing = Packing::Tiles;

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
        _ => singles(numbers, columns, lanes, words),
    }
}

/// Lane after lane, 16-bit numbers, filled up to groups of four.
fn singles(numbers: Numbers<'_>, columns: usize, lanes: usize, words: &mut [u32]) -> [i32; LANES] {
    super::portable::prepare(numbers, columns, lanes, words);
    let operands: &[i16] = bytemuck::cast_slice(words);
    let padded = columns.next_multiple_of(TILE).max(1);
    let mut starts = [0; LANES];
    let lanes = operands.chunks_exact(padded).take(lanes);
    for (start, x) in starts.iter_mut().zip(lanes) {
        let sum = x.iter().fold(0i32, |sum, &x| sum.wrapping_add(x.into()));
        *start = sum.wrapping_mul(-128);
    }
    starts
}

/// The three words of each column.
fn triples(x: &[i8], columns: usize, words: &mut [u32]) -> [i32; LANES] {
    let of_lane = |lane: usize| x.get(lane * columns..).unwrap_or_default().iter();
    let lanes = of_lane(0).zip(of_lane(1)).zip(of_lane(2)).zip(of_lane(3));
    let (places, _) = words.as_chunks_mut::<TRIPLE>();
    let (filled, rest) = places.split_at_mut_checked(columns).unwrap_or_default();
    let mut starts = [0i32; LANES];
    for (place, (((&a, &b), &c), &d)) in filled.iter_mut().zip(lanes) {
        let x = [a, b, c, d].map(i32::from);
        for (start, x) in starts.iter_mut().zip(x) {
            *start -= 128 * x;
        }
        let [a, b, c, d] = x.map(i32::cast_unsigned);
        *place = [
            a.wrapping_add(d << 24),
            b.wrapping_add(d << 16),
            c.wrapping_add(d << 8),
        ];
    }
    let padding = columns.next_multiple_of(TILE) - columns;
    for place in rest.iter_mut().take(padding) {
        *place = [0; TRIPLE];
    }
    starts
}

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold.
pub(crate) fn sums(weights: &[u8], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let groups = operands.columns.div_ceil(TILE);
    let band = groups * TILE_BYTES;
    let four = operands.lanes == LANES && !operands.wide;
    let words = if four {
        groups * TILE * TRIPLE
    } else {
        operands.lanes * groups * 2
    };
    // What is read below: one band of tiles or two, and the words of every lane.
    if weights.len() < band || operands.words.len() < words || groups == 0 {
        return;
    }
    let start = weights.as_ptr();
    let out = sums.as_flattened_mut().as_mut_ptr();
    if four {
        let bands = if weights.len() < 2 * band { 1 } else { 2 };
        for pair in 0..2 * bands {
            // SAFETY: `pair / 2` is below the number of bands in `weights`, and a tile is four rows of four bytes.
            let rows = unsafe { start.add(pair / 2 * band + pair % 2 * 8) };
            let sums = sums.as_chunks_mut::<2>().0.get_mut(pair);
            if let Some(sums) = sums {
                // SAFETY: two rows of `groups` tiles start at `rows`, and `words` has three words for each of
                // their columns, as checked above.
                unsafe { two_rows(rows, operands.words, groups, sums) };
            }
        }
        return;
    }
    // A last band alone is computed twice.
    let second = if weights.len() < 2 * band { 0 } else { band };
    // SAFETY: `weights` has that many bytes, and a band behind them.
    let second = unsafe { start.add(second) };
    for lane in 0..operands.lanes {
        // SAFETY: the lane's words are `2 * groups` from there on, within `words`, as checked above.
        let words = unsafe { operands.words.as_ptr().add(lane * groups * 2) };
        // SAFETY: a lane is below LANES.
        let out = unsafe { out.add(lane) };
        // SAFETY: both bands have `groups` tiles, `words` are two words for each; every LANES-th of the
        // BAND * LANES - lane numbers from `out` on is written.
        unsafe { one_lane(start, second, words, groups, out) };
    }
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

/// Two bands for one lane, in the order that the assembly reads it.
#[cfg(elbow_kernels = "v7m")]
#[repr(C)]
struct Job {
    words: *const u32,
    words_end: *const u32,
    /// What each sum starts from.
    start: i32,
    rows: *const Row,
    out: *mut i32,
}

/// The outputs of two bands, lane by lane; false where that is not what is asked for.
#[cfg(elbow_kernels = "v7m")]
#[inline]
pub(crate) fn scaled(
    part: Dense<'_>,
    operands: &Operands<'_>,
    outputs: &mut [[i32; LANES]; BAND],
) -> bool {
    let groups = operands.columns.div_ceil(TILE);
    let band = groups * TILE_BYTES;
    let together = operands.lanes == LANES && !operands.wide;
    let whole = part.rows.len() == BAND && part.weights.len() >= 2 * band && groups > 0;
    if together || !whole || operands.words.len() < operands.lanes * groups * 2 {
        return false;
    }
    let first = part.weights.as_ptr();
    let out = outputs.as_flattened_mut().as_mut_ptr();
    let lanes = operands.words.chunks_exact((groups * 2).max(1));
    for (lane, (words, &start)) in lanes.zip(&operands.starts).enumerate().take(operands.lanes) {
        let words = words.as_ptr_range();
        let job = Job {
            words: words.start,
            words_end: words.end,
            start,
            rows: part.rows.as_ptr(),
            out: out.wrapping_add(lane),
        };
        // SAFETY: the second band is in `weights`, as checked above.
        let second = unsafe { first.add(band) };
        // SAFETY: both bands have `groups` tiles, the lane two words for each and eight rows; every LANES-th of
        // the BAND * LANES - lane numbers from `out` on is written.
        unsafe { one_lane_scaled(first, second, &job) };
    }
    true
}

/// [`Multiplier::apply_large`] for the assembly below.
#[cfg(elbow_kernels = "v7m")]
extern "C" fn apply(accumulator: i32, word: u32) -> i32 {
    Multiplier::from_validated(word).apply_large(accumulator)
}

/// One lane, eight rows: their outputs into every fourth of the job's `out`.
///
/// # Safety
/// `first` and `second` are as many tiles as the job has pairs of words, at least one; the job has eight rows,
/// and room for 29 numbers at `out`; all are at multiples of four bytes.
#[cfg(elbow_kernels = "v7m")]
#[unsafe(naked)]
unsafe extern "C" fn one_lane_scaled(first: *const u8, second: *const u8, job: &Job) {
    // The loop is that of `one_lane`. Then SMULL and two shifts give t of the rounding rule; a shift below 17
    // goes the long way.
    naked_asm!(
        "push {{r2, r4-r11, lr}}",
        "ldr r4, [r2, #8]",
        "ldrd r2, r3, [r2]",
        "mov r5, r4",
        "mov r6, r4",
        "mov r7, r4",
        "mov r8, r4",
        "mov r9, r4",
        "mov r10, r4",
        "mov r11, r4",
        eight_rows!(),
        "ldr r0, [sp]",
        "ldrd r0, r1, [r0, #12]",
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11",
        "ldrd r2, r3, [r0], #8",
        "add r2, r2, \\sum",
        "lsrs r12, r3, #16",
        "subs r12, r12, #17",
        "bhs 5f",
        "push {{r0, r1}}",
        "mov r0, r2",
        "mov r1, r3",
        "bl {apply}",
        "mov r2, r0",
        "pop {{r0, r1}}",
        "b 6f",
        "5:",
        "uxth r3, r3",
        "smull r2, lr, r2, r3",
        "lsrs r2, r2, #16",
        "orr r2, r2, lr, lsl #16",
        "asr r2, r2, r12",
        "adds r2, r2, #1",
        "asrs r2, r2, #1",
        "6:",
        "str r2, [r1], #16",
        ".endr",
        "pop {{r2, r4-r11, pc}}",
        apply = sym apply,
    )
}

/// One lane, eight rows: puts their sums over `groups` tiles of two bands into every fourth of `out`.
///
/// # Safety
/// `first` and `second` are `groups` tiles each, `words` `2 * groups` words, all at multiples of four
/// bytes; `out` are 29 numbers; `groups` is at least 1.
#[cfg(elbow_kernels = "v7m")]
#[unsafe(naked)]
unsafe extern "C" fn one_lane(
    first: *const u8,
    second: *const u8,
    words: *const u32,
    groups: usize,
    out: *mut i32,
) {
    // Rows in r4 to r11, a number in lr, a weight in r12. Column 0 comes last in a group: its first
    // loads move the pointers on.
    naked_asm!(
        "push {{r4-r11, lr}}",
        "add r3, r2, r3, lsl #3",
        "movs r4, #0",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "mov r8, r4",
        "mov r9, r4",
        "mov r10, r4",
        "mov r11, r4",
        eight_rows!(),
        "ldr r0, [sp, #36]",
        "str r4, [r0]",
        "str r5, [r0, #16]",
        "str r6, [r0, #32]",
        "str r7, [r0, #48]",
        "str r8, [r0, #64]",
        "str r9, [r0, #80]",
        "str r10, [r0, #96]",
        "str r11, [r0, #112]",
        "pop {{r4-r11, pc}}",
    )
}

/// Four lanes, two rows: puts T1, T2, T3 of the first row, then of the second, over `groups` tiles into
/// `out`.
///
/// # Safety
/// `rows` are two rows of each of `groups` tiles, `words` `12 * groups` words, both at multiples of four
/// bytes; `out` are 6 numbers; `groups` is at least 1.
#[cfg(elbow_kernels = "v7m")]
#[unsafe(naked)]
unsafe extern "C" fn four_lanes(rows: *const u8, words: *const u32, groups: usize, out: *mut u32) {
    // Accumulators in r4 to r9, a column's words in r10 to r12, a weight in lr.
    naked_asm!(
        "push {{r3-r11, lr}}",
        "add r2, r2, r2, lsl #1",
        "add r2, r1, r2, lsl #4",
        "movs r4, #0",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "mov r8, r4",
        "mov r9, r4",
        "2:",
        ".irp column, 0, 1, 2",
        "ldm r1!, {{r10, r11, r12}}",
        "ldrb lr, [r0, #0 + \\column]",
        "mla r4, lr, r10, r4",
        "mla r5, lr, r11, r5",
        "mla r6, lr, r12, r6",
        "ldrb lr, [r0, #4 + \\column]",
        "mla r7, lr, r10, r7",
        "mla r8, lr, r11, r8",
        "mla r9, lr, r12, r9",
        ".endr",
        "ldm r1!, {{r10, r11, r12}}",
        "ldrb lr, [r0, #7]",
        "mla r7, lr, r10, r7",
        "mla r8, lr, r11, r8",
        "mla r9, lr, r12, r9",
        "ldrb lr, [r0, #3]",
        "adds r0, r0, #16",
        "mla r4, lr, r10, r4",
        "mla r5, lr, r11, r5",
        "mla r6, lr, r12, r6",
        "cmp r1, r2",
        "bne 2b",
        "pop {{r3}}",
        "stm r3, {{r4-r9}}",
        "pop {{r4-r11, pc}}",
    )
}

/// As on v7-M, with the registers and the instructions of v6-M.
///
/// # Safety
/// As on v7-M.
#[cfg(elbow_kernels = "v6m")]
#[unsafe(naked)]
unsafe extern "C" fn one_lane(
    first: *const u8,
    second: *const u8,
    words: *const u32,
    groups: usize,
    out: *mut i32,
) {
    // Rows in r8 to r12, lr, r6 and r7; two numbers in r3, the first of them then in r4; a weight in r5.
    // Where the operands end is on the stack.
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        "lsls r3, r3, #3",
        "adds r3, r3, r2",
        "push {{r3}}",
        "movs r6, #0",
        "movs r7, #0",
        "mov r8, r6",
        "mov r9, r6",
        "mov r10, r6",
        "mov r11, r6",
        "mov r12, r6",
        "mov lr, r6",
        // A column of eight rows.
        ".macro elbow_column column, x",
        "ldrb r5, [r0, #0 + \\column]",
        "muls r5, \\x, r5",
        "add r8, r5",
        "ldrb r5, [r0, #4 + \\column]",
        "muls r5, \\x, r5",
        "add r9, r5",
        "ldrb r5, [r0, #8 + \\column]",
        "muls r5, \\x, r5",
        "add r10, r5",
        "ldrb r5, [r0, #12 + \\column]",
        "muls r5, \\x, r5",
        "add r11, r5",
        "ldrb r5, [r1, #0 + \\column]",
        "muls r5, \\x, r5",
        "add r12, r5",
        "ldrb r5, [r1, #4 + \\column]",
        "muls r5, \\x, r5",
        "add lr, r5",
        "ldrb r5, [r1, #8 + \\column]",
        "muls r5, \\x, r5",
        "adds r6, r6, r5",
        "ldrb r5, [r1, #12 + \\column]",
        "muls r5, \\x, r5",
        "adds r7, r7, r5",
        ".endm",
        "2:",
        "ldm r2!, {{r3}}",
        "sxth r4, r3",
        "elbow_column 0, r4",
        "asrs r3, r3, #16",
        "elbow_column 1, r3",
        "ldm r2!, {{r3}}",
        "sxth r4, r3",
        "elbow_column 2, r4",
        "asrs r3, r3, #16",
        "elbow_column 3, r3",
        "adds r0, #16",
        "adds r1, #16",
        "ldr r5, [sp]",
        "cmp r2, r5",
        "bne 2b",
        ".purgem elbow_column",
        // Above the stack pointer: the end, four saved registers, five more, then `out`.
        "ldr r0, [sp, #40]",
        "mov r1, r8",
        "str r1, [r0]",
        "mov r1, r9",
        "str r1, [r0, #16]",
        "mov r1, r10",
        "str r1, [r0, #32]",
        "mov r1, r11",
        "str r1, [r0, #48]",
        "mov r1, r12",
        "str r1, [r0, #64]",
        "mov r1, lr",
        "str r1, [r0, #80]",
        "str r6, [r0, #96]",
        "str r7, [r0, #112]",
        "add sp, #4",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
    )
}

/// As on v7-M, with the registers and the instructions of v6-M.
///
/// # Safety
/// As on v7-M.
#[cfg(elbow_kernels = "v6m")]
#[unsafe(naked)]
unsafe extern "C" fn four_lanes(rows: *const u8, words: *const u32, groups: usize, out: *mut u32) {
    // Accumulators in r8 to r12 and lr, a column's words in r2 to r4, a weight in r5 and r6, where the
    // operands end in r7.
    naked_asm!(
        "push {{r3-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        "movs r7, #48",
        "muls r7, r2, r7",
        "adds r7, r7, r1",
        "movs r6, #0",
        "mov r8, r6",
        "mov r9, r6",
        "mov r10, r6",
        "mov r11, r6",
        "mov r12, r6",
        "mov lr, r6",
        "2:",
        ".irp column, 0, 1, 2, 3",
        "ldm r1!, {{r2, r3, r4}}",
        "ldrb r5, [r0, #0 + \\column]",
        "movs r6, r5",
        "muls r6, r2, r6",
        "add r8, r6",
        "movs r6, r5",
        "muls r6, r3, r6",
        "add r9, r6",
        "muls r5, r4, r5",
        "add r10, r5",
        "ldrb r5, [r0, #4 + \\column]",
        "muls r2, r5, r2",
        "add r11, r2",
        "muls r3, r5, r3",
        "add r12, r3",
        "muls r4, r5, r4",
        "add lr, r4",
        ".endr",
        "adds r0, #16",
        "cmp r1, r7",
        "bne 2b",
        "ldr r3, [sp, #16]",
        "mov r0, r8",
        "mov r1, r9",
        "mov r2, r10",
        "stm r3!, {{r0-r2}}",
        "mov r0, r11",
        "mov r1, r12",
        "mov r2, lr",
        "stm r3!, {{r0-r2}}",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r3-r7, pc}}",
    )
}
