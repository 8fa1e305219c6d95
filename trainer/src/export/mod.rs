//! The way from a trained model to the folder of its run: the image, calibrated, within a budget, with a report; what
//! firmware has to know of it, as source.

pub mod budget;
pub mod calibrate;
pub mod firmware;
pub(crate) mod folds;
pub mod pipeline;
pub mod report;
pub mod run;
pub mod runs;
pub mod stages;
pub mod statistics;
pub mod tracking;
