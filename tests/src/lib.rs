//! The workshop of elbow: what `cargo xtask` does, and what the suites in `tests/` stand on.
//!
//! * [`error`], [`paths`], [`process`], [`debian`]: errors with a remedy; folders; programs with a
//!   time limit; packages.
//! * [`toolchain`]: the way to build for a thumb target on the machine at hand.
//! * [`board`]: the emulated boards.
//! * [`elf`]: what a linked image holds.
//! * [`firmware`], [`emulator`]: builds the image of a board, runs it in QEMU.
//! * [`trainer`]: the host program that trains and scores.
//! * [`qemu`]: scores, watches and dreams on a board, as the trainer does them on the host.
//! * [`shapes`]: models of any shape with random weights.
//! * [`product`]: what the least product takes of flash, and what features add.
//! * [`mod@bench`]: what scores cost, in instructions.
//! * [`costs`]: the same of models of many shapes, for the trainer's budgets.
//! * [`fuzz`]: reads damaged files as the trainer does; the crate `elbow-fuzz` makes them.
//! * [`tables`]: generates the tables that are checked in.
//! * [`suite`]: everything that must hold, in one command.

pub mod bench;
pub mod board;
pub mod costs;
pub mod debian;
pub mod elf;
pub mod emulator;
pub mod error;
pub mod firmware;
pub mod fuzz;
pub mod paths;
pub mod process;
pub mod product;
pub mod qemu;
pub mod shapes;
pub mod suite;
pub mod tables;
pub mod toolchain;
pub mod trainer;
