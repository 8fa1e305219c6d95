//! The one error type of the trainer. Every message is one line that says what to do.

use crate::data::DataError;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Error {
    /// The data cannot be used.
    Data(DataError),
    /// A setting makes no sense; the message says which and what would.
    Setting(String),
    /// A file could not be read or written.
    File {
        /// What was being done: "read" or "write".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// A model image is refused.
    Image {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: elbow::ImageError,
    },
    /// The model cannot be written as an image.
    Encode(elbow::image::EncodeError),
    /// A tensor operation failed.
    Tensor(candle_core::Error),
    /// Training left the numbers that floats have.
    Diverged {
        /// In which epoch.
        epoch: usize,
    },
    /// Whoever looked on ended the training.
    Cancelled {
        /// After which epoch.
        epoch: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(error) => error.fmt(f),
            Self::Setting(message) => f.write_str(message),
            Self::File {
                action,
                path,
                cause,
            } => {
                let remedy = match *action {
                    "read" => "check the path",
                    _ => {
                        "check that the folder exists and can be written to, or choose another place"
                    }
                };
                write!(
                    f,
                    "cannot {action} {}: {}; {remedy}",
                    path.display(),
                    innermost(cause)
                )
            }
            Self::Image { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Encode(error) => write!(f, "this model has no image: {error}"),
            Self::Tensor(error) => {
                // A backtrace may follow the first line.
                let error = error.to_string();
                write!(
                    f,
                    "tensor operation failed: {}",
                    error.lines().next().unwrap_or_default()
                )
            }
            Self::Cancelled { epoch } => write!(f, "training was ended after epoch {epoch}"),
            Self::Diverged { epoch } => write!(
                f,
                "the bound became infinite or NaN in epoch {epoch}: lower --learning-rate, or look for readings of absurd size"
            ),
        }
    }
}

impl std::error::Error for Error {}

/// What the operating system said, without what others wrapped around it (the name of a temporary
/// file, say).
fn innermost(error: &std::io::Error) -> &dyn std::error::Error {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner
}

impl Error {
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

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Tensor(error)
    }
}

impl From<elbow::image::EncodeError> for Error {
    fn from(error: elbow::image::EncodeError) -> Self {
        Self::Encode(error)
    }
}
