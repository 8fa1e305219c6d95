//! Trains on a set by the program `trainer`, scores what it has not seen in the integers of a device, and counts.

use crate::error::Error;
use crate::set::{Set, npy};
use elbow::Probability;
use elbow_tests::build::trainer;
use elbow_tests::error::Error as WorkError;
use elbow_tests::files;
use elbow_tests::process::Finished;
use elbow_trainer::data::Table;
use elbow_trainer::data::digits::{self, Part};
use elbow_trainer::numeric::statistics::auc;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// A training on thousands of wide rows, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(3600);

/// Rates of false alarms that normal readings are counted at.
pub const RATES: [f64; 3] = [0.05, 0.01, 0.001];

/// What is detected in what.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The digits that ship with the trainer, in the trainer's own division; this one is left out of training.
    Digit(u32),
    /// A table.
    Set(Set),
}

/// What came of a set and a seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The name of the set.
    pub set: String,
    /// The seed of the division; that of the training is one more.
    pub seed: u64,
    /// Readings that the trainer is given: it learns from them, and calibrates by some.
    pub rows: usize,
    /// Numbers of a reading.
    pub columns: usize,
    /// Normal readings that are tested on.
    pub normal: usize,
    /// Anomalous readings that are tested on.
    pub anomalous: usize,
    /// Area under the ROC curve of the bound, from 0 to 1; ties count half.
    pub auc_bound: f64,
    /// The same of p-values, and among equal ones of the bound.
    pub auc_p_value: f64,
    /// Normal readings whose p-value is at most each of [`RATES`].
    pub alarms: [usize; 3],
    /// Normal readings that p-values were counted among.
    pub calibrating: u64,
    /// Bytes of the image.
    pub image_bytes: u64,
    /// Seconds that the program ran to train, quantize, calibrate and evaluate.
    pub fit_seconds: f64,
}

/// A reading as the device judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The p-value.
    pub p_value: Probability,
    /// The bound, Q16.16 nats.
    pub bound: i32,
}

/// What the trainer is asked for, and what is known of the readings that it is tested on.
struct Task {
    /// The data to train on, and options that go with them.
    fit: Vec<String>,
    /// The data to test on.
    test: String,
    rows: usize,
    columns: usize,
    /// For each reading that is tested on whether it is anomalous.
    labels: Vec<bool>,
}

impl Subject {
    /// Its name in results.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Digit(digit) => format!("digit-{digit}"),
            Self::Set(set) => set.name().to_owned(),
        }
    }

    /// Trains on it and tests; `options` are more ones of `trainer fit`, between blanks. The data stay in a folder of `keep`.
    ///
    /// # Errors
    ///
    /// The trainer does not build, refuses, or writes what is not understood; or a file cannot be written.
    pub fn measure(&self, seed: u64, options: &str, keep: Option<&Path>) -> Result<Row, Error> {
        let temporary = files::temporary_folder()?;
        let kept = keep.map(|keep| keep.join(format!("{}-seed-{seed}", self.name())));
        let folder = kept.as_deref().unwrap_or(temporary.path());
        std::fs::create_dir_all(folder).map_err(WorkError::at(folder))?;
        let task = match self {
            Self::Digit(digit) => of_digit(*digit),
            Self::Set(set) => of_set(set, seed, folder)?,
        };
        if kept.is_some() {
            let labels = task.labels.iter().map(|&is| f32::from(u8::from(is)));
            let labels = Table::new(1, labels.collect())?;
            files::write(&folder.join("labels.npy"), npy(&labels))?;
        }
        let run = temporary.path().join("run");
        let finished = fit(&task.fit, &run, seed, options)?;
        let judged = score(&run, &task.test)?;
        let labels = &task.labels;
        let areas = areas(&judged, labels).ok_or(Error::Scores("do not fit the readings"))?;
        let anomalous = labels.iter().filter(|&&is| is).count();
        Ok(Row {
            set: self.name(),
            seed,
            rows: task.rows,
            columns: task.columns,
            normal: labels.len() - anomalous,
            anomalous,
            auc_bound: areas.bound,
            auc_p_value: areas.p_value,
            alarms: RATES.map(|rate| {
                let normal = judged.iter().zip(labels).filter(|(_, is)| !**is);
                normal.filter(|(judged, _)| judged.alarms(rate)).count()
            }),
            calibrating: calibrating(&run)?,
            image_bytes: image_bytes(&run)?,
            fit_seconds: finished.duration.as_secs_f64(),
        })
    }
}

/// The digits without `digit`, in the trainer's own division.
fn of_digit(digit: u32) -> Task {
    let part = |part| digits::part(part, digit);
    let learned = [Part::Train, Part::Validation].map(|name| part(name).table.len());
    let shown = part(Part::Test).labels.unwrap_or_default();
    Task {
        fit: vec!["digits".to_owned(), format!("--anomaly-digit={digit}")],
        test: "digits".to_owned(),
        rows: learned.iter().sum(),
        columns: digits::PIXELS,
        labels: shown.into_iter().map(|shown| shown == digit).collect(),
    }
}

