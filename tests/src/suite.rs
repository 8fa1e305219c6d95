//! `cargo xtask test`: everything that must hold, one step after another, ending with a summary.

use crate::build::workspace;
use crate::build::{board, toolchain};
use crate::emulator;
use crate::error::Error;
use std::process::{Command, Stdio};
use std::time::Instant;

/// One step of the suite.
#[derive(Clone, Copy, Debug)]
struct Step {
    name: &'static str,
    /// Arguments of cargo.
    arguments: &'static [&'static str],
    /// Environment beside the one at hand.
    environment: &'static [(&'static str, &'static str)],
}

const DENY_DOC_WARNINGS: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");

/// The steps on the host and on the emulated boards, cheapest first.
const STEPS: [Step; 15] = [
    Step {
        name: "formatting",
        arguments: &["fmt", "--all", "--check"],
        environment: &[],
    },
    Step {
        name: "formatting of the firmware",
        arguments: &[
            "fmt",
            "--check",
            "--manifest-path",
            "tests/firmware/Cargo.toml",
        ],
        environment: &[],
    },
    Step {
        name: "formatting of the example for microbit",
        arguments: &[
            "fmt",
            "--check",
            "--manifest-path",
            "firmware-examples/microbit/Cargo.toml",
        ],
        environment: &[],
    },
    Step {
        name: "formatting of the example for netduinoplus2",
        arguments: &[
            "fmt",
            "--check",
            "--manifest-path",
            "firmware-examples/netduinoplus2/Cargo.toml",
        ],
        environment: &[],
    },
    Step {
        name: "formatting of the example for lm3s6965evb",
        arguments: &[
            "fmt",
            "--check",
            "--manifest-path",
            "firmware-examples/lm3s6965evb/Cargo.toml",
        ],
        environment: &[],
    },
    Step {
        name: "runtime, with overflow checks",
        arguments: &["test", "--package", "elbow", "--features", "encode"],
        environment: &[],
    },
    Step {
        name: "runtime, with most left out",
        arguments: &[
            "test",
            "--package",
            "elbow",
            "--no-default-features",
            "--features",
            "counts",
            "--test",
            "left_out",
        ],
        environment: &[],
    },
    Step {
        name: "clippy",
        arguments: &[
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "clippy of the runtime as devices have it",
        arguments: &[
            "clippy",
            "--release",
            "--package",
            "elbow",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "clippy of the runtime with defmt",
        arguments: &[
            "clippy",
            "--release",
            "--package",
            "elbow",
            "--features",
            "defmt",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "clippy of the runtime with everything left out",
        arguments: &[
            "clippy",
            "--release",
            "--package",
            "elbow",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "rustdoc",
        arguments: &["doc", "--release", "--workspace", "--no-deps"],
        environment: &[DENY_DOC_WARNINGS],
    },
    Step {
        name: "trainer",
        arguments: &["test", "--release", "--package", "elbow-trainer"],
        environment: &[],
    },
    Step {
        name: "emulated boards",
        arguments: &["test", "--release", "--package", "elbow-tests"],
        environment: &[],
    },
    Step {
        name: "Miri, quick tests of the runtime",
        arguments: &["xtask", "miri"],
        environment: &[],
    },
];

/// Sets up what is missing, runs every step even where one fails, and prints the summary.
///
/// # Errors
///
/// The set-up fails: there is no emulator or no compiler for a board, and none could be installed.
pub fn run() -> Result<bool, Error> {
    emulator::ensure()?;
    for board in &board::BOARDS {
        toolchain::Toolchain::for_target(board.triple)?;
    }
    let results: Vec<_> = STEPS
        .iter()
        .map(|step| {
            println!("\n== {} ==", step.name);
            let start = Instant::now();
            let verdict = step.run();
            (step.name, verdict, start.elapsed().as_secs_f64())
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
}

impl Step {
    /// How cargo ends; what it prints is for whoever watches.
    fn run(&self) -> Verdict {
        let mut command = Command::new("cargo");
        command
            .current_dir(workspace())
            .args(self.arguments)
            .envs(self.environment.iter().copied())
            .stdin(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => Verdict::Passed,
            Ok(status) if status.code() == Some(NOT_RUN.into()) => Verdict::NotRun,
            _ => Verdict::Failed,
        }
    }
}
