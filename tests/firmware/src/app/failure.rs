//! Why a command ends early, in words.

use crate::arguments::ArgumentError;
use crate::host::HostError;
use core::fmt;
use elbow::adapt::AdaptError;
use elbow::monitor::WatchError;
use elbow::telemetry::TelemetryError;
use elbow::{ImageError, LengthError, MaskError, ReadingError, SelfTestError, WorkspaceError};
use elbow_cases::sweep::Difference;

/// Why a command ended early; its text goes to standard error.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'a> {
    /// The command line does not name a command.
    Command(&'a str),
    /// An argument is wrong.
    Argument(ArgumentError<'a>),
    /// The host refused something that is not a file.
    Host(HostError),
    /// The host refused something about a file.
    File {
        /// The path, as the command line gave it.
        path: &'a str,
        /// What it refused.
        error: HostError,
    },
    /// A file ends within a reading, a mask or a sample, or before the reading that it is for.
    Partial {
        /// The path, as the command line gave it.
        path: &'a str,
        /// Bytes of the last one.
        have: usize,
        /// Bytes that it should have.
        need: usize,
    },
    /// The model image is refused.
    Image(ImageError),
    /// The board's memory is too small for the model.
    Workspace(WorkspaceError),
    /// The board's memory is too small for what the command keeps beside the model.
    Memory {
        /// Bytes that are left.
        have: usize,
        /// Bytes for one thing.
        need: usize,
    },
    /// The model has more latents than `explain` has room for.
    Latents {
        /// Latents that there is room for.
        have: usize,
        /// Latents of the model.
        need: usize,
    },
    /// A reading is refused.
    Reading {
        /// Its number in the file, from 0.
        index: u32,
        /// What is wrong with it.
        error: ReadingError,
    },
    /// A mask is refused.
    Mask {
        /// Its number in the file, from 0.
        index: u32,
        /// What is wrong with it.
        error: MaskError,
    },
    /// A buffer has another length than the model says.
    Length(LengthError),
    /// A packet cannot be made, or not be read again.
    Telemetry(TelemetryError),
    /// The stream cannot be watched.
    Watch(WatchError),
    /// This machine does not compute what the workstation computed.
    SelfTest(SelfTestError),
    /// A line of a script failed, and its failure has been told.
    Script {
        /// The path, as the command line gave it.
        path: &'a str,
        /// The number of the line, from 1.
        line: u32,
    },
    /// A kernel does not compute what the definition says.
    Kernel(Difference),
    /// There is no such layer where the model would be.
    Layer(&'a str),
    /// The model cannot learn here.
    Adapt(AdaptError),
    /// The state of an adapter cannot be stored.
    Store,
    /// The timer is taken.
    Counter,
    /// Standard output cannot be written.
    Output,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(name) => write!(f, "there is no command {name}; choose {}", super::NAMES),
            Self::Argument(error) => error.fmt(f),
            Self::Host(error) => error.fmt(f),
            Self::File { path, error } => write!(f, "{path} {error}"),
            Self::Partial { path, have, need } => {
                write!(f, "{path} ends too early: {have} of {need} bytes are there")
            }
            Self::Image(error) => error.fmt(f),
            Self::Workspace(error) => error.fmt(f),
            Self::Memory { have, need } => {
                write!(f, "{have} bytes of memory are left, {need} are needed")
            }
            Self::Latents { have, need } => {
                write!(f, "the model has {need} latents, there is room for {have}")
            }
            Self::Reading { index, error } => write!(f, "reading {index}: {error}"),
            Self::Mask { index, error } => write!(f, "mask {index}: {error}"),
            Self::Length(error) => error.fmt(f),
            Self::Telemetry(error) => error.fmt(f),
            Self::Watch(error) => error.fmt(f),
            Self::Script { path, line } => write!(f, "line {line} of {path} failed"),
            Self::SelfTest(error) => error.fmt(f),
            Self::Kernel(difference) => difference.fmt(f),
            Self::Layer(shape) => write!(f, "there is no layer {shape} where the model would be"),
            Self::Adapt(error) => error.fmt(f),
            Self::Store => f.write_str("the state has no room in the memory that it is kept in"),
            Self::Counter => f.write_str("the timer that counts instructions is taken"),
            Self::Output => f.write_str("standard output cannot be written"),
        }
    }
}

impl From<HostError> for Failure<'_> {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl<'a> From<ArgumentError<'a>> for Failure<'a> {
    fn from(error: ArgumentError<'a>) -> Self {
        Self::Argument(error)
    }
}

impl From<fmt::Error> for Failure<'_> {
    fn from(_: fmt::Error) -> Self {
        Self::Output
    }
}

impl From<ImageError> for Failure<'_> {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<WorkspaceError> for Failure<'_> {
    fn from(error: WorkspaceError) -> Self {
        Self::Workspace(error)
    }
}

impl From<LengthError> for Failure<'_> {
    fn from(error: LengthError) -> Self {
        Self::Length(error)
    }
}

impl From<SelfTestError> for Failure<'_> {
    fn from(error: SelfTestError) -> Self {
        Self::SelfTest(error)
    }
}

impl From<TelemetryError> for Failure<'_> {
    fn from(error: TelemetryError) -> Self {
        Self::Telemetry(error)
    }
}

impl From<WatchError> for Failure<'_> {
    fn from(error: WatchError) -> Self {
        Self::Watch(error)
    }
}

impl From<AdaptError> for Failure<'_> {
    fn from(error: AdaptError) -> Self {
        Self::Adapt(error)
    }
}

impl From<Difference> for Failure<'_> {
    fn from(difference: Difference) -> Self {
        Self::Kernel(difference)
    }
}
