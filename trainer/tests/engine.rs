//! Training by the engine and by candle's automatic differentiation, from one seed.

mod support;

use candle_core::Device;
use elbow_trainer::numeric::random::{self, Purpose, normals};
use elbow_trainer::readings::splits::Splits;
use elbow_trainer::train::{self, Course, Epoch, Means};
use support::{Trained, fit as run};

/// A CSV of 1550 readings of ten mixtures of three numbers.
fn real_readings(folder: &std::path::Path) -> String {
    let mut rng = random::stream(2, Purpose::Noise);
    let mut row = |_| {
        let draws = normals(&mut rng, 13);
        let mixed = (0..10).map(|at| {
            let sources = (0..3).map(|k| draws[k] * ((at * (k + 2)) as f32).sin());
            let value = 10.0 * sources.sum::<f32>() + draws[3 + at] + 5.0;
            format!("{value:.3}")
        });
        mixed.collect::<Vec<_>>().join(",") + "\n"
    };
    let path = folder.join("real.csv");
    std::fs::write(&path, (0..1550).map(&mut row).collect::<String>()).unwrap();
    path.display().to_string()
}

/// The epochs of the training that gave `trained`, again and by these means.
fn history(trained: &Trained, means: Means) -> Vec<Epoch> {
    let settings = &trained.config.settings;
    let derived = &trained.config.derived;
    let (likelihood, normalization) = (&derived.likelihood, &derived.normalization);
    let vae = train::initialize(settings, likelihood, normalization, &Device::Cpu).unwrap();
    let splits = Splits::load(settings).unwrap();
    let mut training = trained.prepare(&splits.train.table);
    training.intensities = splits.intensities.clone();
    let validation = trained.prepare(&splits.validation.table);
    let course = Course {
        means: Some(means),
        ..Course::default()
    };
    train::train(&vae, settings, (&training, &validation), course, |_| Ok(())).unwrap()
}

/// Over 12 epochs of 17 steps, the bounds and what is ascended agree to 1e-4 of themselves.
#[test]
fn two_hundred_steps_agree_with_automatic_differentiation() {
    let folder = tempfile::tempdir().unwrap();
    let real = &real_readings(folder.path());
    for arguments in [
        &["digits"][..],
        &["digits", "--importance-samples", "5"],
        &["digits", "--missing", "0.3", "--importance-samples", "1"],
        &["digits", "--binarize", "dynamic"],
        &["digits", "--clip", "norm:1", "--schedule", "constant"],
        &[
            real,
            "--clip",
            "value:0.01",
            "--schedule",
            "plateau",
            "--patience",
            "2",
            "--least-gain",
            "1",
        ],
        &[
            "digits",
            "--beta",
            "3",
            "--kl-warm-up",
            "4",
            "--rate-warm-up",
            "3",
            "--elbo-form",
            "entropy",
        ],
        &[real],
        &[real, "--likelihood", "gaussian:shared"],
        &[real, "--likelihood", "laplace:predicted"],
        &[real, "--conditions", "2", "--importance-samples", "3"],
    ] {
        let common = ["--epochs", "12", "--keep-dead-latents", "--no-qat"];
        let trained = run(&[arguments, &common].concat());
        let [engine, candle] = [Means::Engine, Means::Candle].map(|means| history(&trained, means));
        assert_eq!((engine.len(), candle.len()), (12, 12));
        for (engine, candle) in engine.iter().zip(&candle) {
            let pairs = [
                (engine.elbo, candle.elbo),
                (engine.reconstruction, candle.reconstruction),
                (
                    engine.objective.unwrap_or(0.0),
                    candle.objective.unwrap_or(0.0),
                ),
                (
                    engine.validation_elbo.unwrap(),
                    candle.validation_elbo.unwrap(),
                ),
            ];
            for (a, b) in pairs {
                assert!(
                    (a - b).abs() <= 1e-4 * b.abs(),
                    "{arguments:?}: {engine:?} {candle:?}"
                );
            }
            assert_eq!(engine.observed_fraction, candle.observed_fraction);
        }
    }
}
