//! Armv8.1-M with Helium (Cortex-M55): [`crate::kernel::Packing::Rows`].
//!
//! VMLADAVA multiplies the numbers of two vectors one by one and adds all products to a register: 16
//! narrow products an instruction, or 8 wide ones. Four rows go together, so that a vector of inputs is
//! loaded once for four of weights. The loops are tail-predicated (DLSTP, LETP): lanes of the last
//! vectors that are behind the last column are neither loaded nor added, so no row needs padding.
#![allow(unsafe_code)]

use crate::kernel::matrix::{Dense, LANES, Limits, Numbers, Operands, Row};
use crate::kernel::packing::{BAND, TILE};
use crate::requantize::Multiplier;
use core::arch::naked_asm;

/// Products of a vector at r2 with those at r0, r5, r7 and r1, added to r4, r6, r8 and r10; uses q0 to q3.
macro_rules! narrow_products {
    () => {
        concat!(
            "vldrb.u8 q0, [r2], #16\n",
            "vldrb.u8 q1, [r0], #16\n",
            "vmladava.s8 r4, q0, q1\n",
            "vldrb.u8 q2, [r5], #16\n",
            "vmladava.s8 r6, q0, q2\n",
            "vldrb.u8 q3, [r7], #16\n",
            "vmladava.s8 r8, q0, q3\n",
            "vldrb.u8 q1, [r1], #16\n",
            "vmladava.s8 r10, q0, q1\n"
        )
    };
}

/// The same of 16-bit numbers at r2.
macro_rules! wide_products {
    () => {
        concat!(
            "vldrh.u16 q0, [r2], #16\n",
            "vldrb.s16 q1, [r0], #8\n",
            "vmladava.s16 r4, q0, q1\n",
            "vldrb.s16 q2, [r5], #8\n",
            "vmladava.s16 r6, q0, q2\n",
            "vldrb.s16 q3, [r7], #8\n",
            "vmladava.s16 r8, q0, q3\n",
            "vldrb.s16 q1, [r1], #8\n",
            "vmladava.s16 r10, q0, q1\n"
        )
    };
}

/// Rows that go together.
const TOGETHER: usize = 4;

/// Columns of 16-bit numbers that fill a vector.
const SHORT: usize = 8;

/// The largest shift of a multiplier that goes the long way.
const SHIFT: u32 = 15;

/// See [`super::prepare`]: the numbers as they are, each lane at a multiple of four columns.
pub(crate) fn prepare(
    numbers: Numbers<'_>,
    columns: usize,
    lanes: usize,
    words: &mut [u32],
) -> [i32; LANES] {
    let padded = columns.next_multiple_of(TILE).max(1);
    match numbers {
        Numbers::Narrow(x) => copy(x, columns, padded, lanes, bytemuck::cast_slice_mut(words)),
        Numbers::Wide(x) => copy(x, columns, padded, lanes, bytemuck::cast_slice_mut(words)),
    }
    [0; LANES]
}

fn copy<X: Copy>(x: &[X], columns: usize, padded: usize, lanes: usize, operands: &mut [X]) {
    let x = x.chunks_exact(columns.max(1)).take(lanes);
    for (operands, x) in operands.chunks_exact_mut(padded).zip(x) {
        // SAFETY: `x` has `columns` numbers, and `operands` no fewer; a copy of the one cannot overlap it.
        unsafe { core::ptr::copy_nonoverlapping(x.as_ptr(), operands.as_mut_ptr(), columns) };
    }
}

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold.
pub(crate) fn sums(weights: &[u8], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let columns = operands.columns;
    let padded = columns.next_multiple_of(TILE);
    let bytes = if operands.wide { 2 } else { 1 };
    if operands.words.len() * size_of::<u32>() < operands.lanes * padded * bytes || columns == 0 {
        return;
    }
    let kernel = if operands.wide { wide } else { narrow };
    let x = operands.words.as_ptr().cast::<u8>();
    let mut rest = weights;
    for sums in sums.as_chunks_mut::<TOGETHER>().0 {
        let (weights, later) = rest.split_at(rest.len().min(TOGETHER * columns));
        rest = later;
        for lane in 0..operands.lanes {
            // SAFETY: the lane's numbers start there, within `words`, as checked above.
            let x = unsafe { x.add(lane * padded * bytes) };
            if weights.len() == TOGETHER * columns {
                let out = sums.as_flattened_mut().as_mut_ptr();
                // SAFETY: a lane is below LANES.
                let out = unsafe { out.add(lane) };
                // SAFETY: `weights` has four rows of `columns` weights, `x` as many numbers; every LANES-th of
                // the `TOGETHER * LANES - lane` numbers from `out` on is written.
                unsafe { kernel(weights.as_ptr(), columns, x, out, columns) };
            } else {
                // The last rows, one by one: four times the same.
                let mut rest = weights;
                for sums in sums.iter_mut() {
                    let Some((row, later)) = rest.split_at_checked(columns) else {
                        break;
                    };
                    rest = later;
                    let mut same = [0; 3 * LANES + 1];
                    // SAFETY: `row` has `columns` weights, all four rows being the same one, and `x` as many
                    // numbers; the first, fifth, ninth and thirteenth of `same` are written.
                    unsafe { kernel(row.as_ptr(), 0, x, same.as_mut_ptr(), columns) };
                    if let ([first, ..], Some(sum)) = (same, sums.get_mut(lane)) {
                        *sum = first;
                    }
                }
            }
        }
    }
}

