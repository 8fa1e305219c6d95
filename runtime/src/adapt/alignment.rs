//! Moves and stretches each channel of this machine to where it was at the factory.

use super::reference::{Moments, Reference};
use crate::fixed::{divide, saturate};
use crate::mask::Mask;
use crate::transcendental::ln;
use core::num::NonZeroU64;

/// 1 in Q16.16.
const ONE: u32 = 1 << 16;

/// The location and the deviation of each channel of a machine, and the map from its raw readings to those of the factory:
///
/// ```text
/// aligned = reference location + (raw - location) * (reference deviation / deviation)
/// ```
///
/// The location stays within the reference's [`Reference::offset`], and the ratio within its [`Reference::ratio`]: a larger
/// difference is taken out up to there, and the rest of it stays visible. Channels whose reference has the deviation 0, such as
/// flags and counts, stay as they are.
#[derive(Debug)]
pub struct Alignment<'s> {
    reference: Option<Reference<'s>>,
    /// Raw units, Q16.16.
    locations: &'s mut [i32],
    /// Raw units, Q16.16.
    deviations: &'s mut [u32],
    /// Reference deviation over deviation, Q16.16.
    gains: &'s mut [u32],
}

impl<'s> Alignment<'s> {
    /// That of the factory. The slices have an element for each channel of the reference, or none without one.
    pub(super) fn new(
        reference: Option<Reference<'s>>,
        locations: &'s mut [i32],
        deviations: &'s mut [u32],
        gains: &'s mut [u32],
    ) -> Self {
        let mut alignment = Self {
            reference,
            locations,
            deviations,
            gains,
        };
        alignment.reset();
        alignment
    }

