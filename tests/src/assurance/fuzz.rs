//! `cargo xtask fuzz`: builds the program `fuzz` with overflow checks and debug assertions, and runs it.

use crate::build::member;
use crate::error::Error;

/// Runs the program `fuzz` with `arguments`; whether it found nothing.
///
/// # Errors
///
/// Cargo does not start.
pub fn run(arguments: &[String]) -> Result<bool, Error> {
    println!(
        "cargo run --profile fuzz --package elbow-fuzz -- {}",
        arguments.join(" ")
    );
    member::run("elbow-fuzz", "fuzz", arguments)
}
