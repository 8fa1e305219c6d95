//! From a window of raw samples to a reading: the features that a model is trained and served on.
//!
//! A [`FrontEnd`] is a small description that is stored and sent like any other data. Whoever has
//! one computes the same integers: a trainer that prepares readings calls [`FrontEnd::apply`] just
//! as the device does.

use crate::fft::{self, Complex};
use crate::fixed::{divide, mean, saturate_i16, square_root};
use crate::length::{LengthError, check_length};
use crate::transcendental::log2;
use core::fmt;
use core::num::{NonZeroU32, NonZeroU64};
use heapless::Vec;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The most features in a [`FrontEnd`].
pub const MAX_FEATURES: usize = 8;
/// The most samples of a channel in a window.
pub const MAX_SAMPLES: u16 = 16_384;
/// The most fraction bits of [`Feature::Mean`] and [`Feature::Rms`].
pub const MAX_FRACTION_BITS: u8 = 8;
/// Fraction bits of [`Feature::BandEnergies`].
pub const BAND_FRACTION_BITS: u8 = 10;

/// `log2(3 * 2^26)` in Q16.16: what the logarithm of a sum of powers lacks to that of an energy.
const ENERGY_OFFSET: i32 = (26 << 16) + 103_872;
/// The lowest energy in octaves.
const LOWEST_ENERGY: i32 = -16 << BAND_FRACTION_BITS;

/// A number or a group of numbers about the N samples `x_n` of one channel's window.
///
/// Each is an `i16` that saturates. `raw` is the sensor's unit; `round` rounds to nearest, halves
/// up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Feature {
    /// The window itself, N numbers from the oldest to the newest: `x_n`, or `x_n - round(mean)`.
    /// Unit: raw.
    Samples {
        /// Whether the mean of the window is taken off.
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
    /// Why so: without a window the sidelobes of one strong tone, which fall by 6 dB an octave
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

    fn check(self, samples: u16) -> Result<(), FrontEndError> {
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

/// Why a description is none of a [`FrontEnd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl fmt::Display for FrontEndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoChannels => f.write_str("a front end needs at least 1 channel"),
            Self::Samples(have) => write!(f, "{have} samples are not in 1 to {MAX_SAMPLES}"),
            Self::Features(have) => write!(f, "{have} features are not in 1 to {MAX_FEATURES}"),
            Self::FractionBits(have) => {
                write!(f, "{have} fraction bits are more than {MAX_FRACTION_BITS}")
            }
            Self::Spectrum(have) => write!(
                f,
                "a window of {have} samples has no spectrum: take a power of two from {} to {}",
                fft::SHORTEST,
                fft::LONGEST
            ),
            Self::Bands { have, most } => {
                write!(f, "{have} bands are not in 1 to {most}, half of the window")
            }
        }
    }
}

impl core::error::Error for FrontEndError {}

/// Which features make a reading of a window: for each channel, in order, all features in order.
///
/// Only [`FrontEnd::new`] and deserialization make one, and both check it, so that
/// [`FrontEnd::apply`] can fail by the lengths of its slices alone. The numbers are the same on
/// every machine; a front end is part of the numeric contract of the model that it feeds.
///
/// In [postcard](https://postcard.jamesmunns.com/wire-format) it is: channels, `u8`; samples, LEB128;
/// the number of features, LEB128; each feature's number (0 samples, 1 mean, 2 root mean square, 3
/// band energies) and its one field, a byte.
///
/// ```
/// use elbow::frontend::{Feature, FrontEnd};
///
/// let features = [Feature::Rms { fraction_bits: 4 }, Feature::BandEnergies { bands: 2 }];
/// let front_end = FrontEnd::new(1, 8, &features)?;
/// let (mut scratch, mut reading) = ([0; 8], [0; 3]);
/// // A sine of amplitude 1000 in bin 3 of 4; each band has two bins.
/// let window = [0, 707, -1000, 707, 0, -707, 1000, -707];
/// front_end.apply(&window, &mut scratch, &mut reading)?;
/// assert_eq!(reading[0], 11_313); // 707.05 * 16
/// assert_eq!(reading[1..], [16_738, 18_787]); // log2 of 1000^2 / 12 and of 1000^2 / 3
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct FrontEnd {
    channels: u8,
    samples: u16,
    features: Vec<Feature, MAX_FEATURES>,
}

