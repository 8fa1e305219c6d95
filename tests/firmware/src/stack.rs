//! How deep the stack gets.
//!
//! What is left of the stack is filled with a pattern; whatever an operation overwrites, it has used. Words that it
//! reserves and never writes do not count.
#![allow(unsafe_code)]

use crate::processor;
use core::ptr;

unsafe extern "C" {
    /// The lowest address of the stack.
    static _stack_end: u32;
}

/// No operation is likely to write it.
const PATTERN: u32 = 0x5ac3_96e1;

/// Words below the stack pointer that are left alone: those of the functions here.
const MARGIN: usize = 64;

/// Bytes of stack that `operation` needs below its caller's, up to 256 bytes too many.
#[inline(never)]
pub fn bytes_used(operation: impl FnOnce()) -> u64 {
    let top = processor::stack_pointer();
    let bottom = (&raw const _stack_end).addr();
    let words = (top.saturating_sub(bottom) / size_of::<u32>()).saturating_sub(MARGIN);
    let lowest = (&raw const _stack_end).cast_mut();
    for index in 0..words {
        // SAFETY: the word is in the stack, below everything that is in use.
        unsafe { ptr::write_volatile(lowest.wrapping_add(index), PATTERN) };
    }
    apart(operation);
    let untouched = (0..words).take_while(|&index| {
        // SAFETY: as above; it has been written.
        let word = unsafe { ptr::read_volatile(lowest.wrapping_add(index)) };
        word == PATTERN
    });
    (top - bottom - size_of::<u32>() * untouched.count()) as u64
}

/// Calls `operation` below everything of its caller's, whose frame would hold what it needs otherwise.
#[inline(never)]
fn apart(operation: impl FnOnce()) {
    operation();
}
