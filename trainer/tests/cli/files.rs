//! The folder of a run, and where it cannot be written.

use crate::fixture::{ENDLESS, Fixture, fit_ends_with_code, fixture};
use crate::support::program::{
    Folder, Noise, contents, ends_with_code, fails_with, json, read, text,
};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn unwritable_folders_are_found_before_data_are_loaded() {
    let folder = Folder::new();
    let file = folder.write("file", "a file");
    let below = folder.path("file/below");
    let taken = folder.path("taken");
    let data = &folder.path("missing.csv");
    let fit = |out: &str, words: &[&str]| {
        // The data do not exist either, which would be said next.
        fails_with(&["fit", data, "--out", out, "--epochs", ENDLESS], words);
        let start = Instant::now();
        fails_with(
            &["fit", &fixture().csv, "--out", out, "--epochs", ENDLESS],
            words,
        );
        assert!(start.elapsed() < Duration::from_secs(10));
    };
    fit(&file, &["is a file", "--out"]);
    fit(&below, &["is a file", "--out"]);
    for name in [
        "model.elbow",
        "model.safetensors",
        "config.toml",
        "metrics.jsonl",
        "summary.json",
        "plan.toml",
        "report.html",
    ] {
        let path = Path::new(&taken).join(name);
        std::fs::create_dir_all(&path).unwrap();
        fit(&taken, &[name, "is a folder where a file"]);
        std::fs::remove_dir(path).unwrap();
    }
    assert_eq!(std::fs::read(file).unwrap(), b"a file");
    // Bad data make no folder.
    let fresh = folder.path("fresh");
    fails_with(&["fit", data, "--out", &fresh], &["no such file"]);
    assert!(!Path::new(&fresh).exists());
}

#[test]
fn unwritable_files_are_found_before_models_are_read() {
    let folder = Folder::new();
    let model = &folder.path("missing.elbow");
    for (code, out) in [(2, &folder.path("")), (1, &folder.path("none/file"))] {
        for arguments in [
            &["score", model, "digits"][..],
            &["sample", model],
            &["impute", model, "digits", "--mask", model],
            &["readings", model, "digits"],
        ] {
            let line = ends_with_code(code, &[arguments, &["--out", out]].concat());
            assert!(line.contains(out), "{line}");
        }
    }
}

#[test]
fn a_training_that_diverges_leaves_the_old_run() {
    let folder = Folder::new();
    let mut noise = Noise(1);
    // Correlated well enough that the largest step size ends in NaN.
    let lines = (0..200)
        .map(|_| noise.next())
        .map(|a| format!("{a},{},{}\n", 2.0 * a, 3.0 * a));
    let data = folder.write("steep.csv", lines.collect::<String>());
    let arguments = ["--learning-rate", "1", "--batch", "1", "--latents", "2"];
    let words = ["infinite or NaN", "lower --learning-rate"];
    fit_ends_with_code(1, &data, &arguments, &words);
}

#[test]
fn a_run_has_all_its_files() {
    let run = &fixture().run;
    let names: Vec<String> = contents(run)
        .keys()
        .map(|path| text(Path::new(path.file_name().unwrap())))
        .collect();
    let expected = [
        "config.toml",
        "metrics.jsonl",
        "model.elbow",
        "model.safetensors",
        "plan.toml",
        "report.html",
        "summary.json",
    ];
    assert_eq!(names, expected);
    let metrics = String::from_utf8(read(run, "metrics.jsonl")).unwrap();
    let epochs: Vec<Value> = metrics.lines().map(json).collect();
    assert_eq!(epochs.len(), 3);
    for epoch in epochs {
        let of = |name: &str| epoch[name].as_f64().unwrap();
        assert!((of("elbo") - (of("reconstruction") - of("kl"))).abs() < 1e-9);
    }
}

#[test]
fn there_must_be_something_to_go_on_with() {
    let folder = Folder::new();
    let out = folder.path("run");
    std::fs::create_dir(&out).unwrap();
    let resume = ["fit", "--resume", &out];
    fails_with(
        &resume,
        &["no checkpoint.safetensors in", "leave --resume out"],
    );
    std::fs::write(Path::new(&out).join("checkpoint.safetensors"), "[a table]").unwrap();
    fails_with(
        &resume,
        &["checkpoint.safetensors", "train anew, without --resume"],
    );
}

#[test]
fn the_report_stands_alone() {
    let Fixture { digits, run, .. } = fixture();
    let page = |run: &str| String::from_utf8(read(run, "report.html")).unwrap();
    for page in [page(digits), page(run)] {
        for resource in ["src=", "href=", "url(", "@import", "<script", "http"] {
            assert!(!page.contains(resource), "{resource}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf<"));
        for element in [
            "svg", "table", "div", "figure", "details", "p", "text", "span",
        ] {
            let opened = page.matches(&format!("<{element}>")).count()
                + page.matches(&format!("<{element} ")).count();
            assert_eq!(
                opened,
                page.matches(&format!("</{element}>")).count(),
                "{element}"
            );
        }
    }
    let page = page(digits);
    let sections = [
        "<h1>",
        ">Results<",
        ">The most anomalous",
        ">Scores<",
        ">As a detector<",
        ">Choosing a threshold<",
        ">Latents<",
        ">Quantization<",
        ">On common chips<",
        ">Training<",
        ">Draws",
        "<details class=\"settings\"",
    ];
    let places: Vec<usize> = sections
        .iter()
        .map(|section| page.find(section).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    // Twelve readings, what the model makes of them, and twelve draws.
    assert_eq!(page.matches("class=\"picture\"").count(), 36);
    assert_eq!(page.matches("class=\"picture signed\"").count(), 12);
    assert!(page.contains("p = 0.05") && page.contains("p = 0.01"));
    // Each threshold has its rate and the bound of it.
    assert!(page.contains(">false alarms in 1000 readings, expected<"));
    assert!(page.contains(">at most, by the calibration<"));
    // Each chart has a title, a description, and its numbers.
    let charts = page.matches("role=\"img\"").count();
    assert!(charts > 8, "{charts}");
    for part in ["<title>", "<desc>", "<details class=\"numbers\">"] {
        let titles = usize::from(part == "<title>");
        assert_eq!(page.matches(part).count(), charts + titles, "{part}");
    }
}

/// What a phone shows is held by the layout: tables wrap and charts are one column below 40rem.
#[test]
fn the_report_has_a_layout_for_narrow_screens() {
    let page = String::from_utf8(read(&fixture().digits, "report.html")).unwrap();
    let narrow = page.split("@media (max-width: 40rem)").nth(1).unwrap();
    assert!(narrow.contains("white-space: normal"), "{narrow}");
}
