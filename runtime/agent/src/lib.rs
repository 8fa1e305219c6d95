//! A board on the desk: what a workstation and a board with [`elbow`] say to each other over a serial line, and the
//! program that answers on the board.
//!
//! The workstation asks, the board answers: samples of its sensors, scores of readings, and updates of its model
//! image. Of the two images that a board keeps, one is always whole: a cut line or cut power at any moment leaves the old
//! or the new one.
//!
//! # Modules
//!
//! Each uses only those above it.
//!
//! * [`protocol`]: messages, and the frames that carry them; for both ends.
//! * [`flash`]: an image in a slot of flash, with what is known of it; flash that is RAM.
//! * [`board`]: what a board has: a line, a clock, sensors.
//! * [`agent`]: the program of a board.
//!
//! # The protocol
#![doc = include_str!("../PROTOCOL.md")]
#![no_std]
#![forbid(unsafe_code)]

pub mod agent;
pub mod board;
pub mod flash;
pub mod protocol;
