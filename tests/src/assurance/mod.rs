//! Looks for faults that no test names.
//!
//! * [`fuzz`]: damaged files, each from a seed; the crate `elbow-fuzz` makes and reads them.
//! * [`guided`]: the same under libFuzzer, which prefers what reaches new code.
//! * [`miri`]: tests of the runtime, interpreted.

pub mod fuzz;
pub mod guided;
pub mod miri;
