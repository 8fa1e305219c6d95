//! `cargo xtask scale`: lints and tests of files by column, and files that are larger than memory, in `trainer/tests/cli/scale.rs`.

use crate::build::workspace;
use crate::error::Error;
use std::process::Command;

/// What cargo is asked for, between blanks; behind the first word it is told which build.
const STEPS: [&str; 4] = [
    "clippy --all-targets -- -D warnings",
    "test --lib columnar",
    "test --test cli batches",
    "test --test cli scale -- --ignored --nocapture",
];

/// Runs them, the last with so many rows; whether all pass. What is measured is printed.
///
/// # Errors
/// Cargo does not start.
pub fn run(rows: usize) -> Result<bool, Error> {
    for step in STEPS {
        let (command, arguments) = step.split_once(' ').unwrap_or((step, ""));
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(workspace())
            .env("ELBOW_SCALE_ROWS", rows.to_string())
            .arg(command)
            .args([
                "--release",
                "--package",
                "elbow-trainer",
                "--features",
                "parquet",
            ])
            .args(arguments.split(' '));
        let status = cargo.status().map_err(|source| Error::Start {
            program: "cargo".to_owned(),
            source,
        })?;
        if !status.success() {
            return Ok(false);
        }
    }
    Ok(true)
}
