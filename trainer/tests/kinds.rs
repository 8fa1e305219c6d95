//! Columns of different kinds: flags, states, counts and real numbers in one table, through the program.

mod support;

use std::fmt::Write;
use support::program::{Folder, Noise, fails_with, json, read, succeeds, trainer};

/// A machine with three modes: temperature and power follow the mode, a door is rarely open, a fan is on when it is hot, and
/// faults are counted. Vibration has heavy tails.
fn machine(rows: usize, seed: u64) -> String {
    let mut noise = Noise(seed);
    let mut text = "temperature,power,door,mode,fan,faults,gear,vibration\n".to_owned();
    for _ in 0..rows {
        let which = (noise.next() * 10.0) as usize;
        let (mode, load) = [("idle", 0.1), ("run", 1.0), ("boost", 2.0)]
            [[0, 0, 0, 0, 0, 1, 1, 1, 1, 2][which.min(9)]];
        let mut normal = || (0..12).map(|_| noise.next()).sum::<f32>() - 6.0;
        let temperature = 20.0 + 15.0 * load + normal();
        let power = 5.0 + 30.0 * load + 0.5 * normal();
        let (above, below) = (normal(), normal());
        let vibration = 0.2 * load + 0.05 * above / (0.2 + below.abs());
        let door = u8::from(noise.next() < if load < 0.5 { 0.3 } else { 0.02 });
        // A geometric count: as many as draws stay below a half or so.
        let mut faults = 0;
        while noise.next() < load / (load + 2.0) && faults < 30 {
            faults += 1;
        }
        let gear = 1 + usize::from(load > 0.5) + usize::from(load > 1.5);
        let fan = u8::from(temperature > 33.0);
        let _ = writeln!(
            text,
            "{temperature:.2},{power:.2},{door},{mode},{fan},{faults},{gear},{vibration:.4}"
        );
    }
    text
}

const SMALL: [&str; 8] = [
    "--epochs",
    "60",
    "--encoder",
    "24",
    "--decoder",
    "24",
    "--latents",
    "3",
];

