//! Programs that are packages of their own, because they contain the trainer, which takes long to build: fuzzing, and the
//! measurement of detection.

use crate::build::workspace;
use crate::error::Error;
use std::process::Command;

/// Runs the only program of `package`, built in `profile`, with `arguments`; whether it ends well. What it prints is for
/// whoever watches.
///
/// # Errors
///
/// Cargo does not start.
pub fn run(package: &str, profile: &str, arguments: &[String]) -> Result<bool, Error> {
    let mut command = Command::new("cargo");
    // Files are named relative to where this runs.
    command
        .args(["run", "--quiet", "--manifest-path"])
        .arg(workspace().join("Cargo.toml"))
        .args(["--profile", profile, "--package", package, "--"])
        .args(arguments);
    let status = command.status().map_err(|source| Error::Start {
        program: "cargo".to_owned(),
        source,
    })?;
    Ok(status.success())
}
