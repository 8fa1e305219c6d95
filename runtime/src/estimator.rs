//! How the bound is estimated.

use core::fmt;
use core::str::FromStr;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The most bits of which [`Estimator::Enumeration`] visits every code: 4096 passes.
pub const MAX_ENUMERATED: u16 = 12;

/// An estimator of a bound on log p(x). All but the last estimate the evidence lower bound
/// `E_q[log p(x|z)] - KL(q(z|x) || p(z))`, the divergence in closed form; they differ in the points
/// at which the decoder is asked.
///
/// Exhaustive on purpose: a compiler error names each place of the trainer that has to learn a new estimator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Estimator {
    /// One decoder pass at the posterior mean, of bits at the most probable ones. Deterministic; not a bound: biased
    /// upward, since the posterior's spread costs reconstruction.
    PosteriorMean,
    /// `2 Z` passes at `mu +- h_j sigma` for `Z` latents and the rows `h_j` of the discrete Hartley transform, equally
    /// weighted: exact for log likelihoods up to third order in z ([`crate::posterior::SigmaPoints`]). Deterministic; needs no
    /// random numbers. Of Gaussian latents alone.
    SigmaPoints,
    /// `samples` passes at reparameterized draws `mu +- sigma eps`, of bits at draws `u < p` and `1 - u < p`, taken in
    /// antithetic pairs (an odd count draws its last one alone). Unbiased, with a standard error.
    MonteCarlo {
        /// Decoder passes; at least one.
        samples: u16,
    },
    /// The importance-weighted bound `log 1/k sum_i p(x, z_i) / q(z_i|x)` over `samples`
    /// independent draws (Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders",
    /// 2016): never below the ELBO in expectation, and from below to log p(x) as samples grow. With
    /// a standard error.
    ImportanceWeighted {
        /// Decoder passes; at least one.
        samples: u16,
    },
    /// A pass for each of the `2^Z` codes of Z bits, weighed by its probability: the exact evidence lower bound. Codes
    /// come in the order of Gray ("Pulse code communication", US patent 2632058, 1953), in which one bit changes at a time.
    /// Deterministic; of at most [`MAX_ENUMERATED`] bits.
    #[cfg(feature = "bits")]
    Enumeration,
}

impl Estimator {
    /// Decoder passes over a model of `latents` latents; none where it cannot be had of so many.
    #[must_use]
    pub fn passes(self, latents: u16) -> u16 {
        match self {
            #[cfg(feature = "bits")]
            Self::Enumeration if latents <= MAX_ENUMERATED => 1 << latents,
            #[cfg(feature = "bits")]
            Self::Enumeration => 0,
            Self::PosteriorMean => 1,
            Self::SigmaPoints => latents.saturating_mul(2),
            Self::MonteCarlo { samples } | Self::ImportanceWeighted { samples } => samples,
        }
    }
}

impl Estimator {
    /// The feature without which it cannot be asked for, where that was left out.
    pub(crate) const fn left_out(self) -> Option<&'static str> {
        match self {
            Self::MonteCarlo { .. } if !cfg!(feature = "sampling") => Some("sampling"),
            Self::ImportanceWeighted { .. } if !cfg!(feature = "importance-weighting") => {
                Some("importance-weighting")
            }
            _ => None,
        }
    }
}

/// The names that [`FromStr`] reads: `posterior-mean`, `sigma-points`, `monte-carlo:K`,
/// `importance-weighted:K`, `enumeration`.
impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PosteriorMean => f.write_str("posterior-mean"),
            Self::SigmaPoints => f.write_str("sigma-points"),
            Self::MonteCarlo { samples } => write!(f, "monte-carlo:{samples}"),
            Self::ImportanceWeighted { samples } => write!(f, "importance-weighted:{samples}"),
            #[cfg(feature = "bits")]
            Self::Enumeration => f.write_str("enumeration"),
        }
    }
}

/// A name that is no estimator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnknownEstimator;

impl FromStr for Estimator {
    type Err = UnknownEstimator;

    fn from_str(text: &str) -> Result<Self, UnknownEstimator> {
        match text {
            "posterior-mean" => Ok(Self::PosteriorMean),
            "sigma-points" => Ok(Self::SigmaPoints),
            #[cfg(feature = "bits")]
            "enumeration" => Ok(Self::Enumeration),
            _ => {
                let (name, samples) = text.split_once(':').ok_or(UnknownEstimator)?;
                let samples = samples.parse().ok().filter(|&samples| samples > 0);
                let samples = samples.ok_or(UnknownEstimator)?;
                match name {
                    "monte-carlo" => Ok(Self::MonteCarlo { samples }),
                    "importance-weighted" => Ok(Self::ImportanceWeighted { samples }),
                    _ => Err(UnknownEstimator),
                }
            }
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
            "importance-weighted:5",
            "monte-carlo:65535",
            "enumeration",
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
