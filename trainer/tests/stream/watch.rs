//! `trainer watch`.

use crate::fixture::{FAULT, Fixture, HOP, TINY, WINDOW, both, column, fixture};
use crate::support::machine;
use crate::support::machine::{CHANNELS, FAULTY};
use crate::support::program::{Folder, fails_with, succeeds, trainer};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

// What works.

#[test]
fn a_fault_raises_one_alarm_soon_and_blames_its_channel() {
    let Fixture { faulty, run, .. } = fixture();
    let (lines, words) = both(&["watch", run, faulty]);
    assert_eq!(
        lines.lines().next(),
        Some(elbow::monitor::Event::CSV_HEADER)
    );
    let alarms = column(&lines, "alarm");
    assert_eq!(alarms.len(), (10_000 - WINDOW) / HOP + 1);
    let times: Vec<usize> = column(&lines, "sample")
        .iter()
        .map(|time| time.parse().unwrap())
        .collect();
    let of = |kind: &str| -> Vec<usize> {
        let events = alarms.iter().zip(&times);
        events
            .filter(|(alarm, _)| *alarm == kind)
            .map(|(_, &time)| time)
            .collect()
    };
    let (raised, cleared) = (of("raised"), of("cleared"));
    println!("raised {raised:?}, cleared {cleared:?}\n{words}");
    assert_eq!((raised.len(), cleared.len()), (1, 1), "{words}");
    // Two windows after the fault's start, and it ends within 16 of its end.
    assert!((FAULT.start..FAULT.start + 2 * WINDOW).contains(&raised[0]));
    assert!((FAULT.end..FAULT.end + 16 * WINDOW).contains(&cleared[0]));
    let blamed = column(&lines, "channel");
    let during = blamed
        .iter()
        .zip(&times)
        .filter(|(_, time)| FAULT.contains(time));
    let named: Vec<&String> = during
        .map(|(blamed, _)| blamed)
        .filter(|b| !b.is_empty())
        .collect();
    assert!(named.len() > 50 && named.iter().all(|blamed| **blamed == FAULTY.to_string()));
    let line = format!(
        "alarm raised at sample {} (window {}): channel 1 (vibration_y) lacks ",
        raised[0],
        (raised[0] + 1 - WINDOW) / HOP
    );
    assert!(words.contains(&line), "{words}");
    assert!(
        words.contains(&format!("alarm cleared at sample {}", cleared[0])),
        "{words}"
    );
    assert!(words.contains("the scores drifted in "), "{words}");
}

#[test]
fn a_normal_stream_raises_no_alarm() {
    let folder = Folder::new();
    let data = folder.write("normal.csv", machine::csv(&machine::samples(3, 8000, None)));
    let (lines, words) = both(&["watch", &fixture().run, &data]);
    assert!(
        column(&lines, "alarm").iter().all(|alarm| alarm == "quiet"),
        "{words}"
    );
    assert!(
        words.contains("no alarm\n") && words.contains("did not drift"),
        "{words}"
    );
}

#[test]
fn watching_scores_like_scoring() {
    let Fixture { faulty, run, .. } = fixture();
    let (watched, _) = both(&["watch", run, faulty]);
    let scored = succeeds(&["score", run, faulty]);
    for name in ["elbo_q16", "p_value_q31"] {
        assert_eq!(column(&watched, name), column(&scored, name));
    }
    let out = &Folder::new();
    let out = &out.path("events.csv");
    assert_eq!(both(&["watch", run, faulty, "--out", out]).0, "");
    assert_eq!(std::fs::read_to_string(out).unwrap(), watched);
    let limited = both(&["watch", run, faulty, "--limit", "640"]).0;
    assert!(watched.starts_with(&limited) && limited.lines().count() == 20);
    let random = |seed| {
        let estimator = ["--estimator", "monte-carlo:4", "--seed", seed];
        both(&[&["watch", run, faulty, "--limit", "640"], &estimator[..]].concat()).0
    };
    assert_eq!(random("1"), random("1"));
    assert_ne!(random("1"), random("2"));
}

