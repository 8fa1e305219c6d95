//! What a training tells while it goes on.

use super::Warning;
use crate::train::Epoch;

/// Somebody who looks on while a model is trained. Every method has a default that does nothing.
pub trait Observer {
    /// One line on what is done, and by what assumptions.
    fn note(&self, line: &str) {
        let _ = line;
    }

    /// Something legal that may mislead.
    fn warn(&self, warning: &Warning) {
        let _ = warning;
    }

    /// The metrics of an epoch, of so many.
    fn epoch(&self, epoch: &Epoch, epochs: usize) {
        let _ = (epoch, epochs);
    }

    /// No epoch follows.
    fn trained(&self) {}

    /// Whether to stop with [`crate::error::Error::Cancelled`]. It is asked after each epoch.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
