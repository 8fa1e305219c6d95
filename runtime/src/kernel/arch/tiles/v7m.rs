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
//! the floor. Of outputs that are no activations a shift below 17 goes the long way.

use super::job::{Job, apply};
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

/// The activation of a row, from its sum, its bias and its multiplier: registers that are lost. The last argument puts
/// the multiplier's shift less 16 where the bias was.
macro_rules! activation {
    ($sum:literal, $bias:literal, $multiplier:literal, $($shift:expr),*) => {
        concat!(
            "add ", $sum, ", ", $sum, ", ", $bias, "\n",
            $($shift, "\n",)*
            "lsl ", $multiplier, ", ", $multiplier, ", #16\n",
            "smull ", $multiplier, ", ", $sum, ", ", $sum, ", ", $multiplier, "\n",
            "asrs ", $sum, ", ", $sum, ", ", $bias, "\n",
            "adc ", $sum, ", ", $sum, ", r12\n",
            "bic ", $sum, ", ", $sum, ", ", $sum, ", asr #31\n",
            "add ", $sum, ", ", $sum, ", lr\n",
            "ssat ", $sum, ", #8, ", $sum, "\n",
            "strb ", $sum, ", [r1], #1\n"
        )
    };
    ($sum:literal, $bias:literal, $multiplier:literal) => {
        activation!(
            $sum, $bias, $multiplier,
            concat!("rsb ", $bias, ", r4, ", $multiplier, ", lsr #16")
        )
    };
}

/// Puts a job on the stack: rows, `out`, offset and floor from the stack pointer on, then weights, band, words, start,
/// the end of the words and that of the rows; into the place above, where [`eight_rows`] goes behind the first column.
/// The weights' pointer gets its three bytes.
macro_rules! job_on_stack {
    () => {
        concat!(
            "ldm r0, {{r1-r10}}\n",
            "adds r1, r1, #3\n",
            "push {{r1-r6}}\n",
            "push {{r7-r10}}\n",
            "subs r5, r5, r3\n",
            "adr r0, 3f\n",
            "lsls r5, r5, #28\n",
            "it mi\n",
            "adrmi r0, 4f\n",
            "orr r0, r0, #1\n",
            "str r0, [sp, #40]\n"
        )
    };
}

/// The sums of the next eight rows of the job on the stack in r4 to r11; then rows, `out`, offset and floor in r0, r1,
/// r12 and lr.
///
/// Column 0 of the first tile adds to what a sum starts from; the loop begins behind it, and column 3 moves the pointers
/// to the tiles on. A turn takes two tiles; the first one begins with the second tile where their number is odd.
macro_rules! eight_rows {
    () => {
        concat!(
            "ldrd r0, r1, [sp, #16]\n",
            "add r1, r1, r0\n",
            "ldrd r2, r3, [sp, #24]\n",
            "ldrsh lr, [r2], #2\n",
            "ldrb r12, [r0, #-3]\n",
            "mla r4, r12, lr, r3\n",
            "ldrb r12, [r0, #1]\n",
            "mla r5, r12, lr, r3\n",
            "ldrb r12, [r0, #5]\n",
            "mla r6, r12, lr, r3\n",
            "ldrb r12, [r0, #9]\n",
            "mla r7, r12, lr, r3\n",
            "ldrb r12, [r1, #-3]\n",
            "mla r8, r12, lr, r3\n",
            "ldrb r12, [r1, #1]\n",
            "mla r9, r12, lr, r3\n",
            "ldrb r12, [r1, #5]\n",
            "mla r10, r12, lr, r3\n",
            "ldrb r12, [r1, #9]\n",
            "mla r11, r12, lr, r3\n",
            "ldr r3, [sp, #32]\n",
            "ldr pc, [sp, #40]\n",
            "2:\n",
            column!("-3", ", #-3]"),
            "3:\n",
            column!("-2", ", #-2]"),
            column!("-1", ", #-1]"),
            column!("0", "], #16"),
            column!("-3", ", #-3]"),
            "4:\n",
            column!("-2", ", #-2]"),
            column!("-1", ", #-1]"),
            column!("0", "], #16"),
            "cmp r2, r3\n",
            "bne 2b\n",
            "str r1, [sp, #16]\n",
            "ldm sp, {{r0, r1, r12, lr}}\n"
        )
    };
}

/// The activations of a job's rows, eight rows after eight.
///
/// # Safety
/// The job's weights, words and rows are as many as it says, at least one tile and a multiple of eight rows, at multiples
/// of four bytes; `out` has a byte for each row. No shift is below 17.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn activations_of_job(job: &mut Job) {
    // From the second row on r4 is 16, and the registers of rows that are done take the rows to come.
    naked_asm!(
        "push {{r3-r11, lr}}",
        job_on_stack!(),
        "1:",
        eight_rows!(),
        "ldrd r2, r3, [r0], #8",
        activation!("r4", "r2", "r3", "lsrs r2, r3, #16", "subs r2, r2, #16"),
        "movs r4, #16",
        "ldrd r2, r3, [r0], #8",
        activation!("r5", "r2", "r3"),
        "ldrd r2, r3, [r0], #8",
        activation!("r6", "r2", "r3"),
        "ldm r0!, {{r2, r3, r5, r6}}",
        activation!("r7", "r2", "r3"),
        activation!("r8", "r5", "r6"),
        "ldm r0!, {{r2, r3, r5, r6, r7, r8}}",
        activation!("r9", "r2", "r3"),
        activation!("r10", "r5", "r6"),
        activation!("r11", "r7", "r8"),
        "strd r0, r1, [sp]",
        "ldr r2, [sp, #36]",
        "cmp r0, r2",
        "bne 1b",
        "add sp, sp, #40",
        "pop {{r3-r11, pc}}",
    )
}

/// The outputs of a job's rows into every fourth number of `out`, eight rows after eight.
///
/// # Safety
/// The job's weights, words and rows are as many as it says, at least one tile and a multiple of eight rows, all at multiples
/// of four bytes; every fourth number of `out` can be written, one for each row.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn outputs_of_job(job: &mut Job) {
    naked_asm!(
        "push {{r3-r11, lr}}",
        job_on_stack!(),
        "1:",
        eight_rows!(),
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
        "strd r0, r1, [sp]",
        "ldr r2, [sp, #36]",
        "cmp r0, r2",
        "bne 1b",
        "add sp, sp, #40",
        "pop {{r3-r11, pc}}",
        // The long way for the row before r0, whose sum is in r2.
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
