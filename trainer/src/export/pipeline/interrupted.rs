//! Runs that can be gone on with: the file of a checkpoint, which has every stage that is done or under way.

use crate::error::Error;
use crate::export::run;
use crate::readings::RunConfig;
use crate::train::{Checkpoint, unreadable};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Version of the file. It changes where an older one cannot be gone on with to the same bytes.
const VERSION: &str = "2";
/// Names in the metadata of the file.
const VERSION_NAME: &str = "version";
const NOTE_NAME: &str = "run";
const DIGEST_NAME: &str = "sha256";

/// The stage of the epochs in floats.
pub(super) const FLOATS: &str = "floats";
/// The stage of the epochs in integers.
pub(super) const INTEGERS: &str = "integers";
/// The model that a run in integers alone starts from.
pub(super) const START: &str = "start";

/// Stages as bytes, by their names.
pub(super) type Stages = BTreeMap<String, Vec<u8>>;

/// Contents of a checkpoint beside its stages, as TOML.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// Seconds of training so far.
    pub(super) seconds: f64,
    /// Name of the model.
    pub(super) name: String,
    /// SHA-256 of the readings.
    pub(super) data: String,
    /// Epochs in integers, of a run that has no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tuned: Option<usize>,
    /// The run that it is of, as it was before its training.
    pub(super) run: RunConfig,
}

/// A run that did not come to its end.
#[derive(Debug)]
pub struct Interrupted {
    pub(super) note: Note,
    pub(super) stages: Stages,
}

impl Interrupted {
    /// The one in `folder`.
    ///
    /// # Errors
    /// [`Error::Setting`] where there is none, or none that can be read, [`Error::File`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(run::CHECKPOINT_FILE);
        if !path.exists() {
            return Err(nothing_in(folder));
        }
        let bytes = std::fs::read(&path).map_err(Error::reading(&path))?;
        Self::from_bytes(&bytes)
            .map_err(|error| Error::Setting(format!("{}: {error}", path.display())))
    }

    /// What [`to_bytes`] made `bytes` of.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let damaged =
            |error: SafeTensorError| unreadable(format!("it is cut short or damaged ({error})"));
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let texts = metadata.metadata().clone().unwrap_or_default();
        let text = |name: &str| texts.get(name).map(String::as_str).unwrap_or_default();
        match text(VERSION_NAME) {
            VERSION => (),
            "" => {
                return Err(unreadable(format!(
                    "it has no version, this program writes {VERSION}"
                )));
            }
            other => {
                return Err(unreadable(format!(
                    "it is of version {other}, this program goes on with {VERSION}"
                )));
            }
        }
        let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let stages = file
            .iter()
            .map(|(name, view)| (name.to_owned(), view.data().to_vec()));
        let stages = stages.collect();
        if digest(&stages) != text(DIGEST_NAME) {
            return Err(unreadable("it is damaged: its SHA-256 is not what it says"));
        }
        let note = toml::from_str(text(NOTE_NAME)).map_err(|error| unreadable(error.message()))?;
        Ok(Self { note, stages })
    }

    /// The run that it is of.
    pub fn run(&self) -> &RunConfig {
        &self.note.run
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.note.name
    }

    /// The names of its stages, those that are under way among them.
    pub fn stages(&self) -> Vec<String> {
        self.stages.keys().cloned().collect()
    }

    /// A line on how far it came.
    pub(super) fn describe(&self) -> Result<String, Error> {
        let epochs = |stage: &str| match self.stages.get(stage) {
            None => Ok(0),
            Some(bytes) => Checkpoint::epochs_in(bytes),
        };
        let done = epochs(FLOATS)? + epochs(INTEGERS)?;
        let all = self
            .note
            .tuned
            .unwrap_or(self.note.run.settings.train.epochs);
        let is_fold = |name: &&String| name.starts_with("fold-") && !name.contains('.');
        let folds = match self.stages.keys().filter(is_fold).count() {
            0 => String::new(),
            folds => format!(" and {folds} models of folds"),
        };
        Ok(format!("going on after epoch {done} of {all}{folds}"))
    }
}

/// The bytes of the file that has `note` and `stages`.
pub(super) fn to_bytes(note: &Note, stages: &Stages) -> Result<Vec<u8>, Error> {
    let metadata = [
        (VERSION_NAME, VERSION.to_owned()),
        (NOTE_NAME, run::to_toml(note)?),
        (DIGEST_NAME, digest(stages)),
    ];
    let metadata: HashMap<String, String> = metadata
        .map(|(name, text)| (name.to_owned(), text))
        .into_iter()
        .collect();
    let mut views = vec![];
    for (name, bytes) in stages {
        let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes).map_err(unwritable)?;
        views.push((name, view));
    }
    safetensors::serialize(views, Some(metadata)).map_err(unwritable)
}

fn unwritable(error: SafeTensorError) -> Error {
    Error::Setting(format!("no checkpoint can be written: {error}"))
}

/// SHA-256 of all names and bytes.
fn digest(stages: &Stages) -> String {
    let mut all = Sha256::new();
    for (name, bytes) in stages {
        all.update(name);
        all.update((bytes.len() as u64).to_le_bytes());
        all.update(bytes);
    }
    run::hexadecimal(&all.finalize())
}

/// The reason why there is nothing to go on with in `folder`.
fn nothing_in(folder: &Path) -> Error {
    let name = folder.display();
    Error::Setting(if folder.join(run::SUMMARY_FILE).exists() {
        format!(
            "the run in {name} is finished, there is nothing to go on with: `trainer tune` trains it on, another --out trains anew"
        )
    } else if folder.is_dir() {
        format!(
            "there is no {} in {name}: no training was interrupted there after its first seconds; leave --resume out",
            run::CHECKPOINT_FILE
        )
    } else {
        format!("there is no folder {name}: name the folder of a training that was interrupted")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Vec<u8> {
        let run = "[derived]\nlikelihood = \"binomial:16\"\n[derived.normalization]\nexponents = [0]\ncenters = [8]\nunits = [8.0]\nfloors = [0.5]\n";
        let note = Note {
            seconds: 1.5,
            name: "a".into(),
            data: String::new(),
            tuned: Some(3),
            run: toml::from_str(run).unwrap(),
        };
        to_bytes(&note, &Stages::from([("one".into(), vec![1, 2, 3])])).unwrap()
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let read = Interrupted::from_bytes(&bytes()).unwrap();
        assert_eq!(read.stages["one"], [1, 2, 3]);
        assert_eq!((read.note.seconds, read.note.tuned), (1.5, Some(3)));
        assert_eq!(read.name(), "a");
    }

    #[test]
    fn a_file_that_is_something_else_is_refused() {
        let good = bytes();
        let refusal = |bytes: &[u8]| Interrupted::from_bytes(bytes).unwrap_err().to_string();
        for length in [0, 7, 60, good.len() - 1] {
            let line = refusal(&good[..length]);
            assert!(
                line.contains("cut short") && line.ends_with("without --resume"),
                "{line}"
            );
        }
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(refusal(&flipped).contains("SHA-256"));
        let text = String::from_utf8_lossy(&good).replace("\"version\":\"2\"", "\"version\":\"1\"");
        let line = refusal(text.as_bytes());
        assert!(
            line.contains("version 1, this program goes on with 2"),
            "{line}"
        );
        let text = text.replace("\"version\":\"1\"", "\"visions\":\"1\"");
        assert!(refusal(text.as_bytes()).contains("no version"));
    }
}
