//! Settings in files: any part of them, with options beside them, and the file to start from.

use crate::fixture::{Fixture, TINY, fixture};
use crate::support::program::{Folder, fails_with, read, succeeds, summary, trainer};
use std::path::Path;

/// Files of a run that must not change with where settings are said.
const SAME: [&str; 4] = [
    "model.elbow",
    "model.safetensors",
    "plan.toml",
    "metrics.jsonl",
];

/// A part of the settings of the shared run.
const PART: &str = "\
[model]
encoder = [6] # a comment
decoder = [6]
latents = 2
[train]
epochs = 9
[export]
keep_dead_latents = true
";

#[test]
fn any_part_of_the_settings_may_be_in_a_file_and_options_go_before_it() {
    let Fixture {
        csv, labels, run, ..
    } = fixture();
    let folder = Folder::new();
    let config = &folder.write("elbow.toml", PART);
    let fit = [
        "fit", csv, "--labels", labels, "--config", config, "--quiet",
    ];
    let said: [&[&str]; 3] = [
        &["--epochs", "3"],
        &["--set", "train.epochs=3"],
        &[
            "--set",
            "train.epochs=3",
            "--set",
            "model.encoder=[6]",
            "--latents",
            "2",
        ],
    ];
    for (at, said) in said.iter().enumerate() {
        let out = &folder.path(&at.to_string());
        succeeds(&[&fit[..], said, &["--out", out]].concat());
        for name in SAME.iter().chain(&["config.toml"]) {
            assert!(
                read(run, name) == read(out, name),
                "{said:?}: {name} differs"
            );
        }
    }
    let both = ["--epochs", "3", "--set", "train.epochs=4"];
    fails_with(
        &[&fit[..], &both].concat(),
        &["--set train.epochs", "--epochs", "leave one of them out"],
    );
    fails_with(
        &[&fit[..], &["--set", "train.epoch=4"]].concat(),
        &["train.epoch;", "train.epochs"],
    );
    let resumed = ["fit", "--resume", run, "--set", "train.epochs=4"];
    assert_eq!(trainer(&resumed).status.code(), Some(2));
}

/// What follows from other settings follows in a file too.
#[test]
fn defaults_follow_from_the_settings_of_a_file() {
    let folder = Folder::new();
    let config = &folder.write("elbow.toml", "train.missing = 0.25\n");
    let (by_file, by_option) = (&folder.path("a"), &folder.path("b"));
    let csv = &fixture().csv;
    succeeds(
        &[
            &["fit", csv, "--config", config, "--out", by_file],
            &TINY[..],
        ]
        .concat(),
    );
    succeeds(
        &[
            &["fit", csv, "--missing", "0.25", "--out", by_option],
            &TINY[..],
        ]
        .concat(),
    );
    let text = String::from_utf8(read(by_file, "config.toml")).unwrap();
    assert!(text.contains("importance_samples = 5\n"), "{text}");
    assert!(read(by_file, "config.toml") == read(by_option, "config.toml"));
}

#[test]
fn limits_in_a_file_size_the_networks() {
    let folder = Folder::new();
    let config = &folder.write("elbow.toml", "[limits]\nflash = \"40K\"\n");
    let out = &folder.path("run");
    let fit = [
        "fit", "--config", config, "--epochs", "2", "--quiet", "--out", out,
    ];
    succeeds(&fit);
    assert_eq!(summary(out)["budget"]["limits"]["flash"], 40 * 1024);
}

/// A table with a column for each role that is found.
fn mixed() -> String {
    let lines = (0..160).map(|row| {
        let wave = f64::from(row * 37 % 101) / 50.0;
        let mode = ["idle", "run"][row as usize / 20 % 2];
        let label = u8::from(row % 9 == 8);
        format!(
            "2026-01-01 00:{:02}:{:02},{mode},{:.3},{:.3},x,{label}\n",
            row / 60,
            row % 60,
            wave,
            3.0 * wave + f64::from(row % 7)
        )
    });
    "when,mode,flow,load,site,label\n".to_owned() + &lines.collect::<String>()
}

#[test]
fn the_file_to_start_from_changes_nothing_until_it_is_edited() {
    let folder = Folder::new();
    let table = &folder.write("mixed.csv", mixed());
    for data in [table, &fixture().csv, "digits"] {
        let (config, plain, by_file) = (
            &folder.path("elbow.toml"),
            &folder.path("a"),
            &folder.path("b"),
        );
        let output = trainer(&["init", data, "--out", config, "--force"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let fit = ["--epochs", "3", "--quiet", "--force", "--out"];
        assert!(
            trainer(&[&["fit", data], &fit[..], &[plain]].concat())
                .status
                .success()
        );
        let fit = [&["fit", "--config", config], &fit[..], &[by_file]].concat();
        assert!(trainer(&fit).status.success());
        for name in SAME {
            assert!(
                read(plain, name) == read(by_file, name),
                "{data}: {name} differs"
            );
        }
    }
    let config = &folder.path("mixed.toml");
    assert!(trainer(&["init", table, "--out", config]).status.success());
    let text = std::fs::read_to_string(config).unwrap();
    for line in [
        "time = [\"when\"]",
        "kind = [\"mode=state\"]",
        "ignore = [\"site\"]",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    }
    assert!(text.contains("\nlabel = \"label\"\n"), "{text}");
    assert!(text.contains("# epochs = 400\n") && text.contains("from 1 to 1000000\n"));
    // Whoever wrote it keeps it.
    fails_with(
        &["init", table, "--out", config],
        &["mixed.toml is there already", "--force"],
    );
    assert_eq!(succeeds(&["init", table, "--out", "-"]), text);
    let said = succeeds(&["init", &fixture().csv, "--out", "-", "--window", "4"]);
    for line in ["window = 4", "hop = 2", "features = \"centered\""] {
        assert!(said.contains(&format!("\n{line}\n")), "{said}");
    }
}

/// No option is taken that changes nothing.
#[test]
fn options_without_an_effect_are_refused() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    let fit = ["fit", "--out", out];
    let cases: [(&[&str], &[&str]); 5] = [
        (
            &[csv, "--anomaly-digit", "3"],
            &["--anomaly-digit", "pump.csv"],
        ),
        (&["--label", "a"], &["--label", "the digits"]),
        (
            &["--set", "data.test_fraction=0.3"],
            &["--test-fraction", "the digits"],
        ),
        (&[csv, "--normal", "1"], &["--normal 1", "--label"]),
        (&["-"], &["standard input"]),
    ];
    for (arguments, words) in cases {
        fails_with(&[&fit[..], arguments].concat(), words);
    }
    let baseline = ["baseline", "ppca", csv];
    fails_with(
        &[&baseline[..], &["--seed", "1"]].concat(),
        &["--seed", "ppca"],
    );
    fails_with(
        &[&baseline[..], &["--anomaly-digit", "1"]].concat(),
        &["--anomaly-digit", "pump.csv"],
    );
    // Who calls it for any data is told, and gets the readings.
    let masks = &folder.path("masks");
    let readings = &folder.path("readings");
    let said = trainer(&["readings", run, csv, "--out", readings, "--masks", masks]);
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("no value is missing"), "{said}");
    assert!(Path::new(readings).exists() && !Path::new(masks).exists());
}
