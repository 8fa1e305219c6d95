//! Data and two small runs that the tests of all commands share.

pub(crate) use crate::support::program::TINY;
use crate::support::program::{Folder, Noise, contents, ends_with_code, text};
use elbow_trainer::config::{Config, Limits, Schedule};
use elbow_trainer::data::DataSource;
use elbow_trainer::export::pipeline::{Job, Silent};
use elbow_trainer::readings::splits::Splits;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// More epochs than any test has time for.
pub(crate) const ENDLESS: &str = "1000000";

/// Readings of 4 correlated values; every seventh is anomalous.
pub(crate) fn readings(rows: usize) -> Vec<[f32; 4]> {
    let mut noise = Noise(7);
    let mut row = |index| {
        let (a, b) = (noise.next(), noise.next());
        let sign = if index % 7 == 6 { -1.0 } else { 1.0 };
        [
            a + 0.1 * noise.next(),
            10.0 * a + noise.next(),
            sign * b + 0.1 * noise.next(),
            2.0 * b + 0.1 * noise.next(),
        ]
    };
    (0..rows).map(&mut row).collect()
}

pub(crate) fn csv(rows: &[[f32; 4]]) -> String {
    let lines = rows
        .iter()
        .map(|row| row.map(|value| value.to_string()).join(",") + "\n");
    "a,b,c,d\n".to_owned() + &lines.collect::<String>()
}

/// A version 1 array of little-endian f32.
pub(crate) fn npy(rows: &[[f32; 4]]) -> Vec<u8> {
    let header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 4), }}",
        rows.len()
    );
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Files that many tests read and none writes.
pub(crate) struct Fixture {
    pub(crate) csv: String,
    pub(crate) npy: String,
    pub(crate) labels: String,
    /// Trained on `csv` with `labels`.
    pub(crate) run: String,
    /// Trained on the digits.
    pub(crate) digits: String,
}

pub(crate) const ROWS: usize = 140;

/// Trains as [`TINY`] says, by the library.
fn train(source: &str, labels: Option<&String>, folder: &str) {
    let mut config = Config::default();
    config.data.source = source.into();
    config.data.labels = labels.map(Into::into);
    config.train.epochs = 3;
    config.train.schedule = Schedule::Cosine;
    config.train.learning_rate = config.train.schedule.learning_rate();
    config.model.encoder = vec![6.into()];
    config.model.decoder = vec![6.into()];
    config.model.latents = 2;
    config.export.keep_dead_latents = true;
    let name = DataSource::parse(source).unwrap().name();
    let splits = Splits::load(&config).unwrap();
    let job = Job::new(&name, config, Limits::default(), splits, &Silent).unwrap();
    job.fit(None).unwrap().write(folder.as_ref()).unwrap();
}

pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-fixture");
        // What an earlier run of the tests left.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| text(&folder.join(name));
        let rows = readings(ROWS);
        let fixture = Fixture {
            csv: path("pump.csv"),
            npy: path("pump.npy"),
            labels: path("labels.csv"),
            run: path("run"),
            digits: path("digits"),
        };
        std::fs::write(&fixture.csv, csv(&rows)).unwrap();
        std::fs::write(&fixture.npy, npy(&rows)).unwrap();
        let labels: String = (0..ROWS)
            .map(|row| if row % 7 == 6 { "1\n" } else { "0\n" })
            .collect();
        std::fs::write(&fixture.labels, labels).unwrap();
        train(&fixture.csv, Some(&fixture.labels), &fixture.run);
        train("digits", None, &fixture.digits);
        fixture
    })
}

/// Copies the run to a new folder.
pub(crate) fn copy_run(folder: &str) {
    std::fs::create_dir(folder).unwrap();
    for (path, bytes) in contents(&fixture().run) {
        std::fs::write(Path::new(folder).join(path.file_name().unwrap()), bytes).unwrap();
    }
}

/// `fit` on `data` with more `arguments` must be refused with `words`, and leave the run that is in
/// its folder as it is.
pub(crate) fn fit_is_refused(data: &str, arguments: &[&str], words: &[&str]) {
    fit_ends_with_code(2, data, arguments, words);
}

/// [`fit_is_refused`], with this exit code.
pub(crate) fn fit_ends_with_code(code: i32, data: &str, arguments: &[&str], words: &[&str]) {
    let folder = Folder::new();
    let out = folder.path("run");
    copy_run(&out);
    let before = contents(&out);
    let start = Instant::now();
    let fit = ["fit", data, "--out", &out, "--force"];
    let endless = ["--epochs", ENDLESS, "--quiet"];
    let line = ends_with_code(code, &[&fit, &endless[..], arguments].concat());
    let has = |word: &&str| line.contains(*word);
    assert!(words.iter().all(has), "{line} lacks one of {words:?}");
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{arguments:?} trained first"
    );
    assert_eq!(contents(&out), before);
}
