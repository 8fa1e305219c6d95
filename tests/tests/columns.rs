//! A table of flags, states, counts and real numbers, with cells missing: every board scores it as the workstation does.

use elbow_tests::build::board::BOARDS;
use elbow_tests::build::trainer;
use elbow_tests::emulator::commands::{self as qemu, Request};
use rand_core::Rng;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// A training of seconds, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(300);

/// Readings of a machine of two modes, of which one cell in twenty is missing; `anomalous` ones have what never was.
fn write_table(path: &Path, seed: u64, rows: usize, anomalous: bool) {
    let mut words = elbow::rng::stream(seed, 0);
    let mut text = String::from("speed,pressure,door,mode,faults\n");
    for row in 0..rows {
        let mut uniform = || f64::from(words.next_u32()) / f64::from(u32::MAX);
        let runs = uniform() < 0.7;
        let sum = |uniform: &mut dyn FnMut() -> f64| (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let speed = if runs {
            1480.0 + 2.0 * sum(&mut uniform)
        } else {
            0.0
        };
        let pressure = if runs { 3.2 } else { 0.0 } + 0.05 * sum(&mut uniform);
        let door = u8::from(!runs && uniform() < 0.3);
        let faults = (uniform() * uniform() * 5.0) as u8;
        let mut cells = [
            format!("{speed:.1}"),
            format!("{pressure:.3}"),
            door.to_string(),
            if runs { "run" } else { "idle" }.to_owned(),
            faults.to_string(),
        ];
        if anomalous && row % 3 == 0 {
            let (at, cell) = [(2, "7"), (3, "repair"), (4, "90"), (4, "-3")][row / 3 % 4];
            cells[at] = cell.to_owned();
        }
        if uniform() < 0.25 {
            cells[(uniform() * 4.99) as usize].clear();
        }
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn every_board_scores_columns_of_all_kinds_as_the_workstation_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (normal, anomalous, run) = (path("normal.csv"), path("anomalous.csv"), path("run"));
    write_table(Path::new(&normal), 1, 1500, false);
    write_table(Path::new(&anomalous), 2, 40, true);
    let mut fit = vec!["fit", &normal, "--out", &run, "--quiet", "--epochs", "40"];
    fit.extend(["--encoder", "16", "--decoder", "16", "--latents", "3"]);
    fit.extend(["--kind", "pressure=student", "--activations", "i16"]);
    trainer::run(&fit, LIMIT).unwrap();
    let inspected = trainer::run(&["inspect", &run, "--json"], LIMIT)
        .unwrap()
        .stdout;
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    let features = &inspected["features"];
    for needed in ["heterogeneous", "wide-inputs"] {
        let features = features.as_array().unwrap();
        assert!(features.iter().any(|one| one == needed), "{features:?}");
    }
    for (estimator, seed) in [("sigma-points", "0"), ("importance-weighted:5", "3")] {
        let mut score = vec!["score", &run, &anomalous, "--estimator", estimator];
        score.extend(["--seed", seed]);
        let host = trainer::run(&score, LIMIT).unwrap().stdout;
        assert_eq!(host.lines().count(), 41, "{host}");
        for board in &BOARDS {
            let request = Request {
                model: run.clone().into(),
                data: anomalous.clone(),
                estimator: estimator.to_owned(),
                seed: seed.parse().unwrap(),
                limit: None,
            };
            let scores = qemu::score(board, &request).unwrap();
            assert_eq!(scores, host, "{} {estimator}", board.name);
        }
    }
}
