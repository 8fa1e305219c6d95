//! Conditional models: the same reading is normal at one speed and anomalous at another.

mod support;

use elbow::{Estimator, Mask, Session};
use elbow_trainer::data::{self, Table};
use elbow_trainer::engine::float_scores;
use elbow_trainer::numeric::random::{self, Purpose, Xoshiro128PlusPlus, normals, uniform};
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::device::device_scores;
use elbow_trainer::readings::device::elbos;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use support::fit;

/// Bands of vibration of a machine.
const BANDS: usize = 8;
const NORMAL: usize = 2400;
const FAULTS: usize = 400;

/// Band energies in decibels of a machine at `speed`, as a bearing that is 35 % too fast for it would
/// have them where there is a fault: such energies are normal at another speed.
fn bands(speed: f64, fault: bool, rng: &mut Xoshiro128PlusPlus) -> Vec<f64> {
    let draws = normals(rng, BANDS + 1);
    let heard = if fault { 1.35 * speed } else { speed };
    let load = f64::from(draws[BANDS]);
    (0..BANDS)
        .map(|band| {
            let order = 1.0 + band as f64 / 4.0;
            let level = 20.0 * order * heard.log10() + 1.5 * load * (band as f64 - 3.0) / 4.0;
            level + 0.8 * f64::from(draws[band])
        })
        .collect()
}

/// A CSV with the bands and, where asked for, the speed behind them; and labels.
fn write(folder: &Path, with_speed: bool) -> (String, String) {
    let mut rng = random::stream(7, Purpose::Noise);
    let (mut csv, mut labels) = (String::new(), String::new());
    for row in 0..NORMAL + FAULTS {
        let fault = row >= NORMAL;
        // From 10 to 40 turns a second; faulty ones sound like at most 40.
        let spread = f64::from(uniform(&mut rng, 1.0));
        let top = if fault { 40.0 / 1.35 } else { 40.0 };
        let speed = 10.0 + (top - 10.0) * (0.5 + 0.5 * spread);
        let mut numbers = bands(speed, fault, &mut rng);
        if with_speed {
            numbers.push(speed);
        }
        let cells: Vec<String> = numbers.iter().map(|x| format!("{x:.4}")).collect();
        writeln!(csv, "{}", cells.join(",")).unwrap();
        writeln!(labels, "{}", u8::from(fault)).unwrap();
    }
    let (data, truth) = (folder.join("bands.csv"), folder.join("labels.csv"));
    std::fs::write(&data, csv).unwrap();
    std::fs::write(&truth, labels).unwrap();
    (data.display().to_string(), truth.display().to_string())
}

/// The area under the curve, by the device, of a fit on the bands.
fn device_auc(with_speed: bool, conditions: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let (csv, labels) = write(folder.path(), with_speed);
    let out = folder.path().join("run");
    let conditions = conditions.to_string();
    let status = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args([
            "fit",
            &csv,
            "--labels",
            &labels,
            "--conditions",
            &conditions,
        ])
        .args(["--latents", "3", "--encoder", "32", "--decoder", "32"])
        .args(["--epochs", "150", "--quiet", "--out"])
        .arg(&out)
        .status()
        .unwrap();
    assert!(status.success());
    let summary = std::fs::read_to_string(out.join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    summary["device"]["auc"].as_f64().unwrap()
}

/// Without the speed the fault is a normal reading of another speed.
#[test]
fn a_fault_that_is_normal_at_another_speed_is_found_given_the_speed() {
    let (without, conditional) = (device_auc(false, 0), device_auc(true, 1));
    eprintln!("AUC without the speed {without:.4}, given the speed {conditional:.4}");
    assert!(without < 0.65, "{without}");
    assert!(conditional > 0.95, "{conditional}");
}

/// The device's bound is that of the floats: conditions reach its decoder as they reached theirs. And
/// they matter: the wrong ones cost nats.
#[test]
fn the_device_conditions_as_the_floats_do() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, labels) = write(folder.path(), true);
    for prior in ["standard", "mixture:3", "vamp:4"] {
        let trained = fit(&[
            &csv,
            "--labels",
            &labels,
            "--conditions",
            "1",
            "--latents",
            "3",
            "--encoder",
            "32",
            "--decoder",
            "32",
            "--epochs",
            "60",
            "--prior",
            prior,
        ]);
        let model = trained.model();
        assert_eq!(
            (model.inputs(), model.conditions(), model.reading_length()),
            (BANDS, 1, BANDS + 1)
        );
        let table = data::load(Path::new(&csv)).unwrap().table;
        let table = table.select(&(0..300).collect::<Vec<_>>());
        let prepared = trained.prepare(&table);
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        let floats = float_scores(&trained.vae, &prepared, None, 256).unwrap();
        let samples = Estimator::MonteCarlo { samples: 256 };
        let device = device_scores(&model, &prepared.readings, None, samples, 0).unwrap();
        let (floats, device) = (mean(&floats), mean(&elbos(&device)));
        eprintln!("{prior}: floats {floats:.3}, device {device:.3}");
        assert!((floats - device).abs() < 0.15, "{prior}: {floats} {device}");
        // Each reading at the speed of the next one.
        let moved = |row: usize| {
            let mut numbers = table.row(row)[..BANDS].to_vec();
            numbers.push(table.row((row + 1) % 300)[BANDS]);
            numbers
        };
        let moved = Table::new(BANDS + 1, (0..300).flat_map(moved).collect()).unwrap();
        let (moved, _) = Readings::from_table(&moved, model.exponents());
        let anomalous = device_scores(&model, &moved, None, samples, 0).unwrap();
        assert!(mean(&elbos(&anomalous)) < device - 20.0);
    }
}

/// A speed that nobody measured counts as the middle one, wherever it is asked for.
#[test]
fn a_missing_condition_is_its_centre() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, labels) = write(folder.path(), true);
    let trained = fit(&[
        &csv,
        "--labels",
        &labels,
        "--conditions",
        "1",
        "--epochs",
        "5",
    ]);
    let model = trained.model();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let center = trained.config.derived.normalization.centers[BANDS];
    let mut reading = [100i16; BANDS + 1];
    reading[BANDS] = center;
    let known = session.score(&reading, Estimator::SigmaPoints).unwrap();
    reading[BANDS] = 12_345;
    let bits = [0xff, 0];
    let mask = Mask::new(&bits, BANDS + 1).unwrap();
    let unknown = session.score_observed(&reading, mask, Estimator::SigmaPoints);
    assert_eq!(unknown.unwrap(), known);
    assert_ne!(
        session.score(&reading, Estimator::SigmaPoints).unwrap(),
        known
    );
}