/// The fields of a [`FrontEnd`] as they were received.
#[cfg(feature = "serde")]
#[derive(Deserialize)]
struct Unchecked {
    channels: u8,
    samples: u16,
    features: Vec<Feature, MAX_FEATURES>,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for FrontEnd {
    type Error = FrontEndError;

    fn try_from(fields: Unchecked) -> Result<Self, FrontEndError> {
        Self::new(fields.channels, fields.samples, &fields.features)
    }
}

impl FrontEnd {
    /// A front end for windows of `samples` samples of each of `channels` channels.
    ///
    /// # Errors
    /// [`FrontEndError`] says what is out of its range.
    pub fn new(channels: u8, samples: u16, features: &[Feature]) -> Result<Self, FrontEndError> {
        if channels == 0 {
            return Err(FrontEndError::NoChannels);
        }
        if !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(FrontEndError::Samples(samples));
        }
        let have = features.len();
        let features = Vec::from_slice(features).map_err(|_| FrontEndError::Features(have))?;
        if features.is_empty() {
            return Err(FrontEndError::Features(have));
        }
        for feature in &features {
            feature.check(samples)?;
        }
        Ok(Self {
            channels,
            samples,
            features,
        })
    }

    /// Channels of a window.
    #[must_use]
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// Samples of each channel in a window.
    #[must_use]
    pub fn samples(&self) -> u16 {
        self.samples
    }

    /// The features of each channel.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Numbers in a window: channels times samples.
    #[must_use]
    pub fn window_len(&self) -> usize {
        usize::from(self.channels) * usize::from(self.samples)
    }

    /// Numbers in a reading.
    #[must_use]
    pub fn features_len(&self) -> usize {
        usize::from(self.channels) * self.features_of_channel()
    }

    /// Numbers of scratch that [`FrontEnd::apply`] needs, 4 bytes each: the samples of a channel
    /// where there are band energies, else none.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        let spectral = |feature: &Feature| matches!(feature, Feature::BandEnergies { .. });
        if self.features.iter().any(spectral) {
            self.samples.into()
        } else {
            0
        }
    }

    /// Makes the reading of `window`, which is channel-major as [`crate::stream::Windows`] gives
    /// it: [`FrontEnd::window_len`] numbers in, [`FrontEnd::features_len`] out, at least
    /// [`FrontEnd::scratch_len`] of scratch, whose contents do not matter.
    ///
    /// # Errors
    /// [`LengthError`] where a slice has not that length. Nothing was written then.
    pub fn apply(
        &self,
        window: &[i16],
        scratch: &mut [i32],
        reading: &mut [i16],
    ) -> Result<(), LengthError> {
        check_length("window", window.len(), self.window_len())?;
        check_length("reading", reading.len(), self.features_len())?;
        let (have, need) = (scratch.len(), self.scratch_len());
        if have < need {
            let what = "scratch";
            return Err(LengthError { what, have, need });
        }
        let channels = window.chunks_exact(self.samples.max(1).into());
        let readings = reading.chunks_exact_mut(self.features_of_channel().max(1));
        for (samples, reading) in channels.zip(readings) {
            self.apply_to_channel(samples, scratch, reading);
        }
        Ok(())
    }

    fn features_of_channel(&self) -> usize {
        let lengths = self
            .features
            .iter()
            .map(|feature| feature.len(self.samples));
        lengths.sum()
    }

    fn apply_to_channel(&self, samples: &[i16], scratch: &mut [i32], reading: &mut [i16]) {
        let sum = Sum::new(samples);
        let mut rest = reading;
        for &feature in &self.features {
            let Some((numbers, after)) = rest.split_at_mut_checked(feature.len(self.samples))
            else {
                return;
            };
            rest = after;
            match feature {
                Feature::Samples { remove_mean } => {
                    let centre = if remove_mean { sum.mean(0) } else { 0 };
                    for (number, &sample) in numbers.iter_mut().zip(samples) {
                        *number = sample.saturating_sub(centre);
                    }
                }
                Feature::Mean { fraction_bits } => numbers.fill(sum.mean(fraction_bits)),
                Feature::Rms { fraction_bits } => numbers.fill(sum.rms(fraction_bits)),
                Feature::BandEnergies { .. } => {
                    if let Some(spectrum) = fft::spectrum(samples, scratch) {
                        band_energies(spectrum, numbers);
                    }
                }
            }
        }
    }
}

