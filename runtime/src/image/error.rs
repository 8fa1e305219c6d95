//! Why no image was written.

use crate::format::ImageError;
use crate::requantize::FactorError;
use crate::workspace::WorkspaceError;

/// Why no image was written.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WriteError {
    /// A list is longer than an image has room for.
    TooMany {
        /// What is listed.
        what: &'static str,
        /// How many.
        have: usize,
        /// How many there may be.
        most: usize,
    },
    /// A list has not the length that the others ask for.
    Length {
        /// What is listed.
        what: &'static str,
        /// How many.
        have: usize,
        /// How many there must be.
        need: usize,
    },
    /// A scale factor has no multiplier.
    Factor(FactorError),
    /// A layer whose weights have four bits has one that is no multiple of 16.
    Weight {
        /// Where it is among the layer's.
        index: usize,
        /// What it is.
        weight: i8,
    },
    /// The image would not be read again.
    Image(ImageError),
    /// The header could not be serialized.
    Header(postcard::Error),
    /// The workspace of the self-test; cannot happen, since it is sized for the model.
    Workspace(WorkspaceError),
}

impl From<FactorError> for WriteError {
    fn from(error: FactorError) -> Self {
        Self::Factor(error)
    }
}
