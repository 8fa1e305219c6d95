//! Commands that turn readings, samples and packets into each other.

pub(super) mod decode;
pub(super) mod encode;
pub(super) mod readings;
pub(super) mod sample;
pub(super) mod samples;
