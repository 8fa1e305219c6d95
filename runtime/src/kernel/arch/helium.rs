//! Armv8.1-M with Helium (Cortex-M55): [`Packing::Rows`].
//!
//! VMLADAVA multiplies the numbers of two vectors one by one and adds all products to a register: 16
//! narrow products an instruction, or 8 wide ones. Four rows go together, so that a vector of inputs is
//! loaded once for four of weights. The loops are tail-predicated (DLSTP, LETP): lanes of the last
//! vectors that are behind the last column are neither loaded nor added, so no row needs padding.
#![allow(unsafe_code)]

use crate::kernel::packing::{Packing, TILE};
use crate::kernel::{LANES, Numbers, Operands, Row};
use core::arch::naked_asm;

/// Rows that go together.
pub(crate) const BAND: usize = 4;

/// The packing of these kernels.
pub(crate) const NATIVE: Packing = Packing::Rows;

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
    for lane in 0..operands.lanes {
        // SAFETY: the lane's numbers start there, within `words`, as checked above.
        let x = unsafe { x.add(lane * padded * bytes) };
        if weights.len() >= BAND * columns {
            let out = sums.as_flattened_mut().as_mut_ptr();
            // SAFETY: a lane is below LANES.
            let out = unsafe { out.add(lane) };
            // SAFETY: `weights` has four rows of `columns` weights, `x` as many numbers; every LANES-th of
            // the BAND * LANES - lane numbers from `out` on is written.
            unsafe { kernel(weights.as_ptr(), columns, x, out, columns) };
        } else {
            // The last rows, one by one: four times the same.
            for (row, sums) in weights.chunks_exact(columns).zip(sums.iter_mut()) {
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

/// The outputs of four rows for one lane; false where that is not what is asked for, or where a shift is
/// below 17.
#[inline]
pub(crate) fn scaled(
    weights: &[u8],
    rows: &[Row],
    operands: &Operands<'_>,
    outputs: &mut [[i32; LANES]; BAND],
) -> bool {
    if rows.len() != BAND || operands.lanes != 1 {
        return false;
    }
    sums(weights, operands, outputs);
    let out = outputs.as_flattened_mut().as_mut_ptr();
    // SAFETY: there are four rows; every LANES-th of `BAND * LANES` numbers is read and written.
    unsafe { scale(out, rows.as_ptr()) }
}

/// Scales `out[0]`, `out[4]`, `out[8]` and `out[12]`, each with its bias added, by four rows' multipliers;
/// changes nothing and gives false where a shift is below 17.
///
/// # Safety
/// `out` are 13 numbers, `rows` four rows.
#[unsafe(naked)]
unsafe extern "C" fn scale(out: *mut i32, rows: *const Row) -> bool {
    // With the mantissa m as m * 2^15, VQDMULH gives floor(2 a m 2^15 / 2^32) = floor(a m / 2^16), which is
    // t of the rounding rule, and VRSHL by 16 - shift < 0 rounds it to the nearest, halves up.
    naked_asm!(
        ".cpu cortex-m55",
        "vld20.32 {{q1, q2}}, [r1]",
        "vld21.32 {{q1, q2}}, [r1]",
        "vshr.u32 q3, q2, #16",
        "vmov.i32 q0, #16",
        "vsub.i32 q3, q0, q3",
        "movs r1, #0",
        "vcmp.s32 ge, q3, r1",
        "vmrs r1, p0",
        "cbnz r1, 2f",
        "push {{r4, lr}}",
        "ldr r1, [r0]",
        "ldr r2, [r0, #16]",
        "ldr r3, [r0, #32]",
        "ldr r4, [r0, #48]",
        "vmov q0[2], q0[0], r1, r3",
        "vmov q0[3], q0[1], r2, r4",
        "vadd.i32 q0, q0, q1",
        "vshl.i32 q2, q2, #16",
        "vshr.u32 q2, q2, #1",
        "vqdmulh.s32 q0, q0, q2",
        "vrshl.s32 q0, q0, q3",
        "vmov r1, r3, q0[2], q0[0]",
        "vmov r2, r4, q0[3], q0[1]",
        "str r1, [r0]",
        "str r2, [r0, #16]",
        "str r3, [r0, #32]",
        "str r4, [r0, #48]",
        "movs r0, #1",
        "pop {{r4, pc}}",
        "2:",
        "movs r0, #0",
        "bx lr",
    )
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
        "dlstp.8 lr, r11",
        "2:",
        "vldrb.u8 q0, [r2], #16",
        "vldrb.u8 q1, [r0], #16",
        "vmladava.s8 r4, q0, q1",
        "vldrb.u8 q2, [r5], #16",
        "vmladava.s8 r6, q0, q2",
        "vldrb.u8 q3, [r7], #16",
        "vmladava.s8 r8, q0, q3",
        "vldrb.u8 q1, [r1], #16",
        "vmladava.s8 r10, q0, q1",
        "letp lr, 2b",
        "str r4, [r3]",
        "str r6, [r3, #16]",
        "str r8, [r3, #32]",
        "str r10, [r3, #48]",
        "pop {{r4-r11, pc}}",
    )
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
        "dlstp.16 lr, r11",
        "2:",
        "vldrh.u16 q0, [r2], #16",
        "vldrb.s16 q1, [r0], #8",
        "vmladava.s16 r4, q0, q1",
        "vldrb.s16 q2, [r5], #8",
        "vmladava.s16 r6, q0, q2",
        "vldrb.s16 q3, [r7], #8",
        "vmladava.s16 r8, q0, q3",
        "vldrb.s16 q1, [r1], #8",
        "vmladava.s16 r10, q0, q1",
        "letp lr, 2b",
        "str r4, [r3]",
        "str r6, [r3, #16]",
        "str r8, [r3, #32]",
        "str r10, [r3, #48]",
        "pop {{r4-r11, pc}}",
    )
}
