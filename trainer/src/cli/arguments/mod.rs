//! Arguments that several commands share, and what they name.

pub(super) mod alarm;
pub(super) mod live;
pub(super) mod place;
mod source;
pub(super) mod stream;
pub(super) mod tracking;

pub(super) use source::{
    Input, LIKE_THE_TRAINING, Loaded, Source, asked, parse_estimator, prepare, refuse_conditions,
    tell, warn_of_saturation, without_gaps,
};
