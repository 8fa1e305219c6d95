//! A stream from its file to the alarm: a model is trained on windows of it, and every board watches
//! another one as the workstation does.

use elbow::Probability;
use elbow_tests::build::board::BOARDS;
use elbow_tests::build::trainer;
use elbow_tests::emulator::commands::{self as qemu, Stream};
use rand_core::Rng;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// A training of seconds, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(300);

/// A sine and noise on two channels, as a CSV file; from sample 1000 to 1199 the second one is louder.
fn write_stream(path: &Path, seed: u64, samples: usize, faulty: bool) {
    let mut words = elbow::rng::stream(seed, 0);
    let mut text = String::from("left,right\n");
    for time in 0..samples {
        let mut noise = || f64::from(words.next_u32()) / f64::from(u32::MAX) - 0.5;
        let wave = |period: f64| (time as f64 / period * std::f64::consts::TAU).sin();
        let loud = faulty && (1000..1200).contains(&time);
        let gain = if loud { 2.5 } else { 1.0 };
        let (left, right) = (wave(9.0) + noise(), gain * (wave(6.5) + noise()));
        writeln!(text, "{left:.4},{right:.4}").unwrap();
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn every_board_watches_a_stream_as_the_workstation_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (normal, faulty, run) = (path("normal.csv"), path("faulty.csv"), path("run"));
    write_stream(Path::new(&normal), 1, 6000, false);
    write_stream(Path::new(&faulty), 2, 2000, true);
    let mut fit = vec!["fit", &normal, "--out", &run, "--quiet"];
    fit.extend(["--window", "32", "--hop", "16", "--features", "rms,bands:4"]);
    fit.extend(["--encoder", "16", "--decoder", "16", "--latents", "2"]);
    fit.extend(["--epochs", "60", "--validation-fraction", "0.3"]);
    trainer::run(&fit, LIMIT).unwrap();
    let cases = [
        ("sigma-points", 2, None, None, 0),
        ("importance-weighted:3", 1, Some("0.02"), Some("0.3"), 7),
    ];
    for (estimator, time_constant, enter, leave, seed) in cases {
        let (constant_text, seed_text) = (time_constant.to_string(), seed.to_string());
        let mut arguments = vec!["watch", &run, &faulty, "--estimator", estimator];
        arguments.extend(["--time-constant", &constant_text, "--seed", &seed_text]);
        for (name, rate) in [("--enter", enter), ("--leave", leave)] {
            arguments.extend(rate.into_iter().flat_map(|rate| [name, rate]));
        }
        let host = trainer::run(&arguments, LIMIT).unwrap().stdout;
        // One alarm, raised by the channel at fault while it is, and over in the end.
        assert_eq!(host.matches(",raised,").count(), 1, "{host}");
        assert_eq!(host.matches(",cleared,").count(), 1, "{host}");
        let raised = host.lines().find(|line| line.contains(",raised,1,"));
        let time = raised.unwrap().split(',').nth(1).unwrap();
        assert!(
            (1000..1200).contains(&time.parse::<u32>().unwrap()),
            "{host}"
        );
        let rate = |text: Option<&str>| text.map(|text| Probability::new(text.parse().unwrap()));
        for board in &BOARDS {
            let stream = Stream {
                model: run.clone().into(),
                data: faulty.clone(),
                estimator: estimator.parse().unwrap(),
                time_constant,
                enter: rate(enter),
                leave: rate(leave),
                seed,
                limit: None,
            };
            let device = qemu::watch(board, &stream).unwrap();
            let mut lines = host.lines().zip(device.lines());
            let differing = lines.find(|(host, device)| host != device);
            assert!(host == device, "{} {estimator}: {differing:?}", board.name);
        }
    }
}
