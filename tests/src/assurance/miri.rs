//! `cargo xtask miri`: interprets tests of the runtime.
//!
//! Miri finds memory that is read out of bounds, uninitialized or unaligned, and other undefined behaviour. It is a
//! component of rustup's nightly toolchain, and is installed where rustup can.

use crate::build::workspace;
use crate::error::Error;
use crate::process;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The line that installs it by hand.
const REMEDY: &str = "rustup toolchain install nightly --component miri,rust-src";

/// How long rustup may take to download the components.
const INSTALL_LIMIT: Duration = Duration::from_secs(120);

/// How long a program may take that answers at once.
const QUERY_LIMIT: Duration = Duration::from_secs(60);

/// The tests that end within a minute when they are interpreted, by parts of their names: what parses, borrows and
/// indexes bytes. Others walk whole domains of numbers, which takes hours.
const QUICK: [&str; 15] = [
    "alarms_have",
    "are_refused_with_their_numbers",
    "bits_are_counted",
    "calibration::",
    "column::",
    "container::",
    "decision::",
    "fixture",
    "four_bits_by_hand",
    "included_files",
    "masks_of_nothing",
    "scores_saturate",
    "tiles_by_hand",
    "what_is_expanded",
    "what_was_packed",
];

/// Interprets the tests of the runtime that `tests` name by parts of their names, or else those that end within a minute, as on `target` or
/// on this machine; whether all pass.
///
/// # Errors
///
/// Miri is not on this machine and cannot be installed.
pub fn run(target: Option<&str>, tests: &[String]) -> Result<bool, Error> {
    ensure()?;
    let mut command = cargo_miri();
    command.args(["test", "--package", "elbow", "--features", "image", "--lib"]);
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    command.arg("--");
    if tests.is_empty() {
        command.args(QUICK);
    } else {
        command.args(tests);
    }
    let status = command.status().map_err(|source| Error::Start {
        program: "cargo miri".to_owned(),
        source,
    })?;
    Ok(status.success())
}

/// Finds Miri, or installs it.
fn ensure() -> Result<(), Error> {
    if is_there() {
        return Ok(());
    }
    let mut command = Command::new("rustup");
    command.args([
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ]);
    let notice = "rustup component add miri rust-src";
    let reason = match process::run(&mut command, INSTALL_LIMIT, notice) {
        Ok(done) if done.status.success() && is_there() => return Ok(()),
        Ok(done) => {
            let last = done.stderr.lines().rfind(|line| !line.trim().is_empty());
            last.unwrap_or("rustup gave no reason").trim().to_owned()
        }
        Err(error) => error.to_string().replace('\n', " "),
    };
    Err(Error::Absent {
        tool: "Miri",
        reason,
        remedy: REMEDY.to_owned(),
    })
}

fn is_there() -> bool {
    let mut command = cargo_miri();
    command.arg("--version");
    let done = process::run(&mut command, QUERY_LIMIT, "waiting for Miri");
    done.is_ok_and(|done| done.status.success())
}

/// `cargo miri` of the nightly toolchain, without what the cargo that started this process left in the environment.
fn cargo_miri() -> Command {
    let mut command = Command::new("rustup");
    command
        .current_dir(workspace())
        .args(["run", "nightly", "cargo", "miri"])
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        // Tests compare with a reader that never frees what it read.
        .env("MIRIFLAGS", "-Zmiri-ignore-leaks")
        .stdin(Stdio::null());
    command
}
