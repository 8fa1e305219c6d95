//! Trainings that are interrupted and gone on with.

mod support;

use candle_core::Device;
use elbow_trainer::config::{Config, Gradient, Latent, Limits};
use elbow_trainer::error::Error;
use elbow_trainer::export::pipeline::{Interrupted, Job, Observer, Outcome, Silent};
use elbow_trainer::export::run::{read_plan, read_vae};
use elbow_trainer::model::Vae;
use elbow_trainer::readings::Derived;
use elbow_trainer::readings::splits::Splits;
use elbow_trainer::train::{self, Checkpoint, Course, Epoch};
use safetensors::SafeTensors;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;
use support::fit as run;
use support::program::{fails_with, json, read, succeeds};

/// The bytes of the parameters.
fn bits(vae: &Vae) -> Vec<u8> {
    vae.to_safetensors().unwrap()
}

/// A model with random weights for the settings of a run.
fn model(settings: &Config, derived: &Derived) -> Vae {
    let of = (&derived.likelihood, &derived.normalization);
    train::initialize(settings, of.0, of.1, &Device::Cpu).unwrap()
}

/// Checks that a training that `train` goes on with after some epochs, or begins, ends as one that was never
/// interrupted. It is given a new model each time.
fn ends_alike(case: &str, model: impl Fn() -> Vae, train: impl Fn(&Vae, Course<'_>) -> Vec<Epoch>) {
    let (whole, mut files) = (model(), vec![]);
    let start = model();
    let mut save = |checkpoint: &Checkpoint| {
        files.push((checkpoint.epochs(), checkpoint.to_bytes(&start)?));
        Ok::<_, Error>(())
    };
    let course = Course {
        save: Some((Duration::ZERO, &mut save)),
        ..Course::default()
    };
    let history = train(&whole, course);
    let epochs: Vec<usize> = files.iter().map(|(epochs, _)| *epochs).collect();
    let within = epochs.iter().filter(|epochs| **epochs == 0).count();
    assert!(within > 1, "{case}: several in the first epoch");
    let ends: Vec<usize> = (1..=history.len()).collect();
    // Others within epochs where these took long.
    let mut after = epochs[within..].to_vec();
    after.dedup();
    assert_eq!(after, ends, "{case}: after each epoch");
    for (index, (epochs, bytes)) in files.iter().enumerate() {
        assert_eq!(Checkpoint::epochs_in(bytes).unwrap(), *epochs);
        let later = model();
        let checkpoint = Checkpoint::from_bytes(bytes, &later).unwrap();
        assert_eq!(checkpoint.epochs(), *epochs);
        let course = Course {
            checkpoint: Some(checkpoint),
            ..Course::default()
        };
        assert_eq!(train(&later, course), history, "{case}, {index}");
        assert!(bits(&later) == bits(&whole), "{case}, {index}");
    }
}

/// Three columns of waves.
fn waves(folder: &Path) -> String {
    let lines = (0..300).map(|row| {
        let at = |column: i32| (f64::from(row * (column + 3)) * 0.37).sin();
        format!("{:.3},{:.3},{:.3}\n", at(0), at(1), at(2))
    });
    let path = folder.join("waves.csv");
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path.display().to_string()
}

/// By the engine with gaps, with bits that are drawn anew and with learned log-deviations, by automatic differentiation,
/// by each estimator that has a state, and with posteriors of single readings.
#[test]
fn an_interrupted_training_ends_as_another() {
    let folder = tempfile::tempdir().unwrap();
    let real = waves(folder.path());
    for arguments in [
        &["digits", "--missing", "0.3"][..],
        &["digits", "--binarize", "dynamic"],
        &[&real, "--likelihood", "laplace", "--latents", "2"],
        &[
            "digits",
            "--schedule",
            "plateau",
            "--patience",
            "1",
            "--least-gain",
            "9",
            "--clip",
            "norm:1",
        ],
        &["digits", "--prior", "mixture:3"],
        &["digits", "--gradient", "moving-average"],
        &["digits", "--gradient", "learned"],
        &["digits", "--inference", "svi"],
    ] {
        // The epochs in floats are what checkpoints are of.
        let common = ["--epochs", "7", "--keep-dead-latents", "--no-qat"];
        let trained = run(&[arguments, &common].concat());
        let (settings, derived) = (&trained.config.settings, &trained.config.derived);
        let parts = Splits::load(settings).unwrap();
        let mut training = trained.prepare(&parts.train.table);
        training.intensities = parts.intensities.clone();
        let validation = trained.prepare(&parts.validation.table);
        let data = (&training, &validation);
        ends_alike(
            &arguments.join(" "),
            || model(settings, derived),
            |vae, course| train::train(vae, settings, data, course, |_| Ok(())).unwrap(),
        );
    }
}

#[test]
fn an_interrupted_training_of_bits_ends_as_another() {
    let trained = run(&["digits", "--epochs", "2"]);
    let mut settings = trained.config.settings.clone();
    settings.model.latent = Latent::Bernoulli;
    settings.train.gradient = Gradient::Vimco;
    settings.train.importance_samples = 3;
    settings.train.qat = false;
    settings.train.epochs = 4;
    let parts = Splits::load(&settings).unwrap();
    let training = trained.prepare(&parts.train.table);
    let validation = trained.prepare(&parts.validation.table);
    let data = (&training, &validation);
    ends_alike(
        "bits",
        || model(&settings, &trained.config.derived),
        |vae, course| train::train(vae, &settings, data, course, |_| Ok(())).unwrap(),
    );
}

#[test]
fn an_interrupted_training_in_integers_ends_as_another() {
    let folder = tempfile::tempdir().unwrap();
    let real = waves(folder.path());
    for arguments in [
        &["digits", "--missing", "0.3"][..],
        &[&real, "--likelihood", "gaussian:shared", "--latents", "2"],
    ] {
        let common = ["--epochs", "5", "--keep-dead-latents"];
        let trained = run(&[arguments, &common].concat());
        let plan = read_plan(&trained.path).unwrap();
        let settings = trained.config.settings.tuned(4);
        let normalization = &trained.config.derived.normalization;
        let parts = Splits::load(&settings).unwrap();
        let training = trained.prepare(&parts.train.table);
        let validation = trained.prepare(&parts.validation.table);
        let data = (&training, &validation);
        let start = bits(&trained.vae);
        let plans = RefCell::new(vec![]);
        ends_alike(
            &arguments.join(" "),
            || {
                let vae = model(&settings, &trained.config.derived);
                vae.load_safetensors(&start).unwrap();
                vae
            },
            |vae, course| {
                let observe = |_: &Epoch| Ok(());
                let plan = plan.clone();
                let (history, plan) = train::train_integers(
                    vae,
                    &settings,
                    normalization,
                    data,
                    plan,
                    course,
                    observe,
                )
                .unwrap();
                plans.borrow_mut().push(toml::to_string(&plan).unwrap());
                history
            },
        );
        let plans = plans.into_inner();
        assert!(plans.iter().all(|plan| *plan == plans[0]));
    }
}

/// Wants to stop after an epoch, and counts them.
#[derive(Default)]
struct Impatient {
    last: usize,
    epochs: Cell<usize>,
    over: Cell<bool>,
}

impl Observer for Impatient {
    fn epoch(&self, epoch: &Epoch, _: usize) {
        self.epochs.set(self.epochs.get() + 1);
        self.over.set(epoch.epoch == self.last);
    }

    fn is_cancelled(&self) -> bool {
        self.over.get()
    }
}

fn job<'a>(config: &Config, observer: &'a dyn Observer) -> Job<'a> {
    let splits = Splits::load(config).unwrap();
    let limits = Limits::default();
    Job::new("digits", config.clone(), limits, splits, observer).unwrap()
}

