//! What can go wrong while firmware is built and emulated, each with its remedy.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why firmware could not be built or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing on this machine compiles for the target, and nothing could be installed that does.
    #[error("no compiler here builds for {triple}:\n  {}\ntype: rustup target add {triple}", .tried.join("\n  "))]
    Toolchain {
        /// The target triple.
        triple: &'static str,
        /// What was tried, and why it does not serve.
        tried: Vec<String>,
    },
    /// A program is absent and could not be installed.
    #[error("{program} is not installed, and {reason}; type: {remedy}")]
    Missing {
        /// The program.
        program: &'static str,
        /// Why it was not installed.
        reason: String,
        /// The line to type.
        remedy: String,
    },
    /// A tool that checks is absent and could not be installed, so that nothing was checked.
    #[error("not run: {tool} is not on this machine: {reason}; type: {remedy}")]
    Absent {
        /// The tool.
        tool: &'static str,
        /// Why it was not installed.
        reason: String,
        /// The line to type.
        remedy: String,
    },
    /// A program could not be started.
    #[error("{program} does not start: {source}")]
    Start {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A program ran longer than it may.
    #[error("{program} ran longer than {} s\n{output}", .limit.as_secs_f64())]
    TimeLimit {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
        /// What it had written to standard output and standard error.
        output: String,
    },
    /// A program was ended by a signal.
    #[error("{program} was ended by a signal\n{output}")]
    Signal {
        /// The program.
        program: String,
        /// What it had written to standard output and standard error.
        output: String,
    },
    /// A program ended with a failure.
    #[error("{program} failed\n{}", .output.trim_end())]
    Program {
        /// The program and its arguments.
        program: String,
        /// What it wrote to standard error.
        output: String,
    },
    /// The compiler or the linker refused the firmware.
    #[error("the firmware for {program} does not build\n{log}")]
    Build {
        /// The binary's name.
        program: String,
        /// What cargo said.
        log: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A model image exceeds the memory that the board sets aside for it.
    #[error("the model image has {bytes} bytes, {board} has room for {room}")]
    ModelTooLarge {
        /// The board's name.
        board: &'static str,
        /// Bytes in the image.
        bytes: u64,
        /// Bytes that the board has.
        room: u64,
    },
    /// A command-line argument that semihosting cannot carry.
    #[error(
        "argument {0:?} is empty or holds white space, which the command line of semihosting cannot carry: name files \
         relative to the directory of the run"
    )]
    Argument(String),
    /// A board that does not exist.
    #[error("there is no board {name:?}; choose one of {}", .known.join(" "))]
    Board {
        /// What was asked for.
        name: String,
        /// The boards that exist.
        known: Vec<&'static str>,
    },
}

impl Error {
    /// What the system answers about the file or folder `path`.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    /// What the writer of images refuses.
    pub(crate) fn of_writer(error: impl std::fmt::Display) -> Self {
        Self::Program {
            program: "the writer of images".to_owned(),
            output: error.to_string(),
        }
    }
}
