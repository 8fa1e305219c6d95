//! From a window of raw samples to a reading.

use super::bands::band_energies;
use super::feature::{Feature, FrontEndError, MAX_FEATURES, MAX_SAMPLES};
use super::fft;
use super::moments::Sum;
use crate::length::{LengthError, check_length};
use heapless::Vec;
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The features that make a reading of a window: for each channel, in order, all features in order.
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
/// use elbow::signal::{Feature, FrontEnd};
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

    /// Makes the reading of `window`, which is channel-major as [`super::Windows`] gives
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
        for channel in 0..self.channels.into() {
            self.apply_to(channel, window, scratch, reading);
        }
        Ok(())
    }

    /// Makes the part of `channel` in the reading, of memory as for [`FrontEnd::apply`].
    pub(crate) fn apply_to(
        &self,
        channel: usize,
        window: &[i16],
        scratch: &mut [i32],
        reading: &mut [i16],
    ) {
        let mut channels = window.chunks_exact(self.samples.max(1).into());
        let mut readings = reading.chunks_exact_mut(self.features_of_channel().max(1));
        if let (Some(samples), Some(reading)) = (channels.nth(channel), readings.nth(channel)) {
            self.apply_to_channel(samples, scratch, reading);
        }
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;
    use std::vec;

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

    #[cfg(feature = "image")]
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
    fn samples_without_their_mean_saturate() {
        let removed = |window: &[i16]| {
            let feature = Feature::Samples { remove_mean: true };
            apply(&of(window.len() as u16, feature), window)
        };
        assert_eq!(removed(&[i16::MAX, i16::MIN]), [32767, -32768]);
        assert_eq!(removed(&[i16::MIN, i16::MAX, i16::MAX])[0], i16::MIN);
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
