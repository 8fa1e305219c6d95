//! Images in flash: what a slot holds, and in which state it is.
//!
//! A slot is written in an order that survives cut power at any moment. Page 0 is erased first, with the description of the old
//! image in it; the image follows; its description is written last. What happens to the image later is marked, each mark in a
//! place of its own that is written once.

mod mark;
mod ram;
mod slot;

pub use mark::Mark;
pub use ram::RamFlash;
pub use slot::{CHUNK_UNIT, Description, IMAGE_AT, Slot, capacity, describe, report};
pub(crate) use slot::{erase, program};
