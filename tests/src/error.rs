//! What can go wrong while firmware is built and emulated, each with its remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why firmware could not be built or run.
#[derive(Debug)]
pub enum Error {
    /// Nothing on this machine compiles for the target, and nothing could be installed that does.
    Toolchain {
        /// The target triple.
        triple: &'static str,
        /// What was tried, and why it does not serve.
        tried: Vec<String>,
    },
    /// A program is absent and could not be installed.
    Missing {
        /// The program.
        program: &'static str,
        /// Why it was not installed.
        reason: String,
        /// The line to type.
        remedy: String,
    },
    /// A program could not be started.
    Start {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A program ran longer than it may.
    TimeLimit {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
        /// What it had written to standard output and standard error.
        output: String,
    },
    /// A program was ended by a signal.
    Signal {
        /// The program.
        program: String,
        /// What it had written to standard output and standard error.
        output: String,
    },
    /// A program ended with a failure.
    Program {
        /// The program and its arguments.
        program: String,
        /// What it wrote to standard error.
        output: String,
    },
    /// The compiler or the linker refused the firmware.
    Build {
        /// The binary's name.
        program: String,
        /// What cargo said.
        log: String,
    },
    /// A file could not be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A model image exceeds the memory that the board sets aside for it.
    ModelTooLarge {
        /// The board's name.
        board: &'static str,
        /// Bytes in the image.
        bytes: u64,
        /// Bytes that the board has.
        room: u64,
    },
    /// A command-line argument that semihosting cannot carry.
    Argument(String),
    /// A board that does not exist.
    Board(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toolchain { triple, tried } => {
                writeln!(f, "no compiler here builds for {triple}:")?;
                for line in tried {
                    writeln!(f, "  {line}")?;
                }
                write!(f, "type: rustup target add {triple}")
            }
            Self::Missing {
                program,
                reason,
                remedy,
            } => {
                write!(
                    f,
                    "{program} is not installed, and {reason}; type: {remedy}"
                )
            }
            Self::Start { program, source } => write!(f, "{program} does not start: {source}"),
            Self::TimeLimit {
                program,
                limit,
                output,
            } => {
                write!(
                    f,
                    "{program} ran longer than {} s\n{output}",
                    limit.as_secs_f64()
                )
            }
            Self::Signal { program, output } => {
                write!(f, "{program} was ended by a signal\n{output}")
            }
            Self::Program { program, output } => {
                write!(f, "{program} failed\n{}", output.trim_end())
            }
            Self::Build { program, log } => {
                write!(f, "the firmware for {program} does not build\n{log}")
            }
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::ModelTooLarge { board, bytes, room } => {
                write!(
                    f,
                    "the model image has {bytes} bytes, {board} has room for {room}"
                )
            }
            Self::Argument(argument) => write!(
                f,
                "argument {argument:?} is empty or holds white space, which the command line of \
                 semihosting cannot carry: name files relative to the directory of the run"
            ),
            Self::Board(name) => {
                write!(f, "there is no board {name:?}; choose one of")?;
                crate::board::BOARDS
                    .iter()
                    .try_for_each(|board| write!(f, " {}", board.name))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}
