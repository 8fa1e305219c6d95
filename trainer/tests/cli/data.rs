//! Data, labels and masks, bad and odd ones.

use crate::fixture::{Fixture, ROWS, TINY, csv, fit_is_refused, fixture, npy, readings};
use crate::support::program::{Folder, fails_with, read, succeeds, summary, trainer};
use serde_json::Value;
use std::path::Path;

#[test]
fn bad_readings_are_refused_by_fit_score_and_eval() {
    let folder = Folder::new();
    let good = csv(&readings(40));
    let last = |line: &str| folder.write("bad.csv", good.clone() + line + "\n");
    let cases: [(&dyn Fn() -> String, &[&str]); 9] = [
        (&|| last("1,2,3"), &["ends in line 42", "3 cells of 4"]),
        (&|| last("1,2,3,4,5"), &["line 42 has 5 cells", "has 4"]),
        (
            &|| last("1,2,broken,4"),
            &["line 42, column 3 (c)", "broken"],
        ),
        (
            &|| last("1,2,3\n1,2,3,4"),
            &["line 42 has 3 cells", "has 4"],
        ),
        (&|| last("1,2,3,inf"), &["line 42, column 4 (d)", "inf"]),
        (&|| folder.write("bad.csv", ""), &["no row"]),
        (&|| folder.write("bad.csv", "a,b,c,d\n"), &["no row"]),
        (
            &|| folder.write("bad.csv", b"PK\x03\x04\x00\x00"),
            &["bad.csv"],
        ),
        (&|| folder.path("missing.csv"), &["no such file"]),
    ];
    for (make, words) in cases {
        let data = make();
        fit_is_refused(&data, &[], words);
        let kept = folder.write("kept", "before");
        fails_with(&["score", &fixture().run, &data, "--out", &kept], words);
        assert_eq!(std::fs::read(&kept).unwrap(), b"before");
        fails_with(&["eval", &fixture().run, &data], words);
    }
    let short = npy(&readings(9));
    let short = folder.write("short.npy", &short[..short.len() - 3]);
    fit_is_refused(&short, &[], &["short.npy", "truncated"]);
    // A folder is recordings, and the first of these is no file of readings.
    fit_is_refused(&folder.path(""), &[], &["bad.csv", "cannot be unpacked"]);
}

#[test]
fn readings_of_another_width_are_refused() {
    let Fixture {
        run, digits, csv, ..
    } = fixture();
    let folder = Folder::new();
    let wide = folder.write("wide.csv", "1,2,3,4,5\n6,7,8,9,10\n");
    let out = folder.path("readings");
    for command in [
        &["score", run, &wide][..],
        &["eval", run, &wide],
        &["readings", run, &wide, "--out", &out],
        &["impute", run, &wide, "--mask", &wide, "--out", &out],
        &["estimators", run, &wide],
    ] {
        fails_with(command, &["wide: has 5 columns", "had 4"]);
    }
    fails_with(
        &["score", run, "digits"],
        &["digits:test has 64 columns", "takes 4"],
    );
    fails_with(&["score", digits, csv], &["pump", "4 columns", "64"]);
    assert!(!Path::new(&out).exists());
}

#[test]
fn counts_that_cannot_be_are_refused() {
    let Fixture { digits, csv, .. } = fixture();
    let folder = Folder::new();
    for (value, shown) in [("17", "is 17"), ("-1", "is -1"), ("0.5", "is 0.5")] {
        let row = [&["0"; 63][..], &[value]].concat().join(",");
        let data = folder.write("counts.csv", row + "\n");
        fails_with(
            &["score", digits, &data],
            &["column 64 of reading 1 of counts", shown, "from 0 to 16"],
        );
    }
    fit_is_refused(
        csv,
        &["--likelihood", "bernoulli"],
        &["a of reading 1 of pump", "from 0 to 1"],
    );
    fit_is_refused(
        "digits",
        &["--likelihood", "binomial:15"],
        &["is 16", "from 0 to 15"],
    );
}

#[test]
fn bad_labels_are_refused() {
    let Fixture {
        csv, run, digits, ..
    } = fixture();
    let folder = Folder::new();
    let few = folder.write("few.csv", "0\n1\n0\n");
    let words = &["few.csv", "3 labels", "140 rows"];
    fit_is_refused(csv, &["--labels", &few], words);
    fails_with(&["eval", run, csv, "--labels", &few], words);
    let wide = folder.write("wide.csv", "0,1\n".repeat(ROWS));
    fit_is_refused(csv, &["--labels", &wide], &["wide.csv", "2 columns"]);
    let gap = folder.write("gap.csv", "0\n".repeat(ROWS - 1) + "NA\n");
    fit_is_refused(csv, &["--labels", &gap], &["gap", "row 140 is missing"]);
    let anomalous = folder.write("anomalous.csv", "1\n".repeat(ROWS));
    let zero = ["--labels", &anomalous, "--normal", "0"];
    fit_is_refused(csv, &zero, &["nowhere 0", "its labels are 1"]);
    fit_is_refused(
        csv,
        &["--labels", &folder.path("none")],
        &["none", "no such file"],
    );
    fit_is_refused("digits", &["--labels", &few], &["--labels is for a file"]);
    fails_with(
        &["eval", digits, "digits", "--labels", &few],
        &["--labels is for a file"],
    );
}

