//! `trainer eval --events`, and alarms for a wanted number of false alarms.

use crate::fixture::{FAULT, Fixture, HOP, WINDOW, both, column, fixture};
use crate::support::machine;
use crate::support::program::{Folder, fails_with, json, succeeds};
use serde_json::Value;

/// Samples of streams that are long enough to count false alarms in.
const LONG: usize = 60_000;

fn judged(arguments: &[&str]) -> Value {
    // What is assumed is said on standard error.
    json(&both(&[&["eval"], arguments, &["--json"]].concat()).0)
}

/// The results of a kind of alarm.
fn of<'v>(results: &'v Value, kind: &str) -> &'v Value {
    let alarms = results["alarms"].as_array().unwrap();
    alarms
        .iter()
        .find(|judged| judged["alarm"] == kind)
        .unwrap()
}

/// The last samples of windows, and whether each raised the alarm, as `watch` says.
fn raised(lines: &str) -> Vec<usize> {
    let alarms = column(lines, "alarm");
    let samples = column(lines, "sample");
    let pairs = alarms
        .iter()
        .zip(&samples)
        .filter(|(alarm, _)| *alarm == "raised");
    pairs.map(|(_, sample)| sample.parse().unwrap()).collect()
}

// What works.

#[test]
fn events_by_labels_are_found_as_watching_says() {
    let Fixture {
        faulty,
        labels,
        run,
        ..
    } = fixture();
    let results = judged(&[run, faulty, "--labels", labels, "--events"]);
    assert_eq!(results["windows"], (10_000 - WINDOW) / HOP + 1);
    let tolerant = ["--labels", labels, "--events", "--tolerance", "7"];
    let tolerant = judged(&[&[run.as_str(), faulty], &tolerant[..]].concat());
    assert_eq!(tolerant["tolerance"], 7);
    assert_ne!(results["tolerance"], 7);
    assert_eq!(
        (&results["samples"], &results["unit"]),
        (&10_000.into(), &"1000 windows".into())
    );
    let events = results["events"].as_array().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["start"], &events[0]["end"]),
        (&FAULT.start.into(), &(FAULT.end - 1).into())
    );
    let times = raised(&both(&["watch", run, faulty]).0);
    assert_eq!(times.len(), 1);
    let smoothed = of(&results, "smoothed");
    assert_eq!(
        (&smoothed["found"], &smoothed["false_alarms"]["count"]),
        (&1.into(), &0.into())
    );
    assert_eq!(smoothed["median_delay"], (times[0] - FAULT.start) as f64);
    // No label says which channel it was.
    assert_eq!(smoothed["blamed"], 0);
    // Windows that end in the fault, or less than a window and a sample after it.
    let first = |sample: usize| (sample + 1).saturating_sub(WINDOW).div_ceil(HOP);
    let within = first(FAULT.end + WINDOW) - first(FAULT.start);
    let normal = results["windows"].as_u64().unwrap() as usize - within;
    assert_eq!(smoothed["false_alarms"]["windows"], normal);
    // Of no alarm in n windows: -ln 0.05 / n.
    let at_most = smoothed["false_alarms"]["at_most"].as_f64().unwrap();
    assert!(
        (at_most - 2995.732 / normal as f64).abs() < 1e-3,
        "{at_most}"
    );
}

/// The martingale again, in floats, of the p-values that `watch` prints.
#[test]
fn the_martingale_is_that_of_the_p_values() {
    let Fixture {
        faulty,
        labels,
        run,
        ..
    } = fixture();
    let results = judged(&[run, faulty, "--labels", labels, "--events"]);
    let inspected = json(&succeeds(&["inspect", run, "--json"]));
    let table = inspected["calibrations"].as_array().unwrap();
    let joined =
        |table: &&Value| table["of"] == "joined statistics" && table["estimator"] == "sigma-points";
    let smallest = table.iter().find(joined).unwrap()["smallest_counted"]
        .as_f64()
        .unwrap();
    let (lines, _) = both(&["watch", run, faulty]);
    let (mut log, mut alarm, mut times) = (0f64, false, vec![]);
    let threshold = -(1e-4f64).ln();
    for (p, sample) in column(&lines, "p_value_q31")
        .iter()
        .zip(column(&lines, "sample"))
    {
        let p = (p.parse::<f64>().unwrap() / 2f64.powi(31)).max(smallest);
        log = (log + 0.5f64.ln() - 0.5 * p.ln()).clamp(0.0, threshold);
        let before = alarm;
        alarm = log >= threshold - 1e-3 || (alarm && log > 0.0);
        if alarm && !before {
            times.push(sample.parse::<usize>().unwrap());
        }
    }
    let of_fault = times
        .iter()
        .filter(|time| FAULT.contains(time))
        .min()
        .unwrap();
    let martingale = of(&results, "martingale");
    assert_eq!(martingale["found"], 1);
    assert_eq!(martingale["median_delay"], (of_fault - FAULT.start) as f64);
    let outside = times
        .iter()
        .filter(|&&time| !(FAULT.start..FAULT.end + WINDOW).contains(&time));
    assert_eq!(martingale["false_alarms"]["count"], outside.count());
}