/// The rows of `set`, divided and written into `folder`.
fn of_set(set: &Set, seed: u64, folder: &Path) -> Result<Task, Error> {
    let parts = set.divide(seed);
    let tested = [&parts.normal[..], &parts.anomalous].concat();
    let write = |name: &str, rows: &[usize]| {
        let path = folder.join(name);
        files::write(&path, npy(&set.table().select(rows)))?;
        Ok::<_, Error>(path.to_string_lossy().into_owned())
    };
    Ok(Task {
        fit: vec![
            write("train.npy", &parts.train)?,
            "--test-fraction=0.1".to_owned(),
        ],
        test: write("test.npy", &tested)?,
        rows: parts.train.len(),
        columns: set.table().width(),
        labels: (0..tested.len())
            .map(|at| at >= parts.normal.len())
            .collect(),
    })
}

/// Runs `trainer fit` on `data` into the folder `run`; `options` are between blanks, and come last.
///
/// # Errors
///
/// The trainer does not build, or refuses.
pub fn fit(data: &[String], run: &Path, seed: u64, options: &str) -> Result<Finished, Error> {
    let (run, seed) = (run.to_string_lossy(), (seed + 1).to_string());
    let mut arguments = vec!["fit"];
    arguments.extend(data.iter().map(String::as_str));
    arguments.extend(["--out", &run, "--seed", &seed, "--quiet"]);
    arguments.extend(options.split_whitespace());
    Ok(trainer::run(&arguments, LIMIT)?)
}

/// Scores `data` by the image in the folder `run`, as the device does by the estimator that suits it best.
///
/// # Errors
///
/// The trainer refuses, or its lines are not understood.
pub fn score(run: &Path, data: &str) -> Result<Vec<Judged>, Error> {
    let scores = trainer::run(&["score", &run.to_string_lossy(), data], LIMIT)?.stdout;
    let mut lines = scores.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name);
    let (p_value, bound) = (place("p_value_q31"), place("elbo_q16"));
    let judged = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Some(Judged {
            p_value: Probability::from_bits(cells.get(p_value?)?.parse().ok()?)?,
            bound: cells.get(bound?)?.parse().ok()?,
        })
    };
    let judged = lines.map(judged).collect::<Option<_>>();
    judged.ok_or(Error::Scores("have no raw integers"))
}

impl Judged {
    /// Whether its p-value is at most `rate`, from 0 to 1. p-values are rounded up to a multiple of 2^-31, and so is
    /// the rate.
    #[must_use]
    pub fn alarms(self, rate: f64) -> bool {
        f64::from(self.p_value.to_bits()) <= (rate * f64::from(1u32 << 31)).ceil()
    }
}

/// Areas under ROC curves, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Areas {
    /// Of the bound; ties count half.
    pub bound: f64,
    /// Of the p-value, and among equal ones of the bound; what is equal in both counts half.
    pub p_value: f64,
}

/// How well `judged` tells the readings apart of which `labels` says that they are anomalous; none without both kinds, or
/// where there is not a label for each.
#[must_use]
pub fn areas(judged: &[Judged], labels: &[bool]) -> Option<Areas> {
    if judged.len() != labels.len() {
        return None;
    }
    let bounds: Vec<f64> = judged.iter().map(|judged| judged.bound.into()).collect();
    // Places in the order of both: whole numbers, equal where both are.
    let key = |judged: &Judged| (judged.p_value, judged.bound);
    let mut order: Vec<_> = judged.iter().map(key).collect();
    order.sort_unstable();
    let place = |judged: &Judged| order.partition_point(|other| *other < key(judged)) as f64;
    let places: Vec<f64> = judged.iter().map(place).collect();
    Some(Areas {
        bound: auc(&bounds, labels)?,
        p_value: auc(&places, labels)?,
    })
}

/// How many normal readings the p-values of a run were counted among.
fn calibrating(run: &Path) -> Result<u64, Error> {
    let path = run.join("summary.json");
    let text = std::fs::read_to_string(&path).map_err(WorkError::at(&path))?;
    let summary: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    // The smallest p-value that is counted is one in as many and one.
    let smallest = summary.and_then(|summary| summary.get("smallest_counted")?.as_f64());
    let smallest = smallest.ok_or(Error::Scores("have no smallest p-value in summary.json"))?;
    Ok((1.0 / smallest).round() as u64 - 1)
}

fn image_bytes(run: &Path) -> Result<u64, Error> {
    let path = run.join("model.elbow");
    Ok(std::fs::metadata(&path)
        .map_err(WorkError::at(&path))?
        .len())
}