#[test]
fn rates_that_the_calibration_does_not_tell_are_refused() {
    let Fixture { normal, run, .. } = fixture();
    let watch = |more: &[&str], words: &[&str]| {
        fails_with(&[&["watch", run, normal], more].concat(), words);
    };
    watch(
        &["--enter", "1e-12"],
        &["rate of 0.0000000000", "calibrate with more readings"],
    );
    watch(&["--enter", "0"], &["--enter is 0", "above 0"]);
    watch(&["--leave", "nan"], &["--leave is NaN"]);
    watch(&["--enter", "0.2", "--leave", "0.1"], &["cannot end above"]);
    watch(&["--time-constant", "17"], &["2^17", "2^16"]);
    let folder = Folder::new();
    let out = &folder.path("run");
    let none = [
        "--window",
        "64",
        "--validation-fraction",
        "0",
        "--test-fraction",
        "0",
    ];
    let output = trainer(&[&["fit", normal, "--out", out], &none[..], &TINY[..]].concat());
    assert!(output.status.success());
    fails_with(&["watch", out, normal], &["no calibration", "validation"]);
    // The alarm would be raised at other rates too.
    let (_, words) = both(&["watch", run, normal, "--enter", "0.05", "--leave", "0.5"]);
    assert!(
        words.contains("windows; the alarm is raised below"),
        "{words}"
    );
    assert_eq!(CHANNELS.len(), 3);
}

#[test]
fn exported_source_has_the_memory_of_a_watch_and_the_channels() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    let (module, base) = (folder.path("machine.rs"), folder.path("machine"));
    succeeds(&["export", run, "--rust", "--out", &module]);
    succeeds(&["export", run, "--c", "--out", &base]);
    let image = elbow_trainer::export::run::read_image(run.as_ref()).unwrap();
    let model = elbow::Model::parse(&image).unwrap();
    let (words, channels) = (model.watch_words().unwrap(), CHANNELS.len());
    let module = std::fs::read_to_string(module).unwrap();
    let header = std::fs::read_to_string(base + ".h").unwrap();
    for line in [
        format!("pub const WATCH_WORDS: usize = {words};"),
        format!("pub const CHANNELS: usize = {channels};"),
        format!("pub const WINDOW_SAMPLES: usize = {WINDOW};"),
        format!("pub const HOP_SAMPLES: usize = {HOP};"),
        format!("pub const COLUMNS: [elbow::Column<'static>; {channels}]"),
    ] {
        assert!(module.contains(&line), "{module} lacks {line:?}");
    }
    assert!(header.contains(&format!("_WATCH_BYTES {}\n", 8 * words)));
    assert!(header.contains(&format!("_COLUMNS {channels}\n")));
}

// A pipe.

