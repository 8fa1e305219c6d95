//! A model and data for it, as most commands take them.

use crate::data::DataSource;
use crate::error::Error;
use crate::export::run;
use crate::model::prepared::Prepared;
use crate::readings::Labelled;
use crate::readings::Readings;
use crate::readings::RunConfig;
use crate::readings::masks::Masks;
use crate::readings::raw::DeviceReadings;
use crate::readings::scoring::{Like, load_for_scoring};
use crate::readings::splits::Splits;
use clap::Args;
use elbow::{Estimator, Model};
use std::path::{Path, PathBuf};

/// A model and data for it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Source {
    /// A model image, or the folder of a run
    pub(in crate::cli) model: PathBuf,
    /// A file, or files, as for `fit`, or `digits`: the test part of the digits (also digits:train,
    /// digits:validation, digits:held-out, digits:all); `pump` or `motor`: their whole logs. For a model of a stream the rows are readings
    /// or samples, by their width; samples are cut into windows as on the device [default: the test
    /// part of what the run was trained on]
    pub(in crate::cli) data: Option<String>,
}

/// The readings that a command works on.
#[derive(Debug, Args)]
pub(in crate::cli) struct Input {
    #[command(flatten)]
    pub(in crate::cli) source: Source,
    /// Use only the first N readings
    #[arg(long, value_name = "N")]
    pub(in crate::cli) limit: Option<usize>,
}

pub(in crate::cli) fn parse_estimator(text: &str) -> Result<Estimator, String> {
    text.parse()
        .map_err(|error: elbow::estimator::UnknownEstimator| error.to_string())
}

/// The estimator that was asked for, or the one that suits `model` best.
pub(in crate::cli) fn asked(estimator: Option<Estimator>, model: &Model<'_>) -> Estimator {
    estimator.unwrap_or(model.estimator())
}

impl Input {
    /// Loads the first readings, as many as there may be.
    pub(in crate::cli) fn load(
        &self,
        model: &Model<'_>,
        labels: Option<&Path>,
        mask: Option<&Path>,
    ) -> Result<DeviceReadings, Error> {
        let first = |rows: usize| (0..rows.min(self.limit.unwrap_or(rows))).collect();
        self.source.load(model, labels, mask, first)
    }
}

impl Source {
    /// The settings beside the model, if there are any. An image is enough for the readings of a file, which are taken
    /// as they are where no settings can be read.
    pub(in crate::cli) fn run_beside(&self) -> Result<Option<RunConfig>, Error> {
        let beside = run::config_beside(&self.model);
        let source = self.data.as_deref().map(DataSource::parse).transpose()?;
        match source {
            Some(DataSource::File(_) | DataSource::Machine(_)) => Ok(beside.ok().flatten()),
            _ => beside,
        }
    }

    /// All readings, as they were in their file or are among the data of `run`, the settings beside the model.
    pub(in crate::cli) fn labelled(
        &self,
        run: Option<&RunConfig>,
        like: Like<'_>,
        labels: Option<&Path>,
    ) -> Result<Labelled, Error> {
        let Some(data) = &self.data else {
            return self.test_part(run, labels);
        };
        let labelled = load_for_scoring(data, labels, like)?;
        tell(&labelled);
        Ok(labelled)
    }

    /// The readings that a run tests on.
    pub(in crate::cli) fn test_part(
        &self,
        run: Option<&RunConfig>,
        labels: Option<&Path>,
    ) -> Result<Labelled, Error> {
        let run = run.ok_or_else(|| {
            Error::Setting(format!(
                "{} lies in no folder of a run, whose test part could be taken: give DATA",
                self.model.display()
            ))
        })?;
        if let Some(labels) = labels {
            return Err(Error::Setting(format!(
                "--labels {} is for DATA, and there is none: the test part of the run has its own",
                labels.display()
            )));
        }
        Ok(Splits::load(&run.settings)?.test)
    }

    /// Loads the readings that `choose` takes, given how many there are, as raw readings of
    /// `model`, and warns of what saturated. `labels` and `mask` have as many rows as the data.
    pub(in crate::cli) fn load(
        &self,
        model: &Model<'_>,
        labels: Option<&Path>,
        mask: Option<&Path>,
        choose: impl Fn(usize) -> Vec<usize>,
    ) -> Result<DeviceReadings, Error> {
        let run = self.run_beside()?;
        let like = Like::new(run.as_ref()).or_image(model);
        let labelled = self.labelled(run.as_ref(), like, labels)?;
        let masks = |rows, width| mask.map(|path| Masks::load(path, rows, width)).transpose();
        let chosen = |rows| match choose(rows) {
            none if none.is_empty() => Err(Error::Setting(
                "--limit is 0: give the number of readings to use, 1 or more".into(),
            )),
            some => Ok(some),
        };
        let loaded = DeviceReadings::new(labelled, model, masks, chosen)?;
        warn_of_saturation(loaded.saturated);
        Ok(loaded)
    }
}

/// Says what was assumed of a file, on standard error.
pub(in crate::cli) fn tell(labelled: &Labelled) {
    for note in &labelled.notes {
        eprintln!("{}: {note}", labelled.dataset.name);
    }
}

/// Makes sure that a packet, which carries latents alone, is enough to decode from.
///
/// # Errors
/// [`Error::Setting`] where the model has conditions.
pub(in crate::cli) fn refuse_conditions(model: &Model<'_>) -> Result<(), Error> {
    match model.conditions() {
        0 => Ok(()),
        conditions => Err(Error::Setting(format!(
            "{} decodes under {conditions} conditions, which packets do not carry: use a model that was trained without --conditions",
            model.name()
        ))),
    }
}

pub(in crate::cli) fn warn_of_saturation(saturated: usize) {
    if saturated > 0 {
        eprintln!(
            "warning: {saturated} values are beyond the range of the model's 16-bit readings and were clamped; the device would see them so too"
        );
    }
}

/// Prepares readings for the float model of a run.
pub(in crate::cli) fn prepare(
    vae: &crate::model::Vae,
    config: &RunConfig,
    readings: Readings,
) -> Result<Prepared, Error> {
    Prepared::new(
        readings,
        &config.derived.normalization,
        vae,
        &candle_core::Device::Cpu,
    )
}
