//! A store of MLflow in files: a folder for an experiment, in it one for each run, with `meta.yaml`, parameters, metrics with
//! their steps, tags and artifacts.

use super::{Scalar, Tracker, name, now};
use crate::config::settings::Said;
use crate::config::{Config, Limits};
use crate::error::Error;
use crate::export::run;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// States of a run: `RunStatus` of MLflow.
#[derive(Clone, Copy, Debug)]
enum Status {
    Running = 1,
    Finished = 3,
    Failed = 4,
}

/// A run in a store.
#[derive(Debug)]
pub struct Mlflow {
    folder: PathBuf,
    experiment: String,
    id: String,
    name: String,
    start: u128,
    metrics: BTreeMap<&'static str, File>,
    epochs: usize,
    finished: bool,
}

impl Mlflow {
    /// Begins a run in the store `store`, of the experiment called `experiment`; its folder will be `run`, its settings are
    /// `config`.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Setting`].
    pub fn begin(
        store: &Path,
        experiment: &str,
        run: &Path,
        config: &Config,
    ) -> Result<Self, Error> {
        run::make_folder(store)?;
        let store = std::path::absolute(store).map_err(Error::writing(store))?;
        let start = now();
        let seed = format!(
            "{} {} {}",
            run.display(),
            std::process::id(),
            start.as_nanos()
        );
        let id = run::digest(seed.as_bytes())[..32].to_owned();
        let experiment = experiment_in(&store, experiment)?;
        let own = Self {
            folder: store.join(&experiment).join(&id),
            experiment,
            id,
            name: name(run),
            start: start.as_millis(),
            metrics: BTreeMap::new(),
            epochs: 0,
            finished: false,
        };
        for part in ["params", "metrics", "tags", "artifacts"] {
            run::make_folder(&own.folder.join(part))?;
        }
        let said = Said::whole(config, &Limits::default())?;
        for (key, value) in said.iter() {
            let plain = value.trim_matches('"');
            run::write(&own.folder.join("params").join(key), plain.as_bytes())?;
        }
        for (tag, value) in [
            ("mlflow.runName", own.name.as_str()),
            ("mlflow.source.name", "elbow"),
            ("mlflow.source.type", "LOCAL"),
        ] {
            run::write(&own.folder.join("tags").join(tag), value.as_bytes())?;
        }
        own.write_meta(Status::Running)?;
        Ok(own)
    }

    fn write_meta(&self, status: Status) -> Result<(), Error> {
        let end = match status {
            Status::Running => "null".to_owned(),
            _ => now().as_millis().to_string(),
        };
        let Self {
            experiment,
            id,
            name,
            start,
            ..
        } = self;
        let artifacts = self.folder.join("artifacts");
        let text = format!(
            "artifact_uri: {}\nend_time: {end}\nentry_point_name: ''\nexperiment_id: '{experiment}'\nlifecycle_stage: active\n\
             run_id: {id}\nrun_name: {}\nrun_uuid: {id}\nsource_name: ''\nsource_type: 4\nsource_version: ''\n\
             start_time: {start}\nstatus: {}\ntags: []\nuser_id: elbow\n",
            quoted(&artifacts.display().to_string()),
            quoted(name),
            status as u8
        );
        run::write(&self.folder.join("meta.yaml"), text.as_bytes())
    }

    fn scalars(&mut self, scalars: &[Scalar]) -> Result<(), Error> {
        let time = now().as_millis();
        for &(metric, number) in scalars {
            let path = self.folder.join("metrics").join(metric);
            let file = match self.metrics.entry(metric) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let file = OpenOptions::new().create(true).append(true).open(&path);
                    entry.insert(file.map_err(Error::writing(&path))?)
                }
            };
            let line = format!("{time} {number} {}\n", self.epochs);
            file.write_all(line.as_bytes())
                .map_err(Error::writing(&path))?;
        }
        Ok(())
    }
}

impl Tracker for Mlflow {
    fn epoch(&mut self, epoch: usize, scalars: &[Scalar]) -> Result<(), Error> {
        self.epochs = epoch;
        self.scalars(scalars)
    }

    fn finish(&mut self, folder: &Path, scalars: &[Scalar]) -> Result<(), Error> {
        self.scalars(scalars)?;
        for file in run::FILES {
            let from = folder.join(file);
            if from.is_file() {
                let bytes = std::fs::read(&from).map_err(Error::reading(&from))?;
                run::write(&self.folder.join("artifacts").join(file), &bytes)?;
            }
        }
        self.write_meta(Status::Finished)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody is left to tell.
            let _ = self.write_meta(Status::Failed);
        }
    }
}

/// The number of the experiment called `name` in a store, made where there is none.
fn experiment_in(store: &Path, name: &str) -> Result<String, Error> {
    let line = format!("name: {}", quoted(name));
    let entries = std::fs::read_dir(store).map_err(Error::reading(store))?;
    let folders = entries.flatten().map(|entry| entry.path());
    let known = folders.filter(|folder| {
        let meta = std::fs::read_to_string(folder.join("meta.yaml")).unwrap_or_default();
        // MLflow itself writes names without quotes where they need none.
        let is_named = |own: &str| own == line || own == format!("name: {name}");
        meta.lines().any(is_named)
    });
    let known: Option<PathBuf> = known.min();
    if let Some(number) = known.as_deref().and_then(Path::file_name) {
        return Ok(number.to_string_lossy().into_owned());
    }
    let number = now().as_nanos().to_string();
    let folder = store.join(&number);
    run::make_folder(&folder)?;
    let time = now().as_millis();
    let text = format!(
        "artifact_location: {}\ncreation_time: {time}\nexperiment_id: '{number}'\nlast_update_time: {time}\n\
         lifecycle_stage: active\n{line}\n",
        quoted(&folder.display().to_string())
    );
    run::write(&folder.join("meta.yaml"), text.as_bytes())?;
    Ok(number)
}

/// Text as YAML has it in double quotes, which is as JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
