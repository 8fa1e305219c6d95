//! The whole path on real data: the default model is trained, and every board scores the digits as
//! the workstation does.

use elbow::Model;
use elbow::format::AlignedImage;
use elbow_tests::build::board::BOARDS;
use elbow_tests::build::trainer;
use elbow_tests::emulator::commands::{self as qemu, Request};
use std::path::Path;
use std::time::Duration;

/// A scoring of a second, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// Readings that every board scores.
const READINGS: usize = 220;

/// The folder of the default run.
fn run_folder() -> &'static Path {
    trainer::default_run().unwrap()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_board_scores_the_digits_as_the_workstation_does() {
    let model = run_folder().to_str().unwrap();
    let limit = READINGS.to_string();
    for (estimator, seed) in [
        ("posterior-mean", 0),
        ("sigma-points", 0),
        ("monte-carlo:16", 9),
        ("importance-weighted:8", 5),
    ] {
        let seed_text = seed.to_string();
        let arguments = [
            "score",
            model,
            "digits",
            "--estimator",
            estimator,
            "--seed",
            &seed_text,
            "--limit",
            &limit,
        ];
        let host = trainer::run(&arguments, LIMIT).unwrap().stdout;
        assert_eq!(host.lines().count(), 1 + READINGS);
        for board in &BOARDS {
            let request = Request {
                model: run_folder().to_owned(),
                data: "digits".to_owned(),
                estimator: estimator.to_owned(),
                seed,
                limit: Some(READINGS),
            };
            let device = qemu::score(board, &request).unwrap();
            // Whole files are compared; a difference is shown by its first line.
            let differing = host
                .lines()
                .zip(device.lines())
                .find(|(host, device)| host != device);
            assert!(host == device, "{} {estimator}: {differing:?}", board.name);
        }
    }
}

#[test]
fn every_board_dreams_what_the_workstation_does() {
    let model = run_folder().to_str().unwrap();
    let sample = ["sample", model, "--pictures", "--count", "4", "--seed", "3"];
    let host = trainer::run(&sample, LIMIT).unwrap();
    assert_eq!(host.stdout.lines().count(), 4 * 9);
    for board in &BOARDS {
        assert_eq!(
            qemu::dream(board, run_folder(), 4, 3).unwrap(),
            host.stdout,
            "{}",
            board.name
        );
    }
}

#[test]
fn the_deployed_bound_is_the_trained_bound() {
    let model = run_folder().to_str().unwrap();
    let done = trainer::run(&["eval", model, "digits", "--json"], LIMIT).unwrap();
    let evaluation = json(&done.stdout);
    let number = |side: &str, name: &str| evaluation[side][name].as_f64().unwrap();
    let difference = number("device", "elbo") - number("float", "elbo");
    assert!(
        difference.abs() <= 0.3,
        "float and device are {difference} nats apart"
    );
    let lost = number("float", "auc") - number("device", "auc");
    assert!(lost.abs() <= 0.005, "the AUC changes by {lost}");
    // The mean bound of the default model on unseen digits, with room for another machine's floats.
    assert!(
        number("device", "elbo") > -106.0,
        "{}",
        number("device", "elbo")
    );
    assert!(
        number("device", "auc") > 0.95,
        "{}",
        number("device", "auc")
    );
    let summary = json(&std::fs::read_to_string(run_folder().join("summary.json")).unwrap());
    for side in ["float", "device"] {
        assert_eq!(summary[side], evaluation[side], "{side}");
    }
}

#[test]
fn p_values_of_held_out_digits_are_valid() {
    let model = run_folder().to_str().unwrap();
    let done = trainer::run(&["score", model, "digits:held-out"], LIMIT).unwrap();
    let p_values: Vec<f64> = done
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(5).unwrap().parse().unwrap())
        .collect();
    // Of the 357 normal ones 10 % may have p <= 0.1, give or take three standard deviations of
    // their own (1.6 %) and of the 180 calibration readings (2.2 %), together 8.2 %; all of the 40
    // of the class that was never seen may: (357 * 0.182 + 40) / 397.
    let low = p_values.iter().filter(|p| **p <= 0.1).count() as f64 / p_values.len() as f64;
    assert!(low < 0.265, "{low} of the p-values are at most 0.1");
    assert!(p_values.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn every_bit_flip_in_the_default_image_is_refused() {
    let bytes = std::fs::read(run_folder().join("model.elbow")).unwrap();
    assert!(Model::parse(&AlignedImage::new(&bytes)).is_ok());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = bytes.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for start in (0..bytes.len()).step_by(share) {
            let mut bytes = bytes.clone();
            scope.spawn(move || {
                for at in start..(start + share).min(bytes.len()) {
                    for bit in 0..8 {
                        bytes[at] ^= 1 << bit;
                        let refused = Model::parse(&AlignedImage::new(&bytes)).is_err();
                        assert!(refused, "bit {bit} of byte {at}");
                        bytes[at] ^= 1 << bit;
                    }
                }
            });
        }
    });
}
