//! The features that a channel of a window can be made into, and what there may be of them.

use super::fft;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The most features in a [`super::FrontEnd`].
pub const MAX_FEATURES: usize = 8;
/// The most samples of a channel in a window.
pub const MAX_SAMPLES: u16 = 16_384;
/// The most fraction bits of [`Feature::Mean`] and [`Feature::Rms`].
pub const MAX_FRACTION_BITS: u8 = 8;
/// Fraction bits of [`Feature::BandEnergies`].
pub const BAND_FRACTION_BITS: u8 = 10;

/// A number or a group of numbers about the N samples `x_n` of one channel's window.
///
/// Each is an `i16` that saturates. `raw` is the sensor's unit; `round` rounds to nearest, halves
/// up.
///
/// Exhaustive on purpose: a compiler error names each place of the trainer that has to learn a new feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Feature {
    /// The window itself, N numbers from the oldest to the newest: `x_n`, or `x_n - round(mean)`.
    /// Unit: raw.
    Samples {
        /// The mean of the window is subtracted.
        remove_mean: bool,
    },
    /// `round(2^f mean)`. Unit: `2^-f` raw.
    Mean {
        /// f, 0 to [`MAX_FRACTION_BITS`].
        fraction_bits: u8,
    },
    /// `2^f sqrt(mean of (x_n - mean)^2)`, at most 0.501 from it. Unit: `2^-f` raw.
    Rms {
        /// f, 0 to [`MAX_FRACTION_BITS`].
        fraction_bits: u8,
    },
    /// Energies of bands of equal width, as logarithms; for N a power of two from 8 to 1024. Unit:
    /// `2^-10` octaves of power (0.003 dB) relative to 1 raw^2, from -16 up.
    ///
    /// With the window w of Hann (`w_n = sin(pi n / N)^2`) and the Fourier transform Y of
    /// `w_n (x_n - mean)`, the energy of band b of B is
    ///
    /// ```text
    /// E_b = 8/3 sum_k c_k |Y_k / N|^2     k from ceil(b N/2 / B) + 1 to ceil((b+1) N/2 / B),
    ///                                     c_k = 2, c_(N/2) = 1
    /// ```
    ///
    /// and the number is `max(-16 * 2^10, round(2^10 log2 E_b))`. The factor 8/3 is the inverse of
    /// the mean of `w_n^2`: the energies of all bands of noise add up to its variance on average,
    /// and a sine of amplitude A gives `A^2 / 2`, in the bands of its bin and the two beside it.
    ///
    /// Without a window the sidelobes of one strong tone, which fall by 6 dB an octave
    /// only, fill all quiet bands; with Hann's they fall by 18 dB (F. J. Harris, "On the use of
    /// windows for harmonic analysis with the discrete Fourier transform", Proceedings of the IEEE
    /// 66(1), 1978, table 1). Equal widths make the logarithms equally noisy and suit the evenly
    /// spaced harmonics of what rotates; a logarithm gives soft and loud bands the same resolution.
    ///
    /// # Accuracy
    ///
    /// On noise and on sines, `sqrt(E_b)` is within `2^-15` (-90 dB) of the standard deviation of the
    /// window and `2^-17 N` raw of its exact value; the logarithm is then within 0.6 of its unit.
    ///
    /// # Cost
    ///
    /// Instructions for 16 bands, compiled for size: 15,000 on a Cortex-M0 and 9,000 on a Cortex-M4
    /// for 64 samples, 59,000 and 38,000 for 256, 265,000 and 169,000 for 1024.
    BandEnergies {
        /// B, 1 to N/2, and so many numbers.
        bands: u8,
    },
}

impl Feature {
    /// Numbers that it makes of `samples` samples of one channel.
    #[must_use]
    pub fn len(self, samples: u16) -> usize {
        match self {
            Self::Samples { .. } => samples.into(),
            Self::Mean { .. } | Self::Rms { .. } => 1,
            Self::BandEnergies { bands } => bands.into(),
        }
    }

    /// Fraction bits of its numbers: `number * 2^-fraction_bits` is in raw units, or in octaves for
    /// [`Feature::BandEnergies`].
    #[must_use]
    pub fn fraction_bits(self) -> u8 {
        match self {
            Self::Samples { .. } => 0,
            Self::Mean { fraction_bits } | Self::Rms { fraction_bits } => fraction_bits,
            Self::BandEnergies { .. } => BAND_FRACTION_BITS,
        }
    }

    pub(super) fn check(self, samples: u16) -> Result<(), FrontEndError> {
        match self {
            Self::Samples { .. } => Ok(()),
            Self::Mean { fraction_bits } | Self::Rms { fraction_bits } => {
                if fraction_bits > MAX_FRACTION_BITS {
                    return Err(FrontEndError::FractionBits(fraction_bits));
                }
                Ok(())
            }
            Self::BandEnergies { bands } => {
                if !fft::is_supported(samples.into()) {
                    return Err(FrontEndError::Spectrum(samples));
                }
                if bands == 0 || u16::from(bands) > samples / 2 {
                    let most = samples / 2;
                    return Err(FrontEndError::Bands { have: bands, most });
                }
                Ok(())
            }
        }
    }
}

/// Errors of the description of a [`super::FrontEnd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FrontEndError {
    /// Windows of no channels.
    NoChannels,
    /// The number of samples is not in 1 to [`MAX_SAMPLES`].
    Samples(u16),
    /// The number of features is not in 1 to [`MAX_FEATURES`].
    Features(usize),
    /// A mean or a root mean square has more than [`MAX_FRACTION_BITS`] fraction bits.
    FractionBits(u8),
    /// A window of so many samples has no spectrum.
    Spectrum(u16),
    /// The number of bands is not in the range of the window.
    Bands {
        /// Bands.
        have: u8,
        /// The most that there can be.
        most: u16,
    },
}
