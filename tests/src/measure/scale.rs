//! `cargo xtask scale`: the tests of files by column, and files that are larger than memory, in `trainer/tests/cli/scale.rs`.

use crate::build::workspace;
use crate::error::Error;
use std::process::Command;

/// Runs them, with so many rows; whether all pass. What is measured is printed.
///
/// # Errors
/// Cargo does not start.
pub fn run(rows: usize) -> Result<bool, Error> {
    let passes = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command
            .current_dir(workspace())
            .env("ELBOW_SCALE_ROWS", rows.to_string())
            .args([
                "test",
                "--release",
                "--package",
                "elbow-trainer",
                "--features",
                "parquet",
            ])
            .args(arguments);
        let status = command.status().map_err(|source| Error::Start {
            program: "cargo".to_owned(),
            source,
        })?;
        Ok::<_, Error>(status.success())
    };
    Ok(passes(&["--lib", "columnar"])?
        && passes(&["--test", "cli", "batches"])?
        && passes(&["--test", "cli", "scale", "--", "--ignored", "--nocapture"])?)
}
