//! What the documentation shows and programs make: the picture of the README, the outputs in the guides, the sizes of the examples, the
//! public items of the crates, and the crates as they are published.

pub mod crates;
pub mod guides;
pub mod interface;
pub mod picture;
pub mod sizes;
