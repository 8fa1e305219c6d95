//! The library does what the program does.

mod support;

#[path = "../examples/pump.rs"]
mod pump;

use elbow::{Model, Score};
use elbow_trainer::config::{Config, Limits, Schedule};
use elbow_trainer::data::{self, Dataset, Table};
use elbow_trainer::error::Error;
use elbow_trainer::export::pipeline::{Job, Observer, Silent, Warning};
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::device::device_scores;
use elbow_trainer::readings::splits::Splits;
use elbow_trainer::train::Epoch;
use std::cell::{Cell, RefCell};
use support::program::{Folder, read, succeeds};

#[test]
fn the_example_runs() {
    pump::main().unwrap();
}

fn small(data: &str) -> Config {
    let mut config = Config::default();
    config.data.source = data.into();
    config.train.epochs = 5;
    config.train.schedule = Schedule::Cosine;
    config.train.learning_rate = config.train.schedule.learning_rate();
    config.model.encoder = vec![6.into()];
    config.model.decoder = vec![6.into()];
    config.model.latents = 2;
    config.export.keep_dead_latents = true;
    config
}

#[test]
fn a_call_gives_the_artefacts_of_the_command() {
    let folder = Folder::new();
    let lines = (0..900).map(|row| {
        let x = (f64::from(row) * 0.37).sin();
        format!("{x},{},{}\n", 2.0 * x * x, f64::from(row % 7) + 0.5 * x)
    });
    let data = folder.write("pump.csv", lines.collect::<String>());
    let (by_command, by_call) = (folder.path("command"), folder.path("call"));
    let start = [
        "fit",
        &data,
        "--epochs",
        "5",
        "--encoder",
        "6",
        "--decoder",
        "6",
    ];
    let rest = [
        "--latents",
        "2",
        "--keep-dead-latents",
        "--quiet",
        "--out",
        &by_command,
    ];
    succeeds(&[&start[..], &rest].concat());
    let config = small(&data);
    let splits = Splits::load(&config).unwrap();
    let job = Job::new("pump", config, Limits::default(), splits, &Silent).unwrap();
    let outcome = job.fit(None).unwrap();
    outcome.write(by_call.as_ref()).unwrap();
    for name in [
        "model.elbow",
        "model.safetensors",
        "plan.toml",
        "config.toml",
        "metrics.jsonl",
    ] {
        assert!(
            read(&by_command, name) == read(&by_call, name),
            "{name} differs"
        );
    }
    let exported = outcome.exported;
    let model = Model::parse(&exported.image).unwrap();
    let table = data::load(&data).unwrap().table;
    let readings = Readings::from_table(&table, model.exponents()).0.first(50);
    let scores = device_scores(&model, &readings, None, model.estimator(), 0).unwrap();
    let lines = (0..)
        .zip(scores)
        .map(|(at, score)| score.csv(at).to_string());
    let header = std::iter::once(Score::CSV_HEADER.to_owned());
    let by_call = header
        .chain(lines)
        .map(|line| line + "\n")
        .collect::<String>();
    let by_command = succeeds(&["score", &by_command, &data, "--limit", "50"]);
    assert_eq!(by_call, by_command);
}

/// Ends a training after its second epoch, and remembers what it was told.
#[derive(Default)]
struct Impatient {
    epochs: Cell<usize>,
    warnings: RefCell<Vec<Warning>>,
}

impl Observer for Impatient {
    fn warn(&self, warning: &Warning) {
        self.warnings.borrow_mut().push(warning.clone());
    }

    fn epoch(&self, epoch: &Epoch, _: usize) {
        self.epochs.set(epoch.epoch);
    }

    fn is_cancelled(&self) -> bool {
        self.epochs.get() >= 2
    }
}

#[test]
fn whoever_looks_on_is_told_and_may_end_it() {
    let table = Table::new(1, (0..40).map(|row| (row as f32).sin()).collect()).unwrap();
    let config = small("in memory");
    let splits = Splits::divide(&config, Dataset::new("waves", table), None).unwrap();
    let impatient = Impatient::default();
    let job = Job::new("waves", config, Limits::default(), splits, &impatient).unwrap();
    let error = job.fit(None).unwrap_err();
    assert!(
        matches!(error, Error::Cancelled { epoch: 2, .. }),
        "{error}"
    );
    let batch = Warning::Batch {
        rows: 28,
        batch: 64,
    };
    let latents = Warning::Latents {
        latents: 2,
        inputs: 1,
    };
    assert_eq!(*impatient.warnings.borrow(), [latents, batch]);
}

#[test]
fn labels_are_one_a_reading() {
    let table = Table::new(1, vec![1.0, 2.0]).unwrap();
    let dataset = Dataset::new("pair", table);
    let error = Splits::divide(&small("in memory"), dataset, Some(vec![false])).unwrap_err();
    assert!(
        error.to_string().contains("2 readings and 1 labels"),
        "{error}"
    );
}
