//! Where things are printed: results to standard output, all else to standard error; a line of JSON for a program; `-`.

use crate::fixture::{Fixture, ROWS, TINY, fixture};
use crate::support::program::{Folder, json, read, succeeds, summary, trainer};
use serde_json::Value;
use std::process::{Command, Stdio};

#[test]
fn a_program_can_follow_a_training_line_by_line() {
    let Fixture { csv, labels, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    let fit = ["fit", csv, "--labels", labels, "--out", out, "--json"];
    let output = trainer(&[&fit[..], &TINY[..10]].concat());
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(json).collect();
    let of = |name: &str| -> Vec<&Value> {
        let named = events.iter().filter(|event| event["event"] == name);
        named.collect()
    };
    let epochs = of("epoch");
    assert_eq!(epochs.len(), 3);
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    let mut best = f64::NEG_INFINITY;
    for (event, line) in epochs.iter().zip(metrics.lines()) {
        for (key, value) in json(line).as_object().unwrap() {
            assert_eq!(event[key], *value, "{key}");
        }
        best = best.max(event["validation_elbo"].as_f64().unwrap());
        assert_eq!(event["best"], best);
        assert_eq!(event["epochs"], 3);
        assert!(event["learning_rate"].as_f64().unwrap() <= 0.002);
    }
    assert_eq!(epochs[0]["seconds_left"], Value::Null);
    assert!(epochs[1]["samples_per_second"].as_f64().unwrap() > 0.0);
    assert!(epochs[1]["seconds_left"].as_f64().unwrap() > 0.0);
    assert_eq!(epochs[2]["seconds_left"], 0.0);
    assert!(!of("note").is_empty());
    let result = of("result");
    assert_eq!(result.len(), 1);
    assert_eq!(events.last(), result.first().copied());
    assert_eq!(result[0]["folder"], out.as_str());
    assert_eq!(result[0]["float"], summary(out)["float"]);
    let quiet = [&fit[..], &TINY[..]].concat();
    let lines = succeeds(&quiet);
    let is_told =
        |line: &str| ["warning", "result"].contains(&json(line)["event"].as_str().unwrap());
    assert!(lines.lines().all(is_told), "{lines}");
}

/// What `command` prints when `input` comes by standard input.
fn piped(command: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output.stdout
}

#[test]
fn a_dash_is_standard_input_or_output() {
    let Fixture { csv, npy, run, .. } = fixture();
    let folder = Folder::new();
    let scores = succeeds(&["score", run, csv]);
    let table = std::fs::read(csv).unwrap();
    let array = std::fs::read(npy).unwrap();
    assert_eq!(piped(&["score", run, "-"], &table), scores.as_bytes());
    assert_eq!(
        piped(&["score", run, "-", "--out", "-"], &array),
        scores.as_bytes()
    );
    let raw = &folder.path("raw");
    succeeds(&["readings", run, csv, "--out", raw]);
    let bytes = piped(&["readings", run, "-", "--out", "-"], &table);
    assert_eq!(bytes, std::fs::read(raw).unwrap());
    assert_eq!(bytes.len(), 2 * 4 * ROWS);
    let look = String::from_utf8(piped(&["look", "-"], &table)).unwrap();
    assert!(look.contains("standard input: 140 rows"), "{look}");
    let packets = piped(&["encode", run, "-", "--out", "-"], &table);
    let decoded = piped(&["decode", run, "-"], &packets);
    assert_eq!(decoded.split(|&byte| byte == b'\n').count(), ROWS + 2);
    assert!(!std::path::Path::new("-").exists());
}

/// Help is full with --help, short with -h, and has no colors where it is no terminal.
#[test]
fn help_is_short_or_full_and_plain() {
    let short = succeeds(&["fit", "-h"]);
    let full = succeeds(&["fit", "--help"]);
    assert!(short.lines().count() < 50, "{short}");
    assert!(short.contains("--epochs") && !short.contains("--free-bits"));
    assert!(full.contains("--free-bits") && full.contains("Examples:"));
    let program = succeeds(&["--help"]);
    for words in ["Exit codes:", "NO_COLOR", "sweep", "verify"] {
        assert!(program.contains(words), "{program}");
    }
    assert!(!(short + &full + &program).contains('\u{1b}'));
    for shell in ["bash", "zsh", "fish"] {
        let completions = succeeds(&["completions", shell]);
        assert!(completions.contains("free-bits"), "{shell}");
    }
    let folder = Folder::new();
    let pages = folder.path("man");
    assert_eq!(succeeds(&["man", &pages]), "");
    let page = String::from_utf8(read(&pages, "trainer-fit.1")).unwrap();
    assert!(
        page.starts_with(".") && page.contains("free\\-bits"),
        "{page}"
    );
}
