//! Armv7E-M and Armv8-M with the DSP extension (Cortex-M4, M7, M33): [`crate::kernel::Packing::PairedTiles`].
//!
//! # Algebra
//!
//! A row of a tile is the word w with the bytes u0, b1, u2, b3 from the lowest on: u = weight + 128,
//! unsigned, for columns 0 and 2, and b = weight, signed, for columns 1 and 3. As two signed halves it
//! is (256 b1 + u0, 256 b3 + u2).
//!
//! *Narrow numbers.* The operands of the four columns are two words of signed halves,
//!
//! ```text
//! X = (x1, x3)        Y = (256 x0 - x1, 256 x2 - x3)        |x| <= 127, so |Y| <= 32639 fits
//! ```
//!
//! and SMLAD, which multiplies both halves and adds both products, gives
//!
//! ```text
//! SMLAD(w, X)         = 256 (b1 x1 + b3 x3) + u0 x1 + u2 x3
//! SMLAD(UXTB16(w), Y) = 256 (u0 x0 + u2 x2) - u0 x1 - u2 x3
//! sum                 = 256 (b1 x1 + b3 x3 + u0 x0 + u2 x2)
//! ```
//!
//! exactly, modulo 2^32: four multiply-accumulates in three instructions. The 256 goes by an arithmetic
//! shift as long as the sum of a segment of columns is below 2^23: of [`SEGMENT`] columns it is at most
//! 172 * 127 * 127 + 172 * 255 * 127 = 8,344,408 < 2^23. What 128 adds is 128 (x0 + x2), the same for all
//! rows: it is taken back by what [`prepare`] gives.
//!
//! *Wide numbers.* The operands are (x0, x2) and (x1, x3), and
//!
//! ```text
//! SMLAD(UXTB16(w), (x0, x2)) + SMLAD(SXTB16(w ror 8), (x1, x3)) = u0 x0 + u2 x2 + b1 x1 + b3 x3
//! ```
#![allow(unsafe_code)]

use crate::kernel::matrix::{Dense, LANES, Limits, Numbers, Operands, Row};
use crate::kernel::packing::{BAND, TILE, TILE_BYTES};
use crate::requantize::Multiplier;
use core::arch::naked_asm;

/// The assembler does not hear of `-C target-cpu`; v7E-M has the instructions without being told.
#[cfg(elbow_v8m)]
macro_rules! cpu {
    () => {
        ".cpu cortex-m33"
    };
}
#[cfg(not(elbow_v8m))]
macro_rules! cpu {
    () => {
        ""
    };
}

/// A tile of narrow numbers: rows in r4 to r7, the tile at r0, X and Y at r1; uses r8 to r12 and lr.
macro_rules! narrow_tile {
    () => {
        concat!(
            "ldm r0!, {{r8-r11}}\n",
            "ldrd r12, lr, [r1], #8\n",
            "smlad r4, r8, r12, r4\n",
            "uxtb16 r8, r8\n",
            "smlad r5, r9, r12, r5\n",
            "uxtb16 r9, r9\n",
            "smlad r6, r10, r12, r6\n",
            "uxtb16 r10, r10\n",
            "smlad r7, r11, r12, r7\n",
            "uxtb16 r11, r11\n",
            "smlad r4, r8, lr, r4\n",
            "smlad r5, r9, lr, r5\n",
            "smlad r6, r10, lr, r6\n",
            "smlad r7, r11, lr, r7\n"
        )
    };
}