#[test]
fn bad_masks_are_refused() {
    let Fixture {
        csv, run, digits, ..
    } = fixture();
    let folder = Folder::new();
    let kept = folder.write("kept", "before");
    let good = "1,0,1,1\n".repeat(ROWS - 1);
    let cases: [(String, &[&str]); 6] = [
        (good.clone(), &["139 rows of 4 columns", "140 of 4"]),
        ("1,0,1\n".repeat(ROWS), &["140 rows of 3 columns"]),
        (good.clone() + "1,2,1,1\n", &["row 140, column 2", "is 2"]),
        (good.clone() + "1,0.5,1,1\n", &["row 140, column 2", "0.5"]),
        (good.clone() + "0,0,0,0\n", &["nothing of reading 140"]),
        (good + "1,nan,1,1\n", &["column 2 of row 140 is missing"]),
    ];
    for (text, words) in cases {
        let mask = folder.write("mask.csv", text);
        let words = [words, &["mask"]].concat();
        fails_with(
            &["score", run, csv, "--mask", &mask, "--out", &kept],
            &words,
        );
        fails_with(
            &["impute", run, csv, "--mask", &mask, "--out", &kept],
            &words,
        );
    }
    fails_with(
        &["impute", run, csv, "--mask", &folder.path("none")],
        &["none", "no such file"],
    );
    let mask = folder.write("mask.csv", "1,1,1,1\n");
    fails_with(
        &["impute", digits, "digits", "--mask", &mask],
        &["533 of 64"],
    );
    assert_eq!(std::fs::read(kept).unwrap(), b"before");
}

#[test]
fn absurd_sizes_of_values_are_no_trouble() {
    let folder = Folder::new();
    for scale in [1e30, 1e-30] {
        let rows = readings(120).map_values(|value| f64::from(value) * scale);
        let data = &folder.write("scaled.csv", rows);
        let out = &folder.path("run");
        succeeds(&[&["fit", data, "--out", out], &TINY[..]].concat());
        let summary = summary(out);
        assert!(
            summary["difference"]
                .as_f64()
                .is_some_and(|nats| nats.abs() < 1.0),
            "{summary}"
        );
    }
}

/// Values turned into text by way of another.
trait MapValues {
    fn map_values(self, map: impl Fn(f32) -> f64) -> String;
}

impl MapValues for Vec<[f32; 4]> {
    fn map_values(self, map: impl Fn(f32) -> f64) -> String {
        let lines = self
            .iter()
            .map(|row| row.map(|value| format!("{:e}", map(value))).join(",") + "\n");
        lines.collect()
    }
}

#[test]
fn parts_without_readings_are_warned_of() {
    let folder = Folder::new();
    let fit = |out: &str, epochs: &str| {
        let nothing = ["--validation-fraction", "0", "--test-fraction", "0"];
        let output = trainer(
            &[
                &[
                    "fit",
                    &fixture().csv,
                    "--out",
                    out,
                    "--epochs",
                    epochs,
                    "--latents",
                    "2",
                    "--quiet",
                ],
                &nothing[..],
            ]
            .concat(),
        );
        let warnings = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{warnings}");
        assert!(
            warnings.lines().all(|line| line.starts_with("warning: ")),
            "{warnings}"
        );
        assert!(
            warnings.contains("no validation readings") && warnings.contains("no test readings"),
            "{warnings}"
        );
    };
    let (three, one) = (&folder.path("three"), &folder.path("one"));
    fit(three, "3");
    fit(one, "1");
    let summary = summary(three);
    assert_eq!(
        (&summary["float"]["elbo"], &summary["difference"]),
        (&Value::Null, &Value::Null)
    );
    // Both begin alike, and the last epoch counts, not the first.
    assert!(read(three, "model.safetensors") != read(one, "model.safetensors"));
}

/// A part of the anomalous readings says what ranges must hold, and is not tested on.
#[test]
fn anomalous_readings_are_calibrated_with_or_tested_on() {
    let Fixture { csv, labels, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    for (fraction, calibrated) in [("0.15", 3), ("0.4", 8), ("0.02", 0)] {
        let divided = ["--validation-fraction", fraction, "--labels", labels];
        // All but --quiet.
        let command = [&["fit", csv, "--out", out], &TINY[..9], &divided].concat();
        let output = trainer(&command);
        let errors = String::from_utf8(output.stderr).unwrap();
        let said = format!("{calibrated} anomalous ones to calibrate with");
        assert_eq!(errors.contains(&said), calibrated > 0, "{errors}");
        let summary = summary(out);
        assert_eq!(summary["abnormal"], 20 - calibrated);
    }
}
