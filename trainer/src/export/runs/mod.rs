//! Several runs side by side: what each came to, in which settings they differ, and sweeps over grids of settings.

mod difference;
mod page;
mod sweep;

pub use difference::{Comparison, Difference};
pub use page::page;
pub use sweep::{Best, Grid, Point, Sweep};

use crate::config::settings::Said;
use crate::error::Error;
use crate::export::run::{self, CHECKPOINT_FILE, METRICS_FILE, SUMMARY_FILE};
use crate::train::Epoch;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Folders in folders that runs are looked for in.
const DEPTH: usize = 3;

/// A run, by its files.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Its folder.
    pub folder: PathBuf,
    /// The name of its model.
    pub name: String,
    /// The data that it was trained on.
    pub data: String,
    /// When it was written, UTC; none where the file system does not say.
    pub written: Option<String>,
    /// The best bound on held-out readings, by which its parameters were kept.
    pub held_out: Option<f64>,
    /// The numbers of its summary.
    #[serde(flatten)]
    pub results: Results,
    /// Its settings.
    #[serde(skip)]
    pub settings: Said,
}

/// The numbers of a summary that runs are compared by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Results {
    /// The trained model on the test part.
    pub float: Measured,
    /// Its image on the test part.
    pub device: Measured,
    /// The AUC of p-values.
    pub p_value_auc: Option<f64>,
    /// Latents that carried nothing.
    pub pruned_latents: Option<usize>,
    /// Bytes of the image.
    pub image_bytes: Option<usize>,
    /// Bytes of the workspace.
    pub workspace_bytes: Option<usize>,
    /// Multiply-accumulates to encode a reading.
    pub encoder_macs: Option<usize>,
    /// Multiply-accumulates of a decoder pass.
    pub decoder_macs: Option<usize>,
    /// Seconds of training.
    pub training_seconds: Option<f64>,
}

/// A bound and an AUC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// The mean ELBO of normal readings, nats.
    pub elbo: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// The AUC; none without labels.
    pub auc: Option<f64>,
}

/// What is in a folder of runs.
#[derive(Debug, Default, Serialize)]
pub struct Catalog {
    /// The runs that came to their end, by their folders.
    pub runs: Vec<Record>,
    /// Folders of trainings that did not.
    pub interrupted: Vec<PathBuf>,
    /// Runs that could not be read, one line each.
    pub unreadable: Vec<String>,
}

impl Record {
    /// The run in `folder`.
    ///
    /// # Errors
    /// [`Error::File`], or [`Error::Setting`] where its files do not parse.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Summary {
            name: String,
            #[serde(flatten)]
            results: Results,
        }
        let path = folder.join(SUMMARY_FILE);
        let text = std::fs::read_to_string(&path).map_err(Error::reading(&path))?;
        let summary: Summary = serde_json::from_str(&text).map_err(|error| {
            Error::Setting(format!(
                "{}: {error}; name the folder of a run that `trainer fit` wrote",
                path.display()
            ))
        })?;
        let settings = run::read_settings(folder)?;
        let (config, _) = settings.config()?;
        let metadata = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
        let written = metadata.ok().map(DateTime::<Utc>::from);
        Ok(Self {
            folder: folder.to_path_buf(),
            name: summary.name,
            data: config.data.source,
            written: written.map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string()),
            held_out: held_out(&folder.join(METRICS_FILE)),
            results: summary.results,
            settings,
        })
    }
}

impl Catalog {
    /// The runs below `folder`, itself among them.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        std::fs::read_dir(folder).map_err(Error::reading(folder))?;
        let mut catalog = Self::default();
        catalog.look(folder, DEPTH);
        Ok(catalog)
    }

    /// Takes what is in `folder`, and in folders in it.
    fn look(&mut self, folder: &Path, depth: usize) {
        if folder.join(SUMMARY_FILE).is_file() {
            match Record::read(folder) {
                Ok(record) => self.runs.push(record),
                Err(error) => self.unreadable.push(error.to_string()),
            }
        } else if folder.join(CHECKPOINT_FILE).is_file() {
            self.interrupted.push(folder.to_path_buf());
        }
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut below: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        below.retain(|path| depth > 0 && path.is_dir() && !path.is_symlink());
        below.sort();
        below.iter().for_each(|path| self.look(path, depth - 1));
    }
}

/// The best bound on held-out readings of the epochs in a file; none where they have none.
fn held_out(metrics: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(metrics).ok()?;
    let epochs = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Epoch>(line).ok());
    epochs
        .filter_map(|epoch| epoch.criterion())
        .reduce(f64::max)
}
