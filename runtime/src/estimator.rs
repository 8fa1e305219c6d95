//! How E_q[log p(x|z)] is estimated.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// An estimator of the bound `E_q[log p(x|z)] - KL(q(z|x) || p(z))`. The divergence is always
/// exact; they differ in the points at which the decoder is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Estimator {
    /// One decoder pass at the posterior mean. Deterministic; not a bound: biased upward, since
    /// the posterior's spread costs reconstruction.
    PosteriorMean,
    /// `2 Z` passes at `mu +- sqrt(Z) sigma_j e_j` for `Z` latents, equally weighted: exact for
    /// log likelihoods up to third order in z (the spherical cubature rule of Arasaratnam and
    /// Haykin, "Cubature Kalman filters", 2009). Deterministic; needs no random numbers.
    SigmaPoints,
    /// `samples` passes at reparameterized draws `mu +- sigma eps`, taken in antithetic pairs
    /// (an odd count draws its last one alone). Unbiased, with a standard error.
    MonteCarlo {
        /// Decoder passes; at least one.
        samples: u16,
    },
}

/// The names that [`FromStr`] reads: `posterior-mean`, `sigma-points`, `monte-carlo:K`.
impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PosteriorMean => f.write_str("posterior-mean"),
            Self::SigmaPoints => f.write_str("sigma-points"),
            Self::MonteCarlo { samples } => write!(f, "monte-carlo:{samples}"),
        }
    }
}

/// A name that is no estimator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEstimator;

impl fmt::Display for UnknownEstimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such estimator: use posterior-mean, sigma-points or monte-carlo:K with K from 1 to 65535 samples")
    }
}

impl core::error::Error for UnknownEstimator {}

impl FromStr for Estimator {
    type Err = UnknownEstimator;

    fn from_str(text: &str) -> Result<Self, UnknownEstimator> {
        match text {
            "posterior-mean" => Ok(Self::PosteriorMean),
            "sigma-points" => Ok(Self::SigmaPoints),
            _ => match text.strip_prefix("monte-carlo:").map(str::parse) {
                Some(Ok(samples)) if samples > 0 => Ok(Self::MonteCarlo { samples }),
                _ => Err(UnknownEstimator),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_round_trip() {
        for name in [
            "posterior-mean",
            "sigma-points",
            "monte-carlo:1",
            "monte-carlo:65535",
        ] {
            assert_eq!(name.parse::<Estimator>().unwrap().to_string(), name);
        }
        for name in [
            "",
            "monte-carlo",
            "monte-carlo:0",
            "monte-carlo:65536",
            "monte-carlo:-1",
            "Sigma",
        ] {
            assert_eq!(name.parse::<Estimator>(), Err(UnknownEstimator));
        }
    }
}
