//! Arguments that the commands on streams share.

use super::warn_of_saturation;
use crate::config::StreamSettings;
use crate::data::Dataset;
use crate::error::Error;
use crate::export::run::{config_beside, image_path};
use crate::readings::Readings;
use crate::readings::scoring::{Like, load_for_scoring};
use clap::Args;
use elbow::{Model, Stream};
use std::path::{Path, PathBuf};

/// The settings of a stream in `trainer fit`.
#[derive(Debug, Args)]
pub(super) struct StreamArguments {
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

impl StreamArguments {
    /// The settings, if the data are a stream.
    pub(super) fn settings(&self) -> Result<Option<StreamSettings>, Error> {
        let Some(window) = self.window else {
            return Ok(None);
        };
        let features = self.features.as_deref().unwrap_or("centered").parse();
        Ok(Some(StreamSettings {
            window,
            hop: self.hop.unwrap_or(window.div_ceil(2)),
            features: features
                .map_err(|error: String| Error::Setting(format!("--features: {error}")))?,
        }))
    }
}

/// A model of a stream, and samples for it.
#[derive(Debug, Args)]
pub(super) struct StreamInput {
    /// A model image, or the folder of a run
    pub(super) model: PathBuf,
    /// A WAV file, or another one with a sample in each row and a channel in each column
    data: String,
    /// Use only the first N samples
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl StreamInput {
    /// The stream of `model`, the samples as the device takes them in, and the data that they were
    /// made of.
    pub(super) fn load<'m>(
        &self,
        model: &'m Model<'_>,
    ) -> Result<(&'m Stream<'m>, Readings, Dataset), Error> {
        let stream = of_model(&self.model, model)?;
        let run = config_beside(&self.model).ok().flatten();
        let like = Like::new(run.as_ref()).or_image(model);
        let labelled = load_for_scoring(&self.data, None, like)?;
        super::tell(&labelled);
        if labelled.recordings.is_some() {
            return Err(Error::Setting(format!(
                "{} is several recordings, and one stream is followed here: give one file",
                self.data
            )));
        }
        let dataset = labelled.dataset;
        let (width, channels) = (dataset.table.width(), stream.exponents.len());
        if width != channels {
            return Err(Error::Setting(format!(
                "{} has {width} columns, the model's stream has {channels} channels: give one column for each channel",
                dataset.name
            )));
        }
        let limit = self.limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Err(Error::Setting(
                "--limit is 0: give the number of samples to use, 1 or more".into(),
            ));
        }
        let (samples, saturated) = Readings::from_table(&dataset.table, stream.exponents);
        warn_of_saturation(saturated);
        Ok((stream, samples.first(limit), dataset))
    }
}

/// The stream of `model`, which was read from `path`.
fn of_model<'m>(path: &Path, model: &'m Model<'_>) -> Result<&'m Stream<'m>, Error> {
    model.stream().ok_or_else(|| {
        Error::Setting(format!(
            "{} takes whole readings, not a stream: train one with `trainer fit DATA --window N`",
            image_path(path).display()
        ))
    })
}
