//! The model image in the board's flash.
#![allow(unsafe_code)]

use core::ptr;

unsafe extern "C" {
    static __model_start: u8;
    static __model_end: u8;
}

/// The whole region that the linker script sets aside for the model image; the image begins it and may be shorter.
///
/// The region starts on a multiple of 16 on every board.
#[must_use]
pub fn region() -> &'static [u8] {
    let start = &raw const __model_start;
    let length = (&raw const __model_end).addr() - start.addr();
    // SAFETY: the linker script gives these addresses to memory that exists on the board, that nothing else
    // is linked into and that nobody writes while the program runs.
    unsafe { &*ptr::slice_from_raw_parts(start, length) }
}
