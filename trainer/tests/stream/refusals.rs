//! Streams and settings that are refused.

use crate::fixture::{Fixture, TINY, WINDOW, fixture};
use crate::support::machine;
use crate::support::program::{Folder, contents, fails_with, succeeds, trainer};
use std::path::Path;
use std::time::{Duration, Instant};

/// `fit` on `data` must be refused with `words`, before it trains, and leave no folder.
fn fit_is_refused(data: &str, arguments: &[&str], words: &[&str]) {
    let folder = Folder::new();
    let out = folder.path("run");
    let start = Instant::now();
    let fit = ["fit", data, "--out", &out, "--epochs", "1000000", "--quiet"];
    fails_with(&[&fit[..], arguments].concat(), words);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{arguments:?} trained first"
    );
    assert!(!Path::new(&out).exists());
}

#[test]
fn streams_without_windows_are_refused() {
    let Fixture { normal, labels, .. } = fixture();
    let cases: [(&[&str], &[&str]); 12] = [
        (&["--window", "0"], &["--window is 0", "from 1 to 16384"]),
        (&["--window", "16385"], &["--window is 16385"]),
        (
            &["--window", "64", "--hop", "0"],
            &["--hop is 0", "from 1 to the 64"],
        ),
        (
            &["--window", "64", "--hop", "65"],
            &["--hop is 65", "from 1 to the 64"],
        ),
        (
            &["--window", "16001"],
            &["16000 samples", "asks for 16001", "shorter window"],
        ),
        (
            &["--window", "64", "--features", "mean,fft"],
            &["no such feature: \"fft\"", "bands:K"],
        ),
        (
            &["--window", "64", "--features", "bands:0"],
            &["0 bands", "1 to 32"],
        ),
        (
            &["--window", "100", "--features", "bands:4"],
            &["bands:4", "100 samples has no spectrum", "power of two"],
        ),
        (
            &["--window", "8000"],
            &["readings of 24000 numbers", "16384"],
        ),
        (
            &["--window", "64", "--likelihood", "binomial:16"],
            &["binomial:16", "gaussian"],
        ),
        (
            &["--window", "4000"],
            &["fraction 0.15 of 7 normal windows", "none for validation"],
        ),
        (
            &["--window", "64", "--labels", labels],
            &["10000 labels", "16000 rows"],
        ),
    ];
    for (arguments, words) in cases {
        fit_is_refused(normal, arguments, words);
    }
    fit_is_refused("digits", &["--window", "64"], &["--window is for a file"]);
    for arguments in [["--hop", "3"], ["--features", "mean"]] {
        let output = trainer(&["fit", normal, arguments[0], arguments[1]]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && errors.contains("--window"),
            "{errors}"
        );
    }
}

#[test]
fn channels_that_tell_nothing_are_refused() {
    let folder = Folder::new();
    let wide = (0..40).map(|row| vec![(row % 7).to_string(); 256].join(",") + "\n");
    let wide = folder.write("wide.csv", wide.collect::<String>());
    fit_is_refused(
        &wide,
        &["--window", "4"],
        &["wide has 256 columns", "255 channels"],
    );
    let lines = |line: &dyn Fn(usize) -> String| -> String {
        (0..400).map(|row| line(row) + "\n").collect()
    };
    let slow = lines(&|row| format!("{},{}", row * row % 17, u8::from(row / 8 % 16 == 0)));
    let slow = folder.write("slow.csv", slow);
    fit_is_refused(
        &slow,
        &["--window", "8", "--hop", "8", "--features", "mean:0"],
        &[
            "mean:0 of column 2 varies by",
            "resolves 1",
            "more fraction bits",
        ],
    );
    let absurd = folder.write(
        "absurd.csv",
        lines(&|row| format!("{}e-37", row * row % 17)),
    );
    fit_is_refused(
        &absurd,
        &["--window", "8"],
        &["column 1 of absurd", "scale the channel"],
    );
}

#[test]
fn data_that_do_not_fit_the_model_are_refused() {
    let Fixture { normal, run, .. } = fixture();
    let folder = Folder::new();
    let short = folder.write(
        "short.csv",
        machine::csv(&machine::samples(1, WINDOW - 1, None)),
    );
    let pairs = folder.write("pairs.csv", "1,2\n".repeat(100));
    let out = &folder.path("out");
    for command in [
        &["score", run, &short][..],
        &["eval", run, &short],
        &["readings", run, &short, "--out", out],
        &["encode", run, &short, "--out", out],
        &["watch", run, &short, "--out", out],
    ] {
        fails_with(command, &["63 samples", "takes 64", "longer stream"]);
    }
    fails_with(&["score", run, &pairs], &["pairs: has 2 columns", "had 3"]);
    for command in [
        &["watch", run, &pairs][..],
        &["samples", run, &pairs, "--out", out],
    ] {
        fails_with(command, &["pairs", "2 columns", "3"]);
    }
    fails_with(&["watch", run, normal, "--limit", "0"], &["--limit is 0"]);
    let whole = &folder.path("whole");
    succeeds(
        &[
            &["fit", &pairs_that_vary(&folder), "--out", whole],
            &TINY[..],
        ]
        .concat(),
    );
    let before = contents(whole);
    let samples = ["samples", whole, normal, "--out", out];
    fails_with(&samples, &["model.elbow", "whole readings", "--window"]);
    // Its single readings are watched, and these are none of them.
    fails_with(&["watch", whole, normal], &["3 columns", "2"]);
    let wanted = ["watch", whole, &pairs, "--false-alarms", "1"];
    fails_with(&wanted, &["whole readings", "--window"]);
    assert_eq!(contents(whole), before);
    assert!(!Path::new(out).exists());
}

fn pairs_that_vary(folder: &Folder) -> String {
    let lines = (0..100).map(|row| format!("{},{}\n", row * row % 17, row % 5));
    folder.write("vary.csv", lines.collect::<String>())
}
