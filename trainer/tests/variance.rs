//! `trainer variance` as a user runs it.

mod support;

use serde_json::Value;
use support::program::{Folder, TINY, fails_with, json, succeeds, trainer};

/// A short training on the digits; the folder goes away with the first of the pair.
fn digits() -> (Folder, String) {
    let folder = Folder::new();
    let run = folder.path("run");
    succeeds(&[&["fit", "--out", &run], &TINY[..]].concat());
    (folder, run)
}

fn number(row: &Value, path: &str) -> f64 {
    row.pointer(path)
        .and_then(Value::as_f64)
        .unwrap_or(f64::NAN)
}

#[test]
fn estimators_stand_side_by_side() {
    let (_folder, run) = digits();
    let arguments = [
        "variance",
        &run,
        "digits",
        "--samples",
        "1,4",
        "--draws",
        "200",
        "--json",
    ];
    let report = json(&succeeds(&arguments));
    // 64 inputs, 6 hidden, 2 latents: 64 * 6 + 6 + 6 * 4 + 4, and 2 * 6 + 6 + 6 * 64 + 64.
    assert_eq!(
        (&report["encoder_parameters"], &report["decoder_parameters"]),
        (&418.into(), &466.into())
    );
    assert_eq!(
        (&report["readings"], &report["draws"]),
        (&64.into(), &200.into())
    );
    let rows = report["rows"].as_array().unwrap();
    let row = |gradient: &str, samples: u64| {
        let mut all = rows.iter();
        all.find(|row| row["gradient"] == gradient && row["samples"] == samples)
    };
    // Eight estimators, of which two compare samples.
    assert_eq!(rows.len(), 6 + 8);
    assert!(row("vimco", 1).is_none() && row("leave-one-out", 1).is_none());
    let of = |gradient, samples, path: &str| number(row(gradient, samples).unwrap(), path);
    assert_eq!(
        row("vimco", 4).unwrap()["target"],
        json(r#"{"bound":"importance-weighted","samples":4}"#)
    );
    assert_eq!(
        row("score", 4).unwrap()["target"],
        json(r#"{"bound":"elbo"}"#)
    );
    let variance = "/encoder/variance";
    assert!(100.0 * of("reparameterized", 1, variance) < of("score", 1, variance));
    assert!(10.0 * of("leave-one-out", 4, variance) < of("score", 4, variance));
    // The decoder's gradient is the same one.
    let decoder = "/decoder/variance";
    assert_eq!(of("score", 1, decoder), of("moving-average", 1, decoder));
    for row in rows {
        assert!(
            number(row, "/milliseconds") > 0.0 && number(row, "/relative_cost") > 0.0,
            "{row}"
        );
        // Six standard errors; some rows hold the noise of their reference too.
        let unbiased = row["gradient"] != "sticking-the-landing" || row["samples"] == 1;
        let within =
            number(row, "/bias/fraction").abs() < 6.0 * number(row, "/bias/standard_error");
        assert!(within || !unbiased, "{row}");
    }
}

#[test]
fn the_table_names_bounds_and_the_chosen_estimators_alone() {
    let (_folder, run) = digits();
    let chosen = [
        "--gradient",
        "vimco,reparameterized",
        "--samples",
        "3",
        "--draws",
        "2",
    ];
    let text = succeeds(&[&["variance", &run, "digits", "--limit", "8"], &chosen[..]].concat());
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[2].starts_with("vimco ") && lines[2].contains(" 3 IWAE 3 "),
        "{text}"
    );
    assert!(
        lines[3].starts_with("reparameterized ") && lines[4].is_empty(),
        "{text}"
    );
    assert!(
        text.contains("8 readings in a gradient, 2 gradients of each"),
        "{text}"
    );
}

#[test]
fn one_seed_gives_the_same_numbers() {
    let (_folder, run) = digits();
    let numbers = |seed: &str| {
        let arguments = [
            "variance", &run, "digits", "--draws", "5", "--json", "--seed", seed,
        ];
        let mut report = json(&succeeds(&arguments));
        for row in report["rows"].as_array_mut().unwrap() {
            let row = row.as_object_mut().unwrap();
            assert!(row.remove("milliseconds").is_some() && row.remove("relative_cost").is_some());
        }
        report
    };
    assert_eq!(numbers("1"), numbers("1"));
    assert_ne!(numbers("1"), numbers("2"));
}

#[test]
fn bad_settings_say_what_to_change() {
    let (_folder, run) = digits();
    let refused = |arguments: &[&str], words: &[&str]| {
        fails_with(&[&["variance", &run, "digits"], arguments].concat(), words);
    };
    refused(&["--samples", "0"], &["--samples has 0", "from 1 to 1000"]);
    refused(
        &["--samples", "5,1001"],
        &["--samples has 1001", "from 1 to 1000"],
    );
    refused(&["--draws", "1"], &["--draws is 1", "at least 2"]);
    refused(&["--limit", "0"], &["--limit is 0", "1 or more"]);
    for gradient in ["leave-one-out", "vimco"] {
        refused(
            &["--gradient", gradient, "--samples", "1"],
            &[gradient, "there is 1", "at least 2"],
        );
    }
    // Refused by the parser, in its own words.
    let output = trainer(&["variance", &run, "digits", "--gradient", "exact"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && errors.contains("possible values: reparameterized"),
        "{errors}"
    );
}