/// Trains on `text`; the run, its summary, and what was said.
fn fit(folder: &Folder, text: &str, more: &[&str]) -> (String, serde_json::Value, String) {
    let (data, run) = (folder.write("machine.csv", text), folder.path("run"));
    let start = ["fit", &data, "--out", &run, "--force"];
    let output = trainer(&[&start[..], &SMALL, more].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
    (run, summary, errors)
}

/// The second column of lines of scores.
fn elbos(scores: &str) -> Vec<f64> {
    let lines = scores.lines().skip(1);
    let second = lines.map(|line| line.split(',').nth(1).unwrap());
    second.map(|elbo| elbo.parse().unwrap()).collect()
}

#[test]
fn flags_states_counts_and_real_numbers_train_together() {
    let folder = Folder::new();
    let kinds = ["--kind", "gear=state,vibration=student"];
    let (run, summary, said) = fit(&folder, &machine(2000, 1), &kinds);
    let likelihood = "columns:normal*2,flag,state:3,flag,count,state:3,student:4";
    assert_eq!(summary["likelihood"], likelihood, "{said}");
    let line =
        "door, fan are taken for flags, 0 or 1; faults are taken for counts (--kind NAME=normal)";
    assert!(said.contains(line), "{said}");
    assert!(summary["spearman"].as_f64().unwrap() > 0.995, "{summary}");
    // By the float model's own draws; sigma points add their own error, which is none of integers.
    let estimator = ["--estimator", "monte-carlo:256", "--json"];
    let drawn = json(&succeeds(&[&["eval", &run][..], &estimator].concat()));
    let drawn = drawn["difference"]
        .as_f64()
        .unwrap_or_else(|| panic!("{drawn}"));
    assert!(drawn.abs() < 0.05, "{drawn}");

    let image = format!("{run}/model.elbow");
    let inspected = json(&succeeds(&["inspect", &image, "--json"]));
    assert_eq!(inspected["likelihood"], likelihood);
    let features = inspected["features"].as_array().unwrap();
    assert!(
        features.iter().any(|one| one == "heterogeneous"),
        "{inspected}"
    );

    // What is as usual, then what was never seen: a state, a flag, a fault less than none; then forty faults.
    let header = "temperature,power,door,mode,fan,faults,gear,vibration";
    let usual = "35.2,35.1,0,run,1,0,2,0.21";
    let odd = [
        "35.2,35.1,0,repair,1,0,2,0.21",
        "35.2,35.1,3,run,1,0,2,0.21",
        "35.2,35.1,0,run,1,-1,2,0.21",
        "35.2,35.1,0,run,1,0,7,0.21",
        "35.2,35.1,0,run,1,40,2,0.21",
    ];
    let rows = [&[header, usual], &odd[..]].concat().join("\n");
    let data = folder.write("new.csv", format!("{rows}\n"));
    let scores = succeeds(&["score", &run, &data]);
    let elbos = elbos(&scores);
    let [usual, unseen @ .., many] = &elbos[..] else {
        panic!("{scores}")
    };
    assert!(*usual > -15.0, "{scores}");
    assert!(unseen.iter().all(|elbo| elbo < &(usual - 50.0)), "{scores}");
    assert!(many < &(usual - 8.0), "{scores}");
    // The same lines by the image alone, of readings with a number for each state.
    let states = said.split("mode is taken for a state, one of ").nth(1);
    let states = states.and_then(|rest| rest.split(':').next()).unwrap();
    let is = |state: &str| if state == "run" { "1" } else { "0" };
    let states: Vec<&str> = states.split(", ").map(is).collect();
    let raw = format!("35.2,35.1,0,{},1,0,0,1,0,0.21\n", states.join(","));
    let data = folder.write("raw.csv", raw);
    let alone = succeeds(&["score", &image, &data]);
    let first = |text: &str| text.lines().nth(1).unwrap().to_owned();
    assert_eq!(first(&alone), first(&scores));
}

#[test]
fn a_kind_is_said_of_columns_by_name_number_or_pattern() {
    let folder = Folder::new();
    let text = machine(400, 2);
    let of = |more: &[&str]| {
        let (_, summary, _) = fit(&folder, &text, more);
        summary["likelihood"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        of(&["--kind", "3=normal,fa*=normal"]),
        "columns:normal*3,state:3,normal*4"
    );
    assert_eq!(of(&["--likelihood", "gaussian"]), "gaussian");
    assert_eq!(
        of(&["--likelihood", "student", "--kind", "door=flag",]),
        "columns:student:4*2,flag,state:3,student:4*4"
    );
}

#[test]
fn kinds_that_cannot_be_are_refused() {
    let folder = Folder::new();
    let data = folder.write("machine.csv", machine(100, 3));
    for (kind, said) in [
        ("temperature=flag", "a flag is 0 or 1: say another --kind"),
        ("power=count", "a count is a whole number from 0 on"),
        (
            "mode=normal",
            "mode of machine is a state, --kind says normal",
        ),
        ("nothing=flag", "has no reading of that name or number"),
        (
            "power=state",
            "power has 90 values, a state has from 2 to 64",
        ),
    ] {
        fails_with(
            &["fit", &data, "--kind", kind, "--out", &folder.path("x")],
            &[said],
        );
    }
    let mixed = [
        "fit",
        &data,
        "--kind",
        "door=flag",
        "--likelihood",
        "binomial:3",
    ];
    fails_with(
        &mixed,
        &["--kind is door=flag, and --likelihood binomial:3 is of all columns"],
    );
    let stream = [
        "fit",
        &data,
        "--window",
        "8",
        "--kind",
        "door=flag",
        "--ignore",
        "mode",
    ];
    fails_with(&stream, &["the features of windows are real values"]);
}

/// A cell of a state that is missing takes all of its numbers away, in training too.
#[test]
fn states_with_gaps_are_scored_without_them() {
    let folder = Folder::new();
    let text = machine(600, 4);
    let mut gaps = String::new();
    for (row, line) in text.lines().enumerate() {
        let mut cells: Vec<&str> = line.split(',').collect();
        if row % 7 == 3 {
            cells[3] = "";
        }
        if row % 5 == 2 {
            cells[2] = "NA";
        }
        let _ = writeln!(gaps, "{}", cells.join(","));
    }
    let more = ["--missing", "0.1"];
    let (_, summary, said) = fit(&folder, &gaps, &more);
    assert!(
        summary["difference"].as_f64().unwrap().abs() < 0.1,
        "{summary}"
    );
    assert!(said.contains("values are missing"), "{said}");
}
