//! The same readings scored by a call of the library, by the command line and by firmware on every board: equal to the
//! last bit.

use elbow::format::AlignedImage;
use elbow::{Estimator, Model, Score, Session};
use elbow_tests::build::board::BOARDS;
use elbow_tests::build::trainer;
use elbow_tests::emulator::commands::{self, Request};
use elbow_trainer::config::{Config, Limits};
use elbow_trainer::data::{Dataset, Machine, Table};
use elbow_trainer::export::pipeline::{Job, Silent};
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::splits::Splits;
use std::ops::Range;
use std::time::Duration;

/// A scoring of a second, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// Every kind of estimator, and a seed for those that draw.
const ESTIMATORS: [(&str, u64); 4] = [
    ("posterior-mean", 0),
    ("sigma-points", 0),
    ("monte-carlo:5", 7),
    ("importance-weighted:6", 3),
];

/// Minutes of the shipped log of a pump that nothing is wrong with, and some in which a bearing begins to wear.
const NORMAL: Range<usize> = 0..1500;
const WEARING: Range<usize> = 3440..3590;

/// The sensors of the pump, without time, mode and fault.
fn sensors(minutes: Range<usize>) -> Table {
    let log = Machine::Pump.text();
    let rows = log.lines().skip(1).skip(minutes.start).take(minutes.len());
    let cells = rows.flat_map(|line| line.split(',').skip(2).take(6));
    let values = cells.map(|cell| cell.parse().unwrap());
    Table::new(6, values.collect()).unwrap()
}

/// An image that the library made in memory.
fn trained() -> AlignedImage {
    let mut config = Config::default();
    config.model.encoder = vec![12.into()];
    config.model.decoder = vec![12.into()];
    config.model.latents = 3;
    config.train.epochs = 20;
    let pump = Dataset::new("pump", sensors(NORMAL));
    let splits = Splits::divide(&config, pump, None).unwrap();
    let job = Job::new("pump", config, Limits::default(), splits, &Silent).unwrap();
    let outcome = job.fit(None).unwrap();
    AlignedImage::new(&outcome.exported.image)
}

/// The lines of `trainer score`, from the library alone.
fn by_call(model: &Model<'_>, table: &Table, estimator: Estimator, seed: u64) -> String {
    let mut words = vec![0; model.workspace_words()];
    let mut session = Session::new(model, &mut words, seed).unwrap();
    let (readings, _) = Readings::from_table(table, model.exponents());
    let mut lines = format!("{}\n", Score::CSV_HEADER);
    for (index, reading) in (0..).zip(&readings) {
        session.reseed(seed, index.into());
        let score = session.score(reading, estimator).unwrap();
        lines += &format!("{}\n", score.csv(index));
    }
    lines
}

#[test]
fn a_call_a_command_and_every_board_give_the_same_scores() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (image_path, data) = (path("pump.elbow"), path("today.csv"));
    let image = trained();
    std::fs::write(&image_path, &*image).unwrap();
    let day = sensors(WEARING);
    let rows = day.iter().map(|row| {
        let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
        cells.join(",") + "\n"
    });
    std::fs::write(&data, rows.collect::<String>()).unwrap();
    let model = Model::parse(&image).unwrap();
    for (estimator, seed) in ESTIMATORS {
        let called = by_call(&model, &day, estimator.parse().unwrap(), seed);
        let number = seed.to_string();
        let arguments = ["score", &image_path, &data, "--estimator", estimator];
        let arguments = [&arguments[..], &["--seed", &number]].concat();
        let commanded = trainer::run(&arguments, LIMIT).unwrap().stdout;
        assert_eq!(commanded.lines().count(), 151);
        assert_eq!(called, commanded, "{estimator}");
        for board in &BOARDS {
            let request = Request {
                model: image_path.clone().into(),
                data: data.clone(),
                estimator: estimator.to_owned(),
                seed,
                limit: None,
            };
            let emulated = commands::score(board, &request).unwrap();
            assert_eq!(emulated, called, "{} {estimator}", board.name);
        }
    }
}