    /// Channels that it knows; 0 without a reference.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.locations.len()
    }

    /// The moments of each channel on this machine.
    pub fn moments(&self) -> impl Iterator<Item = Moments> + '_ {
        let channels = self.locations.iter().zip(self.deviations.iter());
        channels.map(|(&location, &deviation)| Moments {
            location,
            deviation,
        })
    }

    /// How many channels are as far from the reference as its bounds allow: in these a fault, or another kind of sensor, is
    /// more likely than where it is mounted.
    #[must_use]
    pub fn at_bounds(&self) -> usize {
        let Some(reference) = self.reference else {
            return 0;
        };
        let channels = reference.moments().zip(self.moments());
        let is_at_bound = |(of_factory, here): &(Moments, Moments)| {
            let [lowest, highest] = locations(*of_factory, &reference);
            let [narrowest, widest] = deviations(*of_factory, &reference);
            let is_aligned = of_factory.deviation > 0;
            let is_moved = here.location <= lowest || here.location >= highest;
            is_aligned && (is_moved || here.deviation <= narrowest || here.deviation >= widest)
        };
        channels.filter(is_at_bound).count()
    }

    /// Returns to the factory.
    pub(super) fn reset(&mut self) {
        let Some(reference) = self.reference else {
            return;
        };
        for ((place, gain), of_factory) in self.places().zip(reference.moments()) {
            place.put(of_factory);
            *gain = ONE;
        }
    }

    /// Takes in reading `number`, counted from 1.
    pub(super) fn learn(&mut self, reading: &[i16], observed: Mask<'_>, number: u32) {
        let Some(reference) = self.reference else {
            return;
        };
        let channels = self.places().zip(reference.moments()).zip(reading);
        for (index, (((place, _), of_factory), &raw)) in channels.enumerate() {
            if of_factory.deviation > 0 && observed.observes(index) {
                let mut moments = place.moments();
                moments.learn(raw, number, of_factory.deviation);
                place.put(moments);
            }
        }
    }

    /// Brings the moments within their bounds, and makes the map of them.
    pub(super) fn settle(&mut self) {
        let Some(reference) = self.reference else {
            return;
        };
        for ((place, gain), of_factory) in self.places().zip(reference.moments()) {
            if of_factory.deviation == 0 {
                place.put(of_factory);
                *gain = ONE;
                continue;
            }
            let here = place.moments();
            let [lowest, highest] = locations(of_factory, &reference);
            let [narrowest, widest] = deviations(of_factory, &reference);
            let settled = Moments {
                location: here.location.max(lowest).min(highest),
                deviation: here.deviation.max(narrowest).min(widest),
            };
            place.put(settled);
            let divisor = NonZeroU64::new(settled.deviation.into()).unwrap_or(NonZeroU64::MIN);
            let ratio = (u64::from(of_factory.deviation) << 16) + (divisor.get() >> 1);
            *gain = divide(ratio, divisor).min(u64::from(u32::MAX)) as u32;
        }
    }

    /// Takes stored moments over; whether there are as many as channels.
    pub(super) fn restore(&mut self, stored: impl Iterator<Item = Moments>) {
        for ((place, _), moments) in self.places().zip(stored) {
            place.put(moments);
        }
    }

    /// Writes the aligned `reading`; numbers behind the channels are copied.
    pub(super) fn apply(&self, reading: &[i16], aligned: &mut [i16]) {
        for (place, &raw) in aligned.iter_mut().zip(reading) {
            *place = raw;
        }
        let Some(reference) = self.reference else {
            return;
        };
        let here = self.locations.iter().zip(self.gains.iter());
        let channels = reference.moments().zip(here);
        for (place, (of_factory, (&location, &gain))) in aligned.iter_mut().zip(channels) {
            if of_factory.deviation == 0 {
                continue;
            }
            let distance = (i64::from(*place) << 16) - i64::from(location);
            let stretched = (distance * i64::from(gain) + (1 << 15)) >> 16;
            let moved = i64::from(of_factory.location) + stretched;
            let raw = saturate((moved + (1 << 15)) >> 16);
            *place = raw.max(i16::MIN.into()).min(i16::MAX.into()) as i16;
        }
    }

    /// The logarithm of the volume of aligned readings over that of raw ones: the sum of the logarithms of the gains, Q47.16 nats. A
    /// density of aligned readings becomes one of raw readings where it is added.
    pub(super) fn log_volume(&self) -> i64 {
        let of_gain = |&gain: &u32| i64::from(ln(gain)) - i64::from(ln(ONE));
        self.gains.iter().map(of_gain).sum()
    }

    fn places(&mut self) -> impl Iterator<Item = (Place<'_>, &mut u32)> {
        let moments = self.locations.iter_mut().zip(self.deviations.iter_mut());
        let places = moments.map(|(location, deviation)| Place {
            location,
            deviation,
        });
        places.zip(self.gains.iter_mut())
    }
}

/// Where the moments of a channel are.
struct Place<'a> {
    location: &'a mut i32,
    deviation: &'a mut u32,
}

impl Place<'_> {
    fn moments(&self) -> Moments {
        Moments {
            location: *self.location,
            deviation: *self.deviation,
        }
    }

    fn put(self, moments: Moments) {
        *self.location = moments.location;
        *self.deviation = moments.deviation;
    }
}

/// The lowest and the highest location of a channel.
fn locations(of_factory: Moments, reference: &Reference<'_>) -> [i32; 2] {
    let reach = (u64::from(of_factory.deviation) * u64::from(reference.offset())) >> 16;
    let reach = reach.min(1 << 32) as i64;
    [-reach, reach].map(|reach| saturate(i64::from(of_factory.location) + reach))
}

/// The smallest and the largest deviation of a channel.
fn deviations(of_factory: Moments, reference: &Reference<'_>) -> [u32; 2] {
    let ratio = NonZeroU64::new(reference.ratio().into()).unwrap_or(NonZeroU64::MIN);
    let least = divide(u64::from(of_factory.deviation) << 16, ratio);
    let most = (u64::from(of_factory.deviation) * ratio.get()) >> 16;
    [least, most].map(|bound| bound.clamp(1, 1 << 31) as u32)
}

#[cfg(all(test, feature = "image"))]
mod tests {
    extern crate std;
    use super::super::reference::write_reference;
    use super::*;

