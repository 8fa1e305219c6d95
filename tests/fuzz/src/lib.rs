//! Damaged files of every format that the trainer reads.
//!
//! An input is a whole file, or pieces of two, damaged by [`mutate`], or a file with random contents by [`tables`];
//! every byte of it follows from a seed and a number. [`check`] reads it as the trainer does:
//! [`elbow_trainer::data::frame_of_bytes`], then [`elbow_trainer::data::interpret`] with its report. A panic, memory
//! beyond [`Format::memory`], a reading of more than [`SLOWEST`] and a table that is no rectangle are faults.
//! [`run`] does so on all cores.
//!
//! The loop is our own, without coverage: libFuzzer and the like need a nightly compiler.
//!
//! * [`dice`]: random choices.
//! * [`seeds`]: whole files.
//! * [`tables`]: whole files with random contents.
//! * [`mutate`]: damage that knows what files are made of.
//! * [`mod@format`]: the formats, and what their files may cost.
//! * [`memory`]: counts what is allocated.
//! * [`check`]: reads an input and says what is wrong.
//! * [`run`]: many inputs on all cores.

pub mod check;
pub mod dice;
pub mod format;
pub mod memory;
pub mod mutate;
pub mod run;
pub mod seeds;
pub mod tables;

pub use check::SLOWEST;
pub use format::Format;
