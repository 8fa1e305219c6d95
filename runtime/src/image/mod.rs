//! Images on hosts: the description of a model, the image of a description and back.

mod calibration;
mod check;
mod describe;
mod error;
mod group;
mod integers;
mod rounded;
mod spec;
mod statistics;
mod write;

pub use crate::kernel::Row;
pub use calibration::CalibrationSpec;
pub use error::WriteError;
pub use group::{GroupSpec, Tail};
pub use spec::{
    ColumnSpec, ComponentSpec, DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec,
    LocationSpec, PriorSpec, StreamSpec,
};
pub use statistics::{ColumnCurvesSpec, CurveSpec, PrototypesSpec, StatisticsSpec};
