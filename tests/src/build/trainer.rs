//! The trainer as a program: built when first asked for, then run.

use crate::build::workspace;
use crate::error::Error;
use crate::files;
use crate::process::{self, Finished};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// A first build, with everything to compile, on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// A training of seconds, on the slowest of machines.
const FIT_LIMIT: Duration = Duration::from_secs(600);

/// Builds the trainer, unless this process has done so; the path of the program.
///
/// # Errors
///
/// It does not build.
pub fn build() -> Result<PathBuf, Error> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    // Held while cargo works, so that tests in parallel wait for one build.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.as_ref() {
        return Ok(path.clone());
    }
    let mut command = Command::new("cargo");
    command.current_dir(workspace()).args([
        "build",
        "--release",
        "--package",
        "elbow-trainer",
        "--message-format=json",
    ]);
    let done = process::run(&mut command, BUILD_LIMIT, "building the trainer")?;
    // The last artefact with an executable is the program.
    let program = done.stdout.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    match program {
        Some(path) if done.status.success() => Ok(built.insert(path).clone()),
        _ => Err(Error::Program {
            program: "cargo build --package elbow-trainer".to_owned(),
            output: done.stderr,
        }),
    }
}

/// Runs the trainer with `arguments`; a refusal is an error that has its words.
///
/// # Errors
///
/// The trainer does not build, does not end within `limit`, or refuses.
pub fn run(arguments: &[&str], limit: Duration) -> Result<Finished, Error> {
    let done = try_run(arguments, limit)?;
    if done.status.success() {
        Ok(done)
    } else {
        Err(Error::Program {
            program: notice(arguments),
            output: done.stderr,
        })
    }
}

/// Runs the trainer with `arguments`, which it may refuse.
///
/// # Errors
///
/// The trainer does not build, or does not end within `limit`.
pub fn try_run(arguments: &[&str], limit: Duration) -> Result<Finished, Error> {
    let mut command = Command::new(build()?);
    command.args(arguments);
    process::run(&mut command, limit, &notice(arguments))
}

fn notice(arguments: &[&str]) -> String {
    format!("trainer {}", arguments.join(" "))
}

/// The folder of the run that the trainer makes when it is asked for nothing in particular; trained once a process.
///
/// # Errors
///
/// The trainer does not build, or the training fails.
pub fn default_run() -> Result<&'static Path, Error> {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    static TRAINING: Mutex<()> = Mutex::new(());
    // Held while the trainer works, so that tests in parallel wait for one run.
    let _training = TRAINING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = FOLDER.get() {
        return Ok(folder.path());
    }
    let folder = files::temporary_folder()?;
    let out = folder.path().to_string_lossy();
    run(&["fit", "--out", &out, "--quiet"], FIT_LIMIT)?;
    Ok(FOLDER.get_or_init(|| folder).path())
}
