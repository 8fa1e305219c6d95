//! Options that say what data are, by the commands that look at them: `look` and `init`.

use crate::support::program::{Folder, succeeds, trainer};
use std::fmt::Write;

/// A table with a count of its rows, a time, a place, a flag, numbers that hang together, and a number that stands for none.
fn table() -> String {
    let mut table = "n,time,place,ok,a,b,c\n".to_owned();
    for row in 0..240 {
        let (x, y) = ((f64::from(row) * 0.37).sin(), (f64::from(row) * 0.11).cos());
        let place = format!("p{}", row / 20);
        let a = if row % 50 == 3 { -999.0 } else { x + 0.1 * y };
        let time = format!("2026-01-31T{:02}:{:02}:00", row / 60, row % 60);
        let flag = u8::from(row % 9 == 8);
        let _ = writeln!(
            table,
            "{row},{time},{place},{flag},{a:.3},{y:.3},{:.3}",
            x * y
        );
    }
    table
}

/// Options on that table, a word of what `look` says of each, and the line of the file that `init` writes.
const OF_TABLES: [(&[&str], &str, &str); 15] = [
    (&["--label", "ok"], "label    flag ", "label = \"ok\""),
    (
        &["--label", "ok", "--normal", "1"],
        "16 readings to learn",
        "normal = [\"1\"]",
    ),
    (
        &["--time", "time"],
        "time    time     time",
        "time = [\"time\"]",
    ),
    (
        &["--ignore", "time", "--group", "place"],
        "group    text",
        "group = \"place\"",
    ),
    (&["--ignore", "b"], "ignored  real", "\"b\""),
    (&["--reading", "n"], "reading  whole", "reading = [\"n\"]"),
    (&["--condition", "b"], "condition", "condition = [\"b\"]"),
    (&["--kind", "a=laplace"], "laplace", "a=laplace"),
    (
        &["--sentinels=-77"],
        "no cell is -77",
        "sentinels = \"-77\"",
    ),
    (&["--sample", "2000"], "--sample 2000", "sample = 2000"),
    (
        &["--conditions", "1", "--ignore", "ok"],
        "normal*2",
        "conditions = 1",
    ),
    (
        &["--validation-fraction", "0.3"],
        "72 to choose by",
        "validation_fraction = 0.3",
    ),
    (
        &["--test-fraction", "0.3"],
        "72 to test on",
        "test_fraction = 0.3",
    ),
    (
        &[
            "--ignore",
            "n,time,place,ok",
            "--sentinels",
            "none",
            "--window",
            "8",
            "--hop",
            "2",
        ],
        "81 readings to learn",
        "hop = 2",
    ),
    (
        &[
            "--ignore",
            "n,time,place,ok",
            "--sentinels",
            "none",
            "--window",
            "8",
            "--features",
            "rms",
        ],
        "41 readings to learn",
        "features = \"rms\"",
    ),
];

#[test]
fn each_option_of_data_is_seen_and_written() {
    let folder = Folder::new();
    let data = &folder.write("table.csv", table());
    let said = |arguments: &[&str]| {
        let output = trainer(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap() + &errors
    };
    for (options, word, line) in OF_TABLES {
        let seen = said(&[&["look", data], options].concat());
        assert!(seen.contains(word), "{options:?}: {seen}");
        let written = said(&[&["init", data, "--out", "-"], options].concat());
        let has = written
            .lines()
            .any(|own| !own.starts_with('#') && own.contains(line));
        assert!(has, "{options:?}: {written}");
    }
    // What would have to be assumed is refused.
    for command in [
        &["look", data, "--strict"][..],
        &["init", data, "--strict", "--out", "-"],
    ] {
        let errors = String::from_utf8(trainer(command).stderr).unwrap();
        assert!(errors.contains("--strict assumes nothing"), "{errors}");
    }
}

/// Labels in a file of their own, bits of pixels, and the digit that is held out.
#[test]
fn options_of_labels_and_of_pictures_are_seen_and_written() {
    let folder = Folder::new();
    let grey = |row: u32| format!("{},{},{}\n", row * 37 % 256, row * 91 % 256, row * 5 % 256);
    let grey = &folder.write("grey.csv", (0..60).map(grey).collect::<String>());
    let labels: String = (0..60)
        .map(|row| format!("{}\n", u8::from(row % 9 == 8)))
        .collect();
    let labels = &folder.write("labels.csv", labels);
    for (data, options, line) in [
        (grey.as_str(), &["--labels", labels][..], "labels = "),
        (grey, &["--binarize", "static"], "binarize = \"static\""),
        ("digits", &["--anomaly-digit", "7"], "anomaly_digit = 7"),
    ] {
        let plain = succeeds(&["look", data]);
        let output = trainer(&[&["look", data], options].concat());
        assert!(output.status.success(), "{options:?}");
        assert_ne!(
            String::from_utf8(output.stdout).unwrap(),
            plain,
            "{options:?}"
        );
        let output = trainer(&[&["init", data, "--out", "-"], options].concat());
        let written = String::from_utf8(output.stdout).unwrap();
        assert!(
            written.lines().any(|own| own.starts_with(line)),
            "{written}"
        );
    }
}