/// Goes on with what was interrupted in `folder`; the epochs that it took.
fn go_on(config: &Config, folder: &Path) -> (Outcome, usize) {
    let observer = Impatient::default();
    let interrupted = Interrupted::read(folder).unwrap();
    let splits = Splits::load(config).unwrap();
    let job = Job::resume(interrupted, splits, &observer).unwrap();
    (job.fit(Some(folder)).unwrap(), observer.epochs.get())
}

fn assert_alike(later: &Outcome, whole: &Outcome) {
    assert_eq!(later.config, whole.config);
    assert_eq!(later.history, whole.history);
    assert!(bits(&later.vae) == bits(&whole.vae));
    let image = |outcome: &Outcome| outcome.exported.image.to_vec();
    assert!(image(later) == image(whole));
}

/// In floats, in integers, whose checkpoints have the model with its dead latents and the one without, and behind the last
/// epoch.
#[test]
fn an_interrupted_call_ends_as_another() {
    let mut config = Config::default();
    config.data.source = "digits".into();
    config.model.latents = 8;
    config.train.epochs = 40;
    config.train.learning_rate = 0.01;
    config.train.objective.beta = 10.0;
    let whole = job(&config, &Silent).fit(None).unwrap();
    assert!(!whole.config.derived.pruned_latents.is_empty());
    for last in [12, 32, 34, 40] {
        let folder = tempfile::tempdir().unwrap();
        let impatient = Impatient {
            last,
            ..Impatient::default()
        };
        let error = job(&config, &impatient).fit(Some(folder.path()));
        let line = error.unwrap_err().to_string();
        let path = folder.path().display();
        assert_eq!(
            line,
            format!(
                "the run was ended after epoch {last}; go on with it: trainer fit --resume {path}"
            )
        );
        let (later, epochs) = go_on(&config, folder.path());
        assert_eq!(epochs, 40 - last);
        assert_alike(&later, &whole);
    }
}

