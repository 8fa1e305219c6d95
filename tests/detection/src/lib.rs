//! The quality of detection, measured as instructions are: by a command that anybody can repeat.
//!
//! A detector is trained by the real program with its default settings, and the readings that it has not seen are scored
//! in the integers of a device. [`measure`] says what comes of it for one set and one seed, [`report`] for many.
//!
//! * [`error`]: what can go wrong, with its remedy.
//! * [`interval`]: what chance alone does to a number of alarms.
//! * [`set`]: a table whose rows are known to be normal or anomalous, and how it is divided.
//! * [`folder`]: sets in `.npz` files.
//! * [`measure`]: trains, scores, and counts.
//! * [`shipped`]: the digits, and generated tables whose anomalies have a known cause.
//! * [`calibration`]: false alarms at rates so small that only simulated readings are enough to see them.
//! * [`installation`]: models on other machines than those that they were trained on, before and after a device has learned.
//! * [`report`]: tables of results, and the page that they are recorded on.
//!
//! Each uses only those above it.

pub mod calibration;
pub mod error;
pub mod folder;
pub mod installation;
pub mod interval;
pub mod measure;
pub mod report;
pub mod set;
pub mod shipped;