#[test]
fn files_of_events_say_which_channel_it_was() {
    let Fixture { faulty, run, .. } = fixture();
    let folder = Folder::new();
    let rows = format!(
        "start,end,channel\n100,200,current\n{},{},vibration_y\n",
        FAULT.start,
        FAULT.end - 1
    );
    let file = folder.write("events.csv", rows);
    let arguments = [run.as_str(), faulty, "--events", &file, "--rate", "100"];
    let results = judged(&arguments);
    let smoothed = of(&results, "smoothed");
    assert_eq!(
        (
            &smoothed["found"],
            &smoothed["blamed"],
            &smoothed["blamed_rightly"]
        ),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(results["unit"], "day");
    let text = succeeds(&[&["eval"], &arguments[..]].concat());
    for words in [
        "10000 samples, 100 s, in 311 windows; 2 events",
        "within 0.640 s after it",
        "1/2",
        "1/1",
        "a day",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn without_labels_every_alarm_is_false() {
    let Fixture { faulty, run, .. } = fixture();
    let (text, words) = both(&["eval", run, faulty, "--events"]);
    assert!(
        words.contains("nothing says which samples of faulty are anomalous"),
        "{words}"
    );
    assert!(text.contains("0 events") && text.contains("0/0"), "{text}");
    let results = judged(&[run, faulty, "--events"]);
    let rate = &of(&results, "smoothed")["false_alarms"];
    assert_eq!(
        (&rate["count"], &rate["windows"]),
        (&1.into(), &results["windows"])
    );
}

/// Each recording is a stream of its own: no window is of two.
#[test]
fn recordings_are_watched_one_by_one() {
    let Fixture { labels, run, .. } = fixture();
    let folder = Folder::new();
    let samples = machine::samples(2, 10_000, Some(FAULT));
    let parts = folder.path("parts");
    std::fs::create_dir(&parts).unwrap();
    for (name, part) in [("a", &samples[..7000]), ("b", &samples[7000..])] {
        std::fs::write(format!("{parts}/{name}.csv"), machine::csv(part)).unwrap();
    }
    let results = judged(&[run, &parts, "--labels", labels, "--events"]);
    assert_eq!(
        results["windows"],
        (7000 - WINDOW) / HOP + 1 + (3000 - WINDOW) / HOP + 1
    );
    let events = results["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[1]["start"]), (2, &7000.into()));
    assert_eq!(of(&results, "smoothed")["found"], 2);
    let file = folder.write("events.csv", "1,2\n5,6\n");
    fails_with(
        &["eval", run, &parts, "--events", &file],
        &["2 recordings", "one file of them"],
    );
}

/// Threshold and smoothing are chosen by a normal stream of 1874 windows, and hold on another one: 37 false alarms are
/// wanted in each. The difference of two such counts has a deviation of 9; four of them are allowed for.
#[test]
fn alarms_keep_the_wanted_number_of_false_alarms() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    let stream =
        |name: &str, seed| folder.write(name, machine::csv(&machine::samples(seed, LONG, None)));
    let (chosen_by, other) = (stream("chosen.csv", 11), stream("other.csv", 12));
    let wanted = ["--false-alarms", "20", "--normal-stream", &chosen_by];
    let results = judged(&[&[run.as_str(), &other, "--events"], &wanted[..]].concat());
    let windows = (LONG - WINDOW) / HOP + 1;
    let chosen = &results["chosen"];
    let alarms = chosen["alarms"].as_u64().unwrap();
    assert_eq!(
        (&chosen["windows"], &chosen["extrapolated"]),
        (&windows.into(), &false.into())
    );
    assert!((25..=37).contains(&alarms), "{chosen}");
    let counted = |kind: &str| {
        of(&results, kind)["false_alarms"]["count"]
            .as_u64()
            .unwrap()
    };
    println!(
        "{chosen}; on the other stream {} and {}",
        counted("smoothed"),
        counted("martingale")
    );
    assert!((5..=73).contains(&counted("smoothed")), "{results}");
    assert!(counted("martingale") <= 73, "{results}");
    // On the same stream the watch raises as many as the choice counted.
    let own = [&["watch", run, &chosen_by], &wanted[..]].concat();
    let (lines, words) = both(&own);
    assert_eq!(raised(&lines).len() as u64, alarms);
    for part in [
        "for 20 false alarms in 1000 windows (--false-alarms)",
        "(--time-constant)",
        "SmootherSettings {",
        "at most",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

/// Of held-out windows alone, too few to show so rare alarms.
#[test]
fn rare_alarms_are_extrapolated_and_it_is_said() {
    let Fixture {
        faulty,
        labels,
        run,
        ..
    } = fixture();
    let wanted = ["--false-alarms", "1", "--rate", "0.1"];
    let (text, _) = both(
        &[
            &["eval", run, faulty, "--labels", labels, "--events"],
            &wanted[..],
        ]
        .concat(),
    );
    for part in [
        "machine.csv that was held out (--normal-stream)",
        "0 false alarms, at most",
        "cannot show so few",
        "extrapolated",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let results = judged(
        &[
            &[run.as_str(), faulty, "--labels", labels, "--events"],
            &wanted[..],
        ]
        .concat(),
    );
    assert_eq!(of(&results, "smoothed")["found"], 1);
    let fixed = judged(
        &[
            &[
                run.as_str(),
                faulty,
                "--labels",
                labels,
                "--events",
                "--time-constant",
                "4",
            ],
            &wanted[..],
        ]
        .concat(),
    );
    assert_eq!(fixed["chosen"]["time_constant"], 4);
}

// What does not.

#[test]
fn what_makes_no_sense_is_refused() {
    let Fixture {
        faulty,
        normal,
        labels,
        run,
        ..
    } = fixture();
    let folder = Folder::new();
    let late = folder.write("late.csv", "start,end\n1,2\n5,10000\n");
    let alone = folder.path("alone.elbow");
    std::fs::copy(format!("{run}/model.elbow"), &alone).unwrap();
    let few = machine::csv(&machine::samples(1, 19, None));
    let short = folder.write("short.csv", few);
    let cases: [(&[&str], &[&str]); 9] = [
        (
            &["eval", run, "--events"],
            &["--events judges a stream", "give DATA"],
        ),
        (
            &["eval", run, faulty, "--events", &late],
            &["late.csv", "ends at sample 10000", "10000 samples"],
        ),
        (
            &["eval", run, faulty, "--enter", "0.1"],
            &["--enter", "--events"],
        ),
        (
            &[
                "eval",
                run,
                faulty,
                "--labels",
                labels,
                "--events",
                "--false-alarms",
                "0",
            ],
            &["--false-alarms is 0 in 1000 windows"],
        ),
        (
            &["watch", run, faulty, "--false-alarms", "1000"],
            &["--false-alarms is 1000", "below that of windows, 1000"],
        ),
        (
            &["watch", run, faulty, "--rate=-1"],
            &["--rate is -1", "above 0"],
        ),
        (
            &["watch", &alone, faulty, "--false-alarms", "1"],
            &["alone.elbow lies in no folder", "--normal-stream"],
        ),
        (
            &[
                "watch",
                run,
                faulty,
                "--false-alarms",
                "1",
                "--normal-stream",
                &short,
            ],
            &["19 samples", "takes 64"],
        ),
        (
            &[
                "watch",
                run,
                normal,
                "--false-alarms",
                "1",
                "--leave",
                "1e-12",
            ],
            &["rate of 0.0000000000"],
        ),
    ];
    for (arguments, words) in cases {
        fails_with(arguments, words);
    }
}
