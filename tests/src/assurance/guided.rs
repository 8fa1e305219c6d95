//! `cargo xtask fuzz-guided`: the targets of libFuzzer in `elbow-fuzz`, one for each format.
//!
//! Coverage comes from LLVM's pass for it, which the stable compiler has too; libFuzzer itself is built from source, by
//! the C++ compiler of this machine.

use crate::build::workspace;
use crate::error::Error;
use crate::process::{self, Finished};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The formats that have a target: those of `elbow_fuzz::Format`, which a test compares.
pub const FORMATS: [&str; 10] = [
    "image", "text", "utf16", "npy", "npz", "mat", "wav", "idx", "gz", "zst",
];

/// What makes the compiler count the edges that an input takes, and compare what it compares.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// A first build, with everything to compile, on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// What a target may take beyond its time.
const GRACE: Duration = Duration::from_secs(120);

/// Runs the target of each of `formats` for so many seconds; whether none found a fault.
///
/// Inputs that reach new code are kept in `target/fuzz/corpus`, and the next run goes on from them.
///
/// # Errors
///
/// There is no C++ compiler, or a target does not build or start.
pub fn run(formats: &[&str], seconds: u64) -> Result<bool, Error> {
    let programs = build()?;
    let mut sound = true;
    for format in formats {
        sound &= fuzz(&programs, format, seconds)?;
    }
    Ok(sound)
}

/// Builds all targets; their folder.
fn build() -> Result<PathBuf, Error> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if Command::new(&compiler).arg("--version").output().is_err() {
        return Err(Error::Absent {
            tool: "libFuzzer",
            reason: format!("it is built from source, and there is no C++ compiler {compiler}"),
            remedy: "sudo apt-get install -y g++".to_owned(),
        });
    }
    let host = host()?;
    let target = workspace().join("target/fuzz/guided");
    let mut command = Command::new("cargo");
    command
        .current_dir(workspace())
        .args(["build", "--profile", "fuzz", "--package", "elbow-fuzz"])
        .args(["--features", "guided", "--bins", "--target", &host])
        .arg("--target-dir")
        .arg(&target)
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\x1f"));
    let notice = "building the reader of every format with coverage";
    let done = process::run(&mut command, BUILD_LIMIT, notice)?;
    if done.status.success() {
        Ok(target.join(host).join("fuzz"))
    } else {
        Err(Error::Program {
            program: "cargo build --package elbow-fuzz --features guided".to_owned(),
            output: done.stderr,
        })
    }
}

/// The triple of this machine.
fn host() -> Result<String, Error> {
    let mut command = Command::new("rustc");
    command.args(["--print", "host-tuple"]);
    let done = process::run(&mut command, GRACE, "waiting for rustc")?;
    Ok(done.stdout.trim().to_owned())
}

/// Runs one target, and tells what it reached or where the fault is.
fn fuzz(programs: &Path, format: &str, seconds: u64) -> Result<bool, Error> {
    let folder = workspace().join("target/fuzz");
    let (corpus, faults) = (folder.join("corpus").join(format), folder.join("faults"));
    for path in [&corpus, &faults] {
        std::fs::create_dir_all(path).map_err(Error::at(path))?;
    }
    let mut command = Command::new(programs.join(format!("fuzz-{format}")));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/{format}-", faults.display()))
        .args(["-max_len=4096", "-timeout=60", "-rss_limit_mb=4096"])
        .args(["-detect_leaks=0", "-print_final_stats=1"])
        .arg(&corpus);
    let limit = Duration::from_secs(seconds) + GRACE;
    let notice = format!("fuzzing {format} for {seconds} s");
    let done = process::run(&mut command, limit, &notice)?;
    println!("{format}: {}", summary(&done));
    if !done.status.success() {
        println!("{}", tail(&done.stderr, 12));
        println!(
            "  cargo xtask fuzz --format {format} --file {}/{format}-...",
            faults.display()
        );
    }
    Ok(done.status.success())
}

/// How many inputs there were, and how much code they reached.
fn summary(done: &Finished) -> String {
    let number = |after: &str| {
        let rest = done.stderr.rsplit_once(after)?.1.trim_start();
        rest.split_whitespace().next()?.parse::<u64>().ok()
    };
    let inputs = number("stat::number_of_executed_units:");
    let edges = number(" cov: ");
    match (inputs, edges) {
        (Some(inputs), Some(edges)) => format!("{inputs} inputs, {edges} edges reached"),
        _ => "no statistics".to_owned(),
    }
}

/// The last lines.
fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
