//! Images on hosts: the description of a model, the image of a description and back.

mod describe;
mod write;

pub use crate::kernel::Row;
pub use write::{
    CalibrationSpec, ColumnSpec, ComponentSpec, DenseSpec, EncodeError, GroupSpec, ImageSpec,
    InputSpec, LayerSpec, LikelihoodSpec, LocationSpec, PriorSpec, StreamSpec, Tail,
};
