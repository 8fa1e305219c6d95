//! q(z|x): from the outputs of the encoder to the points at which the decoder is asked.

mod gaussian;
mod sigma_points;

pub use sigma_points::{Offsets, SigmaPoints};

use crate::distribution::LogVarianceRange;
use crate::estimator::Estimator;
use crate::fixed::{FRACTION_BITS, WideSum, saturate_i16};
use crate::score::ReadingError;
use crate::wire::Reader;
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
}

/// The state of a posterior in a workspace.
pub(crate) type State<'w> = Gaussian<'w>;

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
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        // One kind, one variant.
        reader.variant(1);
        Self::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: reader.i32(),
                highest: reader.i32(),
            },
        }
    }

    /// Whether its scalars are in range.
    pub(crate) fn is_valid(&self) -> bool {
        let Self::Gaussian { log_variance_range } = self;
        let LogVarianceRange { lowest, highest } = *log_variance_range;
        LOG_VARIANCE_LIMITS.lowest <= lowest
            && lowest <= highest
            && highest <= LOG_VARIANCE_LIMITS.highest
    }

    /// Rows of the heads for each latent.
    #[must_use]
    pub const fn heads(&self) -> usize {
        let Self::Gaussian { .. } = self;
        Gaussian::HEADS
    }

    /// The estimator that suits it best: what the trainer calibrates first and reports.
    #[must_use]
    pub const fn estimator(&self) -> Estimator {
        let Self::Gaussian { .. } = self;
        Estimator::SigmaPoints
    }

    /// Decoder passes of `estimator` over `latents` latents. A Gaussian has a mean, deviations and reparameterized
    /// draws, so that all estimators can be asked for.
    ///
    /// # Errors
    /// There would be none, or this build leaves the estimator out.
    pub fn passes(&self, estimator: Estimator, latents: u16) -> Result<u16, ReadingError> {
        let Self::Gaussian { .. } = self;
        if let Some(feature) = estimator.left_out() {
            return Err(ReadingError::LeftOut { feature });
        }
        match estimator.passes(latents) {
            0 => Err(ReadingError::NoPasses),
            passes => Ok(passes),
        }
    }

    /// Bytes of a workspace that each latent takes.
    pub(crate) const fn bytes_per_latent(&self) -> usize {
        let Self::Gaussian { .. } = self;
        Gaussian::BYTES_PER_LATENT
    }

    /// Takes the memory of the state of so many latents off the front of `rest`.
    #[inline(always)]
    pub(crate) fn state<'w>(&self, rest: &mut &'w mut [u8], latents: usize) -> Option<State<'w>> {
        let Self::Gaussian { .. } = self;
        Gaussian::take(rest, latents)
    }
}

/// q(z|x) of the last reading that was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Posterior<'s> {
    /// Means, Q16.16.
    pub mean: &'s [i32],
    /// Log-variances, Q16.16.
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