/// The sum over at most [`MAX_SAMPLES`] samples.
#[derive(Clone, Copy, Debug)]
struct Sum<'a> {
    samples: &'a [i16],
    count: NonZeroU32,
    /// At most 2^29 in magnitude.
    sum: i32,
}

impl<'a> Sum<'a> {
    fn new(samples: &'a [i16]) -> Self {
        Self {
            samples,
            count: NonZeroU32::new(samples.len() as u32).unwrap_or(NonZeroU32::MIN),
            sum: samples.iter().map(|&x| i32::from(x)).sum(),
        }
    }

    /// `saturate16(round(2^bits sum / count))`.
    fn mean(&self, bits: u8) -> i16 {
        let wide = mean(
            i64::from(self.sum) << bits.min(MAX_FRACTION_BITS),
            self.count,
        );
        saturate_i16(crate::fixed::saturate(wide))
    }

    /// `saturate16(round(2^bits sqrt(D) / count))`, where `D` is the count times the sum of squares
    /// less the square of the sum, the root from
    /// as many bits as 64 hold: `s` is the largest shift that leaves `D * 2^(2s)` below 2^64.
    fn rms(&self, bits: u8) -> i16 {
        let square = |&x: &i16| u64::from(u32::from(x.unsigned_abs()).pow(2));
        // At most 2^44, and 2^58 times their count.
        let squares: u64 = self.samples.iter().map(square).sum();
        let count = u64::from(self.count.get());
        let sum = u64::from(self.sum.unsigned_abs());
        // The difference is not negative by the inequality of Cauchy and Schwarz.
        let scatter = (count * squares).saturating_sub(sum * sum);
        let shift = scatter.leading_zeros().min(62) / 2;
        let root = u64::from(square_root(scatter << (2 * shift)));
        let divisor = NonZeroU64::new(count << shift).unwrap_or(NonZeroU64::MIN);
        let numerator = (root << bits.min(MAX_FRACTION_BITS)) + (divisor.get() >> 1);
        divide(numerator, divisor).min(i16::MAX.unsigned_abs().into()) as i16
    }
}

/// One number for each band of a spectrum, of which there are as many as `numbers`.
///
/// Hann's window is applied to the spectrum, where it takes no product: `2 Y_k = X_k - (X_(k-1) +
/// X_(k+1)) / 2`, the second part of it rounded down. The mean is left out exactly by `X_0 = 0`.
fn band_energies(spectrum: &[Complex], numbers: &mut [i16]) {
    let (bins, bands) = (spectrum.len(), numbers.len());
    let Some((&nyquist, inner)) = spectrum.split_first() else {
        return;
    };
    let last = inner.last().map_or([0, 0], |&[re, im]| [re, -im]);
    let mut numbers = numbers.iter_mut();
    let (mut before, mut here) = ([0, 0], inner.first().copied().unwrap_or([0, 0]));
    // Q28 of 4 |Y / N|^2; over a whole spectrum at most 4 times the mean square, 2^60.
    let mut sum = 0u64;
    let mut phase = 0;
    let followers = inner.iter().skip(1).copied().chain([nyquist, last]);
    for (k, after) in (1..).zip(followers) {
        let part = |before: i32, here: i32, after: i32| here - ((before + after) >> 1);
        let power =
            square(part(before[0], here[0], after[0])) + square(part(before[1], here[1], after[1]));
        sum += if k == bins { power >> 1 } else { power };
        (before, here) = (here, after);
        phase += bands;
        if phase >= bins {
            phase -= bins;
            if let Some(number) = numbers.next() {
                *number = octaves(sum);
            }
            sum = 0;
        }
    }
}

