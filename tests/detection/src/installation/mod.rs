//! Models on other machines than those that they were trained on: false alarms and AUC before and after a device has learned
//! where it is.
//!
//! A machine is made of the readings of a set: each column that is a real number gets a gain around its mean, drawn between 0.8 and 1.25
//! evenly on a scale of logarithms, an offset drawn between -1 and 1 standard deviations, and normal noise of a tenth of one to
//! three tenths, drawn for each column; or one of the three alone.

pub mod creep;
pub mod report;

use crate::error::Error;
use crate::folder::choose;
use crate::measure::{Subject, fit};
use crate::set::{Set, npy};
use crate::shipped::{self, Draws};
use elbow::Model;
use elbow::adapt::AdaptSettings;
use elbow::format::AlignedImage;
use elbow_tests::files;
use elbow_trainer::config::Config;
use elbow_trainer::data::{Table, shuffle};
use elbow_trainer::likelihood::LikelihoodKind;
use elbow_trainer::numeric::statistics::mean_and_variance;
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::splits::Splits;
use elbow_trainer::study::adaptation::{self, Device, Judgement, Observed};
use serde::Serialize;
use std::path::Path;

/// Readings that a device learns from: half of them align, the others are counted.
pub const LEARNED: [usize; 3] = [50, 200, 1000];
/// One reading of so many is a fault where the session is not what it should be.
const FAULTY: usize = 10;

/// What differs from the machines of the training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its name.
    pub name: &'static str,
    gains: bool,
    offsets: bool,
    noise: bool,
}

/// Nothing, each alone, and all together.
pub const LEVELS: [Level; 5] = [
    Level::new("none", [false, false, false]),
    Level::new("gains", [true, false, false]),
    Level::new("offsets", [false, true, false]),
    Level::new("noise", [false, false, true]),
    Level::new("all", [true, true, true]),
];

impl Level {
    const fn new(name: &'static str, [gains, offsets, noise]: [bool; 3]) -> Self {
        Self {
            name,
            gains,
            offsets,
            noise,
        }
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Machines of each level.
    pub machines: u64,
    /// Of the level of all, those that a model of their own is trained for.
    pub retrained: u64,
    /// Of the machines and of the division.
    pub seed: u64,
}

/// What a device made of a machine's readings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The set.
    pub set: String,
    /// What differs from the training.
    pub level: &'static str,
    /// The number of the machine.
    pub machine: u64,
    /// Whether a tenth of the readings that were learned from were faults.
    pub faulty: bool,
    /// What it judged.
    pub judgement: Judgement,
    /// The AUC of a model that was trained on readings of this machine, where there is one.
    pub retrained_auc: Option<f64>,
}

/// For each column its mean and its deviation at the factory; no deviation of one that is no real number.
type Columns = Vec<(f64, f64)>;

/// A trained model, and the readings that it has not seen.
#[derive(Debug)]
pub struct Factory {
    name: String,
    image: AlignedImage,
    reference: Vec<u8>,
    columns: Columns,
    train: Table,
    normal: Table,
    anomalous: Table,
}

impl Factory {
    /// Trains on half of the normal rows of `set`.
    ///
    /// # Errors
    /// The trainer refuses, or what it writes is not read.
    pub fn new(set: &Set, seed: u64) -> Result<Self, Error> {
        let parts = set.divide(seed);
        let [train, normal, anomalous] =
            [&parts.train, &parts.normal, &parts.anomalous].map(|rows| set.table().select(rows));
        let image = trained(&train, seed)?;
        let (reference, columns) = of_factory(&image, &train)?;
        Ok(Self {
            name: set.name().to_owned(),
            image,
            reference,
            columns,
            train,
            normal,
            anomalous,
        })
    }