/// A layer, or a part of it, for one lane, in the order that the assembly reads it.
#[repr(C)]
struct Job {
    weights: *const u8,
    columns: usize,
    x: *const u8,
    rows: *const Row,
    out: *mut u8,
    /// Where the rows end.
    rows_end: *const Row,
    /// Where outputs are activations: the limits before the zero point is added, and the zero point.
    floor: i32,
    ceiling: i32,
    zero_point: i32,
}

impl Job {
    /// The job of fours of rows at `weights` for a lane; none where that is not what is asked for.
    fn new(dense: Dense<'_>, operands: &Operands<'_>, lane: usize, out: *mut u8) -> Option<Self> {
        let Dense { weights, rows, .. } = dense;
        let columns = operands.columns;
        let padded = columns.next_multiple_of(TILE);
        let bytes = if operands.wide { 2 } else { 1 };
        let x: &[u8] = bytemuck::cast_slice(operands.words);
        let x = x.get(lane * padded * bytes..(lane + 1) * padded * bytes)?;
        let whole = rows.len().is_multiple_of(TOGETHER) && !rows.is_empty() && columns > 0;
        (whole && weights.len() >= rows.len() * columns).then_some(Self {
            weights: weights.as_ptr(),
            columns,
            x: x.as_ptr(),
            rows: rows.as_ptr(),
            out,
            rows_end: rows.as_ptr_range().end,
            floor: 0,
            ceiling: 0,
            zero_point: 0,
        })
    }
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
    if part.rows.len() > BAND {
        return false;
    }
    if goes_together(operands) {
        let out = outputs.as_flattened_mut().as_mut_ptr().cast();
        let Some(mut job) = LanesJob::new(part, operands, out) else {
            return false;
        };
        // SAFETY: the job has as many lanes, weights and rows as it says; LANES numbers are written for each row, of
        // which there are at most BAND.
        unsafe { scaled_lanes(&mut job) };
        return true;
    }
    for lane in 0..operands.lanes {
        let out = outputs.as_flattened_mut().as_mut_ptr().wrapping_add(lane);
        let Some(mut job) = Job::new(part, operands, lane, out.cast()) else {
            return false;
        };
        let kernel = if operands.wide {
            scaled_wide
        } else {
            scaled_narrow
        };
        // SAFETY: the job has as many weights, numbers and rows as it says, and every LANES-th of the numbers
        // from `out` on is written, one for each row.
        unsafe { kernel(&mut job) };
    }
    true
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
    if out.len() < operands.lanes * dense.rows.len() {
        return false;
    }
    if goes_together(operands) {
        let Some(job) = LanesJob::new(dense, operands, out.as_mut_ptr().cast()) else {
            return false;
        };
        let mut job = LanesJob {
            floor,
            ceiling,
            zero_point,
            out_stride: dense.rows.len(),
            ..job
        };
        // SAFETY: the job has as many lanes, weights and rows as it says, and `out` a byte for each row and lane.
        unsafe { activated_lanes(&mut job) };
        return true;
    }
    for lane in 0..operands.lanes {
        let out = out.as_mut_ptr().wrapping_add(lane * dense.rows.len());
        let Some(job) = Job::new(dense, operands, lane, out.cast()) else {
            return false;
        };
        let mut job = Job {
            floor,
            ceiling,
            zero_point,
            ..job
        };
        if operands.wide && operands.columns <= SHORT {
            // SAFETY: the job has as many weights, numbers and rows as it says, `out` a byte for each row, and the
            // columns are few enough.
            if unsafe { activated_short(&job) } > SHIFT {
                continue;
            }
        }
        let kernel = if operands.wide {
            activated_wide
        } else {
            activated_narrow
        };
        // SAFETY: the job has as many weights, numbers and rows as it says, and `out` a byte for each row.
        unsafe { kernel(&mut job) };
    }
    true
}