/// Two rows of a tile for four lanes of narrow numbers: the first row in r4 to r7, the second in r8 to r11; uses r2, r3, r12 and lr.
macro_rules! two_rows_of_tile {
    () => {
        concat!(
            "ldrd r2, r3, [r0], #16\n",
            "ldrd r12, lr, [r1], #8\n",
            "smlad r4, r2, r12, r4\n",
            "smlad r8, r3, r12, r8\n",
            "smlad r5, r2, lr, r5\n",
            "smlad r9, r3, lr, r9\n",
            "ldrd r12, lr, [r1], #8\n",
            "smlad r6, r2, r12, r6\n",
            "smlad r10, r3, r12, r10\n",
            "smlad r7, r2, lr, r7\n",
            "smlad r11, r3, lr, r11\n",
            "uxtb16 r2, r2\n",
            "uxtb16 r3, r3\n",
            "ldrd r12, lr, [r1], #8\n",
            "smlad r4, r2, r12, r4\n",
            "smlad r8, r3, r12, r8\n",
            "smlad r5, r2, lr, r5\n",
            "smlad r9, r3, lr, r9\n",
            "ldrd r12, lr, [r1], #8\n",
            "smlad r6, r2, r12, r6\n",
            "smlad r10, r3, r12, r10\n",
            "smlad r7, r2, lr, r7\n",
            "smlad r11, r3, lr, r11\n"
        )
    };
}

/// A tile of wide numbers, as `narrow_tile`; uses r3 too.
macro_rules! wide_tile {
    () => {
        concat!(
            "ldm r0!, {{r8-r11}}\n",
            "ldrd r12, lr, [r1], #8\n",
            "uxtb16 r3, r8\n",
            "smlad r4, r3, r12, r4\n",
            "sxtb16 r8, r8, ror #8\n",
            "smlad r4, r8, lr, r4\n",
            "uxtb16 r3, r9\n",
            "smlad r5, r3, r12, r5\n",
            "sxtb16 r9, r9, ror #8\n",
            "smlad r5, r9, lr, r5\n",
            "uxtb16 r3, r10\n",
            "smlad r6, r3, r12, r6\n",
            "sxtb16 r10, r10, ror #8\n",
            "smlad r6, r10, lr, r6\n",
            "uxtb16 r3, r11\n",
            "smlad r7, r3, r12, r7\n",
            "sxtb16 r11, r11, ror #8\n",
            "smlad r7, r11, lr, r7\n"
        )
    };
}

/// Columns that are summed at 256 times their value before the 256 goes.
const SEGMENT: usize = 344;

/// Words of a group of four columns in one lane.
const PAIR: usize = 2;

/// See [`super::prepare`]. One lane takes the words X, Y of each four columns; four narrow lanes take
/// X of each lane, then Y of each; other lanes stand one behind the other.
pub(crate) fn prepare(
    numbers: Numbers<'_>,
    columns: usize,
    lanes: usize,
    words: &mut [u32],
) -> [i32; LANES] {
    let groups = columns.div_ceil(TILE);
    let interleaved = lanes == LANES && matches!(numbers, Numbers::Narrow(_));
    let mut starts = [0; LANES];
    for (lane, start) in starts.iter_mut().enumerate().take(lanes) {
        let range = lane * columns..(lane + 1) * columns;
        let (first, step) = if interleaved {
            (lane, LANES * PAIR)
        } else {
            (lane * groups * PAIR, PAIR)
        };
        let places = words.get_mut(first..).unwrap_or_default();
        let second = if interleaved { LANES } else { 1 };
        let even = match numbers {
            Numbers::Narrow(x) => {
                place_narrow(x.get(range).unwrap_or_default(), places, step, second)
            }
            Numbers::Wide(x) => place_wide(x.get(range).unwrap_or_default(), places),
        };
        *start = even.wrapping_mul(-128);
    }
    starts
}

/// Puts X and Y of each four numbers into place, `step` words from one X to the next and `second` from X to
/// Y; gives the sum of the numbers at even places.
fn place_narrow(x: &[i8], places: &mut [u32], step: usize, second: usize) -> i32 {
    let (whole, rest) = x.as_chunks::<TILE>();
    let (before, last) = places
        .split_at_mut_checked(whole.len() * step)
        .unwrap_or_default();
    let mut even = 0;
    if !whole.is_empty() && before.len() == whole.len() * step {
        // SAFETY: there are as many fours of numbers, and `step` words for each, of which words 0 and
        // `second < step` are written.
        even = unsafe {
            pairs(
                whole.as_ptr().cast(),
                whole.len(),
                before.as_mut_ptr(),
                4 * step,
                4 * second,
            )
        };
    }
    if let [x0, rest @ ..] = rest {
        // What is behind the last number is zero.
        let [x1, x2] = [0, 1].map(|index| rest.get(index).map_or(0, |&x| i32::from(x)));
        let x0 = i32::from(*x0);
        even += x0 + x2;
        if let (Some(word), words) = last.split_first_mut().unzip() {
            *word = halves(x1, 0);
            if let Some(word) = words.and_then(|words| words.get_mut(second - 1)) {
                *word = halves(256 * x0 - x1, 256 * x2);
            }
        }
    }
    even
}

