//! Weights of four bits become bytes, on every core the line
//!
//! ```text
//! words[2 i] = (nibbles[i] << 4) & 0xf0f0f0f0        words[2 i + 1] = nibbles[i] & 0xf0f0f0f0
//! ```
#![allow(unsafe_code)]

#[cfg(elbow_assembly)]
use core::arch::naked_asm;

/// As many of them as both have.
#[cfg(elbow_assembly)]
pub(in crate::kernel) fn widen(nibbles: &[u32], words: &mut [u32]) {
    let count = nibbles.len().min(words.len() / 2);
    if count > 0 {
        // SAFETY: `count` of `nibbles` are read and twice as many `words` written; there is one at least.
        unsafe { widen_words(nibbles.as_ptr(), words.as_mut_ptr(), count) };
    }
}

/// As many of them as both have.
#[cfg(not(elbow_assembly))]
pub(in crate::kernel) fn widen(nibbles: &[u32], words: &mut [u32]) {
    const MASK: u32 = 0xf0f0_f0f0;
    for (pair, &word) in words.as_chunks_mut::<2>().0.iter_mut().zip(nibbles) {
        *pair = [word << 4 & MASK, word & MASK];
    }
}

/// # Safety
/// `nibbles` are `count` words and `words` twice as many; `count` is at least 1.
#[cfg(elbow_kernels = "v6m")]
#[unsafe(naked)]
unsafe extern "C" fn widen_words(nibbles: *const u32, words: *mut u32, count: usize) {
    // Four words a turn, two at once; the mask in r3.
    naked_asm!(
        "push {{r4-r7, lr}}",
        "movs r3, #0xf0",
        "lsls r4, r3, #8",
        "orrs r3, r4",
        "lsls r4, r3, #16",
        "orrs r3, r4",
        "b 3f",
        "2:",
        ".rept 2",
        "ldm r0!, {{r5, r7}}",
        "lsls r4, r5, #4",
        "ands r4, r3",
        "ands r5, r3",
        "lsls r6, r7, #4",
        "ands r6, r3",
        "ands r7, r3",
        "stm r1!, {{r4-r7}}",
        ".endr",
        "3:",
        "subs r2, r2, #4",
        "bhs 2b",
        "adds r2, r2, #4",
        "beq 5f",
        "4:",
        "ldm r0!, {{r5}}",
        "lsls r4, r5, #4",
        "ands r4, r3",
        "ands r5, r3",
        "stm r1!, {{r4, r5}}",
        "subs r2, r2, #1",
        "bne 4b",
        "5:",
        "pop {{r4-r7, pc}}",
    )
}

/// # Safety
/// As on v6-M.
#[cfg(any(elbow_kernels = "v7m", elbow_kernels = "dsp"))]
#[unsafe(naked)]
unsafe extern "C" fn widen_words(nibbles: *const u32, words: *mut u32, count: usize) {
    // Four words a turn; the mask in r3.
    naked_asm!(
        "push {{r4-r11, lr}}",
        "mov r3, #0xf0f0f0f0",
        "b 3f",
        "2:",
        "ldm r0!, {{r5, r7, r9, r11}}",
        "and r4, r3, r5, lsl #4",
        "and r5, r3, r5",
        "and r6, r3, r7, lsl #4",
        "and r7, r3, r7",
        "and r8, r3, r9, lsl #4",
        "and r9, r3, r9",
        "and r10, r3, r11, lsl #4",
        "and r11, r3, r11",
        "stm r1!, {{r4-r11}}",
        "3:",
        "subs r2, r2, #4",
        "bhs 2b",
        "adds r2, r2, #4",
        "beq 5f",
        "4:",
        "ldr r5, [r0], #4",
        "and r4, r3, r5, lsl #4",
        "and r5, r3, r5",
        "stm r1!, {{r4, r5}}",
        "subs r2, r2, #1",
        "bne 4b",
        "5:",
        "pop {{r4-r11, pc}}",
    )
}

/// # Safety
/// As on v6-M.
#[cfg(elbow_kernels = "helium")]
#[unsafe(naked)]
unsafe extern "C" fn widen_words(nibbles: *const u32, words: *mut u32, count: usize) {
    // A vector a turn, then word by word; the mask in r3 and q3. VST20 and VST21 put the words of two vectors by
    // turns.
    naked_asm!(
        // The assembler does not hear of `-C target-cpu`.
        ".cpu cortex-m55",
        "push {{r4, lr}}",
        "mov r3, #0xf0f0f0f0",
        "vdup.32 q3, r3",
        "lsrs r12, r2, #2",
        "wls lr, r12, 3f",
        "2:",
        "vldrw.u32 q2, [r0], #16",
        "vshl.i8 q1, q2, #4",
        "vand q2, q2, q3",
        "vst20.32 {{q1, q2}}, [r1]",
        "vst21.32 {{q1, q2}}, [r1]!",
        "le lr, 2b",
        "3:",
        "and r2, r2, #3",
        "wls lr, r2, 5f",
        "4:",
        "ldr r4, [r0], #4",
        "and r12, r3, r4, lsl #4",
        "and r4, r3, r4",
        "strd r12, r4, [r1], #8",
        "le lr, 4b",
        "5:",
        "pop {{r4, pc}}",
    )
}
