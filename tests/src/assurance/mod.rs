//! Looks for faults that no test names.
//!
//! * [`fuzz`]: reads damaged files as the trainer does; the crate `elbow-fuzz` makes them.

pub mod fuzz;