/// Rows for four lanes of narrow numbers, in the order that the assembly reads it.
#[repr(C)]
struct LanesJob {
    x: *const u8,
    /// Bytes from one lane to the next.
    stride: usize,
    columns: usize,
    weights: *const u8,
    rows: *const Row,
    rows_end: *const Row,
    out: *mut u8,
    /// Where outputs are activations: the limits before the zero point is added, the zero point, and the bytes from
    /// a lane of `out` to the next.
    floor: i32,
    ceiling: i32,
    zero_point: i32,
    out_stride: usize,
}

impl LanesJob {
    /// The job of all rows of a layer or of a part of one; none where that is not what is asked for.
    fn new(part: Dense<'_>, operands: &Operands<'_>, out: *mut u8) -> Option<Self> {
        let columns = operands.columns;
        let stride = columns.next_multiple_of(TILE);
        let x: &[u8] = bytemuck::cast_slice(operands.words);
        let rows = part.rows.as_ptr_range();
        let enough = x.len() >= LANES * stride && part.weights.len() >= part.rows.len() * columns;
        (enough && !part.rows.is_empty() && columns > 0).then_some(Self {
            x: x.as_ptr(),
            stride,
            columns,
            weights: part.weights.as_ptr(),
            rows: rows.start,
            rows_end: rows.end,
            out,
            floor: 0,
            ceiling: 0,
            zero_point: 0,
            out_stride: 0,
        })
    }
}

/// The job at hand, row after row, all four lanes at once, with `$store` at the end of each row: the outputs are in
/// q0, the place for them in r5, the limits in q4 and q5, the zero point in q6, and the lanes' places in q7.
///
/// The loop is that of `narrow` with lanes for rows; the rounding rule is that of [`rows_of_job`], with one multiplier
/// for the whole vector.
macro_rules! lanes_of_job {
    ($($store:literal),*) => {
        naked_asm!(
            ".cpu cortex-m55",
            "push {{r0, r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "mov r12, r0",
            "ldrd r0, r1, [r12, #28]",
            "ldrd r2, r3, [r12, #36]",
            "vdup.32 q4, r0",
            "vdup.32 q5, r1",
            "vdup.32 q6, r2",
            "movs r0, #0",
            "lsls r1, r3, #1",
            "vmov q7[2], q7[0], r0, r1",
            "add r1, r1, r3",
            "vmov q7[3], q7[1], r3, r1",
            "1:",
            "ldrd r0, r1, [r12]",
            "ldrd r9, r2, [r12, #8]",
            "add r5, r0, r1",
            "add r7, r5, r1",
            "add r1, r7, r1",
            "add r3, r2, r9",
            "str r3, [r12, #12]",
            "movs r4, #0",
            "movs r6, #0",
            "mov r8, r4",
            "mov r10, r4",
            "dlstp.8 lr, r9",
            "2:",
            narrow_products!(),
            "letp lr, 2b",
            "ldr r3, [r12, #16]",
            "ldrd r0, r1, [r3], #8",
            "str r3, [r12, #16]",
            "vmov q0[2], q0[0], r4, r8",
            "vmov q0[3], q0[1], r6, r10",
            "vadd.i32 q0, q0, r0",
            "lsrs r2, r1, #16",
            "rsbs r2, r2, #15",
            "bpl 5f",
            "lsls r1, r1, #16",
            "vqdmulh.s32 q0, q0, r1",
            "vrshl.s32 q0, r2",
            "3:",
            "ldrd r2, r5, [r12, #20]",
            $($store,)*
            "str r5, [r12, #24]",
            "cmp r3, r2",
            "bne 1b",
            "vpop {{d8-d15}}",
            "pop {{r0, r4-r11, pc}}",
            "5:",
            "vmov r4, r8, q0[2], q0[0]",
            "vmov r6, r10, q0[3], q0[1]",
            "push {{r1, r3, r12, lr}}",
            ".irp sum, r4, r6, r8, r10",
            "mov r0, \\sum",
            "ldr r1, [sp]",
            "bl {apply}",
            "mov \\sum, r0",
            ".endr",
            "pop {{r1, r3, r12, lr}}",
            "vmov q0[2], q0[0], r4, r8",
            "vmov q0[3], q0[1], r6, r10",
            "b 3b",
            apply = sym apply_large,
        )
    };
}

