//! The assembly of v7-M: see [`super`] for the algebra of the products.
//!
//! # Rounding
//!
//! With the mantissa m in the low half and the shift s in the high half of a multiplier, SMULL by 2^16 m gives
//! t = floor(a m / 2^16) as its high word, and
//!
//! ```text
//! floor((t + 2^(s-17)) / 2^(s-16)) = floor(t / 2^(s-16)) + bit s-17 of t
//! ```
//!
//! where ASRS by s - 16 > 0 gives the first term and leaves the second in the carry, which ADC adds together with the job's
//! offset. The offset is such that an activation at the floor is zero now: BIC with its own sign takes what is below to
//! the floor. A shift below 17 goes the long way.

use super::{Job, apply};
use core::arch::naked_asm;

/// Adds the products of a column of two bands to r4 to r11: its weights are at r0 and r1, its number is at r2, which moves
/// on; uses r12 and lr. The weights' pointers are three bytes ahead, and `$step` after a tile moves them on.
macro_rules! column {
    ($offset:literal, $step:literal) => {
        concat!(
            "ldrsh lr, [r2], #2\n",
            ".set elbow_offset, ",
            $offset,
            "\n",
            "ldrb r12, [r0, #elbow_offset + 4]\n",
            "mla r5, r12, lr, r5\n",
            "ldrb r12, [r0, #elbow_offset + 8]\n",
            "mla r6, r12, lr, r6\n",
            "ldrb r12, [r0, #elbow_offset + 12]\n",
            "mla r7, r12, lr, r7\n",
            "ldrb r12, [r0",
            $step,
            "\n",
            "mla r4, r12, lr, r4\n",
            "ldrb r12, [r1, #elbow_offset + 4]\n",
            "mla r9, r12, lr, r9\n",
            "ldrb r12, [r1, #elbow_offset + 8]\n",
            "mla r10, r12, lr, r10\n",
            "ldrb r12, [r1, #elbow_offset + 12]\n",
            "mla r11, r12, lr, r11\n",
            "ldrb r12, [r1",
            $step,
            "\n",
            "mla r8, r12, lr, r8\n"
        )
    };
}

/// The outputs of a job's rows, eight rows after eight.
///
/// # Safety
/// The job's weights, words, rows and `out` are as many as it says, at least one tile and a multiple of eight rows, at
/// multiples of four bytes but for activations.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn rows_of_job(job: &mut Job) {
    // The job is on the stack. Rows in r4 to r11. Column 0 of the first tile adds to what a sum starts from; the
    // loop begins behind it, and column 3 moves the pointers to the tiles on. Then rows at r0, `out` at r1, a bias and a
    // multiplier in r2 and r3, the offset in r12, the floor in lr.
    naked_asm!(
        "push {{r3-r11, lr}}",
        "ldm r0, {{r1-r10}}",
        "adds r1, r1, #3",
        "push {{r1-r10}}",
        "1:",
        "ldrd r0, r1, [sp]",
        "add r1, r1, r0",
        "ldrd r2, r3, [sp, #8]",
        "ldrsh lr, [r2], #2",
        "ldrb r12, [r0, #-3]",
        "mla r4, r12, lr, r3",
        "ldrb r12, [r0, #1]",
        "mla r5, r12, lr, r3",
        "ldrb r12, [r0, #5]",
        "mla r6, r12, lr, r3",
        "ldrb r12, [r0, #9]",
        "mla r7, r12, lr, r3",
        "ldrb r12, [r1, #-3]",
        "mla r8, r12, lr, r3",
        "ldrb r12, [r1, #1]",
        "mla r9, r12, lr, r3",
        "ldrb r12, [r1, #5]",
        "mla r10, r12, lr, r3",
        "ldrb r12, [r1, #9]",
        "mla r11, r12, lr, r3",
        "ldr r3, [sp, #16]",
        "b 3f",
        "2:",
        column!("-3", ", #-3]"),
        "3:",
        column!("-2", ", #-2]"),
        column!("-1", ", #-1]"),
        column!("0", "], #16"),
        "cmp r2, r3",
        "bne 2b",
        "str r1, [sp]",
        "ldrd r0, r1, [sp, #24]",
        "ldrd r12, lr, [sp, #32]",
        "cmp lr, #128",
        "beq 8f",
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11",
        "ldrd r2, r3, [r0], #8",
        "add \\sum, \\sum, r2",
        "lsrs r2, r3, #16",
        "lsls r3, r3, #16",
        "subs r2, r2, #16",
        "bhi 5f",
        "mov r2, \\sum",
        "bl 7f",
        "ssat \\sum, #24, r2",
        "ldr lr, [sp, #36]",
        "b 6f",
        "5:",
        "smull r3, \\sum, \\sum, r3",
        "asrs \\sum, \\sum, r2",
        "adc \\sum, \\sum, r12",
        "6:",
        "bic \\sum, \\sum, \\sum, asr #31",
        "add \\sum, \\sum, lr",
        "ssat \\sum, #8, \\sum",
        "strb \\sum, [r1], #1",
        ".endr",
        "4:",
        "strd r0, r1, [sp, #24]",
        "ldr r2, [sp, #20]",
        "cmp r0, r2",
        "bne 1b",
        "add sp, sp, #40",
        "pop {{r3-r11, pc}}",
        // Outputs as they are.
        "8:",
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11",
        "ldrd r2, r3, [r0], #8",
        "add \\sum, \\sum, r2",
        "lsrs r2, r3, #16",
        "lsls r3, r3, #16",
        "subs r2, r2, #16",
        "bhi 5f",
        "mov r2, \\sum",
        "bl 7f",
        "mov \\sum, r2",
        "b 6f",
        "5:",
        "smull r3, \\sum, \\sum, r3",
        "asrs \\sum, \\sum, r2",
        "adc \\sum, \\sum, #0",
        "6:",
        "str \\sum, [r1], #16",
        ".endr",
        "b 4b",
        // The long way for the row before r0, whose accumulator is in r2.
        "7:",
        "push {{r0, r1, r12, lr}}",
        "ldr r1, [r0, #-4]",
        "mov r0, r2",
        "mov r2, r12",
        "bl {apply}",
        "mov r2, r0",
        "pop {{r0, r1, r12, pc}}",
        apply = sym apply,
    )
}

/// Four lanes, two rows: puts T1, T2, T3 of the first row, then of the second, over `groups` tiles into
/// `out`.
///
/// # Safety
/// `rows` are two rows of each of `groups` tiles, `words` `12 * groups` words, both at multiples of four
/// bytes; `out` are 6 numbers; `groups` is at least 1.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn four_lanes(
    rows: *const u8,
    words: *const u32,
    groups: usize,
    out: *mut u32,
) {
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
