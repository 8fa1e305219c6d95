//! Trainings told to programs that people follow them in: stores of MLflow, and event files of TensorBoard.

mod mlflow;
mod tensorboard;

pub use mlflow::Mlflow;
pub use tensorboard::Tensorboard;

use crate::error::Error;
use crate::export::runs::Record;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A number by its name.
pub type Scalar = (&'static str, f64);

/// Somebody who is told of a training.
pub trait Tracker {
    /// The numbers after an epoch, counted from 1.
    ///
    /// # Errors
    /// [`Error::File`].
    fn epoch(&mut self, epoch: usize, scalars: &[Scalar]) -> Result<(), Error>;

    /// The run in `folder` is whole, and has these numbers after its last epoch.
    ///
    /// # Errors
    /// [`Error::File`].
    fn finish(&mut self, folder: &Path, scalars: &[Scalar]) -> Result<(), Error>;
}

/// The numbers of a run that came to its end.
pub fn results(run: &Record) -> Vec<Scalar> {
    let results = &run.results;
    let count = |count: Option<usize>| count.map(|count| count as f64);
    let all = [
        ("held_out", run.held_out),
        ("test_elbo", results.float.elbo),
        ("test_auc", results.float.auc),
        ("device_elbo", results.device.elbo),
        ("device_auc", results.device.auc),
        ("p_value_auc", results.p_value_auc),
        ("image_bytes", count(results.image_bytes)),
        ("workspace_bytes", count(results.workspace_bytes)),
        ("training_seconds", results.training_seconds),
    ];
    let there = all
        .into_iter()
        .filter_map(|(name, number)| Some((name, number?)));
    there.collect()
}

/// Time since 1970.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// The name of the folder of a run.
fn name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or("run".as_ref());
    name.to_string_lossy().into_owned()
}
