//! Several runs: `list`, `compare`, `sweep`; and `verify`.

use crate::fixture::{Fixture, copy_run, fixture};
use crate::support::program::{Folder, fails_with, json, read, succeeds, summary, trainer};
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn runs_are_listed_with_what_they_came_to() {
    let folder = Folder::new();
    let runs = folder.path("runs");
    std::fs::create_dir(&runs).unwrap();
    let run = format!("{runs}/pump");
    copy_run(&run);
    std::fs::create_dir(format!("{runs}/half")).unwrap();
    std::fs::write(format!("{runs}/half/checkpoint.safetensors"), "").unwrap();
    let text = succeeds(&["list", &runs]);
    let line = text.lines().find(|line| line.starts_with(&run)).unwrap();
    let elbo = summary(&run)["float"]["elbo"].as_f64().unwrap();
    assert!(line.contains(&format!("{elbo:.3}")), "{text}");
    assert!(
        text.contains("half was interrupted: `trainer fit --resume"),
        "{text}"
    );
    let listed = json(&succeeds(&["list", &runs, "--json"]));
    let record = &listed["runs"][0];
    assert_eq!(record["data"], fixture().csv.as_str());
    assert_eq!(record["image_bytes"], summary(&run)["image_bytes"]);
    let metrics = String::from_utf8(read(&run, "metrics.jsonl")).unwrap();
    let bounds = metrics
        .lines()
        .map(|line| json(line)["validation_elbo"].as_f64().unwrap());
    assert_eq!(record["held_out"], bounds.fold(f64::NEG_INFINITY, f64::max));
    std::fs::write(format!("{run}/summary.json"), "{}").unwrap();
    let output = trainer(&["list", &runs]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && errors.contains("summary.json"),
        "{errors}"
    );
    fails_with(&["list", &folder.path("none")], &["cannot read", "none"]);
}

#[test]
fn runs_are_compared_by_settings_and_results() {
    let Fixture { run, digits, .. } = fixture();
    let text = succeeds(&["compare", run, digits]);
    for words in [
        "data.source",
        "data.labels",
        "test bound, device",
        "image, bytes",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains("train.epochs"), "{text}");
    let compared = json(&succeeds(&["compare", run, digits, "--json"]));
    let keys = compared["settings"].as_array().unwrap();
    let source = keys.iter().find(|one| one["key"] == "data.source").unwrap();
    assert_eq!(source["values"][1], "\"digits\"");
    let page = succeeds(&["compare", run, digits, "--html"]);
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("data.source"));
    assert!(succeeds(&["compare", run, run]).contains("all settings are the same"));
    assert_eq!(trainer(&["compare", run]).status.code(), Some(2));
    fails_with(&["compare", run, &fixture().csv], &["cannot read"]);
}

#[test]
fn an_image_is_verified_or_refused() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    let verified = json(&succeeds(&["verify", run, "--json"]));
    assert_eq!(verified["self_test"], "ok");
    assert_eq!(verified["image_bytes"], read(run, "model.elbow").len());
    let artefacts = &summary(run)["artefacts"];
    assert_eq!(verified["sha256"], artefacts["model.elbow"]);
    assert!(succeeds(&["verify", run]).contains("checksum ok, self-test ok"));
    let mut bytes = read(run, "model.elbow");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    let broken = &folder.write("broken.elbow", bytes);
    fails_with(&["verify", broken], &["broken.elbow", "damaged"]);
}

/// The settings of small runs.
const SMALL: &str = "\
[data]
source = \"digits\"
[model]
encoder = [6]
decoder = [6]
[train]
epochs = 2
";

