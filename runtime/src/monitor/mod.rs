//! Observers of a stream of scores.
//!
//! [`Smoother`] raises alarms without flutter, [`Martingale`] raises them at a guaranteed rate of false alarms, and [`Drift`] tells
//! whether ordinary scores are still as they were when the model was calibrated. All are plain values of a few words that take
//! [`crate::Nats`] and know no model. [`Watch`] joins them with a model whose readings are windows of a
//! stream. All arithmetic is on integers; nothing overflows or panics for any sequence of scores.

mod alarm;
mod average;
mod drift;
mod error;
mod martingale;
mod smoother;
mod watch;
mod window;

pub use alarm::Transition;
pub use average::MAX_TIME_CONSTANT;
pub use drift::{Drift, DriftReport, DriftSettings, Reference};
pub use error::MonitorError;
pub use martingale::{Martingale, MartingaleSettings};
pub use smoother::{Smoother, SmootherSettings};
pub use watch::{Watch, WatchError, WatchSettings};
pub use window::{Blame, Event, WindowScoring};
