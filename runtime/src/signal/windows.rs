//! Sliding windows over raw samples of one or several channels.

use core::cell::Cell;
use core::num::NonZeroUsize;

/// The shape of [`Windows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowShape {
    /// Channels that are sampled together, at least 1.
    pub channels: usize,
    /// Samples of each channel in a window, at least 1.
    pub samples: usize,
    /// Samples from the start of a window to the start of the next one, 1 to `samples`.
    pub hop: usize,
}

impl WindowShape {
    /// Numbers in a window, and those that its storage holds; saturating.
    #[must_use]
    pub const fn numbers(self) -> usize {
        self.channels.saturating_mul(self.samples)
    }
}

/// Errors of [`Windows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WindowsError {
    /// Windows of no channels.
    NoChannels,
    /// Windows of no samples.
    NoSamples,
    /// The next window would start where the last one did.
    NoHop,
    /// Samples between two windows would be in neither.
    Hop {
        /// The hop.
        hop: usize,
        /// Samples in a window.
        samples: usize,
    },
    /// The storage is smaller than a window.
    Capacity {
        /// Numbers it holds.
        have: usize,
        /// Numbers in a window.
        need: usize,
    },
    /// A sample has not one number for each channel; it was not taken.
    Channels {
        /// Numbers in the sample.
        have: usize,
        /// Channels of the windows.
        need: usize,
    },
}

/// Sliding windows in storage of the caller's: `[i16; N]`, `&mut [i16]`, or a `Vec` on hosts.
///
/// With N samples in a window and the hop H, window k (from 0) has the samples `k H` to
/// `k H + N - 1` of every channel, counted from the first one pushed. It is given out by the push
/// of its last sample: the first window after N samples, then one every H. No sample is left out,
/// and each is in every window that covers it.
///
/// A window is contiguous and channel-major: N samples of channel 0 from the oldest to the newest,
/// then those of channel 1, and so on.
///
/// The storage holds one window and nothing else. To keep windows contiguous, the push after each
/// one moves the `N - H` samples that stay to the front; that is `(N - H) / H` moves a sample on
/// average, less than one where the hop is at least half a window.
///
/// ```
/// use elbow::signal::{WindowShape, Windows};
///
/// let mut windows = Windows::new([0; 6], WindowShape { channels: 2, samples: 3, hop: 2 })?;
/// assert_eq!(windows.push(&[1, 10])?, None);
/// assert_eq!(windows.push(&[2, 20])?, None);
/// assert_eq!(windows.push(&[3, 30])?, Some(&[1, 2, 3, 10, 20, 30][..]));
/// assert_eq!(windows.push(&[4, 40])?, None);
/// assert_eq!(windows.push(&[5, 50])?, Some(&[3, 4, 5, 30, 40, 50][..]));
/// # Ok::<(), elbow::signal::WindowsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Windows<S> {
    view: View,
    storage: S,
}

/// All but the storage.
#[derive(Clone, Copy, Debug)]
struct View {
    channels: usize,
    samples: NonZeroUsize,
    hop: usize,
    /// Samples of the window at hand, of each channel.
    filled: usize,
}

impl<S: AsRef<[i16]> + AsMut<[i16]>> Windows<S> {
    /// Windows of `shape` before the first sample.
    ///
    /// # Errors
    /// [`WindowsError`]: no channels, samples or hop, a hop longer than a window, or storage for
    /// fewer than [`WindowShape::numbers`].
    pub fn new(storage: S, shape: WindowShape) -> Result<Self, WindowsError> {
        let view = View::new(shape, storage.as_ref().len())?;
        Ok(Self { view, storage })
    }

    /// Takes one number of each channel in, and gives the window that they complete, if they do.
    ///
    /// # Errors
    /// [`WindowsError::Channels`] where `sample` has not one number for each channel. Nothing was
    /// taken then.
    pub fn push(&mut self, sample: &[i16]) -> Result<Option<&[i16]>, WindowsError> {
        self.view.push(self.storage.as_mut(), sample)
    }

    /// The shape of these windows.
    #[must_use]
    pub fn shape(&self) -> WindowShape {
        let View {
            channels,
            samples,
            hop,
            ..
        } = self.view;
        WindowShape {
            channels,
            samples: samples.get(),
            hop,
        }
    }

    /// Samples to push before the next window, at least 1.
    #[must_use]
    pub fn missing(&self) -> usize {
        let missing = self.view.samples.get().saturating_sub(self.view.filled);
        if missing == 0 { self.view.hop } else { missing }
    }

    /// Forgets all samples, as after a gap in the stream: the next one is the first of a window.
    pub fn clear(&mut self) {
        self.view.filled = 0;
    }
}

impl View {
    fn new(shape: WindowShape, have: usize) -> Result<Self, WindowsError> {
        let WindowShape {
            channels,
            samples,
            hop,
        } = shape;
        let need = shape.numbers();
        if channels == 0 {
            return Err(WindowsError::NoChannels);
        }
        let length = NonZeroUsize::new(samples).ok_or(WindowsError::NoSamples)?;
        match hop {
            0 => Err(WindowsError::NoHop),
            _ if hop > samples => Err(WindowsError::Hop { hop, samples }),
            _ if have < need => Err(WindowsError::Capacity { have, need }),
            _ => Ok(Self {
                channels,
                samples: length,
                hop,
                filled: 0,
            }),
        }
    }

