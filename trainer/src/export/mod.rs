//! The way from a trained model to the folder of its run: the image, calibrated, within a budget, with a report.

pub mod budget;
pub mod calibrate;
pub(crate) mod folds;
pub mod pipeline;
pub mod report;
pub mod run;
pub mod stages;
pub mod statistics;
