//! The model image: a checked container, a postcard header, and tensors that are read in place.
//!
//! This module says where things are and whether they may be trusted; it computes nothing.
#![doc = include_str!("../../FORMAT.md")]

mod aligned;
mod container;
mod defect;
mod header;
mod list;
mod tensors;

pub use crate::layer::MAX_LAYERS;
pub(crate) use crate::layer::NARROW_CEILING;
pub use aligned::Aligned;
#[cfg(feature = "image")]
pub use aligned::AlignedImage;
#[cfg(feature = "adapt")]
pub use container::image_checksum;
pub(crate) use container::open;
#[cfg(feature = "image")]
pub use container::reseal;
#[cfg(feature = "image")]
pub(crate) use container::seal;
pub use container::{
    ALIGNMENT, FORMAT_VERSION, ImageError, MAGIC, NUMERICS_VERSION, PREFIX_LENGTH, image_length,
};
pub use defect::Defect;
pub(crate) use header::{
    CalibrationHeader, ExpectedScore, Header, LayerHeader, LikelihoodHeader, OutputsHeader,
    PriorHeader, StreamHeader,
};
#[cfg(feature = "statistics")]
pub(crate) use header::{StatisticHeader, StatisticKind};
pub(crate) use list::List;
#[cfg(feature = "image")]
pub(crate) use tensors::TensorWriter;
pub(crate) use tensors::Tensors;

/// Calibration tables that an image may have.
pub const MAX_CALIBRATIONS: usize = 8;
/// Scores that the self-test of an image may have.
pub const MAX_EXPECTED_SCORES: usize = 8;
/// Inputs that a model may have; with it no sum of a score can overflow.
pub const MAX_INPUTS: u16 = 1 << 14;
/// Latents that a model may have.
pub const MAX_LATENTS: u16 = 1 << 10;
/// Components that a prior may have.
pub const MAX_COMPONENTS: u16 = 256;