/// The number of an energy of `sum / (3 * 2^26)` raw^2.
fn octaves(sum: u64) -> i16 {
    // log2 takes 32 bits, as a number with 16 fraction bits.
    let excess = 32u32.saturating_sub(sum.leading_zeros());
    let logarithm = match (sum >> excess) as u32 {
        0 => return LOWEST_ENERGY as i16,
        leading => log2(leading) + ((16 + excess as i32) << 16),
    };
    let shift = 16 - u32::from(BAND_FRACTION_BITS);
    let number = (logarithm - ENERGY_OFFSET + (1 << (shift - 1))) >> shift;
    saturate_i16(number.max(LOWEST_ENERGY))
}

/// The square of a number up to 2^31 in magnitude, from halves of 16 bits: a product of 64 would be
/// a call on cores without a long multiplication.
fn square(x: i32) -> u64 {
    let magnitude = x.unsigned_abs();
    let (high, low) = (magnitude >> 16, magnitude & 0xffff);
    (u64::from(high * high) << 32) + (u64::from(high * low) << 17) + u64::from(low * low)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::string::ToString;
    use std::{println, vec};

    const ALL: [Feature; 5] = [
        Feature::Samples { remove_mean: false },
        Feature::Samples { remove_mean: true },
        Feature::Mean { fraction_bits: 2 },
        Feature::Rms { fraction_bits: 3 },
        Feature::BandEnergies { bands: 3 },
    ];

    fn apply(front_end: &FrontEnd, window: &[i16]) -> std::vec::Vec<i16> {
        let mut scratch = vec![i32::MIN; front_end.scratch_len()];
        let mut reading = vec![0; front_end.features_len()];
        front_end.apply(window, &mut scratch, &mut reading).unwrap();
        reading
    }

    fn of(samples: u16, feature: Feature) -> FrontEnd {
        FrontEnd::new(1, samples, &[feature]).unwrap()
    }

    #[cfg(feature = "encode")]
    #[test]
    fn reads_and_writes_the_fixture() {
        let front_end = FrontEnd::new(3, 256, &ALL).unwrap();
        let bytes = [3, 0x80, 0x02, 5, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3];
        let mut buffer = [0; 32];
        assert_eq!(postcard::to_slice(&front_end, &mut buffer).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<FrontEnd>(&bytes).unwrap(), front_end);
        // A description that is none does not decode: 257 samples have no spectrum.
        let wrong = [3, 0x81, 0x02, 5, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3];
        assert!(postcard::from_bytes::<FrontEnd>(&wrong).is_err());
    }

    #[test]
    fn a_reading_by_hand() {
        let front_end = FrontEnd::new(2, 8, &ALL).unwrap();
        assert_eq!((front_end.window_len(), front_end.features_len()), (16, 42));
        assert_eq!(
            (front_end.scratch_len(), front_end.features().len()),
            (8, 5)
        );
        let mut window = [0; 16];
        // Mean 3/8, which is 1.5 quarters; variance 3/8 - 9/64 = 15/64.
        window[..8].copy_from_slice(&[1, 0, 0, 1, 0, 0, 0, 1]);
        window[8..].copy_from_slice(&[i16::MIN; 8]);
        let reading = apply(&front_end, &window);
        assert_eq!(reading[..8], window[..8]);
        assert_eq!(reading[8..16], window[..8]);
        assert_eq!(reading[16..18], [2, 4]);
        assert_eq!(reading[21..29], window[8..]);
        assert_eq!(reading[29..37], [0; 8]);
        assert_eq!(reading[37..], [i16::MIN, 0, -16384, -16384, -16384]);
    }

    #[test]
    fn means_and_deviations_match_floats() {
        let mut words = rng::stream(2, 0);
        for round in 0..4000 {
            let count = 1 + words.next_u32() as usize % if round % 100 == 0 { 16384 } else { 40 };
            let (shift, offset) = (words.next_u32() % 17, words.next_u32() as i16);
            let sample = |word: u32| ((word as i32) >> 16 >> shift) as i16;
            let window: std::vec::Vec<i16> = (0..count)
                .map(|_| sample(words.next_u32()).saturating_add(offset))
                .collect();
            let n = count as f64;
            let mean = window.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let scatter = window.iter().map(|&x| (f64::from(x) - mean).powi(2));
            let deviation = (scatter.sum::<f64>() / n).sqrt();
            for fraction_bits in 0..=MAX_FRACTION_BITS {
                let unit = f64::from(1u32 << fraction_bits);
                let one = |feature| f64::from(apply(&of(count as u16, feature), &window)[0]);
                let found = one(Feature::Mean { fraction_bits });
                let exact = (mean * unit).clamp(-32768.0, 32767.0);
                assert!((found - exact).abs() <= 0.500_001, "{found} {exact}");
                let found = one(Feature::Rms { fraction_bits });
                let exact = (deviation * unit).min(32767.0);
                assert!((found - exact).abs() <= 0.501, "{found} {exact}");
            }
        }
    }

    #[test]
    fn halves_round_up_and_edges_saturate() {
        let mean = |window: &[i16], fraction_bits| {
            apply(
                &of(window.len() as u16, Feature::Mean { fraction_bits }),
                window,
            )[0]
        };
        assert_eq!([mean(&[1, 2], 0), mean(&[-1, -2], 0)], [2, -1]);
        assert_eq!([mean(&[1, 2], 1), mean(&[-1, -2], 1)], [3, -3]);
        assert_eq!([mean(&[200], 8), mean(&[-200], 8)], [i16::MAX, i16::MIN]);
        let removed = of(2, Feature::Samples { remove_mean: true });
        assert_eq!(apply(&removed, &[i16::MAX, i16::MIN]), [32767, -32768]);
        let removed = of(3, Feature::Samples { remove_mean: true });
        assert_eq!(
            apply(&removed, &[i16::MIN, i16::MAX, i16::MAX])[0],
            i16::MIN
        );
        let longest = vec![i16::MIN; 16384];
        assert_eq!(mean(&longest, 0), i16::MIN);
        let mut square = longest;
        square[8192..].fill(i16::MAX);
        for (fraction_bits, expected) in [(0, 32767), (8, 32767)] {
            let rms = of(16384, Feature::Rms { fraction_bits });
            assert_eq!(apply(&rms, &square)[0], expected);
        }
    }

    /// Band energies in raw^2 by the definition: the window applied in time, each bin by its sum.
    fn exact_energies(window: &[i16], bands: usize) -> std::vec::Vec<f64> {
        let n = window.len();
        let count = n as f64;
        let tau = core::f64::consts::TAU;
        let mean = window.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let hann = |at: usize| 0.5 - 0.5 * libm::cos(tau * at as f64 / count);
        let weighted = window.iter().enumerate();
        let weighted: std::vec::Vec<f64> = weighted
            .map(|(at, &x)| hann(at) * (f64::from(x) - mean))
            .collect();
        let turns: std::vec::Vec<(f64, f64)> = (0..n)
            .map(|turn| tau * turn as f64 / count)
            .map(|angle| (libm::cos(angle), libm::sin(angle)))
            .collect();
        let mut energies = vec![0.0; bands];
        for k in 1..=n / 2 {
            let terms = weighted.iter().enumerate();
            let (re, im) = terms.fold((0.0, 0.0), |(re, im), (at, &x)| {
                let (cosine, sine) = turns[k * at % n];
                (re + x * cosine, im - x * sine)
            });
            let both = if k == n / 2 { 1.0 } else { 2.0 };
            let power = 8.0 / 3.0 * both * (re * re + im * im) / (count * count);
            // Band b has the bins from ceil(b N/2 / B) + 1 to ceil((b + 1) N/2 / B).
            let band = (0..bands).find(|b| k <= ((b + 1) * n / 2).div_ceil(bands));
            energies[band.unwrap()] += power;
        }
        energies
    }

    fn energies(window: &[i16], bands: u8) -> std::vec::Vec<i16> {
        apply(
            &of(window.len() as u16, Feature::BandEnergies { bands }),
            window,
        )
    }

    #[test]
    fn band_energies_match_floats() {
        let mut words = rng::stream(5, 0);
        let mut fullest: f64 = 0.0;
        for round in 0..600 {
            let bits = 3 + round % if round % 20 == 0 { 8 } else { 5 };
            let n = 1usize << bits;
            let bands = 1 + words.next_u32() as usize % (n / 2).min(255);
            let tone = |at: usize, frequency: f64| libm::sin(frequency * at as f64);
            let frequency = f64::from(words.next_u32()) / 4_294_967_296.0 * core::f64::consts::PI;
            let loud = 32000.0 * 0.5f64.powi((words.next_u32() % 15) as i32);
            let quiet = loud * 0.5f64.powi((words.next_u32() % 15) as i32);
            let window: std::vec::Vec<i16> = (0..n)
                .map(|at| {
                    let hiss = f64::from(words.next_u32()) / 4_294_967_296.0 - 0.5;
                    (loud * tone(at, frequency) + quiet * hiss) as i16
                })
                .collect();
            let n = n as f64;
            let mean = window.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let variance = window
                .iter()
                .map(|&x| (f64::from(x) - mean).powi(2))
                .sum::<f64>()
                / n;
            let exact = exact_energies(&window, bands);
            let bound = variance.sqrt() * libm::exp2(-15.0) + n * libm::exp2(-17.0);
            for (&number, &energy) in energies(&window, bands as u8).iter().zip(&exact) {
                // In octaves of the root, half of those of the energy.
                let rounding = libm::exp2(0.6 / 2048.0);
                let found = libm::exp2(f64::from(number) / 2048.0);
                let root = energy.sqrt();
                let least = ((root - bound) / rounding).max(libm::exp2(-8.0));
                let most = ((root + bound) * rounding).max(libm::exp2(-8.0));
                assert!((least..=most).contains(&found), "{least} {found} {most}");
                let distance = (found - root.max(libm::exp2(-8.0))).abs();
                fullest = fullest.max((distance - root * (rounding - 1.0)) / bound);
            }
        }
        println!("of the bound: {fullest}");
    }

    #[test]
    fn energies_add_up_and_tones_are_in_their_band() {
        // A sine of amplitude 2^14 in the middle of a band: 2^27 raw^2; all else is far below.
        let n = 256;
        let sine = |at: usize| {
            let angle = core::f64::consts::TAU * (at * 40 % n) as f64 / n as f64;
            (16384.0 * libm::sin(angle) + 0.5).floor() as i16
        };
        let window: std::vec::Vec<i16> = (0..n).map(sine).collect();
        let found = energies(&window, 8);
        assert!(found[2].abs_diff(27 << 10) <= 1, "{found:?}");
        assert!(
            found.iter().enumerate().all(|(b, &e)| b == 2 || e < 2048),
            "{found:?}"
        );
        // The highest frequency counts once: amplitude 1024 has the energy 2^20 with the factor
        // 8/3 * (1/4), and its leak into the bin below has 8/3 * 2/16: together 2^20.
        let highest: std::vec::Vec<i16> = (0..n)
            .map(|at| if at % 2 == 0 { 1024 } else { -1024 })
            .collect();
        assert_eq!(energies(&highest, 1), [20 << 10]);
    }

    #[test]
    fn extremes_do_not_overflow() {
        for n in [8usize, 16, 64, 1024] {
            for period in 1..=n {
                if n == 1024 && period % 31 != 1 {
                    continue;
                }
                let edge = |at: usize| {
                    if 2 * (at % period) < period {
                        i16::MIN
                    } else {
                        i16::MAX
                    }
                };
                let window: std::vec::Vec<i16> = (0..n).map(edge).collect();
                let most = (n / 2).min(255) as u8;
                for bands in [1, most] {
                    let found = energies(&window, bands);
                    assert!(found.iter().all(|&e| e >= -16384), "{found:?}");
                }
            }
        }
        // Most of the energy where Hann's window is largest.
        let centred: std::vec::Vec<i16> = (0..1024)
            .map(|at| {
                if (256..768).contains(&at) {
                    i16::MAX
                } else {
                    i16::MIN
                }
            })
            .collect();
        let found = energies(&centred, 1);
        let exact = libm::log2(exact_energies(&centred, 1)[0]);
        assert!((f64::from(found[0]) / 1024.0 - exact).abs() < 0.001);
    }

    #[test]
    fn squares_are_exact() {
        for x in [
            0,
            1,
            -1,
            65535,
            65536,
            -65537,
            0x1234_5678,
            1 << 30,
            i32::MAX,
            i32::MIN,
        ] {
            assert_eq!(u128::from(square(x)), u128::from(x.unsigned_abs()).pow(2));
        }
    }

    #[test]
    fn impossible_descriptions_are_refused_with_their_numbers() {
        let refused =
            |channels, samples, feature| FrontEnd::new(channels, samples, &[feature]).unwrap_err();
        let mean = Feature::Mean { fraction_bits: 0 };
        assert_eq!(refused(0, 8, mean), FrontEndError::NoChannels);
        assert_eq!(refused(1, 0, mean), FrontEndError::Samples(0));
        assert_eq!(refused(1, 16385, mean), FrontEndError::Samples(16385));
        let nine = Feature::Rms { fraction_bits: 9 };
        assert_eq!(refused(1, 8, nine), FrontEndError::FractionBits(9));
        for samples in [4, 100, 2048] {
            let error = refused(1, samples, Feature::BandEnergies { bands: 1 });
            assert_eq!(error, FrontEndError::Spectrum(samples));
        }
        for have in [0, 5] {
            let error = refused(1, 8, Feature::BandEnergies { bands: have });
            assert_eq!(error, FrontEndError::Bands { have, most: 4 });
        }
        for have in [0, 9] {
            let error = FrontEnd::new(1, 8, &vec![mean; have]).unwrap_err();
            assert_eq!(error, FrontEndError::Features(have));
        }
        assert_eq!(
            refused(1, 100, Feature::BandEnergies { bands: 1 }).to_string(),
            "a window of 100 samples has no spectrum: take a power of two from 8 to 1024"
        );
    }

    #[test]
    fn slices_of_other_lengths_are_refused_and_nothing_is_written() {
        let front_end = FrontEnd::new(2, 8, &ALL).unwrap();
        let mut reading = [7; 42];
        let mut refused = |window: usize, scratch: usize, numbers: usize| {
            let (window, mut scratch) = (vec![0; window], vec![0; scratch]);
            let error = front_end.apply(&window, &mut scratch, &mut reading[..numbers]);
            error.unwrap_err().to_string()
        };
        assert_eq!(
            refused(15, 8, 42),
            "the window has 15 elements, 16 are needed"
        );
        assert_eq!(
            refused(16, 7, 42),
            "the scratch has 7 elements, 8 are needed"
        );
        assert_eq!(
            refused(16, 8, 41),
            "the reading has 41 elements, 42 are needed"
        );
        assert_eq!(reading, [7; 42]);
    }
}
