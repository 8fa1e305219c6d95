//! The one error type of the trainer. Every message is one line that says what to do.

use crate::data::DataError;
use std::path::{Path, PathBuf};

/// The exit code of a program that was interrupted, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A setting makes no sense; the message says which and what would.
    #[error("{0}")]
    Setting(String),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {}; {}", path.display(), innermost(cause), remedy(action))]
    File {
        /// The attempt: "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        cause: std::io::Error,
    },
    /// A model image is refused.
    #[error("{}: {cause}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: elbow::ImageError,
    },
    /// The model cannot be written as an image.
    #[error("this model has no image: {0}")]
    Encode(#[from] elbow::image::WriteError),
    /// A tensor operation failed.
    // A backtrace may follow the first line.
    #[error("tensor operation failed: {}", .0.to_string().lines().next().unwrap_or_default())]
    Tensor(#[from] candle_core::Error),
    /// Training left the numbers that floats have.
    #[error(
        "the bound became infinite or NaN in epoch {epoch}, first in {place}: {remedy}{}", of_kept(*.kept)
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The first place in the model where something is not finite.
        place: String,
        /// What to try.
        remedy: &'static str,
        /// The epochs before it that the parameters that are kept come from, if any are.
        kept: Option<usize>,
    },
    /// A board on a serial line did not do what it was asked.
    #[error(transparent)]
    Board(#[from] crate::board::error::BoardError),
    /// Whoever looked on ended the run.
    #[error("the run was ended after epoch {epoch}; {}", .resume.as_deref().map_or("nothing was saved".into(), with_command))]
    Cancelled {
        /// The last epoch that was done, counted from 1; batches of the next are in the checkpoint too.
        epoch: usize,
        /// The command that goes on from a checkpoint, if there is one.
        resume: Option<String>,
    },
}

/// The command that goes on with the run in `folder`.
pub(crate) fn resuming(folder: &Path) -> String {
    format!("trainer fit --resume {}", folder.display())
}

/// The remedy for a run that was ended.
fn with_command(command: &str) -> String {
    format!("go on with it: {command}")
}

/// The parameters that are kept of a training that diverged.
fn of_kept(epochs: Option<usize>) -> String {
    let line =
        |epochs| format!("; the model has the best parameters of the {epochs} epochs before");
    epochs.map(line).unwrap_or_default()
}

/// Remedy for a file that could not be read or written.
fn remedy(action: &str) -> &'static str {
    match action {
        "read" => "check the path",
        _ => "check that the folder exists and can be written to, or choose another place",
    }
}

/// The operating system's reason, without what others wrapped around it (the name of a temporary
/// file, say).
fn innermost(error: &std::io::Error) -> &dyn std::error::Error {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner
}

impl Error {
    /// The exit code of a program that ends with it: 2 where what it was given cannot be used,
    /// [`INTERRUPTED`] where it was interrupted, 1 where its work failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Data(_) | Self::Setting(_) | Self::Image { .. } => 2,
            Self::File { action: "read", .. } => 2,
            Self::File { .. } | Self::Encode(_) | Self::Tensor(_) | Self::Diverged { .. } => 1,
            Self::Board(error) => error.exit_code(),
            Self::Cancelled { .. } => INTERRUPTED,
        }
    }

    /// The same; where a run was ended, after so many epochs.
    pub(crate) fn after(self, epoch: usize) -> Self {
        match self {
            Self::Cancelled { resume, .. } => Self::Cancelled { epoch, resume },
            other => other,
        }
    }

    /// The same; where a training diverged, with parameters of so many epochs before.
    pub(crate) fn keeping(mut self, epochs: usize) -> Self {
        if let Self::Diverged { kept, .. } = &mut self {
            *kept = Some(epochs);
        }
        self
    }

    /// Names the file that could not be read.
    pub fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |cause| Self::File {
            action: "read",
            path: path.to_path_buf(),
            cause,
        }
    }

    /// Names the file that could not be written.
    pub fn writing(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |cause| Self::File {
            action: "write",
            path: path.to_path_buf(),
            cause,
        }
    }
}