    fn push<'s>(
        &mut self,
        storage: &'s mut [i16],
        sample: &[i16],
    ) -> Result<Option<&'s [i16]>, WindowsError> {
        let (have, need) = (sample.len(), self.channels);
        if have != need {
            return Err(WindowsError::Channels { have, need });
        }
        let samples = self.samples.get();
        if self.filled >= samples {
            for channel in storage.chunks_exact_mut(samples).take(need) {
                slide(channel, self.hop);
            }
            self.filled = samples.saturating_sub(self.hop);
        }
        for (channel, &number) in storage.chunks_exact_mut(samples).zip(sample) {
            if let Some(place) = channel.get_mut(self.filled) {
                *place = number;
            }
        }
        self.filled += 1;
        if self.filled < samples {
            return Ok(None);
        }
        Ok(storage.get(..need.saturating_mul(samples)))
    }
}

/// Moves all elements but the first `hop` to the front.
fn slide(channel: &mut [i16], hop: usize) {
    let cells = Cell::from_mut(channel).as_slice_of_cells();
    for (to, from) in cells.iter().zip(cells.iter().skip(hop)) {
        to.set(from.get());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::string::ToString;
    use std::vec::Vec;

    /// Windows by the definition, from all samples at once.
    fn by_definition(stream: &[Vec<i16>], shape: WindowShape) -> Vec<Vec<i16>> {
        let starts = (0..stream.len()).step_by(shape.hop);
        let whole = starts.take_while(|start| start + shape.samples <= stream.len());
        whole
            .map(|start| {
                let window = &stream[start..start + shape.samples];
                let channel = |c: usize| window.iter().map(move |sample| sample[c]);
                (0..shape.channels).flat_map(channel).collect()
            })
            .collect()
    }

    #[test]
    fn windows_are_those_of_the_definition() {
        let mut words = rng::stream(1, 2);
        for _ in 0..3000 {
            let samples = 1 + words.next_u32() as usize % 17;
            let shape = WindowShape {
                channels: 1 + words.next_u32() as usize % 4,
                samples,
                hop: 1 + words.next_u32() as usize % samples,
            };
            let length = words.next_u32() as usize % 60;
            let one = |_| {
                (0..shape.channels)
                    .map(|_| words.next_u32() as i16)
                    .collect()
            };
            let stream: Vec<Vec<i16>> = (0..length).map(one).collect();
            let mut windows = Windows::new([0; 80], shape).unwrap();
            let mut found = Vec::new();
            let mut missing = windows.missing();
            assert_eq!(missing, samples);
            for sample in &stream {
                missing -= 1;
                let window = windows.push(sample).unwrap();
                assert_eq!(window.is_some(), missing == 0);
                if let Some(window) = window {
                    found.push(window.to_vec());
                    missing = shape.hop;
                }
                assert_eq!(windows.missing(), missing);
            }
            assert_eq!(found, by_definition(&stream, shape), "{shape:?}");
            windows.clear();
            assert_eq!(windows.missing(), samples);
            assert_eq!(windows.shape(), shape);
        }
    }

    #[test]
    fn a_sample_of_the_wrong_width_is_not_taken() {
        let shape = WindowShape {
            channels: 2,
            samples: 2,
            hop: 1,
        };
        let mut storage = std::vec![0; 4];
        let mut windows = Windows::new(&mut storage[..], shape).unwrap();
        assert_eq!(windows.push(&[1, 2]), Ok(None));
        for wrong in [&[][..], &[7], &[7, 7, 7]] {
            let have = wrong.len();
            assert_eq!(
                windows.push(wrong),
                Err(WindowsError::Channels { have, need: 2 })
            );
        }
        assert_eq!(windows.push(&[3, 4]), Ok(Some(&[1, 3, 2, 4][..])));
    }

    #[test]
    fn impossible_shapes_are_refused_with_their_numbers() {
        let refused = |channels, samples, hop| {
            let shape = WindowShape {
                channels,
                samples,
                hop,
            };
            Windows::new([0; 12], shape).unwrap_err()
        };
        assert_eq!(refused(0, 4, 1), WindowsError::NoChannels);
        assert_eq!(refused(1, 0, 1), WindowsError::NoSamples);
        assert_eq!(refused(1, 4, 0), WindowsError::NoHop);
        assert_eq!(refused(1, 4, 5), WindowsError::Hop { hop: 5, samples: 4 });
        let (have, need) = (12, 15);
        assert_eq!(refused(3, 5, 5), WindowsError::Capacity { have, need });
        let huge = refused(usize::MAX, usize::MAX, 1);
        let need = usize::MAX;
        assert_eq!(huge, WindowsError::Capacity { have, need });
        assert_eq!(
            refused(3, 5, 5).to_string(),
            "the storage holds 12 numbers, a window has 15"
        );
    }
}