/// The outputs of a job's rows, four lanes of one row after those of the other.
///
/// # Safety
/// The job's lanes, weights, rows and `out` are as many as it says, one row at least; rows and `out` are at
/// multiples of four bytes.
#[unsafe(naked)]
unsafe extern "C" fn scaled_lanes(job: &mut LanesJob) {
    lanes_of_job!("vstrw.32 q0, [r5], #16")
}

/// The activations of a job's rows, lane after lane.
///
/// # Safety
/// As for [`scaled_lanes`], but for `out`, which are bytes.
#[unsafe(naked)]
unsafe extern "C" fn activated_lanes(job: &mut LanesJob) {
    lanes_of_job!(
        "vmax.s32 q0, q0, q4",
        "vmin.s32 q0, q0, q5",
        "vadd.i32 q0, q0, q6",
        "vstrb.32 q0, [r5, q7]",
        "adds r5, r5, #1"
    )
}

/// [`Multiplier::apply`] for the assembly below.
extern "C" fn apply(accumulator: i32, word: u32) -> i32 {
    Multiplier::from_validated(word).apply(accumulator)
}

/// [`Multiplier::apply_large`] for the assembly above.
extern "C" fn apply_large(accumulator: i32, word: u32) -> i32 {
    Multiplier::from_validated(word).apply_large(accumulator)
}

/// The job at hand, four rows after four, with the loop's instructions, and `$store` at the end of each four:
/// their outputs are in q0, the place for them in r7, the limits in q4 and q5, the zero point in q6.
///
/// With the mantissa m as m * 2^16, VQDMULH gives floor(2 a m 2^16 / 2^32) = floor(a m / 2^15), below 2^30 in
/// magnitude, and VRSHL by 15 - shift < 0 rounds it to the nearest, halves up. Where a shift is below 16, the
/// four go the long way.
macro_rules! rows_of_job {
    ($start:literal, $products:expr, [$($store:literal),*]) => {
        naked_asm!(
            // The assembler does not hear of `-C target-cpu`.
            ".cpu cortex-m55",
            "push {{r0, r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "vmov.i32 q7, #15",
            "mov r12, r0",
            "ldrd r11, r9, [r12]",
            "ldrd r1, r2, [r12, #24]",
            "ldr r3, [r12, #32]",
            "vdup.32 q4, r1",
            "vdup.32 q5, r2",
            "vdup.32 q6, r3",
            "1:",
            "mov r0, r11",
            "add r5, r11, r9",
            "add r7, r5, r9",
            "add r1, r7, r9",
            "add r11, r1, r9",
            "ldrd r2, r3, [r12, #8]",
            "movs r4, #0",
            "movs r6, #0",
            "mov r8, r4",
            "mov r10, r4",
            $start,
            "2:",
            $products,
            "letp lr, 2b",
            "vmov q0[2], q0[0], r4, r8",
            "vmov q0[3], q0[1], r6, r10",
            "vld20.32 {{q1, q2}}, [r3]",
            "vld21.32 {{q1, q2}}, [r3]!",
            "str r3, [r12, #12]",
            "vadd.i32 q0, q0, q1",
            "vshr.u32 q3, q2, #16",
            "vsub.i32 q3, q7, q3",
            "vcmp.s32 ge, q3, zr",
            "vmrs r0, p0",
            "cbnz r0, 5f",
            "vshl.i32 q2, q2, #16",
            "vqdmulh.s32 q0, q0, q2",
            "vrshl.s32 q0, q0, q3",
            "3:",
            "ldrd r7, r0, [r12, #16]",
            $($store,)*
            "str r7, [r12, #16]",
            "cmp r3, r0",
            "bne 1b",
            "vpop {{d8-d15}}",
            "pop {{r0, r4-r11, pc}}",
            // The long way, row by row; sums with their biases are in q0, words in q2.
            "5:",
            "vmov r4, r8, q0[2], q0[0]",
            "vmov r6, r10, q0[3], q0[1]",
            "vmov r5, r0, q2[2], q2[0]",
            "vmov r7, r1, q2[3], q2[1]",
            "push {{r1, r3, r12, lr}}",
            "mov r1, r0",
            "mov r0, r8",
            "bl {apply}",
            "mov r8, r0",
            "ldr r1, [sp]",
            "mov r0, r10",
            "bl {apply}",
            "mov r10, r0",
            "mov r0, r4",
            "mov r1, r5",
            "bl {apply}",
            "mov r4, r0",
            "mov r0, r6",
            "mov r1, r7",
            "bl {apply}",
            "mov r6, r0",
            "pop {{r1, r3, r12, lr}}",
            "vmov q0[2], q0[0], r4, r8",
            "vmov q0[3], q0[1], r6, r10",
            "b 3b",
            apply = sym apply,
        )
    };
}

