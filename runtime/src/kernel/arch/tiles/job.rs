//! What the assembly of v6-M and v7-M takes in, and what it calls.

use crate::kernel::matrix::Row;
use crate::requantize::Multiplier;

/// Rows for one lane, in the order that the assembly reads it.
#[repr(C)]
pub(super) struct Job {
    pub(super) weights: *const u8,
    /// Bytes from a band of tiles to the next.
    pub(super) band: usize,
    pub(super) words: *const u32,
    /// What each sum starts from.
    pub(super) start: i32,
    pub(super) words_end: *const u32,
    pub(super) rows_end: *const Row,
    pub(super) rows: *const Row,
    pub(super) out: *mut u8,
    /// How outputs are clamped; see [`super::Clamp`].
    pub(super) offset: i32,
    pub(super) floor: i32,
    #[cfg(elbow_kernels = "v6m")]
    pub(super) range: i32,
}

/// [`Multiplier::apply_large`] for the assembly, with the offset added, saturated.
pub(super) extern "C" fn apply(accumulator: i32, word: u32, offset: i32) -> i32 {
    let value = Multiplier::from_validated(word).apply_large(accumulator);
    value.saturating_add(offset)
}
