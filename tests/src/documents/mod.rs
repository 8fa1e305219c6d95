//! What the documentation shows and programs make: the picture of the README, and the outputs in the guides.

pub mod guides;
pub mod picture;
