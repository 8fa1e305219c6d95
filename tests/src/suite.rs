//! `cargo xtask test`: everything that must hold, one step after another, ending with a summary.

use crate::build::workspace;
use crate::build::{board, toolchain};
use crate::emulator::program::Emulator;
use crate::error::Error;
use std::process::{Command, Stdio};
use std::time::Instant;

/// One step of the suite: its name and the arguments of cargo, between blanks.
type Step = (&'static str, &'static str);

/// The steps on the host and on the emulated boards, cheapest first.
const STEPS: [Step; 28] = [
    ("formatting", "fmt --all --check"),
    (
        "formatting of the package for Python",
        "fmt --check --manifest-path trainer/python/Cargo.toml",
    ),
    (
        "formatting of the firmware",
        "fmt --check --manifest-path tests/firmware/Cargo.toml",
    ),
    (
        "formatting of the example for microbit",
        "fmt --check --manifest-path firmware-examples/microbit/Cargo.toml",
    ),
    (
        "formatting of the example for netduinoplus2",
        "fmt --check --manifest-path firmware-examples/netduinoplus2/Cargo.toml",
    ),
    (
        "formatting of the example for lm3s6965evb",
        "fmt --check --manifest-path firmware-examples/lm3s6965evb/Cargo.toml",
    ),
    (
        "formatting of the agent for microbit",
        "fmt --check --manifest-path firmware-examples/agent/microbit/Cargo.toml",
    ),
    (
        "formatting of the agent for netduinoplus2",
        "fmt --check --manifest-path firmware-examples/agent/netduinoplus2/Cargo.toml",
    ),
    (
        "formatting of the agent for lm3s6965evb",
        "fmt --check --manifest-path firmware-examples/agent/lm3s6965evb/Cargo.toml",
    ),
    (
        "formatting of the example with RTIC",
        "fmt --check --manifest-path firmware-examples/rtic/Cargo.toml",
    ),
    (
        "formatting of the example with embassy",
        "fmt --check --manifest-path firmware-examples/embassy/Cargo.toml",
    ),
    (
        "formatting of the benchmark for chips",
        "fmt --check --manifest-path firmware-examples/benchmark/Cargo.toml",
    ),
    (
        "formatting of the examples with HALs",
        "fmt --all --check --manifest-path firmware-examples/boards/Cargo.toml",
    ),
    (
        "formatting of the example for ESP32-C3",
        "fmt --check --manifest-path firmware-examples/boards/esp32c3/Cargo.toml",
    ),
    (
        "runtime, with overflow checks",
        "test --no-fail-fast --package elbow --features image",
    ),
    (
        "runtime, with most left out",
        "test --package elbow --no-default-features --features counts --test left_out",
    ),
    (
        "clippy",
        "clippy --release --workspace --all-targets -- -D warnings",
    ),
    (
        "clippy of the runtime as devices have it",
        "clippy --release --package elbow -- -D warnings",
    ),
    (
        "clippy of the runtime with defmt",
        "clippy --release --package elbow --features defmt -- -D warnings",
    ),
    (
        "clippy of the runtime with everything left out",
        "clippy --release --package elbow --no-default-features -- -D warnings",
    ),
    (
        "clippy of the interface for C with everything left out",
        "clippy --release --package elbow-c --no-default-features -- -D warnings",
    ),
    (
        "rustdoc",
        "doc --release --workspace --no-deps --config build.rustdocflags=[\"-Dwarnings\"]",
    ),
    (
        "interface for C",
        "test --release --no-fail-fast --package elbow-c",
    ),
    ("agent of boards", "test --package elbow-agent"),
    (
        "trainer",
        "test --release --no-fail-fast --package elbow-trainer",
    ),
    (
        "emulated boards",
        "test --release --no-fail-fast --package elbow-tests",
    ),
    ("reports in a browser", "xtask page"),
    ("Miri, quick tests of the runtime", "xtask miri"),
];

/// Sets up what is missing, runs every step even where one fails, and prints the summary.
///
/// # Errors
///
/// The set-up fails: there is no emulator or no compiler for a board, and none could be installed.
pub fn run() -> Result<bool, Error> {
    for board in &board::BOARDS {
        Emulator::of(board).ensure()?;
        toolchain::Toolchain::for_target(board.triple)?;
    }
    let results: Vec<_> = STEPS
        .iter()
        .map(|(name, arguments)| {
            println!("\n== {name} ==");
            let start = Instant::now();
            let verdict = Verdict::of(arguments);
            (name, verdict, start.elapsed().as_secs_f64())
        })
        .collect();
    println!("\n== summary ==");
    for (name, verdict, seconds) in &results {
        println!("{}  {seconds:>6.1} s  {name}", verdict.name());
    }
    let count = |wanted| {
        results
            .iter()
            .filter(|(_, verdict, _)| *verdict == wanted)
            .count()
    };
    let (passed, failed) = (count(Verdict::Passed), count(Verdict::Failed));
    println!(
        "\nsteps: {passed} passed, {failed} failed, {} skipped",
        count(Verdict::NotRun)
    );
    Ok(failed == 0)
}

/// The exit code of a command of this program whose tool is not on this machine.
pub const NOT_RUN: u8 = 3;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// Its tool is not on this machine; it says so in a line of its own.
    NotRun,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed ",
            Self::Failed => "FAILED ",
            Self::NotRun => "NOT RUN",
        }
    }

    /// How cargo ends with such arguments; what it prints is for whoever watches.
    fn of(arguments: &str) -> Self {
        let mut command = Command::new("cargo");
        command
            .current_dir(workspace())
            .args(arguments.split(' '))
            .stdin(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => Self::Passed,
            Ok(status) if status.code() == Some(NOT_RUN.into()) => Self::NotRun,
            _ => Self::Failed,
        }
    }
}