/// Puts (x0, x2) and (x1, x3) of each four numbers into place, one behind the other; gives the sum of the
/// numbers at even places.
fn place_wide(x: &[i16], places: &mut [u32]) -> i32 {
    let mut even = 0i32;
    for (place, x) in places
        .as_chunks_mut::<PAIR>()
        .0
        .iter_mut()
        .zip(x.chunks(TILE))
    {
        let at = |index| x.get(index).map_or(0, |&x| i32::from(x));
        even = even.wrapping_add(at(0) + at(2));
        *place = [halves(at(0), at(2)), halves(at(1), at(3))];
    }
    even
}

/// Puts X and Y of each of `groups` four numbers into place, `step` bytes from one X to the next and `second`
/// bytes from X to Y; gives the sum of the numbers at even places.
///
/// # Safety
/// There are `4 * groups` numbers, and so many words at a multiple of four bytes that all places exist;
/// `groups` is at least 1.
#[unsafe(naked)]
unsafe extern "C" fn pairs(
    x: *const i8,
    groups: usize,
    words: *mut u32,
    step: usize,
    second: usize,
) -> i32 {
    // The bytes 256 * (x mod 256) of a half are 256 * x as a signed one.
    naked_asm!(
        cpu!(),
        "push {{r4-r8, lr}}",
        "ldr r12, [sp, #24]",
        "mov lr, #0x00010001",
        "movs r4, #0",
        "2:",
        "ldr r5, [r0], #4",
        "sxtb16 r6, r5, ror #8",
        "uxtb16 r7, r5",
        "lsls r7, r7, #8",
        "ssub16 r7, r7, r6",
        "sxtb16 r8, r5",
        "smlad r4, r8, lr, r4",
        "str r7, [r2, r12]",
        "str r6, [r2]",
        "add r2, r2, r3",
        "subs r1, r1, #1",
        "bne 2b",
        "mov r0, r4",
        "pop {{r4-r8, pc}}",
    )
}

/// Two 16-bit numbers as a word, the first one low.
fn halves(low: i32, high: i32) -> u32 {
    (low as u32 & 0xffff) | (high as u32) << 16
}

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold.
pub(crate) fn sums(weights: &[u8], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let groups = operands.columns.div_ceil(TILE);
    // The words of every lane are read below.
    if operands.words.len() < operands.lanes * groups * PAIR || groups == 0 {
        return;
    }
    let bands = weights.chunks_exact((groups * TILE_BYTES).max(1));
    for (weights, sums) in bands.zip(sums.as_chunks_mut::<TILE>().0) {
        // SAFETY: a chunk is `groups` tiles, and `words` has as many pairs for each lane.
        unsafe { sums_of_band(weights.as_ptr(), operands, groups, sums) };
    }
}

/// [`sums`] of four rows.
///
/// # Safety
/// `weights` are `groups` tiles, and `operands` has as many pairs of words for each lane; `groups` is at
/// least 1.
unsafe fn sums_of_band(
    weights: *const u8,
    operands: &Operands<'_>,
    groups: usize,
    sums: &mut [[i32; LANES]; TILE],
) {
    let segment = if operands.wide {
        groups
    } else {
        SEGMENT / TILE
    };
    let mut first = 0;
    // SAFETY: there are `groups` tiles and pairs, and a segment is not empty.
    unsafe { segment_of_band(weights, operands, groups, (0, segment.min(groups)), sums) };
    while groups - first > segment {
        first += segment;
        let length = segment.min(groups - first);
        let mut more = [[0; LANES]; TILE];
        // SAFETY: `first` is below `groups`, and `length` tiles follow.
        unsafe { segment_of_band(weights, operands, groups, (first, length), &mut more) };
        for (sum, more) in sums.as_flattened_mut().iter_mut().zip(more.as_flattened()) {
            *sum = sum.wrapping_add(*more);
        }
    }
}

