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
        assert_eq!(output.status.code(), Some(2), "{errors}");
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

#[test]
fn a_training_that_is_killed_leaves_nothing_behind() {
    let folder = Folder::new();
    let run = folder.path("run");
    let mut child = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(["fit", "--epochs", "1000000", "--quiet", "--out", &run])
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!Path::new(&run).exists());
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
