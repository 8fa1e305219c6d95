//! The workshop of elbow: what `cargo xtask` does, and what the suites in `tests/` stand on.
//!
//! * [`error`], [`files`], [`process`]: errors with a remedy; files whose errors name them; programs with a time limit.
//! * [`build`]: the boards, and whatever is built for them and for the host.
//! * [`emulator`]: runs the image of a board in QEMU; its commands score, watch and dream as the trainer does.
//! * [`measure`]: what models and features cost, in instructions and bytes.
//! * [`c`]: the archive and the header for programs in C; C programs for the host and for boards.
//! * [`tables`]: generates the tables that are checked in.
//! * [`mod@assurance`]: looks for faults that no test names.
//! * [`documents`], [`page`]: make what the documentation shows of programs; look at reports in a browser.
//! * [`python`]: builds and tests the package for Python.
//! * [`suite`]: everything that must hold, in one command.
//!
//! Each uses only those above it.

pub mod assurance;
pub mod build;
pub mod c;
pub mod documents;
pub mod emulator;
pub mod error;
pub mod files;
pub mod measure;
pub mod page;
pub mod process;
pub mod python;
pub mod suite;
pub mod tables;