/// The sums over `length` of `groups` tiles, from tile `first` on.
///
/// # Safety
/// As for [`sums_of_band`]; `first + length` is at most `groups`, and `length` at least 1.
unsafe fn segment_of_band(
    weights: *const u8,
    operands: &Operands<'_>,
    groups: usize,
    (first, length): (usize, usize),
    sums: &mut [[i32; LANES]; TILE],
) {
    let words = operands.words.as_ptr();
    let out = sums.as_flattened_mut().as_mut_ptr();
    // SAFETY: `first` is below `groups`, the number of tiles.
    let weights = unsafe { weights.add(first * TILE_BYTES) };
    if operands.lanes == LANES && !operands.wide {
        // SAFETY: there are `LANES * groups * PAIR` words.
        let words = unsafe { words.add(first * LANES * PAIR) };
        for pair in 0..2 {
            // SAFETY: two rows of a tile are eight bytes, and a tile has four.
            let weights = unsafe { weights.add(8 * pair) };
            // SAFETY: two rows of `sums` are `2 * LANES` numbers, and it has four.
            let out = unsafe { out.add(2 * LANES * pair) };
            // SAFETY: of `length` tiles from `weights` on two rows are read, and as many times
            // `LANES * PAIR` words; `2 * LANES` numbers are written. `length` is not 0.
            unsafe { narrow_four(weights, words, length, out) };
        }
    } else {
        let kernel = if operands.wide { wide } else { narrow };
        for lane in 0..operands.lanes {
            // SAFETY: the lane's words are `groups * PAIR` within `words`, and `first < groups`.
            let words = unsafe { words.add((lane * groups + first) * PAIR) };
            // SAFETY: a lane is below LANES.
            let out = unsafe { out.add(lane) };
            // SAFETY: `length` tiles and pairs are left from there on, and not 0; every LANES-th of the
            // numbers from `out` on is written.
            unsafe { kernel(weights, words, length, out) };
        }
    }
}

/// A layer, or a part of it, for one lane, in the order that the assembly reads it.
#[repr(C)]
struct Job {
    /// What the sums of four rows start from; 256 times that for narrow numbers.
    starts: [i32; TILE],
    words: *const u32,
    words_end: *const u32,
    /// Where the last whole [`TURN`] ends.
    turns_end: *const u32,
    rows_end: *const Row,
    rows: *const Row,
    out: *mut u8,
    clamp: Clamp,
}

/// Where outputs are activations: the zero point less the floor, and the floor.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Clamp {
    offset: i32,
    floor: i32,
}

/// Words of the tiles that the assembly takes in a turn.
const TURN: usize = 4 * PAIR;

/// The least shift of an activation's multiplier that the assembly knows.
const SHIFT: u32 = 17;

