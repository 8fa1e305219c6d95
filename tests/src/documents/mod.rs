//! What the documentation shows and programs make: the picture of the README, the outputs in the guides, and the sizes of the examples.

pub mod guides;
pub mod picture;
pub mod sizes;
