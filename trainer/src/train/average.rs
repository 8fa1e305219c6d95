//! The average of parameters over the epochs.

use crate::error::Error;
use crate::model::Vae;
use candle_core::Tensor;

/// How soon early epochs are forgotten: after `t` epochs about the last `t / 9` make up the average.
const FORGETTING: f64 = 8.0;

/// The polynomial-decay average of the parameters after each epoch (Shamir and Zhang, "Stochastic gradient descent for
/// non-smooth optimization: convergence results and optimal averaging schemes", ICML 2013, section 4, with `eta = 8`). It
/// is as near to an optimum as if the steps had become short, at any epoch: training can end when it will.
#[derive(Clone, Debug, Default)]
pub(super) struct Average(Option<Vec<Tensor>>);

impl Average {
    /// The average that [`Average::values`] gave.
    pub(super) fn new(values: Option<Vec<Tensor>>) -> Self {
        Self(values)
    }

    /// The averages, in the order of [`Vae::parameters`]; none before the first epoch.
    pub(super) fn values(&self) -> Option<&[Tensor]> {
        self.0.as_deref()
    }

    /// Takes in the parameters that `vae` has after epoch `epoch`, counted from 1.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub(super) fn add(&mut self, vae: &Vae, epoch: usize) -> Result<(), Error> {
        let new = vae.snapshot()?;
        let weight = (FORGETTING + 1.0) / (epoch as f64 + FORGETTING);
        let average = match &self.0 {
            None => new,
            Some(old) => {
                let pairs = old.iter().zip(&new);
                let averages = pairs.map(|(old, new)| old + ((new - old)? * weight)?);
                averages.collect::<Result<_, candle_core::Error>>()?
            }
        };
        self.0 = Some(average);
        Ok(())
    }

    /// Has `vae` take the averages while `look` looks at it.
    ///
    /// # Errors
    /// [`Error::Tensor`], those of `look`.
    pub(super) fn show<T>(
        &self,
        vae: &Vae,
        look: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(averages) = &self.0 else {
            return look();
        };
        let own = vae.snapshot()?;
        vae.restore(averages)?;
        let seen = look();
        vae.restore(&own)?;
        seen
    }
}
