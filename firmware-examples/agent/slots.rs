//! Two slots for images in RAM that no start-up code clears: they outlive a restart, and are lost without power.
#![allow(unsafe_code)]

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use elbow_agent::flash::RamFlash;

unsafe extern "C" {
    static mut __slots_start: u8;
    static mut __slots_end: u8;
}

/// Whether somebody has the slots.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The slots, half of the region each; none where somebody has them already.
pub(crate) fn slots() -> Option<[RamFlash<'static>; 2]> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    let start = &raw mut __slots_start;
    let length = (&raw mut __slots_end).addr() - start.addr();
    // SAFETY: the linker script gives these addresses to RAM that exists on the board and that nothing is linked
    // into; any bytes are valid there, and this is done once.
    let bytes = unsafe { &mut *ptr::slice_from_raw_parts_mut(start, length) };
    let (first, second) = bytes.split_at_mut(length / 2);
    Some([RamFlash::new(first), RamFlash::new(second)])
}
