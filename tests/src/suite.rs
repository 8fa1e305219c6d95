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
const STEPS: [Step; 14] = [
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
            let passed = step.run();
            (step.name, passed, start.elapsed().as_secs_f64())
        })
        .collect();
    println!("\n== summary ==");
    for (name, passed, seconds) in &results {
        let verdict = if *passed { "passed" } else { "FAILED" };
        println!("{verdict}  {seconds:>6.1} s  {name}");
    }
    let failed = results.iter().filter(|(_, passed, _)| !passed).count();
    println!(
        "\nsteps: {} passed, {failed} failed",
        results.len() - failed
    );
    Ok(failed == 0)
}

impl Step {
    /// Whether cargo ends well; what it prints is for whoever watches.
    fn run(&self) -> bool {
        let mut command = Command::new("cargo");
        command
            .current_dir(workspace())
            .args(self.arguments)
            .envs(self.environment.iter().copied())
            .stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}