    const CHANNELS: [Moments; 3] = [
        Moments {
            location: 100 << 16,
            deviation: 50 << 16,
        },
        Moments {
            location: 7 << 16,
            deviation: 0,
        },
        Moments {
            location: -2000 << 16,
            deviation: 400 << 16,
        },
    ];

    /// Offsets of 2 deviations and ratios of 1.5 are taken out.
    fn with(check: impl FnOnce(&mut Alignment<'_>)) {
        let bytes = write_reference(1, 2 << 16, 3 << 15, &CHANNELS).unwrap();
        let reference = Reference::parse(&bytes).unwrap();
        let (mut locations, mut deviations, mut gains) = ([0; 3], [0; 3], [0; 3]);
        check(&mut Alignment::new(
            Some(reference),
            &mut locations,
            &mut deviations,
            &mut gains,
        ));
    }

    fn aligned(alignment: &Alignment<'_>, reading: [i16; 4]) -> [i16; 4] {
        let mut place = [0; 4];
        alignment.apply(&reading, &mut place);
        place
    }

    #[test]
    fn the_factory_changes_nothing() {
        with(|alignment| {
            alignment.settle();
            for raw in [i16::MIN, -1, 0, 1, 99, 100, 101, i16::MAX] {
                assert_eq!(aligned(alignment, [raw; 4]), [raw; 4]);
            }
            assert_eq!(alignment.at_bounds(), 0);
        });
    }

    #[test]
    fn offsets_and_gains_are_taken_out_within_bounds() {
        with(|alignment| {
            let here = |location: i32, deviation: u32| Moments {
                location: location << 16,
                deviation: deviation << 16,
            };
            let moments = [here(150, 40), here(1000, 9), here(-1800, 400)];
            alignment.restore(moments.into_iter());
            alignment.settle();
            // 100 + (190 - 150) 50 / 40; a channel without deviation and a number behind all stay.
            assert_eq!(aligned(alignment, [190, 3, -1800, 5]), [150, 3, -2000, 5]);
            assert_eq!(alignment.at_bounds(), 0);
            // Beyond the bounds: 100 deviations away, and a deviation that is 10 times as large.
            let moments = [here(5100, 500), here(0, 0), here(-2000, 400)];
            alignment.restore(moments.into_iter());
            alignment.settle();
            assert_eq!(alignment.at_bounds(), 1);
            // 100 + (5100 - 200) / 1.5, where 200 is 2 deviations up.
            assert_eq!(aligned(alignment, [5100, 3, -2000, 5])[0], 3367);
            alignment.reset();
            assert_eq!(aligned(alignment, [190, 3, -1800, 5]), [190, 3, -1800, 5]);
        });
    }

    #[test]
    fn what_was_not_observed_is_not_learned() {
        with(|alignment| {
            let observed = Mask::new(&[0b110], 3).unwrap();
            for number in 1..100 {
                alignment.learn(&[150, 9, -1900], observed, number);
            }
            let moments: std::vec::Vec<_> = alignment.moments().collect();
            assert_eq!(moments[..2], CHANNELS[..2]);
            let location = f64::from(moments[2].location) / 65536.0;
            assert!((location + 1900.0).abs() < 20.0, "{location}");
        });
    }

    #[test]
    fn extremes_saturate() {
        let edge = Moments {
            location: i32::MIN,
            deviation: 1 << 31,
        };
        let bytes = write_reference(1, 256 << 16, 256 << 16, &[edge]).unwrap();
        let reference = Reference::parse(&bytes).unwrap();
        let (mut locations, mut deviations, mut gains) = ([0; 1], [0; 1], [0; 1]);
        let mut alignment =
            Alignment::new(Some(reference), &mut locations, &mut deviations, &mut gains);
        for here in [i32::MIN, 0, i32::MAX] {
            for deviation in [0, 1, u32::MAX] {
                let moments = Moments {
                    location: here,
                    deviation,
                };
                alignment.restore(core::iter::once(moments));
                alignment.settle();
                let mut place = [0];
                alignment.apply(&[i16::MAX], &mut place);
                alignment.apply(&[i16::MIN], &mut place);
            }
        }
    }
}
