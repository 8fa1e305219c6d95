//! The program that every emulated board runs.
//!
//! * [`app`]: what the command line asks for, without unsafe code and without a word about the board.
//! * [`arguments`]: the command line as a command and `key=value` pairs.
//! * [`image`]: the model image, read in place where the board has its flash.
//! * [`counter`]: how many instructions something takes.
//! * [`host`]: files, command line and exit of the host, through semihosting.
//! * `stack`: how deep the stack gets;
//! * `faults`: panics become a message and an exit code;
//! * `processor`: what differs between instruction sets.
//!
//! A binary is an entry point and a linker script (`boards/<name>/memory.x`), nothing else. It holds no model
//! and no readings, so one image a core serves every test. Without the feature `boards` there is nothing here: the
//! least product is built so.
#![no_std]

#[cfg(feature = "boards")]
pub mod app;
#[cfg(feature = "boards")]
pub mod arguments;
#[cfg(feature = "boards")]
pub mod counter;
#[cfg(feature = "boards")]
mod faults;
#[cfg(feature = "boards")]
pub mod host;
#[cfg(feature = "boards")]
pub mod image;
#[cfg(feature = "boards")]
mod processor;
#[cfg(feature = "boards")]
pub mod stack;

#[cfg(feature = "boards")]
use core::fmt::Write;
#[cfg(feature = "boards")]
use host::{Console, ExitCode};
#[cfg(feature = "boards")]
pub use processor::guard_stack;

/// Does what the command line says, then leaves the emulator: code 0, or a message on standard
/// error and code 1.
///
/// `words` is the memory for the model, and for what a command keeps beside it.
#[cfg(feature = "boards")]
pub fn run(words: &mut [u64]) -> ! {
    processor::guard_stack();
    let mut line = [0; host::COMMAND_LINE_LENGTH];
    let outcome = host::command_line(&mut line)
        .map_err(app::Failure::from)
        .and_then(|line| app::run(line, app::Memory::new(words)));
    match outcome {
        Ok(()) => host::exit(ExitCode::Success),
        Err(failure) => {
            // Whoever cannot be told by text is told by the exit code.
            let _ = writeln!(Console::Error, "{failure}");
            host::exit(ExitCode::Failure)
        }
    }
}
