//! `cargo xtask python`: the package for Python, built as a wheel, installed into an empty environment, and tested there.
//!
//! The environment is `target/python`; pip puts what `trainer/python/requirements.txt` pins into it. Nothing else of
//! elbow needs Python.

use crate::build::{debian, trainer, workspace};
use crate::error::Error;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A first build, or a download over a slow line, at most.
const LIMIT: Duration = Duration::from_secs(1800);

/// The oldest Python that the pinned packages run on.
const OLDEST: (u32, u32) = (3, 11);

/// Half a gigabyte that only the long tests need.
const SPARK: &str = "pyspark==4.3.0";

/// Environments and wheels.
struct Place {
    /// The folder of the package.
    package: PathBuf,
    /// The environment of the tests.
    environment: PathBuf,
    wheels: PathBuf,
}

/// What is done with the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The wheel is built.
    Wheel,
    /// It is tested by all but what takes minutes.
    Tests,
    /// It is tested by what takes minutes: Spark, a million readings.
    LongTests,
}

impl Wanted {
    /// The wheel alone, or what takes minutes, or else the tests.
    #[must_use]
    pub fn of(wheel: bool, long: bool) -> Self {
        match (wheel, long) {
            (true, _) => Self::Wheel,
            (_, true) => Self::LongTests,
            _ => Self::Tests,
        }
    }
}

/// Builds the wheel, installs it, and runs linters and tests; those that `tests` name by parts of their names, or all. Whether
/// all passed.
///
/// # Errors
/// There is no Python, or something does not build or install.
pub fn run(wanted: Wanted, tests: &[String]) -> Result<bool, Error> {
    let target = workspace().join("target").join("python");
    let place = Place {
        package: workspace().join("trainer").join("python"),
        environment: target.join("environment"),
        wheels: target.join("wheels"),
    };
    place.prepare()?;
    let built = place.build()?;
    println!("{}", built.display());
    if wanted == Wanted::Wheel {
        return Ok(true);
    }
    place.pip(&[
        "install",
        "--force-reinstall",
        "--no-deps",
        &built.to_string_lossy(),
    ])?;
    Ok(place.lints()? & place.tests(wanted, tests)?)
}

impl Place {
    /// Makes the environment, with what the tests need.
    fn prepare(&self) -> Result<(), Error> {
        let requirements = self.package.join("requirements.txt");
        let requirements = requirements.to_string_lossy();
        environment(&self.environment, &["--requirement", &requirements])
    }

    /// A program of the environment.
    fn program(&self, name: &str) -> PathBuf {
        self.environment.join("bin").join(name)
    }

    fn pip(&self, arguments: &[&str]) -> Result<(), Error> {
        pip(&self.environment, arguments)
    }

    /// Builds the wheel with the crates that the trainer was built with; its path.
    fn build(&self) -> Result<PathBuf, Error> {
        if self.wheels.exists() {
            std::fs::remove_dir_all(&self.wheels).map_err(Error::at(&self.wheels))?;
        }
        let mut command = Command::new(self.program("maturin"));
        command
            .args(["build", "--release", "--quiet", "--out"])
            .arg(&self.wheels)
            .current_dir(&self.package)
            .env("CARGO_TARGET_DIR", workspace().join("target"));
        done(&mut command)?;
        let built = std::fs::read_dir(&self.wheels).map_err(Error::at(&self.wheels))?;
        let mut built = built.filter_map(|entry| Some(entry.ok()?.path()));
        built.next().ok_or_else(|| Error::Program {
            program: "maturin build".into(),
            output: "it wrote no wheel".into(),
        })
    }

    /// Whether the linters find nothing, and the parameters are those that the trainer has.
    fn lints(&self) -> Result<bool, Error> {
        let mut ruff = Command::new(self.program("ruff"));
        let mut format = Command::new(self.program("ruff"));
        let mut settings = Command::new(self.program("python"));
        let mut clippy = Command::new("cargo");
        clippy
            .args([
                "clippy",
                "--release",
                "--quiet",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])
            .env("CARGO_TARGET_DIR", workspace().join("target"));
        ruff.arg("check");
        format.args(["format", "--check"]);
        settings.args(["tools/settings.py", "--check"]);
        let each = [&mut clippy, &mut ruff, &mut format, &mut settings];
        each.into_iter()
            .try_fold(true, |all, command| Ok(all & self.passes(command)?))
    }

    fn tests(&self, wanted: Wanted, tests: &[String]) -> Result<bool, Error> {
        // `python -m` would find the sources before the wheel.
        let mut command = Command::new(self.program("pytest"));
        command
            .args(["--quiet", "-rs", "tests"])
            .env("ELBOW_TRAINER", trainer::build()?)
            // Arrays of other libraries are tested too.
            .env("SCIPY_ARRAY_API", "1");
        if wanted == Wanted::LongTests {
            self.pip(&["install", SPARK])?;
            command.args(["-s", "-m", "long"]);
        }
        if !tests.is_empty() {
            command.args(["-k", &tests.join(" or ")]);
        }
        self.passes(&mut command)
    }

    /// Whether `command` succeeds in the folder of the package; its output is shown.
    fn passes(&self, command: &mut Command) -> Result<bool, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let status = command.current_dir(&self.package).stdin(Stdio::null());
        let status = status
            .status()
            .map_err(|source| Error::Start { program, source })?;
        Ok(status.success())
    }
}

/// Makes an environment in `folder`, unless there is one, and installs what pip's arguments name.
///
/// # Errors
/// There is no Python, or something does not install.
pub fn environment(folder: &Path, wanted: &[&str]) -> Result<(), Error> {
    if !folder.join("bin/python").exists() {
        let mut command = Command::new(interpreter()?);
        done(command.args(["-m", "venv", "--clear"]).arg(folder))?;
    }
    pip(folder, &[&["install"], wanted].concat())
}

fn pip(environment: &Path, arguments: &[&str]) -> Result<(), Error> {
    let mut command = Command::new(environment.join("bin/python"));
    let quiet = ["-m", "pip", "--quiet", "--disable-pip-version-check"];
    done(command.args(quiet).args(arguments))
}

/// A Python that is new enough and can make environments.
fn interpreter() -> Result<&'static str, Error> {
    const NAMES: [&str; 5] = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python",
    ];
    let found = || NAMES.into_iter().find(|name| suits(Path::new(name)));
    if let Some(name) = found() {
        return Ok(name);
    }
    let packages = ["python3", "python3-venv"];
    let installed = debian::install(&packages);
    found().ok_or_else(|| Error::Missing {
        program: "python3",
        reason: installed
            .err()
            .unwrap_or_else(|| format!("what is here is older than {}.{}", OLDEST.0, OLDEST.1)),
        remedy: debian::line_to_type(&packages),
    })
}

/// Whether the interpreter `name` is new enough, and has what environments are made by.
fn suits(name: &Path) -> bool {
    let question = format!(
        "import ensurepip, sys, venv; sys.exit(sys.version_info < ({}, {}))",
        OLDEST.0, OLDEST.1
    );
    let mut command = Command::new(name);
    let command = command.args(["-c", &question]);
    let answer = process::run(command, Duration::from_secs(60), "looking for Python");
    answer.is_ok_and(|answer| answer.status.success())
}

/// Runs `command` to its end.
fn done(command: &mut Command) -> Result<(), Error> {
    let program = format!("{command:?}");
    let done = process::run(command, LIMIT, &program)?;
    if done.status.success() {
        return Ok(());
    }
    Err(Error::Program {
        program,
        output: done.stdout + &done.stderr,
    })
}
