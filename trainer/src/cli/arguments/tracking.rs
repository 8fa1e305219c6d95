//! Options that tell other programs of a training.

use crate::config::Config;
use crate::error::Error;
use crate::export::tracking::{Mlflow, Tensorboard, Tracker};
use clap::Args;
use std::path::{Path, PathBuf};

/// Programs to tell of a training.
#[derive(Debug, Args)]
pub(in crate::cli) struct Tracking {
    /// Keep parameters, metrics and files in an MLflow store too, which `mlflow ui --backend-store-uri DIR` shows
    #[arg(long, value_name = "DIR")]
    mlflow: Option<PathBuf>,
    /// Write an event file for TensorBoard too, which `tensorboard --logdir DIR` shows
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
}

impl Tracking {
    /// Those who are told of a run called `name` that will be in `folder`.
    pub(in crate::cli) fn begin(
        &self,
        name: &str,
        folder: &Path,
        config: &Config,
    ) -> Result<Vec<Box<dyn Tracker>>, Error> {
        let mut trackers: Vec<Box<dyn Tracker>> = vec![];
        if let Some(store) = &self.mlflow {
            trackers.push(Box::new(Mlflow::begin(store, name, folder, config)?));
        }
        if let Some(logs) = &self.tensorboard {
            trackers.push(Box::new(Tensorboard::begin(logs, folder)?));
        }
        Ok(trackers)
    }
}
