//! Observers of a stream of scores.
//!
//! [`Smoother`] raises alarms without flutter, [`Drift`] tells whether ordinary scores are still as
//! they were when the model was calibrated. Both are plain values of a few words that take
//! [`crate::Nats`] and know no model. [`Watch`] joins them with a model whose readings are windows of a
//! stream. All arithmetic is on integers; nothing overflows or panics for any sequence of scores.

mod alarm;
mod average;
mod drift;
mod error;
mod smoother;
mod watch;

pub use alarm::Transition;
pub use average::MAX_TIME_CONSTANT;
pub use drift::{Drift, DriftReport, DriftSettings, Reference};
pub use error::MonitorError;
pub use smoother::{Smoother, SmootherSettings};
pub use watch::{Blame, Event, Watch, WatchError, WatchSettings};
