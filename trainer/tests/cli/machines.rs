//! The logs of machines that ship with the program.

use crate::support::program::{Folder, TINY, json, succeeds, summary, trainer};
use std::process::Command;

/// The AUC of p-values in the results of a run on `machine`.
fn auc(folder: &Folder, machine: &str) -> f64 {
    let out = &folder.path(machine);
    let fit = ["fit", machine, "--out", out, "--epochs", "60", "--quiet"];
    assert_eq!(trainer(&fit).status.code(), Some(0));
    summary(out)["p_value_auc"].as_f64().unwrap()
}

#[test]
fn faults_of_the_pump_are_found_and_explained() {
    let folder = Folder::new();
    let found = auc(&folder, "pump");
    println!("{found}");
    assert!(found > 0.9, "{found}");
    let run = &folder.path("pump");
    assert!((summary(run)["rate"].as_f64().unwrap() - 1.0 / 60.0).abs() < 1e-9);
    let page = std::fs::read_to_string(folder.path("pump/report.html")).unwrap();
    for part in [
        "<h2>As a detector</h2>",
        "1\u{202f}440 readings come in a day.",
        "false alarms a day, expected",
        "m3/h</td>",
        "labelled anomalous",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // States are one column, by their names.
    let told = json(&succeeds(&["explain", run, "--top", "1", "--json"]));
    let columns = told["readings"][0]["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 7);
    assert_eq!(columns[0]["column"], "mode");
    assert!(["day", "night", "flush"].contains(&columns[0]["reading"].as_str().unwrap()));
    assert_eq!(columns[1]["unit"], "1/min");
}

#[test]
fn faults_of_the_motor_are_found() {
    let folder = Folder::new();
    let found = auc(&folder, "motor");
    println!("{found}");
    assert!(found > 0.75, "{found}");
    let page = std::fs::read_to_string(folder.path("motor/report.html")).unwrap();
    // Channels stand before their features.
    assert!(page.contains("<b>vibration_x</b>") && page.contains("<b>current</b>"));
}

/// The log as a file is the log by its name.
#[test]
fn logs_can_be_had_as_files() {
    let folder = Folder::new();
    let file = &folder.path("pump.csv");
    let look = trainer(&["look", "pump", "--out", file]);
    assert_eq!(look.status.code(), Some(0));
    let out = &folder.path("run");
    let fit = [&["fit", file, "--out", out], &TINY[..]].concat();
    assert_eq!(trainer(&fit).status.code(), Some(0));
    let scores = |data: &str| trainer(&["score", out, data]).stdout;
    assert_eq!(scores("pump"), scores(file));
    let other = trainer(&["look", file, "--out", &folder.path("other.csv")]);
    let errors = String::from_utf8(other.stderr).unwrap();
    assert!(errors.contains("give pump or motor"), "{errors}");
}

/// What has the same name in the working folder is not passed over in silence.
#[test]
fn shadowed_files_are_told() {
    let folder = Folder::new();
    let said = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
        let output = command
            .current_dir(folder.path(""))
            .args(arguments)
            .output();
        let output = output.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let line = "pump is what ships with this program; what is called so in this folder is ./pump";
    assert!(!said(&["look", "pump"]).1.contains(line));
    std::fs::create_dir(folder.path("pump")).unwrap();
    assert!(said(&["look", "pump"]).1.contains(line));
    let (code, text) = said(&["look", "pump", "--strict"]);
    assert!(
        code == Some(2) && text.contains("--strict assumes nothing"),
        "{text}"
    );
}
