//! Kinds of layers: what a layer applies its matrix to.

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

    /// The shape of a layer that takes in `inputs` numbers and whose matrix has so many rows.
    #[must_use]
    pub const fn shape(self, inputs: usize, rows: usize) -> LayerShape {
        match self {
            Self::Dense => LayerShape {
                windows: 1,
                columns: inputs,
                rows,
            },
        }
    }
}

/// The matrix of a layer, and how often it is applied in one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Parts of the inputs that the matrix is applied to.
    pub windows: usize,
    /// Inputs in each.
    pub columns: usize,
    /// Outputs of each.
    pub rows: usize,
}

impl LayerShape {
    /// Numbers that the layer gives: the rows of each window.
    #[must_use]
    pub const fn outputs(self) -> usize {
        self.windows * self.rows
    }

    /// Multiply-accumulates of one pass.
    #[must_use]
    pub const fn macs(self) -> usize {
        self.outputs() * self.columns
    }
}