/// The program with its standard input open.
fn piped(arguments: &[&str]) -> std::process::Child {
    std::process::Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Outputs and exit code of a command that is given all of `input`.
fn fed(arguments: &[&str], input: &str) -> (String, String, Option<i32>) {
    let mut child = piped(arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // Who stops reading is no error here.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

#[test]
fn a_pipe_is_watched_like_a_file() {
    let Fixture { faulty, run, .. } = fixture();
    let (lines, words) = both(&["watch", run, faulty]);
    let text = std::fs::read_to_string(faulty).unwrap();
    assert_eq!(fed(&["watch", run, "-"], &text), (lines, words, Some(0)));
    // Decimal commas, and columns in another order.
    let swapped = text.lines().map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{};{};{}\n", cells[2], cells[0], cells[1])
    });
    let few = ["watch", run, "-", "--limit", "640"];
    let (lines, words, _) = fed(&few, &swapped.collect::<String>());
    assert!(words.contains("in the order of the training"), "{words}");
    assert_eq!(lines, both(&["watch", run, faulty, "--limit", "640"]).0);
}

/// The line of a window is there before the next sample is written.
#[test]
fn nothing_waits_for_the_end_of_a_pipe() {
    let Fixture { faulty, run, .. } = fixture();
    let text = std::fs::read_to_string(faulty).unwrap();
    let mut child = piped(&["watch", run, "-"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut rows = text.lines();
    let mut write = |count: usize| {
        for row in rows.by_ref().take(count) {
            writeln!(stdin, "{row}").unwrap();
        }
    };
    write(1 + WINDOW);
    assert_eq!(
        lines.next().unwrap().unwrap(),
        elbow::monitor::Event::CSV_HEADER
    );
    for window in 0..3 {
        let line = lines.next().unwrap().unwrap();
        assert!(
            line.starts_with(&format!("{window},{}", WINDOW - 1 + window * HOP)),
            "{line}"
        );
        write(HOP);
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn alarms_end_a_watch_with_their_code() {
    let Fixture {
        faulty,
        normal,
        run,
        ..
    } = fixture();
    let text = std::fs::read_to_string(faulty).unwrap();
    let (lines, words, code) = fed(&["watch", run, "-", "--exit-on-alarm"], &text);
    assert_eq!(code, Some(3), "{words}");
    assert!(
        lines.lines().last().unwrap().contains(",raised,1,"),
        "{lines}"
    );
    assert_eq!(
        trainer(&["watch", run, faulty, "--exit-on-alarm"])
            .status
            .code(),
        Some(3)
    );
    let ordinary = ["watch", run, normal, "--limit", "2000", "--exit-on-alarm"];
    assert_eq!(trainer(&ordinary).status.code(), Some(0));
    fails_with(
        &["watch", run, "-", "--out", "lines.csv"],
        &["redirect the lines"],
    );
}

#[test]
fn known_rates_make_seconds() {
    let Fixture { faulty, run, .. } = fixture();
    let (lines, words) = both(&["watch", run, faulty, "--rate", "100"]);
    let samples = column(&lines, "sample");
    for (sample, seconds) in samples.iter().zip(column(&lines, "seconds")) {
        let sample: f64 = sample.parse().unwrap();
        assert_eq!(seconds, format!("{:.3}", sample / 100.0));
    }
    assert!(
        words.contains(" s): channel 1 (vibration_y) lacks "),
        "{words}"
    );
}

/// A model of single readings scores each row, and blames the column that is off.
#[test]
fn single_readings_are_watched_too() {
    let folder = Folder::new();
    let (data, out) = (folder.path("pump.csv"), folder.path("run"));
    assert_eq!(
        trainer(&["look", "pump", "--out", &data]).status.code(),
        Some(0)
    );
    let fit = ["fit", "pump", "--out", &out, "--epochs", "60", "--quiet"];
    assert_eq!(trainer(&fit).status.code(), Some(0));
    let text = std::fs::read_to_string(&data).unwrap();
    let head = text.lines().next().unwrap();
    let late = text.lines().skip(1 + 4100).take(200);
    let late: String = late.map(|line| format!("{line}\n")).collect();
    let late = format!("{head}\n{late}");
    let file = folder.write("late.csv", &late);
    let (lines, words) = both(&["watch", &out, &file]);
    let (piped, live, code) = fed(&["watch", &out, "-"], &late);
    assert_eq!((piped, code), (lines.clone(), Some(0)), "{live}");
    assert_eq!(
        column(&lines, "elbo_q16"),
        column(&succeeds(&["score", &out, &file]), "elbo_q16")
    );
    assert_eq!(column(&lines, "seconds")[2], "120.000");
    // The meter is stuck from reading 100 on.
    let alarms: Vec<&str> = words
        .lines()
        .filter(|line| line.contains("alarm raised"))
        .collect();
    println!("{words}");
    let at = |line: &&&str| {
        let number = line.split_whitespace().nth(4).unwrap();
        (100..140).contains(&number.parse::<usize>().unwrap())
    };
    assert!(
        alarms
            .iter()
            .any(|line| at(&line) && line.contains(": flow lacks ")),
        "{words}"
    );
}
