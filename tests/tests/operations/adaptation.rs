//! A model that learns where it is installed, on every board as on the host.

use crate::{Task, le_bytes, run_everywhere, shape, up_to};
use elbow::adapt::{AdaptSettings, Adapted, Adapter, Moments, Reference, Stage, write_reference};
use elbow::distribution::Family;
use elbow::format::{AlignedImage, image_checksum};
use elbow::image::{CalibrationSpec, CurveSpec};
use elbow::{Estimator, Model, Session};
use elbow_tests::build::board::COUNTED;
use elbow_tests::emulator::{self, Invocation};
use elbow_tests::measure::shapes::{Kind, real_inputs};
use std::fs;
use std::time::Duration;

/// Numbers of a reading.
const INPUTS: usize = 6;
/// Where the channels are at the factory, and how far they move there.
const SCALES: [(i16, f64); INPUTS] = [
    (100, 60.0),
    (-3000, 400.0),
    (0, 7.0),
    (12_000, 3000.0),
    (-40, 15.0),
    (500, 90.0),
];
/// Readings of a file.
const READINGS: usize = 500;

/// Readings of a machine whose channels are moved by half a deviation, and stretched.
fn readings(seed: u64) -> Vec<Vec<i16>> {
    let mut words = elbow::rng::stream(seed, 5);
    let mut number = |(center, deviation): (i16, f64)| {
        let sum: f64 = (0..12)
            .map(|_| f64::from(up_to(&mut words, 1000)) / 1000.0)
            .sum();
        (f64::from(center) + deviation * (1.1 * (sum - 6.0) + 0.5)).round() as i16
    };
    (0..READINGS)
        .map(|_| SCALES.map(&mut number).to_vec())
        .collect()
}

/// A model of random weights with a table, and the reference of its channels.
fn model(readings: &[Vec<i16>]) -> (AlignedImage, Vec<u8>) {
    let kind = Kind::Real {
        family: Family::Normal,
        predicted_scale: false,
    };
    let shape = shape(INPUTS, &[12], 3, &[10]);
    let mut spec = shape.random_model("adapt", kind, 4).unwrap();
    (spec.inputs, spec.likelihood) = real_inputs(Family::Normal, false, &SCALES).unwrap();
    spec.self_test_reading = readings[0].clone();
    let draft = spec.write(&[]).unwrap();
    let draft = Model::parse(&draft).unwrap();
    let mut workspace = vec![0; draft.workspace_words()];
    let mut session = Session::new(&draft, &mut workspace, 0).unwrap();
    let estimator = Estimator::SigmaPoints;
    let scores = readings
        .iter()
        .take(60)
        .map(|reading| session.score(reading, estimator).unwrap().elbo().to_bits());
    let scores: Vec<i32> = scores.collect();
    let table = CalibrationSpec::of_bounds(estimator, &scores, 30, &CurveSpec::default());
    let image = spec.write(&[table]).unwrap();
    let moments = SCALES.map(|(center, deviation)| Moments {
        location: i32::from(center) << 16,
        deviation: (deviation * 65536.0) as u32,
    });
    let identity = image_checksum(&image).unwrap();
    let reference = write_reference(identity, 2 << 16, 104_858, &moments).unwrap();
    (image, reference)
}

/// FNV-1a, as the firmware computes it.
fn take(digest: &mut u32, bytes: &[u8]) {
    for &byte in bytes {
        *digest = (*digest ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
}

/// The host's answer to the firmware's `adapt`.
fn answer(
    image: &AlignedImage,
    reference: &[u8],
    readings: &[Vec<i16>],
    settings: AdaptSettings,
    rounds: usize,
) -> (String, Vec<Adapted>) {
    let model = Model::parse(image).unwrap();
    let mut memory = vec![0; model.adapt_words()];
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let reference = Some(Reference::parse(reference).unwrap());
    let mut adapter = Adapter::new(&model, image, &mut memory, reference, settings).unwrap();
    adapter.commission();
    let (mut text, mut all) = (String::new(), vec![]);
    for _ in 0..rounds {
        let mut digest = 0x811c_9dc5;
        for reading in readings {
            let adapted = adapter.score(&mut session, reading).unwrap();
            for word in [
                adapted.score.elbo().to_bits().cast_unsigned(),
                adapted.p_value.to_bits(),
                adapted.surprise.to_bits().cast_unsigned(),
                adapted.drift.unwrap().z.cast_unsigned(),
            ] {
                take(&mut digest, &word.to_le_bytes());
            }
            all.push(adapted);
        }
        // The board has stored its state and loads it again, which forgets the drift.
        if adapter.stage() != Stage::Learning {
            adapter.reset_drift();
        }
        for moments in adapter.alignment().moments() {
            take(&mut digest, &moments.location.to_le_bytes());
            take(&mut digest, &moments.deviation.to_le_bytes());
        }
        let progress = adapter.progress();
        let (stage, done, of) = (adapter.stage() as u8, progress.done, progress.of);
        text += &format!("{digest:08x} {stage} {done} {of}\n");
    }
    (text, all)
}

/// What the boards are given, in a folder.
fn folder() -> (tempfile::TempDir, Vec<Vec<i16>>, AlignedImage, Vec<u8>) {
    let readings = readings(1);
    let (image, reference) = model(&readings);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.elbow"), &*image).unwrap();
    fs::write(folder.path().join("readings"), le_bytes(&readings.concat())).unwrap();
    fs::write(folder.path().join("reference"), &reference).unwrap();
    (folder, readings, image, reference)
}

/// A session on every board: so many readings align and are counted, in `rounds` rounds of the file.
fn compare(learn: u32, calibrate: u32, rounds: usize) {
    let (folder, readings, image, reference) = folder();
    let estimator = Estimator::SigmaPoints;
    let settings = AdaptSettings {
        learn,
        calibrate,
        ..AdaptSettings::new(estimator)
    };
    let (answer, all) = answer(&image, &reference, &readings, settings, rounds);
    let stages = [Stage::Learning, Stage::Calibrating, Stage::Ready];
    for stage in stages {
        let is_there = all.iter().any(|adapted| adapted.stage == stage);
        assert!(is_there, "no reading was judged in the stage {stage:?}");
    }
    let line = format!(
        "adapt readings=readings reference=reference learn={learn} calibrate={calibrate} rounds={rounds} estimator={estimator}"
    );
    run_everywhere(folder.path(), &[Task { line, answer }]);
}

#[test]
fn every_board_learns_as_the_host_does() {
    compare(120, 700, 2);
}

/// 100,000 readings, of which nearly all are learned from: minutes.
#[test]
#[ignore = "it takes minutes; cargo test --release -p elbow-tests --test operations -- --ignored"]
fn every_board_learns_from_100_000_readings_as_the_host_does() {
    compare(49_000, 50_000, 200);
}

/// Prints the instructions of a reading in each stage, and of the score of the same reading alone, on every core.
#[test]
#[ignore = "it prints a table: cargo test --release -p elbow-tests --test operations costs -- --ignored --nocapture"]
fn costs_of_a_learned_reading() {
    let (folder, ..) = folder();
    let arguments = ["adapt-cost", "readings=readings", "reference=reference"];
    let arguments = arguments.map(str::to_owned);
    for board in COUNTED {
        let invocation = Invocation {
            model: Some(&folder.path().join("model.elbow")),
            directory: folder.path(),
            arguments: &arguments,
            time_limit: Duration::from_secs(60),
            count_instructions: true,
        };
        let outcome = emulator::run(board, &invocation).unwrap();
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        for line in outcome.stdout.lines() {
            println!("{} {line}", board.core_name());
        }
    }
}
