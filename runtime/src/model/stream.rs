//! How a model is fed from a stream.

use crate::signal::FrontEnd;
use crate::signal::WindowShape;
use core::num::NonZeroUsize;

/// How a stream of samples becomes readings of a model.
#[derive(Clone, Debug)]
pub struct Stream<'a> {
    /// From a window to a reading.
    pub front_end: FrontEnd,
    /// Samples from one window to the next.
    pub hop: u16,
    /// Samples of a channel in a thousand seconds; 0 where nobody said.
    pub rate_millihertz: u32,
    /// For each channel the power of two that a raw sample stands for.
    pub exponents: &'a [i8],
}

impl Stream<'_> {
    /// The windows that the front end takes in.
    #[must_use]
    pub fn shape(&self) -> WindowShape {
        WindowShape {
            channels: self.front_end.channels().into(),
            samples: self.front_end.samples().into(),
            hop: self.hop.into(),
        }
    }

    /// The channel that input `input` of a reading tells of.
    #[must_use]
    pub fn channel_of(&self, input: usize) -> usize {
        let channels = NonZeroUsize::new(self.front_end.channels().into());
        let of_channel = channels.map_or(1, |channels| self.front_end.features_len() / channels);
        NonZeroUsize::new(of_channel).map_or(0, |of_channel| input / of_channel)
    }
}
