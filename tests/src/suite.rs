//! `cargo xtask test`: everything that must hold, one step after another, ending with a summary.

use crate::build::workspace;
use crate::build::{board, toolchain};
use crate::emulator::program::Emulator;
use crate::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// One step of the suite: its name and the arguments of cargo, between blanks.
type Step = (&'static str, &'static str);

/// What is asked of every workspace of the checkout, each of which has its own lock file.
const OF_WORKSPACES: [Step; 2] = [
    (
        "lock files",
        "metadata --quiet --locked --format-version 1 --manifest-path",
    ),
    ("formatting", "fmt --all --check --manifest-path"),
];

/// The steps on the host and on the emulated boards, cheapest first.
const STEPS: [Step; 15] = [
    (
        "runtime, with overflow checks",
        "test --no-fail-fast --package elbow --features image,adapt",
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
    ("public items", "xtask interface"),
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
    let manifests = manifests(workspace())?;
    let of_workspaces = OF_WORKSPACES.iter().map(|(name, arguments)| {
        let each = manifests.iter().map(|manifest| {
            let arguments = arguments.split(' ').map(OsStr::new);
            arguments.chain([manifest.as_os_str()]).collect()
        });
        (*name, each.collect())
    });
    let of_one = STEPS.iter().map(|(name, arguments)| {
        let arguments = arguments.split(' ').map(OsStr::new);
        (*name, vec![arguments.collect()])
    });
    let steps: Vec<(&str, Vec<Vec<&OsStr>>)> = of_workspaces.chain(of_one).collect();
    let results: Vec<_> = steps
        .iter()
        .map(|(name, commands)| {
            println!("\n== {name} ==");
            let start = Instant::now();
            let verdict = Verdict::of_all(commands);
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

    /// How commands of cargo end, all of which run: as the first one that does not pass, if any.
    fn of_all(commands: &[Vec<&OsStr>]) -> Self {
        let verdicts: Vec<_> = commands.iter().map(|command| Self::of(command)).collect();
        let other = verdicts.into_iter().find(|one| *one != Self::Passed);
        other.unwrap_or(Self::Passed)
    }

    /// How cargo ends with such arguments; what it prints is for whoever watches, but for metadata.
    fn of(arguments: &[&OsStr]) -> Self {
        let mut command = Command::new("cargo");
        command
            .current_dir(workspace())
            .args(arguments)
            .stdin(Stdio::null());
        if arguments.first() == Some(&OsStr::new("metadata")) {
            command.stdout(Stdio::null());
        }
        match command.status() {
            Ok(status) if status.success() => Self::Passed,
            Ok(status) if status.code() == Some(NOT_RUN.into()) => Self::NotRun,
            _ => Self::Failed,
        }
    }
}

/// The manifests that have a lock file beside them, in a folder and those in it, in their order.
fn manifests(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    if folder.join("Cargo.lock").exists() {
        found.push(folder.join("Cargo.toml"));
    }
    let entries = std::fs::read_dir(folder).map_err(Error::at(folder))?;
    let mut folders: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !path.is_symlink() && !path.ends_with("target"))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        })
        .collect();
    folders.sort();
    for folder in folders {
        found.extend(manifests(&folder)?);
    }
    Ok(found)
}
