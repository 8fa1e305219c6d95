//! The latents of a model, and how the gradient of its bound is estimated.

use super::Config;
use crate::error::Error;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The family of q(z|x).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Latent {
    /// Diagonal Gaussians
    #[default]
    Gaussian,
    /// Independent bits, each with a chance of its own
    Bernoulli,
}

impl Latent {
    /// Whether samples have a derivative, which bits have not.
    pub fn is_differentiable(self) -> bool {
        self == Self::Gaussian
    }

    /// The gradient where nobody says otherwise.
    pub fn gradient(self) -> Gradient {
        match self.is_differentiable() {
            true => Gradient::Reparameterized,
            false => Gradient::LeaveOneOut,
        }
    }
}

/// An estimator of the gradient of a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gradient {
    /// Through the samples z = mu + sigma noise
    #[default]
    Reparameterized,
    /// Through the samples along the path alone, without the score of q; biased with more than one sample
    StickingTheLanding,
    /// Through the samples along the path, by squared weights of the samples
    DoublyReparameterized,
    /// The score function of q times the bound (REINFORCE)
    Score,
    /// The score function less a moving average of the bound
    MovingAverage,
    /// The score function less the mean of the other samples
    LeaveOneOut,
    /// The score function less what a small network makes of the reading
    Learned,
    /// The score function of the importance-weighted bound less what the other samples say
    Vimco,
    /// Antithetic pairs of bits, each with what the two differ by (DisARM, U2G)
    Disarm,
}

/// The bound whose gradient is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "bound", content = "samples")]
pub enum Target {
    /// The evidence lower bound.
    Elbo,
    /// The importance-weighted bound of so many samples.
    ImportanceWeighted(usize),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elbo => f.write_str("ELBO"),
            Self::ImportanceWeighted(samples) => write!(f, "IWAE {samples}"),
        }
    }
}

impl Gradient {
    /// Whether it goes through the samples: see [`Latent::is_differentiable`].
    pub fn is_pathwise(self) -> bool {
        matches!(
            self,
            Self::Reparameterized | Self::StickingTheLanding | Self::DoublyReparameterized
        )
    }

    /// Whether it can be had for such latents, from as many samples as it needs.
    pub fn suits(self, latent: Latent) -> bool {
        self.check(latent, self.usual_samples()).is_ok()
    }

    /// The samples of a reading where nobody says otherwise, of a gradient that compares samples.
    pub fn usual_samples(self) -> usize {
        match self {
            Self::Disarm => 4,
            _ => 5,
        }
    }

    /// The fewest samples of a reading that it works with.
    pub fn least_samples(self) -> usize {
        match self {
            Self::LeaveOneOut | Self::Vimco | Self::Disarm => 2,
            _ => 1,
        }
    }

    /// The bound whose gradient it estimates, from `samples` samples of a reading. The score functions
    /// take the mean of the ELBO over them.
    pub fn target(self, samples: usize) -> Target {
        if samples > 1 && (self.is_pathwise() || self == Self::Vimco) {
            Target::ImportanceWeighted(samples)
        } else {
            Target::Elbo
        }
    }

    /// Whether it can be had for such latents from so many samples.
    ///
    /// # Errors
    /// One line that says what to change.
    pub fn check(self, latent: Latent, samples: usize) -> Result<(), Error> {
        if self.is_pathwise() && !latent.is_differentiable() {
            return Err(Error::Setting(format!(
                "the gradient {self} goes through the samples, bits have no derivative: use score, moving-average, leave-one-out, learned, vimco or disarm, or Gaussian latents"
            )));
        }
        if self == Self::Disarm && latent.is_differentiable() {
            return Err(Error::Setting(format!(
                "the gradient {self} changes single bits, and these latents are not bits: use --latent bernoulli, or reparameterized"
            )));
        }
        if samples < self.least_samples() {
            return Err(Error::Setting(format!(
                "the gradient {self} compares samples of a reading and there is {samples}: take at least {}, or use score, moving-average or learned",
                self.least_samples()
            )));
        }
        if self == Self::Disarm && !samples.is_multiple_of(2) {
            return Err(Error::Setting(format!(
                "the gradient {self} takes samples in pairs and there are {samples}: use --importance-samples {}",
                samples + 1
            )));
        }
        Ok(())
    }
}

impl Config {
    /// Samples in the bound that training ascends: 1 for the ELBO.
    pub fn bound_samples(&self) -> usize {
        match self.train.gradient.target(self.train.importance_samples) {
            Target::Elbo => 1,
            Target::ImportanceWeighted(samples) => samples,
        }
    }
}
