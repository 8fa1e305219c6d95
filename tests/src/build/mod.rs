//! Builds everything that is run: firmware for the boards, and the trainer for the host.
//!
//! * [`board`]: the emulated boards.
//! * [`debian`]: packages, installed where that is allowed.
//! * [`toolchain`]: the way to build for a device on the machine at hand.
//! * [`firmware`]: the image of a board, or any program for a device.
//! * [`elf`]: sizes and symbols of a linked image.
//! * [`hal`]: examples for boards that are not emulated.
//! * [`trainer`]: the host program that trains and scores.
//! * [`member`]: programs of the workspace that contain the trainer.

pub mod board;
pub mod debian;
pub mod elf;
pub mod firmware;
pub mod hal;
pub mod member;
pub mod toolchain;
pub mod trainer;

use std::path::Path;

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}