    /// The rows of `table` as machine `machine` of `level` would give them.
    fn installed(&self, table: &Table, level: Level, machine: u64, draws: &mut Draws) -> Table {
        let mut of_machine = Draws::new(machine, 77);
        let shifts: Vec<[f64; 3]> = self
            .columns
            .iter()
            .map(|_| {
                let mut between = |low: f64, high: f64| low + (high - low) * of_machine.uniform64();
                let gain = between(-1.0, 1.0) * 1.25f64.ln();
                let (offset, noise) = (between(-1.0, 1.0), between(0.1, 0.3));
                let kept = |is: bool, value: f64| if is { value } else { 0.0 };
                [
                    kept(level.gains, gain).exp(),
                    kept(level.offsets, offset),
                    kept(level.noise, noise),
                ]
            })
            .collect();
        let rows = table.iter().flat_map(|row| {
            let numbers = row.iter().zip(&self.columns).zip(&shifts);
            numbers
                .map(|((&value, &(mean, deviation)), &[gain, offset, noise])| {
                    if deviation == 0.0 {
                        return value;
                    }
                    let value = mean + gain * (f64::from(value) - mean) + offset * deviation;
                    (value + noise * deviation * draws.normal64()) as f32
                })
                .collect::<Vec<_>>()
        });
        let values = rows.collect();
        Table::new(table.width(), values).expect("it has the shape of another table")
    }

    /// All machines of all levels.
    ///
    /// # Errors
    /// A reading cannot be scored, or a training fails.
    pub fn measure(&self, plan: Plan) -> Result<Vec<Row>, Error> {
        let mut rows = vec![];
        for level in LEVELS {
            for machine in 0..plan.machines {
                let is_retrained = level.name == "all" && machine < plan.retrained;
                rows.extend(self.machine(level, machine, plan.seed, is_retrained)?);
            }
        }
        Ok(rows)
    }

    /// One machine, before and after it has learned.
    fn machine(
        &self,
        level: Level,
        machine: u64,
        seed: u64,
        is_retrained: bool,
    ) -> Result<Vec<Row>, Error> {
        // Each machine of each set has draws of its own.
        let name = self.name.bytes().map(u64::from);
        let own = name.fold(seed, |own, byte| (own * 131 + byte) % (1 << 40)) + machine;
        let mut draws = Draws::new(own, 78);
        // Each machine learns from other rows.
        let mut order: Vec<usize> = (0..self.normal.len()).collect();
        shuffle(&mut order, &mut elbow::rng::stream(own, 80));
        let normal = self.normal.select(&order);
        let [normal, anomalous] = [&normal, &self.anomalous]
            .map(|table| self.installed(table, level, machine, &mut draws));
        let model = Model::parse(&self.image).map_err(|_| Error::Scores("have no image"))?;
        // A quarter of the faults may be learned from; the others are judged.
        let taken = anomalous.len() / 4;
        let learnable = normal.len() / 3 * 2;
        let both = [normal.values(), anomalous.values()].concat();
        let all = Table::new(normal.width(), both)?;
        let (readings, _) = Readings::from_table(&all, model.exponents());
        let observed = Observed {
            readings: &readings,
            masks: None,
        };
        let of_normal = learnable..normal.len();
        let judged: Vec<usize> = of_normal.chain(normal.len() + taken..all.len()).collect();
        let labels: Vec<bool> = judged.iter().map(|&row| row >= normal.len()).collect();
        let judge = |learned: &[usize]| {
            let learn = learned.len() as u32 / 2;
            let device = Device {
                model: &model,
                image: &self.image,
                reference: &self.reference,
                settings: AdaptSettings {
                    learn,
                    calibrate: (learned.len() as u32 - learn).max(1),
                    ..AdaptSettings::new(model.estimator())
                },
                seed: 0,
            };
            let (adapted, stored) = device.adapt(observed, learned, &judged)?;
            let count = learned.len();
            Ok::<_, Error>(Judgement::new(&adapted, &labels, count, stored.at_bounds))
        };
        let row = |judgement: Judgement, faulty: bool| Row {
            set: self.name.clone(),
            level: level.name,
            machine,
            faulty,
            judgement,
            retrained_auc: None,
        };
        let mut rows = vec![row(judge(&[])?, false)];
        for count in LEARNED.into_iter().filter(|count| *count <= learnable) {
            let learned: Vec<usize> = (0..count).collect();
            rows.push(row(judge(&learned)?, false));
            if taken > 0 {
                let with_fault = |row: usize| match row % FAULTY {
                    0 => normal.len() + row / FAULTY % taken,
                    _ => row,
                };
                let learned: Vec<usize> = learned.into_iter().map(with_fault).collect();
                rows.push(row(judge(&learned)?, true));
            }
        }
        if is_retrained {
            let own = self.retrained(level, machine, &mut draws, &all, &judged, &labels)?;
            rows.iter_mut().for_each(|row| row.retrained_auc = own);
        }
        Ok(rows)
    }

