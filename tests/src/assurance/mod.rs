//! Looks for faults that no test names.
//!
//! * [`fuzz`]: damaged files, each from a seed; the crate `elbow-fuzz` makes and reads them.
//! * [`guided`]: the same under libFuzzer, which prefers what reaches new code.
//! * [`interrupt`]: trainings that are ended at random moments and gone on with.
//! * [`miri`]: tests of the runtime, interpreted.

pub mod fuzz;
pub mod guided;
pub mod interrupt;
pub mod miri;
