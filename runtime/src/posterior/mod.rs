//! q(z|x): from the outputs of the encoder to the points at which the decoder is asked.

#[cfg(feature = "bits")]
mod bernoulli;
mod gaussian;
mod sigma_points;
#[cfg(feature = "bits")]
mod state;

pub use sigma_points::{Offsets, SigmaPoints};

use crate::distribution::LogVarianceRange;
use crate::estimator::Estimator;
#[cfg(feature = "bits")]
use crate::estimator::MAX_ENUMERATED;
use crate::fixed::{FRACTION_BITS, WideSum, saturate_i16};
use crate::score::ReadingError;
use crate::wire::Reader;
#[cfg(feature = "bits")]
use bernoulli::Bernoulli;
use gaussian::{Gaussian, LOG_VARIANCE_LIMITS};
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The kind of q(z|x) of a model, and its scalars.
///
/// Exhaustive on purpose: a compiler error names each place of an exporter that has to learn a new posterior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum PosteriorKind {
    /// A Gaussian with independent latents.
    Gaussian {
        /// Log-variances are clamped to it, Q16.16.
        log_variance_range: LogVarianceRange,
    },
    /// Independent bits: the decoder takes in 0 or 1 for each latent.
    #[cfg(feature = "bits")]
    Bernoulli,
}

/// The state of a posterior in a workspace.
#[cfg(not(feature = "bits"))]
pub(crate) type State<'w> = Gaussian<'w>;
#[cfg(feature = "bits")]
pub(crate) use state::State;

impl PosteriorKind {
    /// To be read into.
    #[inline]
    pub(crate) fn blank() -> Self {
        Self::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: 0,
                highest: 0,
            },
        }
    }

    /// Reads what its derived writer writes.
    pub(crate) fn read(reader: &mut Reader<'_>, left_out: &mut Option<&'static str>) -> Self {
        if reader.variant(2) != 0 {
            #[cfg(feature = "bits")]
            return Self::Bernoulli;
            #[cfg(not(feature = "bits"))]
            {
                *left_out = Some("bits");
            }
        }
        let _ = left_out;
        Self::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: reader.i32(),
                highest: reader.i32(),
            },
        }
    }

    /// Whether its scalars are in range.
    pub(crate) fn is_valid(&self) -> bool {
        let LogVarianceRange { lowest, highest } = match self {
            Self::Gaussian { log_variance_range } => *log_variance_range,
            #[cfg(feature = "bits")]
            Self::Bernoulli => return true,
        };
        LOG_VARIANCE_LIMITS.lowest <= lowest
            && lowest <= highest
            && highest <= LOG_VARIANCE_LIMITS.highest
    }

    /// Rows of the heads for each latent.
    #[must_use]
    pub const fn heads(&self) -> usize {
        match self {
            Self::Gaussian { .. } => Gaussian::HEADS,
            #[cfg(feature = "bits")]
            Self::Bernoulli => Bernoulli::HEADS,
        }
    }

    /// The estimator that suits `latents` of it best: what the trainer calibrates first and reports. Of bits every code
    /// where they are few, else draws.
    #[must_use]
    pub const fn estimator(&self, latents: usize) -> Estimator {
        let _ = latents;
        match self {
            Self::Gaussian { .. } => Estimator::SigmaPoints,
            #[cfg(feature = "bits")]
            Self::Bernoulli if latents <= MAX_ENUMERATED as usize => Estimator::Enumeration,
            #[cfg(feature = "bits")]
            Self::Bernoulli => Estimator::MonteCarlo { samples: 64 },
        }
    }

    /// Whether the latents have sigma points, or else codes that can be enumerated.
    #[cfg(feature = "bits")]
    const fn suits(&self, estimator: Estimator) -> bool {
        match self {
            Self::Gaussian { .. } => !matches!(estimator, Estimator::Enumeration),
            Self::Bernoulli => !matches!(estimator, Estimator::SigmaPoints),
        }
    }

    /// Decoder passes of `estimator` over `latents` latents. A Gaussian has a mean, deviations and reparameterized
    /// draws; bits have a mode, codes and draws.
    ///
    /// # Errors
    /// There would be none, or this build leaves the estimator out.
    pub fn passes(&self, estimator: Estimator, latents: u16) -> Result<u16, ReadingError> {
        if let Some(feature) = estimator.left_out() {
            return Err(ReadingError::LeftOut { feature });
        }
        #[cfg(feature = "bits")]
        if !self.suits(estimator) {
            return Err(ReadingError::NoPasses);
        }
        match estimator.passes(latents) {
            0 => Err(ReadingError::NoPasses),
            passes => Ok(passes),
        }
    }

    /// Bytes of a workspace that each latent takes.
    pub(crate) const fn bytes_per_latent(&self) -> usize {
        match self {
            Self::Gaussian { .. } => Gaussian::BYTES_PER_LATENT,
            #[cfg(feature = "bits")]
            Self::Bernoulli => Bernoulli::BYTES_PER_LATENT,
        }
    }

    /// Takes the memory of the state of so many latents off the front of `rest`.
    #[inline(always)]
    pub(crate) fn state<'w>(&self, rest: &mut &'w mut [u8], latents: usize) -> Option<State<'w>> {
        #[cfg(feature = "bits")]
        return match self {
            Self::Gaussian { .. } => Gaussian::take(rest, latents).map(State::Gaussian),
            Self::Bernoulli => Bernoulli::take(rest, latents).map(State::Bernoulli),
        };
        #[cfg(not(feature = "bits"))]
        Gaussian::take(rest, latents)
    }
}

/// q(z|x) of the last reading that was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Posterior<'s> {
    /// Means, Q16.16: of bits the chances that they are one.
    pub mean: &'s [i32],
    /// Log-variances, Q16.16: of bits `ln p (1 - p)`.
    pub log_variance: &'s [i32],
}

impl Posterior<'_> {
    /// The squared distance of the mean from the prior's, `sum_j mu_j^2`: how far out
    /// among all readings this one lies, in units of the prior.
    #[must_use]
    pub fn squared_distance(&self) -> WideSum {
        WideSum(self.mean.iter().map(|&mean| square(mean)).sum())
    }
}

/// Where the latents of a pass go.
#[derive(Debug)]
pub(crate) struct Place<'l> {
    /// As many as there are latents, or more.
    pub(crate) latents: &'l mut [i16],
    pub(crate) fraction_bits: u32,
}

impl Place<'_> {
    /// Puts Q16.16 numbers there, rounded half up to the fraction bits of latents, saturating.
    #[inline(always)]
    fn put(self, values: impl Iterator<Item = i32>) {
        let shift = FRACTION_BITS
            .saturating_sub(self.fraction_bits)
            .clamp(1, 15);
        for (latent, value) in self.latents.iter_mut().zip(values) {
            *latent = saturate_i16(value.saturating_add(1 << (shift - 1)) >> shift);
        }
    }
}

/// The square of a Q16.16 number, rounded half up, Q47.16.
fn square(value: i32) -> i64 {
    (i64::from(value) * i64::from(value) + (1 << 15)) >> FRACTION_BITS
}
