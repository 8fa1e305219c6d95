//! What the channels of a model were like at the factory.
//!
//! An image has no deviations of channels, so they come beside it, in a small file of `trainer adapt --reference`:
//!
//! | bytes | field |
//! |---|---|
//! | 4 | `ELBR` |
//! | 2 | version, 1 |
//! | 2 | channels, numbers of a reading |
//! | 4 | identity: the checksum of the image |
//! | 4 | the largest offset in deviations, Q16.16 |
//! | 4 | the largest ratio of deviations, Q16.16 |
//! | 8 for each channel | location, deviation |
//! | 4 | CRC-32 of all bytes before it |

use super::error::AdaptError;
use crate::crc::crc32;
use crate::fixed::mean_of_short;
use core::num::NonZeroU32;

/// The first bytes.
const MAGIC: [u8; 4] = *b"ELBR";
/// The version of the layout.
const VERSION: u16 = 1;
/// Bytes before the first channel.
const HEADER: usize = 20;
/// Bytes of a channel.
const CHANNEL: usize = 8;

/// Readings that the factory counts for at the start of learning.
const PRIOR: u32 = 4;

/// Location and deviation of a channel, in raw units, Q16.16, as robust estimates.
///
/// The location is Huber's M-estimate with a clip of 2 deviations (Huber, "Robust estimation of a location parameter", 1964),
/// and the deviation the mean of the clipped distances over that of a standard normal, both by stochastic approximation (Robbins
/// and Monro, 1951) with a step of about `1 / n`. The clip is of the factory's deviation, so that a few readings of one operating point at the
/// start do not narrow what later ones may say. A tenth of faults moves the location, and the deviation, by at most a third of a deviation,
/// however far they lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Moments {
    /// Raw units, Q16.16.
    pub location: i32,
    /// Raw units, Q16.16; 0 for a channel that is left as it is.
    pub deviation: u32,
}

impl Moments {
    /// Takes in reading `number` of a series, counted from 1; distances are clipped at 2 of these `deviations`, those of the
    /// factory. Exact integers: see the numeric contract.
    pub fn learn(&mut self, raw: i16, number: u32, deviations: u32) {
        let distance = (i64::from(raw) << 16) - i64::from(self.location);
        let magnitude = distance.unsigned_abs().cast_signed();
        let steps = number.saturating_add(PRIOR).min(1 << 24) * 16;
        let steps = NonZeroU32::new(steps).unwrap_or(NonZeroU32::MAX);
        let clip = i64::from(deviations) * 2;
        let clipped = distance.min(clip).max(-clip);
        let location = i64::from(self.location) + mean_of_short(clipped * 17, steps);
        self.location = location.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        // 12794 / 2^14 is the mean of the clipped distance of a standard normal, and 20 / 16 about its inverse.
        let deviation = i64::from(self.deviation);
        let excess = magnitude.min(clip) - ((deviation * 12_794) >> 14);
        let deviation = deviation + mean_of_short(excess * 20, steps);
        self.deviation = deviation.clamp(1, 1 << 31) as u32;
    }
}

/// The moments of each channel at the factory, and the bounds of what may be taken out.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    identity: u32,
    offset: u32,
    ratio: u32,
    /// [`CHANNEL`] bytes for each channel.
    channels: &'a [u8],
}

impl<'a> Reference<'a> {
    /// Reads the file of a reference.
    ///
    /// # Errors
    /// [`AdaptError::Reference`] of bytes that are no reference, of another version, or damaged.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, AdaptError> {
        let whole = Self::read(bytes).filter(Self::is_valid);
        whole.ok_or(AdaptError::Reference)
    }

    /// The checksum of the image that it belongs to.
    #[must_use]
    pub fn identity(&self) -> u32 {
        self.identity
    }

    /// Numbers of a reading that it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.len() / CHANNEL
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// The moments of each channel.
    pub fn moments(&self) -> impl Iterator<Item = Moments> + 'a {
        self.channels.chunks_exact(CHANNEL).map(|channel| Moments {
            location: word(channel, 0).unwrap_or(0).cast_signed(),
            deviation: word(channel, 4).unwrap_or(0),
        })
    }

    /// The largest offset that is taken out, in deviations, Q16.16.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// The largest ratio of deviations that is taken out, in either direction, Q16.16.
    #[must_use]
    pub fn ratio(&self) -> u32 {
        self.ratio
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let count = u16::from_le_bytes(*bytes.get(6..)?.first_chunk()?);
        let version = u16::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
        let end = HEADER + usize::from(count) * CHANNEL;
        let is_one = bytes.get(..4) == Some(MAGIC.as_slice())
            && version == VERSION
            && bytes.len() == end + 4
            && word(bytes, end)? == crc32(bytes.get(..end)?);
        is_one.then_some(Self {
            identity: word(bytes, 8)?,
            offset: word(bytes, 12)?,
            ratio: word(bytes, 16)?,
            channels: bytes.get(HEADER..end)?,
        })
    }

    /// Offsets up to 256 deviations, ratios from 1 to 256, deviations within what raw integers can have.
    fn is_valid(&self) -> bool {
        let in_range = |moments: Moments| moments.deviation <= 1 << 31;
        self.offset <= 256 << 16
            && (1 << 16..=256 << 16).contains(&self.ratio)
            && self.moments().all(in_range)
    }
}