/// The outputs lane by lane, those of a lane `step` bytes behind those of the lane before; false where that is not what
/// is asked for.
///
/// # Safety
/// `kernel` may be called with `clamp` for the rows of `dense` and places at `out`, in each lane.
#[inline(never)]
unsafe fn lane_by_lane(
    kernel: unsafe extern "C" fn(*const u8, &Job),
    dense: &Dense<'_>,
    operands: &Operands<'_>,
    clamp: Clamp,
    (mut out, step): (*mut u8, usize),
) -> bool {
    let Dense { weights, rows, .. } = *dense;
    let pairs = operands.columns.div_ceil(TILE) * PAIR;
    // What a sum starts from is in it from the beginning here, so that only the true sum has to stay below
    // 2^23: 520 * 127 * 127 = 8,387,080 does.
    let short =
        operands.wide || operands.columns <= 520 || dense.bounds.norm <= ((1 << 23) - 1) / 127;
    let whole = rows.len().is_multiple_of(TILE) && !rows.is_empty() && pairs > 0;
    let complete = weights.len() * PAIR >= rows.len() * pairs * TILE
        && operands.words.len() >= operands.lanes * pairs;
    if !short || !whole || !complete {
        return false;
    }
    let mut words = operands.words.as_ptr();
    for &start in operands.starts.iter().take(operands.lanes) {
        let words_end = words.wrapping_add(pairs);
        let rows = rows.as_ptr_range();
        let job = Job {
            starts: [if operands.wide { start } else { start << 8 }; TILE],
            words,
            words_end,
            turns_end: words.wrapping_add(pairs / TURN * TURN),
            rows_end: rows.end,
            rows: rows.start,
            out,
            clamp,
        };
        // SAFETY: the job has as many tiles, words and rows as it says, as checked above; the caller answers for the
        // rest.
        unsafe { kernel(weights.as_ptr(), &job) };
        words = words_end;
        out = out.wrapping_add(step);
    }
    true
}

/// Four lanes of narrow numbers go together; others go one by one.
fn goes_together(operands: &Operands<'_>) -> bool {
    operands.lanes == LANES && !operands.wide
}

/// The outputs; false where that is not what is asked for.
#[inline]
pub(crate) fn scaled(
    part: Dense<'_>,
    operands: &Operands<'_>,
    outputs: &mut [[i32; LANES]; BAND],
) -> bool {
    if part.rows.len() > BAND || goes_together(operands) {
        return false;
    }
    let kernel = if operands.wide {
        scaled_wide
    } else {
        scaled_narrow
    };
    let places = (outputs.as_mut_ptr().cast(), size_of::<i32>());
    // SAFETY: there are LANES numbers for each of at most BAND rows, and a lane's are each one behind those of the lane
    // before.
    unsafe { lane_by_lane(kernel, &part, operands, Clamp::default(), places) }
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
    // The assembly saturates at the ceiling of eight bits, and knows one way.
    let known = ceiling + zero_point == i32::from(i8::MAX) && dense.bounds.shift >= SHIFT;
    if out.len() < operands.lanes * rows || goes_together(operands) || !known {
        return false;
    }
    let kernel = if operands.wide {
        activated_wide
    } else {
        activated_narrow
    };
    let clamp = Clamp {
        offset: -floor,
        floor: floor + zero_point,
    };
    let places = (out.as_mut_ptr().cast(), rows);
    // SAFETY: `out` has a byte for each row and lane, those of a lane `rows` behind those of the lane before, and the
    // shifts are as checked above.
    unsafe { lane_by_lane(kernel, &dense, operands, clamp, places) }
}

/// From sums to outputs, in all lanes.
pub(crate) fn scale(rows: &[Row], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let rows = rows.get(..BAND).unwrap_or(rows);
    if !rows.is_empty() {
        let sums = sums.as_flattened_mut().as_mut_ptr();
        // SAFETY: `sums` has LANES numbers for each of `rows`, of which there is one at least; all of them are read
        // and written.
        unsafe { scale_rows(sums, rows.as_ptr(), rows.len(), operands.starts.as_ptr()) };
    }
}

