//! Trainings that leave the numbers that floats have.

use crate::fixture::fixture;
use crate::support::program::{Folder, ends_with_code, json, read, succeeds, summary, trainer};
use std::path::Path;

/// By the engine and by candle.
#[test]
fn without_an_epoch_that_is_done_no_run_is_left() {
    for more in [&[][..], &["--prior", "mixture:2"]] {
        let folder = Folder::new();
        let out = &folder.path("run");
        let fit = ["fit", "digits", "--learning-rate", "1", "--epochs", "9"];
        let rest = ["--batch", "16", "--quiet", "--out", out];
        let line = ends_with_code(1, &[&fit[..], &rest, more].concat());
        for words in ["in epoch 1, first in ", "--learning-rate", "--clip norm:1"] {
            assert!(line.contains(words), "{line}");
        }
        assert!(!line.contains("the model has"), "{line}");
        assert!(!Path::new(out).exists());
    }
}

/// A training whose step size is too long when it has grown for 3 epochs.
fn grows(data: &str, folder: &Folder, more: &[&str]) -> (String, String) {
    let out = folder.path("run");
    let fit = ["fit", data, "--learning-rate", "1", "--rate-warm-up", "3"];
    let rest = [
        "--epochs", "40", "--batch", "16", "--quiet", "--force", "--out", &out,
    ];
    let output = trainer(&[&fit[..], &rest, more].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    (out, said)
}

#[test]
fn the_best_parameters_so_far_are_a_run() {
    let folder = Folder::new();
    for more in [
        &[][..],
        &["--prior", "mixture:2"],
        &["--validation-fraction", "0"],
    ] {
        let (run, said) = grows(&fixture().csv, &folder, more);
        let line = said.lines().last().unwrap();
        assert!(
            line.starts_with("error: the bound became infinite or NaN in epoch "),
            "{said}"
        );
        let metrics = String::from_utf8(read(&run, "metrics.jsonl")).unwrap();
        let epochs: Vec<_> = metrics.lines().map(json).collect();
        let kept = format!("the best parameters of the {} epochs before", epochs.len());
        assert!(line.contains(&kept), "{said}");
        assert!(!epochs.is_empty() && epochs.iter().all(|epoch| epoch["elbo"].is_f64()));
        let warnings = summary(&run)["warnings"].to_string();
        assert!(warnings.contains("infinite or NaN"), "{warnings}");
        succeeds(&["score", &run, "--limit", "2"]);
        let best = epochs
            .iter()
            .filter_map(|epoch| epoch["validation_elbo"].as_f64());
        let best = best.fold(f64::NEG_INFINITY, f64::max);
        let listed = json(&succeeds(&["list", &run, "--json"]));
        let held_out = listed["runs"][0]["held_out"].as_f64();
        assert_eq!(held_out, best.is_finite().then_some(best));
        assert!(!Path::new(&run).join("checkpoint.safetensors").exists());
    }
}
