//! `trainer inspect`, `trainer sample` and `trainer readings`.

use crate::fixture::{Fixture, TINY, fixture};
use crate::support::program::{Folder, fails_with, json, read, succeeds, summary};
use serde_json::Value;

#[test]
fn inspect_adds_up() {
    let Fixture { digits, run, .. } = fixture();
    for run in [digits, run] {
        let description = json(&succeeds(&["inspect", run, "--json"]));
        let number = |value: &Value| value.as_u64().unwrap();
        let layers = description["layers"].as_array().unwrap();
        let macs: u64 = layers.iter().map(|layer| number(&layer["macs"])).sum();
        assert_eq!(
            macs,
            number(&description["encoder_macs"]) + number(&description["decoder_macs"])
        );
        let shapes: u64 = layers
            .iter()
            .map(|layer| number(&layer["rows"]) * number(&layer["columns"]))
            .sum();
        assert_eq!(macs, shapes);
        assert_eq!(
            number(&description["image_bytes"]),
            read(run, "model.elbow").len() as u64
        );
        assert_eq!(
            number(&description["workspace_bytes"]),
            8 * number(&description["workspace_words"])
        );
        let summary = summary(run);
        for key in [
            "encoder_macs",
            "decoder_macs",
            "image_bytes",
            "workspace_bytes",
            "format_version",
        ] {
            assert_eq!(description[key], summary[key], "{key}");
        }
        let text = succeeds(&["inspect", run]);
        let table = description["calibrations"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        // Fewer than 100 validation readings calibrate together with those of training.
        let [validation, training] =
            ["validation_readings", "training_readings"].map(|key| number(&summary[key]));
        let own = if validation < 100 {
            validation + training
        } else {
            validation
        };
        assert_eq!(table["readings"], own);
        let bound = table["usual_alarm_at_most"].as_f64().unwrap();
        assert_eq!(summary["usual_alarm_at_most"], bound);
        let line = format!(
            "at most {:.2} % of normal readings, with 95 % confidence: {} calibrate",
            100.0 * bound,
            table["readings"]
        );
        assert!(text.contains(&line), "{text} lacks {line}");
        assert!(
            text.contains(&format!("flash: {} bytes", description["image_bytes"])),
            "{text}"
        );
    }
}

#[test]
fn samples_are_pictures() {
    let Fixture { digits, run, .. } = fixture();
    let sample = |more: &[&str]| succeeds(&[&["sample", digits, "--pictures"], more].concat());
    let text = sample(&["--count", "2"]);
    let rows: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), 16, "{text}");
    assert!(
        rows.iter()
            .all(|row| row.len() == 16 && row.chars().all(|c| " .:-=+*#%@".contains(c))),
        "{text}"
    );
    assert_eq!(text, sample(&["--count", "2", "--seed", "0"]));
    assert_ne!(text, sample(&["--count", "2", "--seed", "1"]));
    assert!(sample(&["--count", "3"]).starts_with(&text));
    fails_with(
        &["sample", run, "--pictures"],
        &["--pictures", "4 numbers", "leave it out"],
    );
}

/// What is no terminal gets numbers, which can be scored again.
#[test]
fn samples_are_tables() {
    let Fixture { digits, run, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("draws.csv");
    assert_eq!(succeeds(&["sample", run, "--count", "5", "--out", out]), "");
    let text = std::fs::read_to_string(out).unwrap();
    assert_eq!(succeeds(&["sample", run, "--count", "5"]), text);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("a,b,c,d"));
    assert_eq!(lines.count(), 5);
    assert_eq!(succeeds(&["score", run, out]).lines().count(), 6);
    let text = succeeds(&["sample", digits, "--count", "1"]);
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows[0].starts_with("x0,x1,"), "{text}");
    let cells: Vec<f64> = rows[1]
        .split(',')
        .map(|cell| cell.parse().unwrap())
        .collect();
    assert!(cells.len() == 64 && cells.iter().all(|cell| (0.0..=16.0).contains(cell)));
}

#[test]
fn raw_readings_are_two_bytes_a_number() {
    let Fixture { digits, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("raw");
    succeeds(&["readings", digits, "digits", "--limit", "7", "--out", out]);
    let bytes = std::fs::read(out).unwrap();
    assert_eq!(bytes.len(), 7 * 64 * 2);
    assert!(bytes.chunks(2).all(|pair| pair[0] <= 16 && pair[1] == 0));
}

#[test]
fn inspect_prints_what_a_firmware_needs_to_type() {
    let Fixture { digits, csv, .. } = fixture();
    let text = succeeds(&["inspect", digits]);
    let words = json(&succeeds(&["inspect", digits, "--json"]))["workspace_words"].clone();
    for line in [
        "default-features = false, features = [\"counts\", \"statistics\"] }",
        &format!("let mut workspace = Workspace::<{words}>::new();"),
    ] {
        assert!(text.contains(line), "{text} lacks {line:?}");
    }
    let out = &Folder::new();
    let out = &out.path("run");
    let fit = ["fit", csv, "--out", out, "--activations", "i8"];
    succeeds(&[&fit[..], &TINY].concat());
    let text = succeeds(&["inspect", out]);
    assert!(
        text.contains("features = [\"locations\", \"statistics\"] }"),
        "{text}"
    );
}