#[test]
fn a_sweep_trains_each_run_once_and_names_the_best() {
    let folder = Folder::new();
    let config = &folder.write("small.toml", SMALL);
    let out = &folder.path("sweep");
    let sweep = [
        "sweep", config, "--out", out, "--seeds", "2", "--json", "--set",
    ];
    let run = |values: &str| {
        let output = trainer(&[&sweep[..], &[values]].concat());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        (json(&String::from_utf8(output.stdout).unwrap()), errors)
    };
    let (first, _) = run("model.latents=2,3");
    let points = first["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    let written = |path: &Path| {
        std::fs::metadata(path.join("summary.json"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let folders = points[0]["runs"].as_array().unwrap();
    let folder_of = |at: usize| Path::new(folders[at].as_str().unwrap());
    let before = (written(folder_of(0)), written(folder_of(1)));
    let best = first["best"].as_u64().unwrap() as usize;
    let bound = |at: usize| points[at]["held_out"].as_f64().unwrap();
    assert!(bound(best) >= bound(1 - best));
    let single = |at: usize| {
        let listed = json(&succeeds(&[
            "list",
            folder_of(at).to_str().unwrap(),
            "--json",
        ]));
        listed["runs"][0]["held_out"].as_f64().unwrap()
    };
    assert!((bound(0) - (single(0) + single(1)) / 2.0).abs() < 1e-9);
    assert_ne!(single(0), single(1));
    let (second, errors) = run("model.latents=2,3,4");
    assert_eq!(second["points"].as_array().unwrap().len(), 3);
    assert_eq!(errors.matches("was there").count(), 4, "{errors}");
    assert_eq!(before, (written(folder_of(0)), written(folder_of(1))));
    let other = &folder.write("other.toml", SMALL.replace("epochs = 2", "epochs = 3"));
    fails_with(
        &["sweep", other, "--out", out, "--set", "model.latents=2"],
        &["train.epochs is 2", "here it is 3", "--out"],
    );
}

/// Ended in its third run, and gone on with to the table of one that was not.
#[test]
#[cfg(unix)]
fn a_sweep_that_is_interrupted_goes_on_to_the_same_table() {
    let folder = Folder::new();
    let config = &folder.write("small.toml", SMALL.replace("epochs = 2", "epochs = 30"));
    let sweep = |out: &str| {
        let grid = [
            "--set",
            "model.latents=2,3",
            "--seeds",
            "2",
            "--within",
            "flash=64K",
        ];
        let start = ["sweep", config, "--json", "--out", out];
        start
            .into_iter()
            .chain(grid)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (whole, out) = (folder.path("whole"), folder.path("out"));
    let table = trainer(&sweep(&whole)).stdout;
    let mut program = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(sweep(&out))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let third = Path::new(&out).join("latents=3_seed=0");
    let begin = Instant::now();
    while !third.exists() {
        assert!(begin.elapsed().as_secs() < 100);
        std::thread::sleep(Duration::from_millis(2));
    }
    let process = program.id().to_string();
    let sent = Command::new("kill").args(["-INT", &process]).status();
    assert!(sent.unwrap().success());
    let mut said = String::new();
    program
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(program.wait().unwrap().code(), Some(130), "{said}");
    let command = format!("go on with it: trainer sweep --resume {out}");
    assert!(said.contains(&command), "{said}");
    assert!(!third.join("summary.json").exists());
    let output = trainer(&["sweep", "--resume", &out, "--json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("was there").count(), 2, "{said}");
    let resumed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        resumed.replace(&out, &whole),
        String::from_utf8(table).unwrap()
    );
    fails_with(
        &["sweep", "--resume", &folder.path("none")],
        &["no grid.toml", "none"],
    );
}

/// A step size by which training diverges before anything is learned, and one by which it does not.
#[test]
fn a_sweep_goes_on_where_a_run_diverges() {
    let folder = Folder::new();
    let config = &folder.write("small.toml", SMALL);
    let out = &folder.path("sweep");
    let set = "train.learning_rate=1,0.001";
    let output = trainer(&["sweep", config, "--out", out, "--set", set, "--json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("infinite or NaN in epoch 1"), "{said}");
    let best = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(
        (&best["best"], &best["points"][0]["held_out"]),
        (&json("1"), &Value::Null)
    );
}

#[test]
fn a_sweep_within_limits_takes_none_that_breaks_them_and_bad_grids_are_refused() {
    let folder = Folder::new();
    let config = &folder.write("small.toml", SMALL);
    let out = &folder.path("sweep");
    let sweep = ["sweep", config, "--out", out, "--set", "model.latents=2"];
    let within = [&sweep[..], &["--within", "flash=1K", "--json"]].concat();
    let output = trainer(&within);
    let best = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(
        (&best["best"], &best["points"][0]["fits"]),
        (&Value::Null, &Value::Bool(false))
    );
    let out = &folder.path("none");
    for (arguments, words) in [
        (&["--set", "model.latent=2"][..], &["model.latent"][..]),
        (&["--set", "model.latents=2,0"], &["--latents is 0"]),
        (
            &["--set", "model.latents=2,2"],
            &["two points of the sweep are the same"],
        ),
        (&["--seeds", "0"], &["--seeds is 0"]),
        (&["--within", "flesh=1K"], &["--within", "limits.flash"]),
    ] {
        fails_with(
            &[&["sweep", config, "--out", out], arguments].concat(),
            words,
        );
    }
    assert!(!Path::new(out).exists());
}
