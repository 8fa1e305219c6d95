//! A run that is stopped is gone on with, and nobody else's folder is written.

#![cfg(unix)]

use crate::fixture::{ENDLESS, copy_run, csv, fixture, readings};
use crate::support::program::{Folder, TINY, contents, fails_with, read, succeeds, trainer};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// The program on its way, its standard error in a file.
struct Running {
    child: Child,
    errors: String,
}

impl Running {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let errors = folder.path("errors.txt");
        let child = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        Self { child, errors }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap()
    }

    /// Waits until `is` so.
    fn wait_until(&mut self, is: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !is(self) {
            assert!(begin.elapsed() < LONG, "{}", self.said());
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has read its data.
    fn wait_for_training(&mut self) {
        self.wait_until(|running| running.said().contains("to learn from"));
    }

    fn send(&self, signal: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
    }

    fn end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Starts a training without end in `out`, and stops it by `signal` before its first checkpoint is due.
fn stop(folder: &Folder, out: &str, signal: &str) -> Running {
    let mut running = Running::start(folder, &["fit", "--epochs", ENDLESS, "--out", out]);
    running.wait_for_training();
    std::thread::sleep(Duration::from_millis(300));
    running.send(signal);
    assert_eq!(running.end().code(), Some(130), "{}", running.said());
    running
}

#[test]
fn a_signal_saves_and_says_how_to_go_on() {
    for signal in ["-INT", "-TERM"] {
        let folder = Folder::new();
        let out = folder.path("runs/digits");
        let said = stop(&folder, &out, signal).said();
        let last = said.lines().last().unwrap();
        assert!(
            last.starts_with("interrupted: the run was ended after epoch "),
            "{said}"
        );
        assert!(
            last.ends_with(&format!("trainer fit --resume {out}")),
            "{said}"
        );
        assert_eq!(names(&out), ["checkpoint.safetensors"]);
        fails_with(
            &["fit", "--out", &out],
            &["interrupted", "--resume", "--force"],
        );
    }
}

/// A pipe into which nobody writes is data that take forever to read.
#[test]
fn a_signal_before_training_leaves_nothing() {
    let folder = Folder::new();
    let (data, out) = (folder.path("pipe.csv"), folder.path("runs/pipe"));
    assert!(
        Command::new("mkfifo")
            .arg(&data)
            .status()
            .unwrap()
            .success()
    );
    let mut running = Running::start(&folder, &["fit", &data, "--out", &out]);
    running.wait_until(|_| Path::new(&out).exists());
    running.send("-INT");
    assert_eq!(running.end().code(), Some(130));
    let said = running.said();
    assert!(said.contains("interrupted; nothing was saved"), "{said}");
    assert!(!Path::new(&folder.path("runs")).exists());
}

/// A batch of a wide network takes about a second or more.
#[test]
fn a_second_signal_leaves_at_once() {
    let folder = Folder::new();
    let out = folder.path("run");
    let wide = ["--decoder", "1024,1024,1024,1024,1024", "--batch", "2000"];
    let long = [
        "--importance-samples",
        "8",
        "--epochs",
        ENDLESS,
        "--out",
        &out,
    ];
    let mut running = Running::start(&folder, &[&["fit"], &wide[..], &long].concat());
    running.wait_for_training();
    std::thread::sleep(Duration::from_millis(500));
    running.send("-INT");
    running.wait_until(|running| running.said().contains("stopping once "));
    running.send("-INT");
    assert_eq!(running.end().code(), Some(130));
    let said = running.said();
    assert!(said.contains("interrupted; nothing was saved"), "{said}");
    assert!(!Path::new(&out).exists());
}

/// By a signal that no program sees.
#[test]
fn a_training_that_is_killed_leaves_a_checkpoint_or_nothing_in_the_way() {
    let folder = Folder::new();
    let out = folder.path("run");
    let mut running = Running::start(&folder, &["fit", "--epochs", ENDLESS, "--out", &out]);
    running.wait_for_training();
    running.child.kill().unwrap();
    running.end();
    // It was locked, and is so no more.
    assert_eq!(names(&out), [".elbow.lock"]);
    let begin = Instant::now();
    let mut running = Running::start(&folder, &["fit", "--epochs", ENDLESS, "--out", &out]);
    let checkpoint = Path::new(&out).join("checkpoint.safetensors");
    running.wait_until(|_| checkpoint.exists());
    assert!(begin.elapsed() < Duration::from_secs(5));
    running.child.kill().unwrap();
    running.end();
    let mut running = Running::start(&folder, &["fit", "--resume", &out]);
    running.wait_until(|running| running.said().contains("going on after epoch"));
}

#[test]
fn a_folder_is_written_by_one_program() {
    let folder = Folder::new();
    let out = folder.path("run");
    let mut running = Running::start(&folder, &["fit", "--epochs", ENDLESS, "--out", &out]);
    running.wait_for_training();
    let process = format!("(process {})", running.child.id());
    let words = ["another trainer", &process, &out, "--out"];
    fails_with(&["fit", "--out", &out], &words);
    fails_with(&["tune", &fixture().digits, "--out", &out], &words);
    running.child.kill().unwrap();
    running.end();
    succeeds(&[&["fit", "--out", &out], &TINY[..]].concat());
    assert!(!names(&out).contains(&".elbow.lock".to_owned()));
}

#[test]
fn a_folder_that_is_removed_is_made_again() {
    let folder = Folder::new();
    let out = folder.path("run");
    let mut running = Running::start(&folder, &["fit", "--epochs", ENDLESS, "--out", &out]);
    running.wait_for_training();
    std::fs::remove_dir_all(&out).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    running.send("-INT");
    assert_eq!(running.end().code(), Some(130), "{}", running.said());
    assert_eq!(names(&out), ["checkpoint.safetensors"]);
}

/// The program with `arguments`, called from `folder`: its exit code and what it says on standard error.
fn called_from(folder: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn data_of_one_name_are_two_runs_and_are_found_from_anywhere() {
    let folder = Folder::new();
    let home = folder.path("");
    for part in ["a", "b"] {
        std::fs::create_dir(folder.path(part)).unwrap();
        folder.write(&format!("{part}/pump.csv"), csv(&readings(60)));
    }
    let (code, said) = called_from(&home, &[&["fit", "a/pump.csv"], &TINY[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    for force in [&[][..], &["--force"]] {
        let (code, said) = called_from(&home, &[&["fit", "b/pump.csv"], force].concat());
        assert_eq!(code, Some(2));
        for words in [
            "/a/pump.csv",
            "/b/pump.csv",
            "--out runs/b-pump",
            "--out runs/pump --force",
        ] {
            assert!(said.contains(words), "{said}");
        }
    }
    let named = ["fit", "b/pump.csv", "--out", "runs/pump"];
    let (code, said) = called_from(&home, &[&named, &TINY[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let config = String::from_utf8(read(&folder.path("runs/pump"), "config.toml")).unwrap();
    assert!(config.contains(&folder.path("b/pump.csv")), "{config}");
    let (code, said) = called_from("/", &["score", &folder.path("runs/pump")]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_folder_may_be_named_by_the_data_and_the_date() {
    let folder = Folder::new();
    let out = folder.path("all/{name}-{date}");
    succeeds(&[&["fit", &fixture().csv, "--out", &out], &TINY[..]].concat());
    let made = names(&folder.path("all"));
    let date = made[0].strip_prefix("pump-").unwrap();
    let pattern = date.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!((made.len(), pattern.as_str()), (1, "0000-00-00-000000"));
    let unknown = folder.path("{time}");
    fails_with(&["fit", "--out", &unknown], &["{time}", "{name}", "{date}"]);
}

/// In the folder of an older run, which stays as it is.
#[test]
fn a_checkpoint_of_something_else_is_refused_in_one_line() {
    let folder = Folder::new();
    let (data, out) = (
        folder.write("pump.csv", csv(&readings(140))),
        folder.path("run"),
    );
    let interrupted = folder.path("interrupted");
    let fit = ["fit", &data, "--epochs", ENDLESS, "--out", &interrupted];
    let mut running = Running::start(&folder, &fit);
    running.wait_for_training();
    running.send("-INT");
    running.end();
    let good = read(&interrupted, "checkpoint.safetensors");
    copy_run(&out);
    let path = Path::new(&out).join("checkpoint.safetensors");
    let refused = |words: &[&str]| {
        let before = contents(&out);
        fails_with(&["fit", "--resume", &out], words);
        assert!(contents(&out) == before);
        succeeds(&["score", &out, "--limit", "2"]);
    };
    let remedy = "without --resume";
    for length in [0, 100, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..length]).unwrap();
        refused(&["checkpoint.safetensors", "cut short or damaged", remedy]);
    }
    let mut flipped = good.clone();
    let middle = good.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&path, flipped).unwrap();
    refused(&["damaged", remedy]);
    let version = b"\"version\":\"2\"";
    let at = good
        .windows(version.len())
        .position(|bytes| bytes == version)
        .unwrap();
    let mut older = good.clone();
    older[at + version.len() - 2] = b'1';
    std::fs::write(&path, older).unwrap();
    refused(&["version 1", "goes on with 2", remedy]);
    // One cell of the data is another.
    std::fs::write(&path, &good).unwrap();
    let mut rows = readings(140);
    rows[70][0] += 0.001;
    folder.write("pump.csv", csv(&rows));
    let output = trainer(&["fit", "--resume", &out, "--quiet"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("not what the training began with") && said.contains(&data),
        "{said}"
    );
}

/// 1, a failure, is in the tests of full disks; 130 in those above.
#[test]
fn exit_codes_tell_done_from_wrong_use() {
    let folder = Folder::new();
    let out = &folder.path("run");
    for (code, arguments) in [
        (0, &["--help"][..]),
        (2, &["fit", "--no-such-option"]),
        (2, &["fit", "no-such-file.csv", "--out", out]),
        (2, &["fit", "--epochs", "0", "--out", out]),
    ] {
        let output = trainer(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    }
    assert!(!Path::new(out).exists());
}
