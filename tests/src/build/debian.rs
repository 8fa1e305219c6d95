//! Debian packages: installed where that is allowed, named otherwise.

use crate::process;
use std::process::Command;
use std::time::Duration;

/// A package download over a slow line, at most.
const LIMIT: Duration = Duration::from_secs(900);

/// The line that installs `packages` by hand.
#[must_use]
pub fn line_to_type(packages: &[&str]) -> String {
    format!(
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

/// Installs `packages` with apt-get.
///
/// # Errors
///
/// One line that says why not: not root, no apt-get, or what apt-get complained about.
pub fn install(packages: &[&str]) -> Result<(), String> {
    if !is_root() {
        return Err("this is not root, so apt-get was not tried".to_owned());
    }
    // A stale or partly unreachable package list is no reason to give up: the packages may be known.
    let updated = apt_get(&["update"]);
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments).map_err(|reason| match updated {
        Ok(()) => reason,
        Err(first) => format!("{first}; {reason}"),
    })
}

/// Whether this process may install packages.
fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs apt-get; the error is its last line.
fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let notice = format!("apt-get {}", arguments.join(" "));
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(arguments);
    let done = process::run(&mut command, LIMIT, &notice).map_err(|error| error.to_string())?;
    if done.status.success() {
        return Ok(());
    }
    let last = done
        .stderr
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    Err(format!("apt-get {} failed: {last}", arguments[0]))
}