/// The job's outputs, every fourth number of `out`.
macro_rules! outputs_of_job {
    ($start:literal, $products:expr) => {
        rows_of_job!(
            $start,
            $products,
            [
                "vmov r4, r8, q0[2], q0[0]",
                "vmov r6, r10, q0[3], q0[1]",
                "str r4, [r7], #16",
                "str r6, [r7], #16",
                "str r8, [r7], #16",
                "str r10, [r7], #16"
            ]
        )
    };
}

/// The job's activations.
macro_rules! activations_of_job {
    ($start:literal, $products:expr) => {
        rows_of_job!(
            $start,
            $products,
            [
                "vmax.s32 q0, q0, q4",
                "vmin.s32 q0, q0, q5",
                "vadd.i32 q0, q0, q6",
                "vstrb.32 q0, [r7], #4"
            ]
        )
    };
}

/// The outputs of a job's rows for narrow numbers into every fourth number of `out`.
///
/// # Safety
/// The job's weights, numbers, rows and `out` are as many as it says; rows and `out` are at
/// multiples of four bytes.
#[unsafe(naked)]
unsafe extern "C" fn scaled_narrow(job: &mut Job) {
    outputs_of_job!("dlstp.8 lr, r9", narrow_products!())
}

/// As [`scaled_narrow`], for wide numbers.
///
/// # Safety
/// As for [`scaled_narrow`].
#[unsafe(naked)]
unsafe extern "C" fn scaled_wide(job: &mut Job) {
    outputs_of_job!("dlstp.16 lr, r9", wide_products!())
}

/// The activations of a job's rows for narrow numbers into `out`.
///
/// # Safety
/// As for [`scaled_narrow`], but for `out`, which are bytes.
#[unsafe(naked)]
unsafe extern "C" fn activated_narrow(job: &mut Job) {
    activations_of_job!("dlstp.8 lr, r9", narrow_products!())
}

/// As [`activated_narrow`], for wide numbers.
///
/// # Safety
/// As for [`activated_narrow`].
#[unsafe(naked)]
unsafe extern "C" fn activated_wide(job: &mut Job) {
    activations_of_job!("dlstp.16 lr, r9", wide_products!())
}

