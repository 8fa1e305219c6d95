//! Arguments that several commands share, and what they name.

pub(super) mod alarm;
pub(super) mod live;
pub(super) mod place;
mod scoring;
mod source;
pub(super) mod stream;
pub(super) mod tracking;

pub(super) use scoring::Scoring;
pub(super) use source::{
    Input, Source, asked, parse_estimator, prepare, refuse_conditions, tell, warn_of_saturation,
};