/// Also one of other integers, and the training of its folds.
#[test]
fn a_tuning_that_is_interrupted_ends_as_another() {
    let folder = tempfile::tempdir().unwrap();
    let data = waves(folder.path());
    let trained = run(&[&data, "--epochs", "6", "--latents", "2"]);
    let (config, settings) = (&trained.config, &trained.config.settings);
    let tune = |observer: &dyn Observer, folder: Option<&Path>| {
        let splits = Splits::load(settings).unwrap();
        let vae = read_vae(&trained.path, &Device::Cpu).unwrap().1;
        Job::again("waves", config.clone(), splits, observer).tune(vae, 4, folder)
    };
    let whole = tune(&Silent, None).unwrap();
    for last in [1, 4] {
        let folder = tempfile::tempdir().unwrap();
        let impatient = Impatient {
            last,
            ..Impatient::default()
        };
        let error = tune(&impatient, Some(folder.path())).unwrap_err();
        assert!(
            matches!(error, Error::Cancelled { epoch, .. } if epoch == last),
            "{error}"
        );
        let (later, epochs) = go_on(settings, folder.path());
        assert_eq!(epochs, 4 - last);
        assert_eq!(later.config.derived.tuned_epochs, 4);
        assert_alike(&later, &whole);
    }
}

/// Wants to stop once so many checkpoints were written.
struct Saving {
    most: usize,
    saved: Cell<usize>,
}

impl Observer for Saving {
    fn saved(&self) {
        self.saved.set(self.saved.get() + 1);
    }

    fn is_cancelled(&self) -> bool {
        self.saved.get() >= self.most
    }
}

#[test]
fn the_models_of_folds_go_on_where_they_were_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.data.source = waves(folder.path());
    config.model.latents = 2;
    config.train.epochs = 5;
    let whole = job(&config, &Silent).fit(None).unwrap();
    let mut stages = vec![];
    for most in (4..60).step_by(7) {
        let folder = tempfile::tempdir().unwrap();
        let saving = Saving {
            most,
            saved: Cell::new(0),
        };
        let job = job(&config, &saving).checkpointed(Duration::ZERO);
        let Err(error) = job.fit(Some(folder.path())) else {
            break;
        };
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        stages.push(Interrupted::read(folder.path()).unwrap().stages());
        assert_alike(&go_on(&config, folder.path()).0, &whole);
    }
    // Within a fold, in floats and in integers.
    for part in ["fold-0", ".floats", ".integers"] {
        let has = |stage: &String| stage.starts_with("fold") && stage.ends_with(part);
        assert!(stages.iter().flatten().any(has), "{part}: {stages:?}");
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
        bytes = checkpoint.to_bytes(&vae)?;
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
    assert_eq!(whole.config.derived.limits.ram, Some(8192));
    let impatient = Impatient {
        last: 7,
        ..Impatient::default()
    };
    let settings = &whole.config.settings;
    let (splits, limits) = (Splits::load(settings).unwrap(), whole.config.derived.limits);
    let job = Job::new("digits", settings.clone(), limits, splits, &impatient).unwrap();
    let folder = tempfile::tempdir().unwrap();
    job.fit(Some(folder.path())).unwrap_err();
    let checkpoint = folder.path().join("checkpoint.safetensors");
    age(&checkpoint);

    let out = &folder.path().display().to_string();
    succeeds(&["fit", "--resume", out, "--quiet"]);
    assert!(!checkpoint.exists());
    let before = &whole.path.parent().unwrap().display().to_string();
    for file in [
        "model.safetensors",
        "model.elbow",
        "plan.toml",
        "config.toml",
    ] {
        assert!(read(out, file) == read(before, file), "{file}");
    }
    let summary = |run: &str| json(&String::from_utf8(read(run, "summary.json")).unwrap());
    let (of_both, of_one) = (summary(out), summary(before));
    assert!(of_one["budget"].is_object());
    assert_eq!(of_both["budget"], of_one["budget"]);
    let seconds = |summary: &Value| summary["training_seconds"].as_f64().unwrap();
    assert!(seconds(&of_one) < 1000.0);
    assert!((1000.0..2000.0).contains(&seconds(&of_both)));
    fails_with(&["fit", "--resume", out], &["is finished", "trainer tune"]);
}

/// Has the training of a checkpoint have taken 1000 seconds.
fn age(checkpoint: &Path) {
    let bytes = std::fs::read(checkpoint).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut metadata = metadata.metadata().clone().unwrap();
    let mut note: toml::Table = toml::from_str(&metadata["run"]).unwrap();
    note.insert("seconds".into(), 1000.0.into());
    metadata.insert("run".into(), note.to_string());
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let bytes = safetensors::serialize(file.iter(), Some(metadata)).unwrap();
    std::fs::write(checkpoint, bytes).unwrap();
}
