//! Arguments that the commands on streams share.

use crate::cli::arguments::Input;
use crate::cli::arguments::Source;
use crate::cli::arguments::warn_of_saturation;
use crate::error::Error;
use crate::export::run::{config_beside, image_path};
use crate::readings::raw::DeviceReadings;
use crate::readings::scoring::{Like, load_for_scoring};
use crate::readings::{Labelled, Readings};
use clap::Args;
use elbow::{Model, Stream};
use std::path::{Path, PathBuf};

/// A model of a stream, and samples for it.
#[derive(Debug, Args)]
pub(in crate::cli) struct StreamInput {
    /// A model image, or the folder of a run
    pub(in crate::cli) model: PathBuf,
    /// A WAV file, or another one with a sample in each row and a channel in each column; for `watch` also - for standard input, text
    /// that is read line by line as it comes, and readings of a model that takes no stream
    data: String,
    /// Use only the first N samples
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Samples for the stream of a model.
#[derive(Debug)]
pub(in crate::cli) struct LoadedStream<'m> {
    /// The stream of the model.
    pub(in crate::cli) stream: &'m Stream<'m>,
    /// The samples as the device takes them in.
    pub(in crate::cli) samples: Readings,
    /// The rows of each recording among them.
    pub(in crate::cli) lengths: Vec<usize>,
    /// The data that they were made of, all rows.
    pub(in crate::cli) labelled: Labelled,
}

impl LoadedStream<'_> {
    /// The stream, which is long enough for a window.
    pub(in crate::cli) fn with_windows(self) -> Result<Self, Error> {
        let longest = self.lengths.iter().max().copied().unwrap_or(0);
        let window = self.stream.shape().samples;
        if longest < window {
            return Err(Error::Setting(format!(
                "{} has {longest} samples, a window of the model takes {window}: give a longer stream",
                self.labelled.dataset.name
            )));
        }
        Ok(self)
    }
}

impl StreamInput {
    /// The first `limit` samples of `data`, for the model in `model`.
    pub(in crate::cli) fn new(model: &Path, data: &str, limit: Option<usize>) -> Self {
        Self {
            model: model.to_path_buf(),
            data: data.to_owned(),
            limit,
        }
    }

    /// What names the data.
    pub(in crate::cli) fn data(&self) -> &str {
        &self.data
    }

    /// The rows to use, at most, where somebody said.
    pub(in crate::cli) fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The readings of a model that takes no stream.
    pub(in crate::cli) fn readings(&self, model: &Model<'_>) -> Result<DeviceReadings, Error> {
        let input = Input {
            source: Source {
                model: self.model.clone(),
                data: Some(self.data.clone()),
            },
            limit: self.limit,
        };
        input.load(model, None, None)
    }

    /// The samples of one recording.
    pub(in crate::cli) fn load<'m>(&self, model: &'m Model<'_>) -> Result<LoadedStream<'m>, Error> {
        let loaded = self.load_labelled(model, None)?;
        if loaded.labelled.recordings.is_some() {
            return Err(Error::Setting(format!(
                "{} is several recordings, and one stream is followed here: give one file",
                self.data
            )));
        }
        Ok(loaded)
    }

    /// The samples of any number of recordings, with a label for each row in the file `labels`, where there is one.
    pub(in crate::cli) fn load_labelled<'m>(
        &self,
        model: &'m Model<'_>,
        labels: Option<&Path>,
    ) -> Result<LoadedStream<'m>, Error> {
        let stream = of_model(&self.model, model)?;
        let run = config_beside(&self.model).ok().flatten();
        let like = Like::new(run.as_ref()).or_image(model);
        let labelled = load_for_scoring(&self.data, labels, like)?;
        crate::cli::arguments::tell(&labelled);
        let dataset = &labelled.dataset;
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
        let mut left = limit;
        let lengths = labelled.lengths().into_iter().map(|length| {
            let taken = length.min(left);
            left -= taken;
            taken
        });
        let lengths: Vec<usize> = lengths.filter(|&length| length > 0).collect();
        Ok(LoadedStream {
            stream,
            samples: samples.first(limit),
            lengths,
            labelled,
        })
    }
}

/// The stream of `model`, which was read from `path`.
pub(in crate::cli) fn of_model<'m>(
    path: &Path,
    model: &'m Model<'_>,
) -> Result<&'m Stream<'m>, Error> {
    model.stream().ok_or_else(|| {
        Error::Setting(format!(
            "{} takes whole readings, not a stream: train one with `trainer fit DATA --window N`",
            image_path(path).display()
        ))
    })
}
