//! Weights and biases in slices.

/// Numbers of a group: values or gradients.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// (inputs, outputs).
    pub(super) weight: Vec<f32>,
    /// (outputs).
    pub(super) bias: Vec<f32>,
}
