//! An observer of a training.

use super::Warning;
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

    /// Whether to stop with [`Error::Cancelled`]. It is asked after each epoch.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Tells `observer` of one of `epochs` epochs.
///
/// # Errors
/// [`Error::Cancelled`] where training is to end there.
pub(super) fn tell(observer: &dyn Observer, epoch: &Epoch, epochs: usize) -> Result<(), Error> {
    observer.epoch(epoch, epochs);
    if observer.is_cancelled() {
        return Err(Error::Cancelled { epoch: epoch.epoch });
    }
    Ok(())
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
