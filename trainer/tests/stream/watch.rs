//! `trainer watch`.

use crate::fixture::{FAULT, Fixture, HOP, TINY, WINDOW, both, column, fixture};
use crate::support::machine;
use crate::support::machine::{CHANNELS, FAULTY};
use crate::support::program::{Folder, fails_with, succeeds, trainer};

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
