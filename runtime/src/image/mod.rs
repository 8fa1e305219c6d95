//! Images on hosts: the description of a model, the image of a description and back.

mod calibration;
mod check;
mod describe;
mod error;
mod integers;
mod spec;
mod write;

pub use crate::kernel::Row;
pub use calibration::CalibrationSpec;
pub use error::EncodeError;
pub use spec::{
    ColumnSpec, ComponentSpec, DenseSpec, GroupSpec, ImageSpec, InputSpec, LayerSpec,
    LikelihoodSpec, LocationSpec, PriorSpec, StreamSpec, Tail,
};