    /// The AUC of a model that is trained on the training rows as this machine would give them.
    fn retrained(
        &self,
        level: Level,
        machine: u64,
        draws: &mut Draws,
        all: &Table,
        judged: &[usize],
        labels: &[bool],
    ) -> Result<Option<f64>, Error> {
        let train = self.installed(&self.train, level, machine, draws);
        let image = trained(&train, machine)?;
        let model = Model::parse(&image).map_err(|_| Error::Scores("have no image"))?;
        let (readings, _) = Readings::from_table(all, model.exponents());
        let device = Device {
            model: &model,
            image: &image,
            reference: &[],
            settings: AdaptSettings::new(model.estimator()),
            seed: 0,
        };
        let observed = Observed {
            readings: &readings,
            masks: None,
        };
        let (adapted, _) = device.adapt(observed, &[], judged)?;
        Ok(Judgement::new(&adapted, labels, 0, 0).auc)
    }
}

/// The reference of a model's channels, and for each column its mean and its deviation, over the rows that it was trained on.
fn of_factory(image: &[u8], train: &Table) -> Result<(Vec<u8>, Columns), Error> {
    let model = Model::parse(image).map_err(|_| Error::Scores("have no image"))?;
    let whole = LikelihoodKind::of(&model).whole_numbers(model.inputs());
    let columns = whole.iter().enumerate().map(|(column, &is_whole)| {
        let values: Vec<f64> = train.iter().map(|row| row[column].into()).collect();
        let (mean, variance) = mean_and_variance(&values);
        (mean, if is_whole { 0.0 } else { variance.sqrt() })
    });
    let (factory, _) = Readings::from_table(train, model.exponents());
    let observed = Observed {
        readings: &factory,
        masks: None,
    };
    let bounds = (adaptation::OFFSET, adaptation::RATIO);
    let reference = adaptation::reference(&model, image, observed, bounds)?;
    Ok((reference, columns.collect()))
}

/// The image of a model that `trainer fit` trains on `table`.
fn trained(table: &Table, seed: u64) -> Result<AlignedImage, Error> {
    let folder = files::temporary_folder()?;
    let (data, run) = (folder.path().join("train.npy"), folder.path().join("run"));
    files::write(&data, npy(table))?;
    let data = data.to_string_lossy().into_owned();
    fit(&[data, "--test-fraction=0.1".to_owned()], &run, seed, "")?;
    image(&run)
}

fn image(run: &Path) -> Result<AlignedImage, Error> {
    let path = run.join("model.elbow");
    let bytes = std::fs::read(&path).map_err(elbow_tests::error::Error::at(&path))?;
    Ok(AlignedImage::new(&bytes))
}

/// The generated tables and the log of a pump: those called `wanted`, or all.
///
/// # Errors
/// [`Error::Unknown`], or the trainer refuses the log.
pub fn sets(wanted: &[String]) -> Result<Vec<Set>, Error> {
    let generated = shipped::subjects(&[])?.into_iter();
    let sets = generated.filter_map(|subject| match subject {
        Subject::Set(set) => Some(set),
        Subject::Digit(_) => None,
    });
    let sets: Vec<Set> = sets.chain([pump()?]).collect();
    let names: Vec<String> = sets.iter().map(|set| set.name().to_owned()).collect();
    let chosen = choose(&names, wanted)?;
    Ok(chosen.into_iter().map(|at| sets[at].clone()).collect())
}

/// The log of a pump that ships with the trainer: its readings, and whether each is labelled a fault.
///
/// # Errors
/// The trainer refuses it.
pub fn pump() -> Result<Set, Error> {
    let mut config = Config::default();
    config.data.source = "pump".into();
    let splits = Splits::load(&config)?;
    let normal = [splits.train.table, splits.validation.table];
    let test = splits.test;
    let mut labels = vec![false; normal.iter().map(Table::len).sum()];
    let none = || vec![false; test.dataset.table.len()];
    labels.extend(test.anomalous.clone().unwrap_or_else(none));
    let tables = normal.iter().chain([&test.dataset.table]);
    let values = tables.flat_map(|table| table.values().to_vec()).collect();
    Set::new("pump", Table::new(normal[0].width(), values)?, labels)
}
