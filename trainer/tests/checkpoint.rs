//! Trainings that are interrupted and gone on with.

mod support;

use candle_core::Device;
use elbow_trainer::error::Error;
use elbow_trainer::export::run::to_toml;
use elbow_trainer::model::Vae;
use elbow_trainer::readings::Derived;
use elbow_trainer::readings::RunConfig;
use elbow_trainer::readings::splits::Splits;
use elbow_trainer::train::{self, Checkpoint, Course};
use serde_json::Value;
use std::time::Duration;
use support::fit as run;
use support::program::{json, read, succeeds};

/// The bytes of the parameters.
fn bits(vae: &Vae) -> Vec<u8> {
    vae.to_safetensors().unwrap()
}

/// By the engine with gaps, with bits that are drawn anew and with learned log-deviations, and by automatic
/// differentiation: a training that goes on after its fourth epoch ends as one that was never interrupted.
#[test]
fn an_interrupted_training_ends_as_another() {
    let folder = tempfile::tempdir().unwrap();
    let waves: String = (0..300)
        .map(|row| {
            let at = |column: i32| (f64::from(row * (column + 3)) * 0.37).sin();
            format!("{:.3},{:.3},{:.3}\n", at(0), at(1), at(2))
        })
        .collect();
    let real = folder.path().join("waves.csv");
    std::fs::write(&real, waves).unwrap();
    let real = real.display().to_string();
    for arguments in [
        &["digits", "--missing", "0.3"][..],
        &["digits", "--binarize", "dynamic"],
        &[&real, "--likelihood", "laplace", "--latents", "2"],
        &["digits", "--prior", "mixture:3"],
    ] {
        // The epochs in floats are what checkpoints are of.
        let common = ["--epochs", "7", "--keep-dead-latents", "--no-qat"];
        let trained = run(&[arguments, &common].concat());
        let (settings, derived) = (&trained.config.settings, &trained.config.derived);
        let parts = Splits::load(settings).unwrap();
        let model = || {
            let of = (&derived.likelihood, &derived.normalization);
            train::initialize(settings, of.0, of.1, &Device::Cpu).unwrap()
        };
        let mut training = trained.prepare(&parts.train.table);
        training.intensities = parts.intensities.clone();
        let validation = trained.prepare(&parts.validation.table);
        let data = (&training, &validation);

        let (whole, mut files) = (model(), vec![]);
        let note = || ("run", "a note".to_owned());
        let mut save = |checkpoint: &Checkpoint| {
            files.push(checkpoint.to_bytes(&whole, note())?);
            Ok::<_, Error>(())
        };
        let course = Course {
            save: Some((Duration::ZERO, &mut save)),
            ..Course::default()
        };
        let history = train::train(&whole, settings, data, course, |_| Ok(())).unwrap();
        assert_eq!(files.len(), 6, "after each epoch but the last");

        let bytes = &files[3];
        assert_eq!(Checkpoint::note(bytes, "run").unwrap(), "a note");
        let later = model();
        let checkpoint = Checkpoint::from_bytes(bytes, &later).unwrap();
        assert_eq!(checkpoint.epochs(), 4);
        let course = Course {
            checkpoint: Some(checkpoint),
            ..Course::default()
        };
        let gone_on = train::train(&later, settings, data, course, |_| Ok(())).unwrap();
        assert_eq!(gone_on, history, "{arguments:?}");
        assert_eq!(bits(&later), bits(&whole), "{arguments:?}");
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let trained = run(&["digits", "--epochs", "3"]);
    let (settings, derived) = (&trained.config.settings, &trained.config.derived);
    let parts = Splits::load(settings).unwrap();
    let of = (&derived.likelihood, &derived.normalization);
    let vae = train::initialize(settings, of.0, of.1, &Device::Cpu).unwrap();
    let training = trained.prepare(&parts.train.table);
    let mut bytes = vec![];
    let mut save = |checkpoint: &Checkpoint| {
        bytes = checkpoint.to_bytes(&vae, ("run", String::new()))?;
        Ok::<_, Error>(())
    };
    let data = (&training, &training);
    let course = Course {
        save: Some((Duration::ZERO, &mut save)),
        ..Course::default()
    };
    train::train(&vae, settings, data, course, |_| Ok(())).unwrap();

    let refusal =
        |bytes: &[u8], vae: &Vae| Checkpoint::from_bytes(bytes, vae).unwrap_err().to_string();
    let remedy = "train anew, without --resume";
    for length in [0, 7, 100, bytes.len() - 1] {
        assert!(refusal(&bytes[..length], &vae).ends_with(remedy));
    }
    let mut wider = settings.clone();
    wider.model.latents += 1;
    let wider = train::initialize(&wider, of.0, of.1, &Device::Cpu).unwrap();
    let line = refusal(&bytes, &wider);
    assert!(
        line.contains("[64, 16] of F32") && line.contains("[64, 18]"),
        "{line}"
    );
    let fewer = trained.prepare(&parts.validation.table);
    let checkpoint = Checkpoint::from_bytes(&bytes, &vae).unwrap();
    let course = Course {
        checkpoint: Some(checkpoint),
        ..Course::default()
    };
    let error = train::train(&vae, settings, (&fewer, &fewer), course, |_| Ok(()));
    let line = error.unwrap_err().to_string();
    let (trained_on, given) = (training.readings.len(), fewer.readings.len());
    assert!(
        line.contains(&format!(
            "{trained_on} training readings, the data have {given}"
        )),
        "{line}"
    );
}

/// As the program leaves it behind: it goes on to what an uninterrupted training ends as, with the seconds before and the
/// budget of the run.
#[test]
fn the_program_goes_on_where_it_was_interrupted() {
    let whole = run(&["digits", "--epochs", "20", "--ram", "8K", "--core", "m4"]);
    let derived = Derived {
        // What training found out.
        pruned_latents: vec![],
        ..whole.config.derived.clone()
    };
    assert_eq!(derived.limits.ram, Some(8192));
    let config = RunConfig {
        derived,
        ..whole.config.clone()
    };
    let settings = &config.settings;
    let parts = Splits::load(settings).unwrap();
    let of = (&config.derived.likelihood, &config.derived.normalization);
    let vae = train::initialize(settings, of.0, of.1, &Device::Cpu).unwrap();
    let training = whole.prepare(&parts.train.table);
    let validation = whole.prepare(&parts.validation.table);
    let table: toml::Table = toml::from_str(&to_toml(&config).unwrap()).unwrap();
    let mut note = toml::Table::new();
    note.insert("seconds".into(), 1000.0.into());
    note.insert("run".into(), table.into());
    let mut files = vec![];
    let mut save = |checkpoint: &Checkpoint| {
        files.push(checkpoint.to_bytes(&vae, ("run", note.to_string()))?);
        Ok::<_, Error>(())
    };
    let course = Course {
        save: Some((Duration::ZERO, &mut save)),
        ..Course::default()
    };
    train::train(&vae, settings, (&training, &validation), course, |_| Ok(())).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint.safetensors");
    std::fs::write(&checkpoint, &files[6]).unwrap();
    let out = &folder.path().display().to_string();
    succeeds(&["fit", "--resume", out, "--quiet"]);
    assert!(!checkpoint.exists());
    let before = &whole.path.parent().unwrap().display().to_string();
    for file in ["model.safetensors", "plan.toml", "config.toml"] {
        assert!(read(out, file) == read(before, file), "{file}");
    }
    let summary = |run: &str| json(&String::from_utf8(read(run, "summary.json")).unwrap());
    let (of_both, of_one) = (summary(out), summary(before));
    assert!(of_one["budget"].is_object());
    assert_eq!(of_both["budget"], of_one["budget"]);
    let seconds = |summary: &Value| summary["training_seconds"].as_f64().unwrap();
    assert!(seconds(&of_one) < 1000.0);
    assert!((1000.0..2000.0).contains(&seconds(&of_both)));
}
