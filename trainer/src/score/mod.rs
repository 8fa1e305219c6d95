//! Scores of readings, in floats and as the device computes them, and what they are worth.

pub mod evaluate;
pub mod evidence;
