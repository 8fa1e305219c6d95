//! Options of commands that print: each prints something else.

use crate::fixture::{Fixture, ROWS, TINY, fixture};
use crate::support::program::{Folder, read, succeeds};
use elbow::Model;
use elbow_trainer::export::run;
use std::path::Path;

/// What a command prints, without the times that it measured.
fn printed(arguments: &[&str]) -> String {
    let text = succeeds(arguments);
    let lines = text.lines().filter(|line| !line.contains("milliseconds"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Each of `options` changes what `command` prints; without any, it prints the same again.
fn each_changes(command: &[&str], options: &[&[&str]]) {
    let plain = printed(command);
    assert_eq!(printed(command), plain, "{command:?}");
    for option in options {
        let other = printed(&[command, option].concat());
        assert_ne!(other, plain, "{command:?} {option:?}");
    }
}

#[test]
fn options_of_studies_change_what_they_print() {
    let Fixture {
        csv,
        labels,
        run,
        digits,
        ..
    } = fixture();
    let estimator: &[&str] = &["--estimator", "posterior-mean"];
    let labels: &[&str] = &["--labels", labels];
    each_changes(
        &["explain", run, csv, "--row", "13", "--json"],
        &[estimator],
    );
    each_changes(&["plot", digits, "--what", "scores"], &[estimator]);
    let ladder = [
        "ladder",
        run,
        csv,
        "--limit",
        "8",
        "--samples",
        "50",
        "--json",
    ];
    each_changes(&ladder, &[estimator, &["--seed", "3"], labels]);
    let variance = [
        "variance",
        run,
        csv,
        "--limit",
        "8",
        "--draws",
        "50",
        "--samples",
        "1",
    ];
    let one = ["--gradient", "reparameterized", "--json"];
    each_changes(&[&variance[..], &one].concat(), &[labels]);
}

#[test]
fn options_of_baselines_change_what_they_print() {
    let csv = &fixture().csv;
    let parts: [&[&str]; 3] = [
        &["--validation-fraction", "0.3"],
        &["--test-fraction", "0.3"],
        &["--window", "8"],
    ];
    let seed: &[&str] = &["--seed", "3"];
    let digit: &[&str] = &["--anomaly-digit", "7"];
    let forest = ["baseline", "forest", csv, "--trees", "5", "--json"];
    each_changes(&forest, &[&parts[..], &[seed]].concat());
    each_changes(
        &[&forest[..], &["--window", "8"]].concat(),
        &[&["--hop", "2"]],
    );
    each_changes(
        &["baseline", "forest", "digits", "--trees", "5", "--json"],
        &[digit],
    );
    let mixture = ["baseline", "mixture", csv, "--components", "2", "--json"];
    each_changes(
        &mixture,
        &[&parts[..], &[seed, &["--covariance", "full"]]].concat(),
    );
    each_changes(
        &[&mixture[..], &["--window", "8"]].concat(),
        &[&["--hop", "2"]],
    );
    each_changes(
        &[
            "baseline",
            "mixture",
            "digits",
            "--components",
            "1",
            "--json",
        ],
        &[digit],
    );
    let ppca = ["baseline", "ppca", csv, "--components", "1", "--json"];
    each_changes(&ppca, &parts);
    each_changes(
        &[&ppca[..], &["--window", "8"]].concat(),
        &[&["--hop", "2"]],
    );
}

/// They are in the settings of the run that they make.
#[test]
fn options_of_the_image_are_settings_of_the_run() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    let options = [
        "--calibration",
        "percentile:99",
        "--condition",
        "d",
        "--rate",
        "0.1",
    ];
    succeeds(&[&["fit", csv, "--out", out], &TINY[..], &options].concat());
    let config = String::from_utf8(read(out, "config.toml")).unwrap();
    for line in [
        "calibration = \"percentile:99\"",
        "condition = [\"d\"]",
        "rate = 0.1",
    ] {
        assert!(config.contains(line), "{config}");
    }
    let page = String::from_utf8(read(out, "report.html")).unwrap();
    assert!(page.contains("a day") && !page.contains("in 1000 readings"));
    let tuned = &folder.path("tuned");
    let integers = ["--calibration", "percentile", "--activations", "i16"];
    let tune = ["tune", run, "--epochs", "1", "--quiet", "--out", tuned];
    succeeds(&[&tune[..], &integers].concat());
    let config = String::from_utf8(read(tuned, "config.toml")).unwrap();
    for line in ["calibration = \"percentile:99.9\"", "activations = \"i16\""] {
        assert!(config.contains(line), "{config}");
    }
}

/// A tenth of a step of the raw readings of its column is the last digit of each number of a packet.
#[test]
fn decoded_numbers_are_as_fine_as_their_columns() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let packets = &folder.path("all.packets");
    succeeds(&["encode", run, csv, "--out", packets]);
    let text = succeeds(&["decode", run, packets]);
    let image = run::read_image(Path::new(run)).unwrap();
    let model = Model::parse(&image).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut numbers = 0;
    for record in reader.records() {
        let record = record.unwrap();
        for (cell, exponent) in record.iter().skip(4).zip(model.exponents()) {
            let step = 2f64.powi((*exponent).into());
            let decimals = cell
                .split_once('.')
                .map_or(0, |(_, decimals)| decimals.len());
            let last = 10f64.powi(-(decimals as i32));
            assert!(
                step / 100.0 <= last && last <= step / 10.0,
                "{cell}: {step}"
            );
            numbers += 1;
        }
    }
    assert_eq!(numbers, 4 * ROWS);
}
