//! `cargo xtask fuzz`: builds the program `fuzz` with overflow checks and debug assertions, and runs it.

use crate::build::workspace;
use crate::error::Error;
use std::process::Command;

/// What runs it, before its own arguments.
const CARGO: [&str; 7] = [
    "run",
    "--quiet",
    "--profile",
    "fuzz",
    "--package",
    "elbow-fuzz",
    "--",
];

/// Runs the program `fuzz` with `arguments`; whether it found nothing.
///
/// # Errors
///
/// Cargo does not start.
pub fn run(arguments: &[String]) -> Result<bool, Error> {
    println!("cargo {} {}", CARGO.join(" "), arguments.join(" "));
    let mut command = Command::new("cargo");
    // Files are named relative to where this runs.
    command
        .args(["run", "--manifest-path"])
        .arg(workspace().join("Cargo.toml"))
        .args(&CARGO[1..])
        .args(arguments);
    let status = command.status().map_err(|source| Error::Start {
        program: "cargo".to_owned(),
        source,
    })?;
    Ok(status.success())
}
