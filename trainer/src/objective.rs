//! The evidence lower bound in floats.

use crate::error::Error;
use crate::model::Vae;
use candle_core::{D, Tensor};

/// The two terms of the bound for each reading of a batch, in nats.
#[derive(Clone, Debug)]
pub struct Bound {
    /// `log p(x|z)` at the sample, without the likelihood's constant, (batch).
    pub reconstruction: Tensor,
    /// `KL(q(z|x) || p(z))` in closed form, (batch).
    pub kl: Tensor,
}

/// A batch on its way through the networks.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Network inputs, (batch, inputs).
    pub inputs: Tensor,
    /// What the likelihood is asked about, (batch, inputs): counts, or the network inputs.
    pub target: Tensor,
}

impl Bound {
    /// The bound at one reparameterized sample `z = mu + sigma * noise` for each reading (Kingma
    /// and Welling, "Auto-encoding variational Bayes", 2014, equation 7).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn sample(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Self, Error> {
        let (mean, log_variance) = vae.encode(&batch.inputs)?;
        let latents = (&mean + ((&log_variance * 0.5)?.exp()? * noise)?)?;
        let terms = vae
            .likelihood
            .terms(&batch.target, &vae.decode(&latents)?)?;
        let reconstruction = terms.sum(D::Minus1)?;
        Ok(Self {
            reconstruction,
            kl: kl(&mean, &log_variance)?,
        })
    }

    /// The mean of the bound over the batch, a scalar.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn mean(&self) -> Result<Tensor, Error> {
        Ok((&self.reconstruction - &self.kl)?.mean_all()?)
    }
}

/// `KL(N(mu, diag(exp(log_variance))) || N(0, I))`, (batch).
///
/// # Errors
/// [`Error::Tensor`].
pub fn kl(mean: &Tensor, log_variance: &Tensor) -> Result<Tensor, Error> {
    let twice = ((mean.sqr()? + log_variance.exp()?)? - log_variance)?;
    Ok(((twice - 1.0)?.sum(D::Minus1)? * 0.5)?)
}
