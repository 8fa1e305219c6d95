//! Damaged images, and damaged files of every format that the trainer reads.
//!
//! An input is a whole file, or pieces of two, damaged by [`mutate`], or a file with random contents by [`tables`];
//! every byte of it follows from a seed and a number. [`check`] reads it as the trainer does:
//! [`elbow_trainer::data::frame_of_bytes`], then [`elbow_trainer::data::interpret`] with its report; or as a device
//! does: [`elbow::Model::parse`], then scores. A panic, memory beyond [`Format::memory`], a reading of more than
//! [`SLOWEST`] and a table that is no rectangle are faults.
//!
//! [`run`] does so on all cores, and repeats from a seed. [`guided`] has the same inputs and the same faults as targets
//! of libFuzzer, which prefers inputs that reach new code.
//!
//! * [`dice`]: random choices.
//! * [`images`]: images of models, and what a device does with one.
//! * [`seeds`]: whole files.
//! * [`tables`]: whole files with random contents.
//! * [`mutate`]: damage that knows what files are made of.
//! * [`mod@format`]: the formats, and what their files may cost.
//! * [`memory`]: counts what is allocated.
//! * [`check`]: reads an input and says what is wrong.
//! * [`run`]: many inputs on all cores.
//! * [`guided`]: the targets of libFuzzer.

pub mod check;
pub mod dice;
pub mod format;
pub mod guided;
pub mod images;
pub mod memory;
pub mod mutate;
pub mod run;
pub mod seeds;
pub mod tables;

pub use check::SLOWEST;
pub use format::Format;

#[cfg(feature = "guided")]
pub use libfuzzer_sys;
