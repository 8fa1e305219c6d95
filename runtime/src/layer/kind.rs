//! Kinds of layers: which of the numbers that a layer takes in its matrix is applied to.

use crate::wire::Reader;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The kind of a layer, in an image and everywhere else.
///
/// Exhaustive on purpose: a compiler error names each place that has to learn a new kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum LayerKind {
    /// Each output depends on all inputs.
    Dense,
}

impl LayerKind {
    /// Reads what the derived writer writes.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        // One kind, one variant.
        reader.variant(1);
        Self::Dense
    }

    /// Columns of the matrix of a layer that takes in so many numbers.
    #[must_use]
    pub const fn columns(self, inputs: usize) -> usize {
        match self {
            Self::Dense => inputs,
        }
    }

    /// How often the matrix is applied to so many numbers. Each time gives an output for each row.
    #[must_use]
    pub const fn windows(self, _inputs: usize) -> usize {
        match self {
            Self::Dense => 1,
        }
    }
}