/// The activations of a job's rows for wide numbers of at most [`SHORT`] columns; gives the smallest shift of all
/// rows, and the activations are valid where it is above [`SHIFT`].
///
/// The numbers fill a vector, which is loaded once: no loop over columns, and no sum to start from. The rest is
/// [`rows_of_job`], where instead of each four rows' shifts the smallest of all is looked at, once.
///
/// # Safety
/// As for [`activated_wide`], with that many columns.
#[unsafe(naked)]
unsafe extern "C" fn activated_short(job: &Job) -> u32 {
    // Weights at r0, r5, r7 and r1, the columns of four rows in r9, rows at r3, `out` at r2, the zero point in r11, the
    // smallest shift in r12, turns in lr; limits in q4 and q5, 15 in q6, numbers in q7. P0 leaves out what is
    // behind the last column: loads put zeros there.
    naked_asm!(
        ".cpu cortex-m55",
        "push {{r3-r11, lr}}",
        "vpush {{d8-d15}}",
        "mov r12, r0",
        "ldrd r0, r9, [r12]",
        "ldrd r2, r3, [r12, #8]",
        "vctp.16 r9",
        "vpst",
        "vldrht.u16 q7, [r2]",
        "ldrd r2, r8, [r12, #16]",
        "ldrd r4, r6, [r12, #24]",
        "vdup.32 q4, r4",
        "vdup.32 q5, r6",
        "vmov.i32 q6, #15",
        "ldr r11, [r12, #32]",
        "mov r12, #255",
        "subs r4, r8, r3",
        "lsrs r4, r4, #5",
        "add r5, r0, r9",
        "add r7, r5, r9",
        "add r1, r7, r9",
        "lsl r9, r9, #2",
        "dls lr, r4",
        "2:",
        "vpstttt",
        "vldrbt.s16 q0, [r0]",
        "vldrbt.s16 q1, [r5]",
        "vldrbt.s16 q2, [r7]",
        "vldrbt.s16 q3, [r1]",
        "vmladav.s16 r4, q0, q7",
        "vmladav.s16 r6, q1, q7",
        "vmladav.s16 r8, q2, q7",
        "vmladav.s16 r10, q3, q7",
        "add r0, r0, r9",
        "add r5, r5, r9",
        "add r7, r7, r9",
        "add r1, r1, r9",
        "vmov q0[2], q0[0], r4, r8",
        "vmov q0[3], q0[1], r6, r10",
        "vld20.32 {{q1, q2}}, [r3]",
        "vld21.32 {{q1, q2}}, [r3]!",
        "vadd.i32 q0, q0, q1",
        "vshr.u32 q1, q2, #16",
        "vminv.u32 r12, q1",
        "vsub.i32 q1, q6, q1",
        "vshl.i32 q2, q2, #16",
        "vqdmulh.s32 q0, q0, q2",
        "vrshl.s32 q0, q0, q1",
        "vmax.s32 q0, q0, q4",
        "vmin.s32 q0, q0, q5",
        "vadd.i32 q0, q0, r11",
        "vstrb.32 q0, [r2], #4",
        "le lr, 2b",
        "mov r0, r12",
        "vpop {{d8-d15}}",
        "pop {{r3-r11, pc}}",
    )
}

/// The sums of four rows, with the loop's instructions.
macro_rules! sums_of_rows {
    ($start:literal, $products:expr) => {
        naked_asm!(
            // The assembler does not hear of `-C target-cpu`.
            ".cpu cortex-m55",
            "push {{r4-r11, lr}}",
            "ldr r11, [sp, #36]",
            "adds r5, r0, r1",
            "adds r7, r5, r1",
            "adds r1, r7, r1",
            "movs r4, #0",
            "movs r6, #0",
            "mov r8, r4",
            "mov r10, r4",
            $start,
            "2:",
            $products,
            "letp lr, 2b",
            "str r4, [r3]",
            "str r6, [r3, #16]",
            "str r8, [r3, #32]",
            "str r10, [r3, #48]",
            "pop {{r4-r11, pc}}",
        )
    };
}

/// Narrow numbers: puts the sums of four rows, `stride` bytes apart, into `out[0]`, `out[4]`, `out[8]` and
/// `out[12]`.
///
/// # Safety
/// There are `columns` weights in each row and `columns` numbers of 8 bits at `x`; `out` are 13 numbers;
/// `columns` is at least 1.
#[unsafe(naked)]
unsafe extern "C" fn narrow(
    weights: *const u8,
    stride: usize,
    x: *const u8,
    out: *mut i32,
    columns: usize,
) {
    sums_of_rows!("dlstp.8 lr, r11", narrow_products!())
}

/// Wide numbers: as [`narrow`].
///
/// # Safety
/// As for [`narrow`], with numbers of 16 bits.
#[unsafe(naked)]
unsafe extern "C" fn wide(
    weights: *const u8,
    stride: usize,
    x: *const u8,
    out: *mut i32,
    columns: usize,
) {
    sums_of_rows!("dlstp.16 lr, r11", wide_products!())
}
