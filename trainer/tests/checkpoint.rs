//! Trainings that are interrupted and gone on with.

mod support;

use candle_core::Device;
use elbow_trainer::config::{Config, Gradient, Latent, Limits};
use elbow_trainer::error::Error;
use elbow_trainer::export::pipeline::{Interrupted, Job, Observer, Outcome, Silent};
use elbow_trainer::export::run::{read_plan, to_toml};
use elbow_trainer::model::Vae;
use elbow_trainer::readings::Derived;
use elbow_trainer::readings::RunConfig;
use elbow_trainer::readings::splits::Splits;
use elbow_trainer::train::{self, Checkpoint, Course, Epoch};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;
use support::fit as run;
use support::program::{json, read, succeeds};

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
    let note = || ("run", "a note".to_owned());
    let mut save = |checkpoint: &Checkpoint| {
        files.push(checkpoint.to_bytes(&start, note())?);
        Ok::<_, Error>(())
    };
    let course = Course {
        save: Some((Duration::ZERO, &mut save)),
        ..Course::default()
    };
    let history = train(&whole, course);
    assert_eq!(
        files.len(),
        history.len() - 1,
        "after each epoch but the last"
    );
    for (index, bytes) in files.iter().enumerate() {
        assert_eq!(Checkpoint::note(bytes, "run").unwrap(), "a note");
        let later = model();
        let checkpoint = Checkpoint::from_bytes(bytes, &later).unwrap();
        assert_eq!(checkpoint.epochs(), index + 1);
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

/// Wants to stop after an epoch.
struct Impatient {
    last: usize,
    over: Cell<bool>,
}

impl Observer for Impatient {
    fn epoch(&self, epoch: &Epoch, _: usize) {
        self.over.set(epoch.epoch >= self.last);
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

/// In floats and in integers, whose checkpoints have the model with its dead latents and the one without.
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
    for last in [12, 34, 39] {
        let folder = tempfile::tempdir().unwrap();
        let over = Cell::new(false);
        let impatient = Impatient { last, over };
        let job = job(&config, &impatient).checkpointed(Duration::ZERO);
        let error = job.fit(Some(folder.path())).unwrap_err();
        assert!(matches!(error, Error::Cancelled { epoch } if epoch == last));
        let interrupted = Interrupted::read(folder.path()).unwrap();
        let splits = Splits::load(&config).unwrap();
        let job = Job::resume("digits", interrupted, splits, &Silent).unwrap();
        let later = job.fit(Some(folder.path())).unwrap();
        assert_eq!(later.config, whole.config);
        assert_eq!(later.history, whole.history);
        assert!(bits(&later.vae) == bits(&whole.vae));
        let image = |outcome: &Outcome| outcome.exported().unwrap().image.to_vec();
        assert!(image(&later) == image(&whole));
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
