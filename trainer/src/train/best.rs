//! The parameters to keep.

use crate::error::Error;
use crate::model::Vae;
use candle_core::Tensor;

/// The parameters with the highest criterion so far.
#[derive(Clone, Debug, Default)]
pub struct Best(Option<(f64, Vec<Tensor>)>);

impl Best {
    /// Keeps a criterion and parameters.
    pub fn new(kept: Option<(f64, Vec<Tensor>)>) -> Self {
        Self(kept)
    }

    /// The criterion that they were kept for.
    pub fn criterion(&self) -> Option<f64> {
        self.0.as_ref().map(|(criterion, _)| *criterion)
    }

    /// The parameters, where some were kept.
    pub fn values(&self) -> Option<&[Tensor]> {
        self.0.as_ref().map(|(_, values)| values.as_slice())
    }

    /// Keeps the parameters that `vae` has where `criterion` is the highest so far, and says whether it is;
    /// none and numbers that are not finite are passed over.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn offer(&mut self, vae: &Vae, criterion: Option<f64>) -> Result<bool, Error> {
        let highest = self.criterion().unwrap_or(f64::NEG_INFINITY);
        if let Some(criterion) = criterion
            && criterion.is_finite()
            && criterion > highest
        {
            self.0 = Some((criterion, vae.snapshot()?));
            return Ok(true);
        }
        Ok(false)
    }

    /// Gives them back to `vae`, which stays as it is where none were kept.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn restore(self, vae: &Vae) -> Result<(), Error> {
        self.0
            .map_or(Ok(()), |(_, snapshot)| vae.restore(&snapshot))
    }
}