/// The word at a place of `bytes`.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The file of a reference for the image with the checksum `identity`; `offset` and `ratio` are as
/// [`Reference::offset`] and [`Reference::ratio`] give them. None of more than 65535 channels.
#[cfg(feature = "image")]
#[must_use]
pub fn write_reference(
    identity: u32,
    offset: u32,
    ratio: u32,
    moments: &[Moments],
) -> Option<std::vec::Vec<u8>> {
    let channels = u16::try_from(moments.len()).ok()?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    for word in [identity, offset, ratio] {
        bytes.extend(word.to_le_bytes());
    }
    for channel in moments {
        bytes.extend(channel.location.to_le_bytes());
        bytes.extend(channel.deviation.to_le_bytes());
    }
    let sum = crc32(&bytes);
    bytes.extend(sum.to_le_bytes());
    Some(bytes)
}

#[cfg(all(test, feature = "image"))]
mod tests {
    extern crate std;
    use super::*;
    use crate::gaussian::standard_normal;
    use crate::rng;
    use rand_core::Rng;
    use std::vec::Vec;

    const ONE: Moments = Moments {
        location: -3 << 16,
        deviation: 5 << 15,
    };

    #[test]
    fn the_file_is_read_as_it_is_written() {
        let bytes = write_reference(0x0403_0201, 2 << 16, 3 << 15, &[ONE]).unwrap();
        let expected = [
            &b"ELBR"[..],
            &[1, 0, 1, 0, 1, 2, 3, 4, 0, 0, 2, 0, 0, 0x80, 1, 0],
            &[0, 0, 0xfd, 0xff, 0, 0x80, 2, 0],
        ]
        .concat();
        assert_eq!(bytes[..28], expected);
        assert_eq!(bytes[28..], crc32(&expected).to_le_bytes());
        let read = Reference::parse(&bytes).unwrap();
        assert_eq!((read.identity(), read.len()), (0x0403_0201, 1));
        assert_eq!((read.offset(), read.ratio()), (2 << 16, 3 << 15));
        assert_eq!(read.moments().collect::<Vec<_>>(), [ONE]);
    }

    #[test]
    fn every_damage_is_refused() {
        let bytes = write_reference(7, 2 << 16, 3 << 15, &[ONE; 3]).unwrap();
        for length in 0..bytes.len() {
            assert!(Reference::parse(&bytes[..length]).is_err(), "{length}");
        }
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Reference::parse(&damaged).is_err(), "{bit}");
        }
        for (offset, ratio) in [(257 << 16, 1 << 16), (0, 0), (0, 65_535), (0, u32::MAX)] {
            let bytes = write_reference(7, offset, ratio, &[ONE]).unwrap();
            assert!(Reference::parse(&bytes).is_err());
        }
    }

    /// Estimates of Gaussian numbers of `mean` and `deviation`, of which `faulty` of 1000 are `fault` instead.
    fn learned(mean: f64, deviation: f64, readings: u32, faulty: u32, fault: i16) -> (f64, f64) {
        let mut words = rng::stream(readings.into(), faulty.into());
        let mut moments = Moments {
            location: 0,
            deviation: 1000 << 16,
        };
        for number in 1..=readings {
            let normal = f64::from(standard_normal(words.next_u32())) / 65536.0;
            let is_fault = words.next_u32() % 1000 < faulty;
            let value = (mean + deviation * normal).round() as i16;
            moments.learn(if is_fault { fault } else { value }, number, 1000 << 16);
        }
        let raw = |bits: f64| bits / 65536.0;
        (raw(moments.location.into()), raw(moments.deviation.into()))
    }

    #[test]
    fn moments_of_normal_numbers_are_found() {
        for (mean, deviation) in [(0.0, 1000.0), (1000.0, 800.0), (-1000.0, 1250.0)] {
            let (location, scale) = learned(mean, deviation, 20_000, 0, 0);
            assert!((location - mean).abs() < 0.03 * deviation, "{location}");
            // The clip is of another deviation: up to 4 %.
            assert!((scale / deviation - 1.0).abs() < 0.05, "{scale}");
            let (location, scale) = learned(mean, deviation, 200, 0, 0);
            assert!((location - mean).abs() < 0.25 * deviation, "{location}");
            assert!((scale / deviation - 1.0).abs() < 0.25, "{scale}");
        }
    }

    #[test]
    fn a_tenth_of_faults_hardly_moves_them() {
        for (fault, most) in [(2000, 0.33), (3000, 0.33), (6000, 0.33), (32_767, 0.33)] {
            let (location, scale) = learned(0.0, 1000.0, 20_000, 100, fault);
            assert!(location.abs() < most * 1000.0, "{fault}: {location}");
            assert!((scale / 1000.0 - 1.0).abs() < most, "{fault}: {scale}");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for deviation in [1, 2, 1 << 16, 1 << 31] {
            for location in [i32::MIN, 0, i32::MAX] {
                let mut moments = Moments {
                    location,
                    deviation,
                };
                for number in [0, 1, 2, 1000, u32::MAX] {
                    for raw in [i16::MIN, 0, i16::MAX] {
                        moments.learn(raw, number, deviation);
                        assert!((1..=1 << 31).contains(&moments.deviation));
                    }
                }
            }
        }
    }
}