/// Adds the lanes' `starts` and each row's bias to LANES sums for each row, and scales them, as
/// [`rows_of_job`] does.
///
/// # Safety
/// `sums` are `4 * count` numbers, `rows` are `count` rows, at least 1, and `starts` 4 numbers.
#[unsafe(naked)]
unsafe extern "C" fn scale_rows(
    sums: *mut i32,
    rows: *const Row,
    count: usize,
    starts: *const i32,
) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "sub sp, sp, #4",
        "add r2, r1, r2, lsl #3",
        "str r2, [sp]",
        "ldm r3, {{r4-r7}}",
        "2:",
        "ldm r0, {{r8-r11}}",
        "ldrd r12, lr, [r1], #8",
        "add r8, r8, r4",
        "add r9, r9, r5",
        "add r10, r10, r6",
        "add r11, r11, r7",
        "add r8, r8, r12",
        "add r9, r9, r12",
        "add r10, r10, r12",
        "add r11, r11, r12",
        "lsr r12, lr, #16",
        "subs r12, r12, #16",
        "bls 5f",
        "smulwb r8, r8, lr",
        "smulwb r9, r9, lr",
        "smulwb r10, r10, lr",
        "smulwb r11, r11, lr",
        ".irp sum, r8, r9, r10, r11",
        "asrs \\sum, \\sum, r12",
        "adc \\sum, \\sum, #0",
        ".endr",
        "3:",
        "stm r0!, {{r8-r11}}",
        "ldr r12, [sp]",
        "cmp r1, r12",
        "bne 2b",
        "add sp, sp, #4",
        "pop {{r4-r11, pc}}",
        // A shift s up to 16: the 64 bits of product and half, shifted; what does not fit saturates.
        "5:",
        "push {{r0, r1}}",
        "add r12, r12, #16",
        "uxth lr, lr",
        "mov r0, #1",
        "lsl r0, r0, r12",
        "lsr r0, r0, #1",
        "rsb r1, r12, #32",
        ".irp sum, r8, r9, r10, r11",
        "smull r2, r3, \\sum, lr",
        "adds r2, r2, r0",
        "adc r3, r3, #0",
        "lsr r2, r2, r12",
        "lsl \\sum, r3, r1",
        "orr \\sum, \\sum, r2",
        "asr r3, r3, r12",
        "cmp r3, \\sum, asr #31",
        "itt ne",
        "mvnne \\sum, #0x80000000",
        "eorne \\sum, \\sum, r3, asr #31",
        ".endr",
        "pop {{r0, r1}}",
        "b 3b",
    )
}

/// [`Multiplier::apply_large`] for the assembly below.
extern "C" fn apply(accumulator: i32, word: u32) -> i32 {
    Multiplier::from_validated(word).apply_large(accumulator)
}

/// A copy of the job at hand on the stack; then, band after band, `$products` adds the products of the tiles at r0, of the
/// numbers from r1 up to r2, in r4 to r7, and `$rows` makes outputs of these sums: rows at r8, the place for
/// outputs at r9, offset and floor in r10 and r11; r0 stays.
///
/// Each sum is added to its bias and scaled: with the mantissa in the low half and the shift s in the high half of the
/// multiplier, SMULWB gives t of the rounding rule, and
///
/// ```text
/// floor((t + 2^(s-17)) / 2^(s-16)) = floor(t / 2^(s-16)) + bit s-17 of t
/// ```
///
/// where ASRS by s - 16 > 0 gives the first term and leaves the second in the carry, which ADC adds together with
/// the job's offset. The offset is such that a number at the floor is zero now, so that BIC with its own sign takes what
/// is below to the floor. Of outputs that are no activations a shift below 17 goes the long way.
macro_rules! rows_of_job {
    ($products:expr, $rows:expr, $($operand:tt)*) => {
        naked_asm!(
            cpu!(),
            "push {{r3-r11, lr}}",
            "ldm r1, {{r2-r12, lr}}",
            "push {{r2-r12, lr}}",
            "1:",
            "ldm sp, {{r4-r7}}",
            "ldrd r1, r2, [sp, #16]",
            $products,
            "ldrd r8, r9, [sp, #32]",
            "ldrd r10, r11, [sp, #40]",
            $rows,
            "strd r8, r9, [sp, #32]",
            "ldr r2, [sp, #28]",
            "cmp r8, r2",
            "bne 1b",
            "add sp, sp, #48",
            "pop {{r3-r11, pc}}",
            $($operand)*
        )
    };
}

/// The products of narrow numbers.
macro_rules! narrow_products {
    () => {
        concat!(
            "ldr r3, [sp, #24]\n",
            "cmp r1, r3\n",
            "beq 3f\n",
            "2:\n",
            ".rept 4\n",
            narrow_tile!(),
            ".endr\n",
            "cmp r1, r3\n",
            "bne 2b\n",
            "3:\n",
            "cmp r1, r2\n",
            "beq 5f\n",
            "4:\n",
            narrow_tile!(),
            "cmp r1, r2\n",
            "bne 4b\n",
            "5:\n"
        )
    };
}

