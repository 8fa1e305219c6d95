//! Readings of windows: how they are made, scored and repeated.

use crate::fixture::{
    FAULT, Fixture, HOP, SAMPLES, TINY, WINDOW, by_the_runtime, bytes, fixture, image,
};
use crate::support::machine;
use crate::support::program::{Folder, fails_with, json, read, succeeds};
use elbow::{Estimator, Model, Session};
use elbow_trainer::export::run;
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::splits::Splits;
use std::fmt::Write;
use std::path::Path;

#[test]
fn readings_are_those_of_the_runtime() {
    let Fixture {
        faulty,
        normal,
        run,
        ..
    } = fixture();
    let image = image(run);
    let model = Model::parse(&image).unwrap();
    let folder = Folder::new();
    let out = &folder.path("raw");
    succeeds(&["readings", run, faulty, "--out", out]);
    let samples = machine::samples(2, 10_000, Some(FAULT));
    let expected = by_the_runtime(&model, &samples);
    assert_eq!(std::fs::read(out).unwrap(), bytes(expected.concat()));
    // Whole numbers are raw samples as they are.
    succeeds(&["samples", run, faulty, "--out", out]);
    assert_eq!(std::fs::read(out).unwrap(), bytes(samples.concat()));

    // What was trained on, chosen by and tested on are windows of the stream, in this order.
    let config = run::read_config(Path::new(run)).unwrap();
    assert_eq!(&config.settings.data.source, normal);
    let parts = Splits::load(&config.settings).unwrap();
    let all = by_the_runtime(&model, &machine::samples(1, SAMPLES, None));
    let mut windows = all.iter();
    let mut count = 0;
    for dataset in [&parts.train, &parts.validation, &parts.test.dataset] {
        let (readings, saturated) = Readings::from_table(&dataset.table, model.exponents());
        assert_eq!(saturated, 0);
        for reading in &readings {
            assert!(windows.any(|window| window == reading));
            count += 1;
        }
    }
    // One window is left out at each border, since half of it is in the one before.
    assert_eq!(count, all.len() - 2);
}

#[test]
fn typical_terms_sum_up_to_the_mean_reconstruction() {
    let image = image(&fixture().run);
    let model = Model::parse(&image).unwrap();
    let config = run::read_config(Path::new(&fixture().run)).unwrap();
    let validation = Splits::load(&config.settings).unwrap().validation;
    let (readings, _) = Readings::from_table(&validation.table, model.exponents());
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let mut score = |reading| session.score(reading, Estimator::SigmaPoints).unwrap();
    let sum: f64 = readings
        .iter()
        .map(|reading| score(reading).reconstruction().to_f64())
        .sum();
    let typical: f64 = model
        .typical()
        .iter()
        .map(|&term| f64::from(term) / 65536.0)
        .sum();
    assert!((typical - sum / readings.len() as f64).abs() < 1e-3);
    assert!(model.typical().iter().all(|&term| term != 0));
}

#[test]
fn a_stream_or_its_readings_are_scored() {
    let Fixture {
        faulty,
        run,
        labels,
        ..
    } = fixture();
    let image = image(run);
    let model = Model::parse(&image).unwrap();
    let folder = Folder::new();
    let samples = machine::samples(2, 10_000, Some(FAULT));
    let mut lines = String::new();
    for reading in by_the_runtime(&model, &samples) {
        let values = reading.iter().zip(model.exponents());
        let cells = values.map(|(&raw, &e)| (f64::from(raw) * 2f64.powi(e.into())).to_string());
        writeln!(lines, "{}", cells.collect::<Vec<_>>().join(",")).unwrap();
    }
    let readings = folder.write("readings.csv", lines);
    assert_eq!(
        succeeds(&["score", run, &readings]),
        succeeds(&["score", run, faulty])
    );
    let estimators = |data| {
        let few = ["--limit", "20", "--reference-samples", "8", "--json"];
        succeeds(&[&["estimators", run, data], &few[..]].concat())
    };
    assert_eq!(estimators(&readings), estimators(faulty));
    let text = succeeds(&["eval", run, faulty, "--labels", labels, "--json"]);
    let evaluation = json(&text);
    // Windows with a sample in the fault: from the one that ends at its start to the one that
    // begins at its end.
    let anomalous = (0..311).filter(|w| w * HOP < FAULT.end && w * HOP + WINDOW > FAULT.start);
    assert_eq!(evaluation["abnormal"], anomalous.count());
    assert!(
        evaluation["device"]["auc"].as_f64().unwrap() > 0.99,
        "{text}"
    );
    assert!(
        evaluation["difference"].as_f64().unwrap().abs() < 0.5,
        "{text}"
    );
}

