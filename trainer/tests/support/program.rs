//! The program as a user runs it, and files that go away.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs the program.
pub(crate) fn trainer<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(arguments)
        .output()
        .unwrap()
}

/// A training as small as it gets, over whatever an earlier one of the test left.
pub(crate) const TINY: [&str; 11] = [
    "--force",
    "--epochs",
    "3",
    "--encoder",
    "6",
    "--decoder",
    "6",
    "--latents",
    "2",
    "--keep-dead-latents",
    "--quiet",
];

/// What every training on few readings, for few epochs, warns of: that is what tests are made of.
const OF_SMALL_TRAININGS: [&str; 2] = [
    "an alarm at p < 0.01 among them",
    "the device's scores differ from the trained model's",
];

/// Runs a command that must succeed without a word on standard error but warnings of how small it is; its output.
pub(crate) fn succeeds(arguments: &[&str]) -> String {
    let output = trainer(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    let small = |line: &&str| !OF_SMALL_TRAININGS.iter().any(|words| line.contains(words));
    let errors: Vec<&str> = errors.lines().filter(small).collect();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors:?}");
    assert_eq!(errors, [""; 0], "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must be refused with one line; the line.
pub(crate) fn fails(arguments: &[&str]) -> String {
    ends_with_code(2, arguments)
}

/// Runs a command that must end with this exit code and one line on standard error; the line.
pub(crate) fn ends_with_code(code: i32, arguments: &[&str]) -> String {
    let output = trainer(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    assert_eq!(errors.lines().count(), 1, "{arguments:?}: {errors}");
    assert!(
        errors.starts_with("error: ") && !errors.contains("panicked"),
        "{arguments:?}: {errors}"
    );
    errors
}

/// [`fails`], with every one of `words` in the line.
pub(crate) fn fails_with(arguments: &[&str], words: &[&str]) {
    has_words(&fails(arguments), arguments, words);
}

/// Runs a command whose work must fail, with one line that has every one of `words`.
pub(crate) fn fails_at_work_with(arguments: &[&str], words: &[&str]) {
    has_words(&ends_with_code(1, arguments), arguments, words);
}

fn has_words(line: &str, arguments: &[&str], words: &[&str]) {
    for word in words {
        assert!(
            line.contains(word),
            "{arguments:?}: {line:?} lacks {word:?}"
        );
    }
}

/// A folder that goes away.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        text(&self.0.path().join(name))
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
        self.path(name)
    }
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Every file below `folder` with its bytes.
pub(crate) fn contents(folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

pub(crate) fn read(folder: &str, name: &str) -> Vec<u8> {
    std::fs::read(Path::new(folder).join(name)).unwrap()
}

/// The `summary.json` of a run.
pub(crate) fn summary(run: &str) -> Value {
    serde_json::from_slice(&read(run, "summary.json")).unwrap()
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Numbers that look random, uniform in [0, 1).
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}