/// The products of wide numbers.
macro_rules! wide_products {
    () => {
        concat!("2:\n", wide_tile!(), "cmp r1, r2\n", "bne 2b\n")
    };
}

/// The outputs of four rows, every fourth number of `out`; `$sum` is a sum as it is to be added to its bias.
macro_rules! outputs {
    ($sum:literal) => {
        concat!(
            ".irp sum, r4, r5, r6, r7\n",
            "ldrd r2, r1, [r8], #8\n",
            "add r2, r2, ",
            $sum,
            "\n",
            "lsrs r3, r1, #16\n",
            "subs r3, r3, #16\n",
            "bhi 6f\n",
            "push {{r0, lr}}\n",
            "mov r0, r2\n",
            "bl {apply}\n",
            "mov r2, r0\n",
            "pop {{r0, lr}}\n",
            "b 7f\n",
            "6:\n",
            "smulwb r2, r2, r1\n",
            "asrs r2, r3\n",
            "adc r2, r2, #0\n",
            "7:\n",
            "str r2, [r9], #16\n",
            ".endr\n"
        )
    };
}

/// The activations of four rows, two after two; `$shift` is what is to be done to a sum before it is added to its
/// bias.
macro_rules! activations {
    ($shift:literal) => {
        concat!(
            "mov lr, #16\n",
            ".macro elbow_row sum, bias, multiplier\n",
            "add \\sum, \\bias, \\sum",
            $shift,
            "\n",
            "rsb \\bias, lr, \\multiplier, lsr #16\n",
            "smulwb \\sum, \\sum, \\multiplier\n",
            "asrs \\sum, \\sum, \\bias\n",
            "adc \\sum, \\sum, r10\n",
            "bic \\sum, \\sum, \\sum, asr #31\n",
            "add \\sum, \\sum, r11\n",
            "ssat \\sum, #8, \\sum\n",
            "strb \\sum, [r9], #1\n",
            ".endm\n",
            "ldm r8!, {{r1, r2, r3, r12}}\n",
            "elbow_row r4, r1, r2\n",
            "elbow_row r5, r3, r12\n",
            "ldm r8!, {{r1, r2, r3, r12}}\n",
            "elbow_row r6, r1, r2\n",
            "elbow_row r7, r3, r12\n",
            ".purgem elbow_row\n"
        )
    };
}

/// The outputs of a job's rows for narrow numbers into every fourth number of `out`.
///
/// # Safety
/// `weights` and the job's words, rows and `out` are as many as it says, four rows at least, all at multiples of
/// four bytes; sums of narrow numbers stay below 2^23.
#[unsafe(naked)]
unsafe extern "C" fn scaled_narrow(weights: *const u8, job: &Job) {
    rows_of_job!(narrow_products!(), outputs!("\\sum, asr #8"), apply = sym apply)
}

/// As [`scaled_narrow`], for wide numbers.
///
/// # Safety
/// As for [`scaled_narrow`].
#[unsafe(naked)]
unsafe extern "C" fn scaled_wide(weights: *const u8, job: &Job) {
    rows_of_job!(wide_products!(), outputs!("\\sum"), apply = sym apply)
}

/// The activations of a job's rows for narrow numbers into `out`.
///
/// # Safety
/// As for [`scaled_narrow`], but for `out`, which are bytes. No shift is below [`SHIFT`].
#[unsafe(naked)]
unsafe extern "C" fn activated_narrow(weights: *const u8, job: &Job) {
    rows_of_job!(narrow_products!(), activations!(", asr #8"),)
}

/// As [`activated_narrow`], for wide numbers.
///
/// # Safety
/// As for [`activated_narrow`].
#[unsafe(naked)]
unsafe extern "C" fn activated_wide(weights: *const u8, job: &Job) {
    rows_of_job!(wide_products!(), activations!(""),)
}

