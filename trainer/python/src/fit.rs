//! Training, and the files that it leaves.

use crate::columns::Table;
use crate::error::exception;
use elbow_trainer::config::settings::Said;
use elbow_trainer::export::pipeline::{Job, Observer, Warning};
use elbow_trainer::export::run::{self, Existing, Lock, RunFiles};
use elbow_trainer::readings::splits::Splits;
use elbow_trainer::train::Epoch;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::cell::RefCell;
use std::path::PathBuf;

/// The files of a run, by their names.
type Files = Vec<(&'static str, Py<PyBytes>)>;

fn to_python(py: Python<'_>, files: &RunFiles) -> Files {
    let files = files.iter();
    files
        .map(|(name, bytes)| (name, PyBytes::new(py, bytes).unbind()))
        .collect()
}

/// The files of the run in `folder`.
#[pyfunction]
pub(crate) fn read_run(py: Python<'_>, folder: PathBuf) -> PyResult<Files> {
    let files = RunFiles::read(&folder);
    Ok(to_python(py, &files.map_err(|error| exception(&error))?))
}

/// Writes the files of a run into `folder`, whole or not at all. What it holds is refused, or with `force` a run in it replaced.
#[pyfunction]
pub(crate) fn write_run(
    folder: PathBuf,
    files: Vec<(String, Vec<u8>)>,
    force: bool,
) -> PyResult<()> {
    let write = || {
        run::check_folder(&folder, Existing::by_force(force))?;
        let _lock = Lock::take(&folder)?;
        RunFiles::of(files)?.write(&folder)
    };
    write().map_err(|error| exception(&error))
}

/// Somebody in Python who looks on.
struct Watcher {
    /// Called with a word and a text, or with `epoch` and the metrics in JSON.
    tell: Py<PyAny>,
    /// What Python raised meanwhile.
    raised: RefCell<Option<PyErr>>,
}

impl Watcher {
    fn tell(&self, word: &str, text: &str) {
        Python::attach(|py| {
            if let Err(error) = self.tell.call1(py, (word, text)) {
                self.raise(error);
            }
        });
    }

    /// Keeps the first exception; training ends soon after.
    fn raise(&self, error: PyErr) {
        self.raised.borrow_mut().get_or_insert(error);
    }
}

impl Observer for Watcher {
    fn note(&self, line: &str) {
        self.tell("note", line);
    }

    fn warn(&self, warning: &Warning) {
        self.tell("warning", &warning.to_string());
    }

    fn epoch(&self, epoch: &Epoch, epochs: usize) {
        if let Ok(metrics) = run::to_json(&(epoch, epochs)) {
            self.tell("epoch", &metrics);
        }
    }

    fn is_cancelled(&self) -> bool {
        if let Err(error) = Python::attach(|py| py.check_signals()) {
            self.raise(error);
        }
        self.raised.borrow().is_some()
    }
}

/// Trains on `table`, called `name`, with `settings` in TOML, and returns the files of the run; `anomalous` says so of rows that are.
#[pyfunction]
#[pyo3(signature = (table, name, settings, anomalous, tell))]
pub(crate) fn fit(
    py: Python<'_>,
    table: Table<'_>,
    name: String,
    settings: String,
    anomalous: Option<Vec<bool>>,
    tell: Py<PyAny>,
) -> PyResult<Files> {
    let frame = table.frame(&name);
    drop(table);
    let trained = py.detach(move || {
        let watcher = Watcher {
            tell,
            raised: RefCell::new(None),
        };
        let train = || {
            let (mut config, limits) = Said::of_text(&settings, "settings")?.config()?;
            config.data.source.clone_from(&name);
            config.validate()?;
            let labels = anomalous.map(|anomalous| (anomalous, None));
            let splits = Splits::of_labelled(&config, frame, labels)?;
            let outcome = Job::new(&name, config, limits, splits, &watcher)?.fit(None)?;
            outcome.files()
        };
        (train(), watcher.raised.into_inner())
    });
    match trained {
        (_, Some(raised)) => Err(raised),
        (files, None) => Ok(to_python(py, &files.map_err(|error| exception(&error))?)),
    }
}
