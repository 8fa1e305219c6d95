//! Dense layers with random weights, the same on the host and on the boards.
//!
//! * [`sweep`]: compares the kernels with the definition of a layer.
//! * [`layers`]: single layers, whose instructions are counted.
//!
//! Nothing else of the tests calls [`elbow::internal`], but for the program that cannot panic.
#![no_std]

#[cfg(feature = "write")]
extern crate std;

pub mod layers;
pub mod sweep;
