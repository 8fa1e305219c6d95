//! Windows of a stream of samples, and their features.

use super::features::{FeatureChoice, FeatureList};
use crate::error::Error;
use elbow::signal::{Feature, MAX_SAMPLES, WindowShape};
use serde::{Deserialize, Serialize};

/// Windows of a stream and their features, as a user asks for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Samples of each channel in a window.
    pub window: usize,
    /// Samples from one window to the next.
    pub hop: usize,
    /// The features of each channel.
    pub features: FeatureList,
}

/// Samples of a window of signals where nobody says.
const SIGNAL_WINDOW: usize = 256;
/// Bands of its spectrum: two an octave, about.
const SIGNAL_BANDS: u8 = 16;

impl StreamSettings {
    /// The features of signals where nobody says: of each channel's window its level and the energies of a few bands.
    pub fn of_signals() -> Self {
        let bands = Feature::BandEnergies {
            bands: SIGNAL_BANDS,
        };
        Self {
            window: SIGNAL_WINDOW,
            hop: SIGNAL_WINDOW / 2,
            features: FeatureList(vec![FeatureChoice::Rms, FeatureChoice::Settled(bands)]),
        }
    }

    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// One line that names the setting, its value and what would do.
    pub fn validate(&self) -> Result<(), Error> {
        let Self { window, hop, .. } = *self;
        if !(1..=MAX_SAMPLES.into()).contains(&window) {
            return Err(Error::Setting(format!(
                "--window is {window}: give the samples of a window, from 1 to {MAX_SAMPLES}"
            )));
        }
        if !(1..=window).contains(&hop) {
            return Err(Error::Setting(format!(
                "--hop is {hop}: give the samples from one window to the next, from 1 to the {window} of a window"
            )));
        }
        Ok(())
    }

    /// The windows of `channels` channels.
    pub fn shape(&self, channels: usize) -> WindowShape {
        WindowShape {
            channels,
            samples: self.window,
            hop: self.hop,
        }
    }
}