#[test]
fn anomalous_windows_are_only_tested_on() {
    let Fixture { faulty, labels, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    let stream = [
        "--window", "64", "--hop", "32", "--labels", labels, "--out", out,
    ];
    succeeds(&[&["fit", faulty], &stream[..], &TINY[..]].concat());
    let summary = json(&String::from_utf8(read(out, "summary.json")).unwrap());
    // 311 windows, 64 of them anomalous; one at each side of the fault shares samples with it.
    assert_eq!(summary["abnormal"], 64);
    let count = |name: &str| summary[name].as_u64().unwrap();
    let used = count("training_readings") + count("validation_readings") + count("normal");
    assert!((240..=245).contains(&used), "{summary}");
}

#[test]
fn channels_of_fractions_get_exponents_and_features_their_units() {
    let folder = Folder::new();
    let samples = machine::samples(5, 2000, None);
    let line = |[x, y, current]: &[i16; 3]| {
        let (x, y) = (f64::from(*x) * 1e-3, f64::from(*y) * 1e-6);
        format!("{x},{y},{current}\n")
    };
    let data = &folder.write("g.csv", samples.iter().map(line).collect::<String>());
    let out = &folder.path("run");
    let features = ["--window", "32", "--features", "mean,rms,bands:2,centered"];
    succeeds(&[&["fit", data, "--out", out], &features[..], &TINY[..]].concat());
    let image = image(out);
    let model = Model::parse(&image).unwrap();
    let stream = model.stream().unwrap();
    // The largest are about 1.5, 1e-3 and 2500: four times that fits 2^15 steps.
    assert_eq!(stream.hop, 16);
    let derived = run::read_config(Path::new(out))
        .unwrap()
        .derived
        .stream
        .unwrap();
    assert_eq!(derived.exponents, stream.exponents);
    println!("{:?} {}", derived.exponents, derived.features);
    let of_channel = 4 + 32;
    for (channel, &exponent) in stream.exponents.iter().enumerate() {
        let inputs = &model.exponents()[channel * of_channel..][..of_channel];
        let bits = |feature: usize| stream.front_end.features()[feature].fraction_bits() as i8;
        assert_eq!(
            inputs[..4],
            [exponent - bits(0), exponent - bits(1), -10, -10]
        );
        assert!(inputs[4..].iter().all(|&of_sample| of_sample == exponent));
    }
    let description = json(&succeeds(&["inspect", out, "--json"]));
    let stream = &description["stream"];
    assert_eq!(
        (&stream["window"], &stream["hop"], &stream["channels"]),
        (&32.into(), &16.into(), &3.into())
    );
    assert_eq!(stream["watch_words"], model.watch_words().unwrap());
    assert_eq!(stream["features"][2]["name"], "bands:2");
    assert_eq!(stream["features"][3]["numbers"], 32);
    let text = succeeds(&["inspect", out]);
    for part in [
        "3 channels, windows of 32 samples every 16",
        "bands:2",
        "octaves",
        "2^-22",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_config_of_a_stream_reproduces_its_run() {
    let folder = Folder::new();
    let (first, again) = (&folder.path("first"), &folder.path("again"));
    let stream = [
        "--window",
        "16",
        "--hop",
        "7",
        "--features",
        "mean,rms:3",
        "--out",
        first,
    ];
    succeeds(&[&["fit", &fixture().faulty], &stream[..], &TINY[..]].concat());
    succeeds(&["fit", "--config", first, "--out", again, "--quiet"]);
    for name in [
        "model.elbow",
        "model.safetensors",
        "config.toml",
        "metrics.jsonl",
    ] {
        assert!(read(first, name) == read(again, name), "{name} differs");
    }
    let config = String::from_utf8(read(first, "config.toml")).unwrap();
    for line in [
        "[data.stream]",
        "window = 16",
        "hop = 7",
        "features = \"mean,rms:3\"",
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
}

#[test]
fn streams_have_gaps_in_their_readings() {
    let folder = Folder::new();
    let out = &folder.path("run");
    let gaps = [
        "--window",
        "64",
        "--features",
        "mean,rms",
        "--missing",
        "0.3",
    ];
    succeeds(
        &[
            &["fit", &fixture().normal, "--out", out],
            &gaps[..],
            &TINY[..],
        ]
        .concat(),
    );
    // Ten windows of 64 samples every 32, the last channel's features missing.
    let data = machine::csv(&machine::samples(4, 9 * HOP + WINDOW, None));
    let data = folder.write("gaps.csv", data);
    let mask = folder.write("mask.csv", "1,1,1,1,0,0\n".repeat(10));
    let whole = succeeds(&["score", out, &data]);
    let part = succeeds(&["score", out, &data, "--mask", &mask]);
    assert_eq!(part.lines().count(), 11);
    assert_ne!(whole, part);
    let filled = succeeds(&["impute", out, &data, "--mask", &mask]);
    assert!(
        filled.starts_with("mean:") && filled.contains("rms:"),
        "{filled}"
    );
    assert_eq!(filled.lines().count(), 11);
    let wrong = folder.write("wrong.csv", "1,1,1\n".repeat(9 * HOP + WINDOW));
    fails_with(&["score", out, &data, "--mask", &wrong], &["wrong"]);
}
