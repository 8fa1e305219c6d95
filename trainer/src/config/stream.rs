//! Windows of a stream of samples, and their features.

use super::features::{FeatureChoice, FeatureList};
use crate::error::Error;
use clap::Args;
use elbow::signal::{Feature, MAX_SAMPLES, WindowShape};
use serde::{Deserialize, Serialize};

/// Windows of a stream and their features, as a user asks for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Asked")]
pub struct StreamSettings {
    /// Samples of each channel in a window.
    pub window: usize,
    /// Samples from one window to the next.
    pub hop: usize,
    /// The features of each channel.
    pub features: FeatureList,
}

/// The settings of a stream as options.
#[derive(Clone, Debug, Default, Args)]
pub struct StreamArguments {
    /// Train on windows of N samples of a stream [default: 256 of a WAV file, with the features rms,bands:16]. Normal windows are divided by time: training, then
    /// validation, then test, without a sample in two parts
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Samples from one window to the next [default: half a window]
    #[arg(long, value_name = "N", requires = "window")]
    hop: Option<usize>,
    /// Features that make a reading of each channel's window, separated by commas: samples, centered (the mean
    /// taken off), mean, rms, mean:F or rms:F with F fraction bits (by default those that leave a
    /// factor of four above the largest), bands:K (log energies of K bands) [default: centered]
    #[arg(long, value_name = "LIST", requires = "window")]
    features: Option<String>,
}

/// The settings of a stream as a file may have them.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    window: usize,
    hop: Option<usize>,
    features: Option<String>,
}

impl TryFrom<Asked> for StreamSettings {
    type Error = String;

    fn try_from(asked: Asked) -> Result<Self, String> {
        let Asked {
            window,
            hop,
            features,
        } = asked;
        Ok(Self {
            window,
            hop: hop.unwrap_or(window.div_ceil(2)),
            features: features.as_deref().unwrap_or("centered").parse()?,
        })
    }
}

impl StreamArguments {
    /// The settings, if the data are a stream.
    ///
    /// # Errors
    /// [`Error::Setting`] where there is no such feature.
    pub fn settings(&self) -> Result<Option<StreamSettings>, Error> {
        let asked = |window| Asked {
            window,
            hop: self.hop,
            features: self.features.clone(),
        };
        let settings = self.window.map(|window| asked(window).try_into());
        let settings = settings.transpose();
        settings.map_err(|error: String| Error::Setting(format!("--features: {error}")))
    }
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
