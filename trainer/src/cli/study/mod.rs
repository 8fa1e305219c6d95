//! Commands that study a model, its training and its rivals.

pub(super) mod baseline;
pub(super) mod bench;
pub(super) mod estimators;
pub(super) mod ladder;
pub(super) mod plot;
pub(super) mod variance;
