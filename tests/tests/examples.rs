//! The examples of `firmware-examples`, each built with the default model and run on the board that
//! it is for: every character that it sends is compared with what the workstation computes.

use elbow::format::AlignedImage;
use elbow::text::Picture;
use elbow::{Estimator, Model, Probability, Score, Session};
use elbow_examples_shared::{PIXELS, READINGS};
use elbow_tests::build::elf::Elf;
use elbow_tests::build::firmware::Program;
use elbow_tests::build::trainer;
use elbow_tests::documents::sizes;
use elbow_tests::emulator;
use elbow_tests::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Scoring a few readings, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(60);

/// What every example sends last.
const LAST_LINE: &str = "asleep";

/// Each example is called as its board is by QEMU.
const EXAMPLES: [(&str, &str); 3] = [
    ("microbit", "thumbv6m-none-eabi"),
    ("netduinoplus2", "thumbv7em-none-eabihf"),
    ("lm3s6965evb", "thumbv7m-none-eabi"),
];

/// Builds an example around `image`.
fn build(name: &str, image: &Path) -> Result<PathBuf, Error> {
    let (_, triple) = EXAMPLES.iter().find(|example| example.0 == name).unwrap();
    let program = Program {
        name,
        package: &format!("firmware-examples/{name}"),
        triple,
        cpu: None,
        image: Some(image),
        features: None,
    };
    program.build()
}

/// The image of the default model.
fn default_image() -> PathBuf {
    trainer::default_run().unwrap().join("model.elbow")
}

/// What the example sends before it sleeps.
fn told_by(name: &str) -> String {
    let firmware = build(name, &default_image()).unwrap_or_else(|error| panic!("{error}"));
    let text = emulator::listen(name, &firmware, LAST_LINE, LIMIT);
    let text = text.unwrap_or_else(|error| panic!("{error}"));
    assert!(text.is_ascii(), "{text}");
    text.strip_suffix("asleep\n").unwrap().to_owned()
}

/// What the workstation tells: the line that every example begins with, then what `tell` adds.
fn told_here(tell: impl FnOnce(&mut Session<'_>, &mut String)) -> String {
    let image = AlignedImage::new(&std::fs::read(default_image()).unwrap());
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 1).unwrap();
    let mut text = "digits: this chip computes what the workstation did\n".to_owned();
    tell(&mut session, &mut text);
    text
}

/// The last word of a line with a score.
fn verdict(score: &Score) -> &'static str {
    if score.p_value() < Probability::new(0.05) {
        "anomalous"
    } else {
        "ordinary"
    }
}

fn picture(values: &[i32]) -> Picture<'_> {
    Picture { values, width: 8 }
}

#[test]
fn the_microbit_tells_anomalous_from_ordinary_readings_and_dreams() {
    let mut verdicts = Vec::new();
    let expected = told_here(|session, text| {
        for reading in &READINGS {
            let estimator = Estimator::SigmaPoints;
            let score = session.score(&reading.counts, estimator).unwrap();
            let (elbo, p, verdict) = (score.elbo(), score.p_value(), verdict(&score));
            writeln!(text, "{}: {elbo} nats, p {p}, {verdict}", reading.name).unwrap();
            verdicts.push(verdict);
        }
        let mut values = [0; PIXELS];
        session.generate(&mut values).unwrap();
        write!(text, "a dream:\n{}", picture(&values)).unwrap();
    });
    assert_eq!(told_by("microbit"), expected);
    let ordinary = ["ordinary"; 4].into_iter();
    assert!(verdicts.into_iter().eq(ordinary.chain(["anomalous"; 2])));
}

#[test]
fn the_netduino_sees_the_lamp_go_out() {
    const SEED: u64 = 42;
    let mut verdicts = Vec::new();
    let expected = told_here(|session, text| {
        for (number, light) in (0..=8).rev().enumerate() {
            let reading = READINGS[0].counts.map(|count| count * light / 8);
            session.reseed(SEED, number as u64);
            let estimator = Estimator::MonteCarlo { samples: 16 };
            let score = session.score(&reading, estimator).unwrap();
            let error = score.standard_error().unwrap();
            let (elbo, p, verdict) = (score.elbo(), score.p_value(), verdict(&score));
            writeln!(
                text,
                "reading {number}: {elbo} +- {error} nats, p {p}, {verdict}"
            )
            .unwrap();
            verdicts.push(verdict);
        }
    });
    assert_eq!(told_by("netduinoplus2"), expected);
    assert_eq!(
        (verdicts.first(), verdicts.last()),
        (Some(&"ordinary"), Some(&"anomalous"))
    );
}

#[test]
fn the_stellaris_sends_eight_bytes_an_image() {
    let expected = told_here(|session, text| {
        for reading in &READINGS {
            let estimator = Estimator::PosteriorMean;
            let score = session.score(&reading.counts, estimator).unwrap();
            write!(text, "{}: {} nats, sent as", reading.name, score.elbo()).unwrap();
            // In floats, as the arithmetic of the board is not: both are exact here.
            let steps = session.posterior().mean.iter().map(|&mean| {
                let steps = (f64::from(mean) / 65_536.0 * 32.0 + 0.5).floor();
                steps.clamp(-128.0, 127.0)
            });
            let steps: Vec<f64> = steps.collect();
            for &step in &steps {
                write!(text, " {:02x}", step as i8).unwrap();
            }
            let unit = f64::from(1u32 << session.model().latent_fraction_bits());
            let latents: Vec<i16> = steps
                .iter()
                .map(|step| (step / 32.0 * unit) as i16)
                .collect();
            let mut values = [0; PIXELS];
            session.decode(&latents, &mut values).unwrap();
            write!(text, "\n{}", picture(&values)).unwrap();
        }
    });
    assert_eq!(told_by("lm3s6965evb"), expected);
}

#[test]
fn no_example_can_panic() {
    for (name, _) in EXAMPLES {
        let elf = Elf::read(&build(name, &default_image()).unwrap()).unwrap();
        assert_eq!(elf.panic_paths().unwrap(), [""; 0], "{name}");
    }
}

#[test]
fn the_readme_has_the_sizes() {
    let mut stale = Vec::new();
    for (name, _) in EXAMPLES {
        let elf = Elf::read(&build(name, &default_image()).unwrap()).unwrap();
        stale.extend(sizes::stale(name, name, &elf).unwrap());
    }
    assert!(stale.is_empty(), "measured: {stale:?}");
}

#[test]
fn without_a_model_one_line_says_what_to_do() {
    let Err(Error::Build { log, .. }) = build("microbit", Path::new("absent.elbow")) else {
        panic!("it builds without a model");
    };
    let lines = log
        .lines()
        .filter(|line| line.starts_with("error: elbow-example-microbit"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("no model image at absent.elbow"), "{log}");
    assert!(
        lines[0].ends_with("train one first: cargo trainer fit"),
        "{log}"
    );
}
