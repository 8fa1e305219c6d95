//! Trainings that MLflow and TensorBoard show: the files as their readers take them in.

use crate::fixture::{Fixture, TINY, fixture};
use crate::support::program::{Folder, json, read, succeeds};
use std::path::{Path, PathBuf};

/// The only entry of `folder` that is a folder.
fn only(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders.remove(0)
}

#[test]
fn a_store_of_mlflow_has_parameters_metrics_and_files() {
    let Fixture { csv, .. } = fixture();
    let folder = Folder::new();
    let (store, out) = (&folder.path("store"), &folder.path("run"));
    for _ in 0..2 {
        succeeds(&[&["fit", csv, "--mlflow", store, "--out", out], &TINY[..]].concat());
    }
    // Both runs are of one experiment.
    let experiment = only(Path::new(store));
    let entries = std::fs::read_dir(&experiment)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let runs: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    assert_eq!(runs.len(), 2);
    let text = |path: &str| std::fs::read_to_string(runs[0].join(path)).unwrap();
    assert!(text("meta.yaml").contains("\nstatus: 3\n"));
    assert_eq!(text("params/train.epochs"), "3");
    assert_eq!(text("params/data.source"), *csv);
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    let told = text("metrics/elbo");
    for (line, epoch) in told.lines().zip(metrics.lines().map(json)) {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!(
            fields[1].parse::<f64>().unwrap(),
            epoch["elbo"].as_f64().unwrap()
        );
        assert_eq!(fields[2], epoch["epoch"].to_string());
    }
    assert_eq!(told.lines().count(), 3);
    assert_eq!(
        std::fs::read(runs[0].join("artifacts/model.elbow")).unwrap(),
        read(out, "model.elbow")
    );
}

/// Records of an event file, by their lengths.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = vec![];
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        records.push(bytes[12..12 + length].to_vec());
        bytes = &bytes[16 + length..];
    }
    records
}

#[test]
fn an_event_file_of_tensorboard_has_each_epoch() {
    let Fixture { csv, .. } = fixture();
    let folder = Folder::new();
    let (logs, out) = (&folder.path("logs"), &folder.path("run"));
    succeeds(
        &[
            &["fit", csv, "--tensorboard", logs, "--out", out],
            &TINY[..],
        ]
        .concat(),
    );
    let folder = only(Path::new(logs));
    assert_eq!(folder.file_name().unwrap(), "run");
    let file = std::fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(file.to_str().unwrap().contains("events.out.tfevents."));
    let records = records(&std::fs::read(file).unwrap());
    // Its version, three epochs, the results.
    assert_eq!(records.len(), 5);
    assert!(records[0].ends_with(b"brain.Event:2"));
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    for (record, epoch) in records[1..].iter().zip(metrics.lines().map(json)) {
        let elbo = epoch["elbo"].as_f64().unwrap() as f32;
        let value = [&[0x0a, 4][..], b"elbo", &[0x15], &elbo.to_le_bytes()].concat();
        let at = record
            .windows(value.len())
            .position(|window| window == value);
        assert!(at.is_some(), "{epoch}");
    }
}