/// One lane of narrow numbers, four rows: puts the sums over `groups` tiles into `out[0]`, `out[4]`,
/// `out[8]` and `out[12]`.
///
/// # Safety
/// `weights` are `groups` tiles and `words` `2 * groups` words, both at multiples of four bytes;
/// `out` are 13 numbers; `groups` is at least 1.
#[unsafe(naked)]
unsafe extern "C" fn narrow(weights: *const u8, words: *const u32, groups: usize, out: *mut i32) {
    // Rows in r4 to r7, their words in r8 to r11, X and Y in r12 and lr. Four groups a turn; what does
    // not fill a turn is jumped over.
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "add r2, r1, r2, lsl #3", // where the operands end
        "movs r4, #0",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        // Turns of four groups first, as long as there are as many.
        "2:",
        "sub r12, r2, r1",
        "cmp r12, #32",
        "blo 3f",
        ".rept 4",
        narrow_tile!(),
        ".endr",
        "b 2b",
        // One group a turn.
        "4:",
        narrow_tile!(),
        "3:",
        "cmp r1, r2",
        "bne 4b",
        "asrs r4, r4, #8",
        "asrs r5, r5, #8",
        "asrs r6, r6, #8",
        "asrs r7, r7, #8",
        "str r4, [r3]",
        "str r5, [r3, #16]",
        "str r6, [r3, #32]",
        "str r7, [r3, #48]",
        "pop {{r4-r11, pc}}",
    )
}

/// Four lanes of narrow numbers, two rows: puts the sums over `groups` tiles into `out[0..4]`, the lanes
/// of the first row, and `out[4..8]`, those of the second.
///
/// # Safety
/// `weights` are two rows of each of `groups` tiles, `words` `8 * groups` words, both at multiples of four
/// bytes; `out` are 8 numbers; `groups` is at least 1.
#[unsafe(naked)]
unsafe extern "C" fn narrow_four(
    weights: *const u8,
    words: *const u32,
    groups: usize,
    out: *mut i32,
) {
    // The two rows' words in r2 and r3, two lanes' operands in r12 and lr, the first row's lanes in r4 to
    // r7, the second's in r8 to r11. Where the operands end is on the stack, and `out` above it.
    naked_asm!(
        cpu!(),
        "push {{r3-r11, lr}}",
        "add r2, r1, r2, lsl #5",
        "push {{r2, r3}}",
        "movs r4, #0",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "mov r8, r4",
        "mov r9, r4",
        "mov r10, r4",
        "mov r11, r4",
        "b 3f",
        "2:",
        ".rept 2",
        two_rows_of_tile!(),
        ".endr",
        "3:",
        "ldr r12, [sp]",
        "sub r12, r12, r1",
        "cmp r12, #64",
        "bhs 2b",
        "cmp r12, #0",
        "beq 4f",
        // One group is left.
        two_rows_of_tile!(),
        "4:",
        "add sp, sp, #4",
        "pop {{r0}}",
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11",
        "asr \\sum, \\sum, #8",
        ".endr",
        "stm r0, {{r4-r11}}",
        "pop {{r3-r11, pc}}",
    )
}

/// One lane of wide numbers, four rows: puts the sums over `groups` tiles into `out[0]`, `out[4]`,
/// `out[8]` and `out[12]`.
///
/// # Safety
/// As for [`narrow`].
#[unsafe(naked)]
unsafe extern "C" fn wide(weights: *const u8, words: *const u32, groups: usize, out: *mut i32) {
    // Registers as in `narrow`; r3 holds a word's columns 0 and 2, and `out` is on the stack.
    naked_asm!(
        cpu!(),
        "push {{r3-r11, lr}}",
        "add r2, r1, r2, lsl #3",
        "movs r4, #0",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "2:",
        wide_tile!(),
        "cmp r1, r2",
        "bne 2b",
        "pop {{r3}}",
        "str r4, [r3]",
        "str r5, [r3, #16]",
        "str r6, [r3, #32]",
        "str r7, [r3, #48]",
        "pop {{r4-r11, pc}}",
    )
}
