//! Trainings that can be gone on with, in the folders of their runs.

use crate::error::Error;
use crate::export::run;
use crate::model::Vae;
use crate::readings::RunConfig;
use crate::train::Checkpoint;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

/// Name of [`Note`] in a checkpoint.
const RUN: &str = "run";

/// Contents of a checkpoint beside the training itself, as TOML.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// Seconds of training so far.
    seconds: f64,
    /// The run that it is of.
    run: RunConfig,
}

/// A training that did not come to its end.
#[derive(Debug)]
pub struct Interrupted {
    bytes: Vec<u8>,
    note: Note,
}

impl Interrupted {
    /// The one in `folder`.
    ///
    /// # Errors
    /// [`Error::Setting`] where there is none, or none that can be read, [`Error::File`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(run::CHECKPOINT_FILE);
        if !path.exists() {
            return Err(Error::Setting(format!(
                "there is no {} in {}: no training was interrupted there after its first minute; leave --resume out",
                run::CHECKPOINT_FILE,
                folder.display()
            )));
        }
        let bytes = std::fs::read(&path).map_err(Error::reading(&path))?;
        let named = |reason: String| Error::Setting(format!("{}: {reason}", path.display()));
        let text = Checkpoint::note(&bytes, RUN).map_err(|error| named(error.to_string()))?;
        let note = run::parse_toml(&path, &text, "train anew, without --resume")?;
        Ok(Self { bytes, note })
    }

    /// The run that it is of.
    pub fn run(&self) -> &RunConfig {
        &self.note.run
    }

    /// Whether it was interrupted in the device's integers.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub(super) fn is_in_integers(&self) -> Result<bool, Error> {
        Ok(Checkpoint::before_in(&self.bytes)?.is_some())
    }

    /// The training in floats of a model like `vae`, at its end where it was interrupted in integers.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub(super) fn in_floats(&self, vae: &Vae) -> Result<Checkpoint, Error> {
        match Checkpoint::before_in(&self.bytes)? {
            None => Checkpoint::from_bytes(&self.bytes, vae),
            Some(floats) => Checkpoint::from_bytes(&floats, vae),
        }
    }

    /// The training in integers of a model like `vae`.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub(super) fn in_integers(&self, vae: &Vae) -> Result<Checkpoint, Error> {
        Checkpoint::from_bytes(&self.bytes, vae)
    }
}

/// Time of training, interruptions left out.
#[derive(Debug)]
pub(super) struct Clock {
    /// Seconds before the last interruption.
    earlier: f64,
    start: Instant,
}

impl Clock {
    /// Starts where the training that is gone on with stopped, if there is one.
    pub(super) fn start(interrupted: Option<&Interrupted>) -> Self {
        Self {
            earlier: interrupted.map_or(0.0, |one| one.note.seconds),
            start: Instant::now(),
        }
    }

    /// So far.
    pub(super) fn seconds(&self) -> f64 {
        self.earlier + self.start.elapsed().as_secs_f64()
    }
}

/// Writes `checkpoint` of a model like `vae` into the folder of `run`.
///
/// # Errors
/// [`Error::File`], [`Error::Tensor`].
pub(super) fn save(
    folder: &Path,
    checkpoint: &Checkpoint,
    vae: &Vae,
    (run, clock): (&RunConfig, &Clock),
) -> Result<(), Error> {
    let mut run = run.clone();
    // The dead latents are found again.
    run.derived.pruned_latents.clear();
    let note = Note {
        seconds: clock.seconds(),
        run,
    };
    run::make_folder(folder)?;
    let bytes = checkpoint.to_bytes(vae, (RUN, run::to_toml(&note)?))?;
    run::write(&folder.join(run::CHECKPOINT_FILE), &bytes)
}
