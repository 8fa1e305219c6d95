//! An observer of a training.

use super::warning::Warning;
#[cfg(doc)]
use crate::error::Error;
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

    /// Whether to stop with [`Error::Cancelled`], after a last checkpoint where the run has a folder for them. It is asked
    /// about twice a second in training, between batches, and after each epoch and each stage.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Training begins, in which [`Observer::is_cancelled`] is asked soon, or ends. What comes between is no part of a
    /// checkpoint: whoever ends the program there loses nothing more than that.
    fn asks(&self, soon: bool) {
        let _ = soon;
    }

    /// A checkpoint was written.
    fn saved(&self) {}
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
