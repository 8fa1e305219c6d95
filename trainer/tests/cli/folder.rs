//! A run is written whole or not at all, and what is changed in it is found.

use crate::support::program::{Folder, TINY, contents, fails_with, read, succeeds, trainer};
use std::path::Path;
use std::process::Command;

/// A run of the digits as small as it gets.
fn digits(folder: &Folder) -> String {
    let run = folder.path("run");
    succeeds(&[&["fit", "--out", &run], &TINY[..]].concat());
    run
}

#[test]
fn a_run_is_overwritten_only_by_force_and_files_of_ones_own_never() {
    let folder = Folder::new();
    let run = digits(&folder);
    std::fs::write(Path::new(&run).join("notes.txt"), "mine").unwrap();
    let before = contents(&run);
    let again = ["fit", "--epochs", "1", "--quiet", "--out", &run];
    fails_with(
        &again,
        &["holds config.toml and 7 more", "--out", "--force"],
    );
    fails_with(
        &["tune", &run, "--out", &run],
        &["holds config.toml", "--force"],
    );
    assert_eq!(contents(&run), before);
    let forced = trainer(&[&again[..], &["--force"]].concat());
    assert_eq!(forced.status.code(), Some(0));
    assert_eq!(read(&run, "notes.txt"), b"mine");
    assert_ne!(
        read(&run, "model.elbow"),
        before[&Path::new(&run).join("model.elbow")]
    );
    // A bare training that was interrupted is not a run.
    let (empty, other) = (folder.path("empty"), folder.path("other"));
    std::fs::create_dir(&empty).unwrap();
    std::fs::create_dir(&other).unwrap();
    std::fs::write(Path::new(&other).join("checkpoint.safetensors"), "").unwrap();
    fails_with(&["fit", "--out", &other], &["interrupted", "--resume"]);
    let output = trainer(&["fit", "--epochs", "1", "--quiet", "--out", &empty]);
    assert_eq!(output.status.code(), Some(0));
}

/// No file may be larger than 8 blocks of 512 bytes or of 1 KiB: as on a full disk, the parameters do not fit.
#[test]
fn a_disk_that_is_full_leaves_the_old_run_or_none() {
    let folder = Folder::new();
    let run = digits(&folder);
    let before = contents(&run);
    for (out, left) in [(&run, before), (&folder.path("none"), Default::default())] {
        let command = format!(
            "trap '' XFSZ; ulimit -f 8; exec {} fit --epochs 2 --quiet --force --out {out}",
            env!("CARGO_BIN_EXE_trainer")
        );
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains("error: ") && !errors.contains("panicked"),
            "{errors}"
        );
        assert_eq!(
            if Path::new(out).exists() {
                contents(out)
            } else {
                Default::default()
            },
            left
        );
    }
}

/// A file system of its own, which goes away.
#[cfg(target_os = "linux")]
struct Mounted(String);

#[cfg(target_os = "linux")]
impl Mounted {
    /// One of so many KiB in `folder`; none, and a word about it, where it may not be mounted.
    fn new(folder: &Folder, kib: usize) -> Option<Self> {
        let path = folder.path("mounted");
        std::fs::create_dir(&path).unwrap();
        let options = format!("size={kib}k");
        let mount = ["-t", "tmpfs", "-o", &options, "tmpfs", &path];
        let output = Command::new("mount").args(mount).output();
        if output.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        eprintln!("skipped: a file system may be mounted by root alone");
        None
    }

    fn make_read_only(&self) {
        let mount = ["-o", "remount,ro", &self.0];
        assert!(
            Command::new("mount")
                .args(mount)
                .status()
                .unwrap()
                .success()
        );
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A `fit` into `out` must fail by its work, in one line with these words.
fn fit_fails(out: &str, words: &[&str]) {
    let output = trainer(&[&["fit", "--out", out], &TINY[..]].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let lines: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(lines.len(), 1, "{errors}");
    assert!(words.iter().all(|word| lines[0].contains(word)), "{errors}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_or_read_only_file_system_leaves_the_old_run_or_none() {
    let folder = Folder::new();
    let Some(mounted) = Mounted::new(&folder, 512) else {
        return;
    };
    let run = format!("{}/run", mounted.0);
    succeeds(&[&["fit", "--out", &run], &TINY[..]].concat());
    let before = contents(&run);
    let filler = Path::new(&mounted.0).join("filler");
    // Until nothing fits.
    let _ = std::fs::write(&filler, vec![0; 512 * 1024]);
    fit_fails(
        &run,
        &["cannot write", "No space left", "choose another place"],
    );
    assert_eq!(contents(&run), before);
    let other = format!("{}/other", mounted.0);
    fit_fails(&other, &["cannot write", "No space left"]);
    assert!(!Path::new(&other).exists());
    std::fs::remove_file(filler).unwrap();
    succeeds(&["score", &run, "--limit", "2"]);
    mounted.make_read_only();
    for out in [&run, &other] {
        fit_fails(out, &["cannot write", "Read-only", "choose another place"]);
    }
    assert_eq!(contents(&run), before);
}

#[test]
fn a_file_of_ones_own_is_never_replaced() {
    let folder = Folder::new();
    let out = folder.path("mine");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(Path::new(&out).join("config.toml"), "[train]\nepochs = 3\n").unwrap();
    let before = contents(&out);
    let words = ["config.toml is of no run", "--out"];
    fails_with(&["fit", "--out", &out, "--force"], &words);
    assert_eq!(contents(&out), before);
}

#[test]
fn a_setting_of_the_wrong_kind_is_refused_by_its_line() {
    let folder = Folder::new();
    for (text, words) in [
        (
            "[train]\nepochs = \"many\"\n",
            ["line 2", "train.epochs = \"many\""],
        ),
        ("[train]\nbatch = -1\n", ["line 2", "-1"]),
        ("[model]\nlatents = [2]\n", ["line 2", "a list"]),
        ("epochs = 2\n", ["line 1", "epochs"]),
    ] {
        let config = folder.write("config.toml", text);
        let out = folder.path("run");
        let fit = ["fit", "--config", &config, "--out", &out];
        fails_with(&fit, &[&words[..], &["config.toml"]].concat());
        assert!(!Path::new(&out).exists());
    }
}

#[test]
fn one_flipped_bit_in_any_artefact_is_found() {
    let folder = Folder::new();
    let run = digits(&folder);
    let readers: [(&str, &[&str]); 4] = [
        ("model.safetensors", &["eval", &run, "digits"]),
        ("model.elbow", &["score", &run, "digits"]),
        ("config.toml", &["eval", &run, "digits"]),
        ("plan.toml", &["quantize", &run]),
    ];
    for (name, command) in readers {
        let path = Path::new(&run).join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let at = bad.len() - 9;
        bad[at] ^= 1;
        std::fs::write(&path, bad).unwrap();
        // The image has a checksum of its own.
        let word = if name == "model.elbow" {
            "damaged"
        } else {
            "not the file that its run wrote"
        };
        fails_with(command, &[name, word]);
        std::fs::write(&path, good).unwrap();
        succeeds(&[command, &["--json"][..usize::from(command[0] != "score")]].concat());
    }
}
