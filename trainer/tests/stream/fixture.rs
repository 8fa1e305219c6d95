//! Streams of a simulated machine and runs trained on them, which the tests share.

use crate::support::machine;
use crate::support::program::{succeeds, text, trainer};
use elbow::Model;
use elbow::signal::{WindowShape, Windows};
use elbow_trainer::export::run;
use std::path::Path;
use std::sync::OnceLock;

pub(crate) const SAMPLES: usize = 16_000;

pub(crate) const WINDOW: usize = 64;

pub(crate) const HOP: usize = 32;

/// When the fault of the fixture's faulty stream begins and ends.
pub(crate) const FAULT: std::ops::Range<usize> = 6000..8000;

/// A training as small as it gets.
pub(crate) const TINY: [&str; 10] = [
    "--epochs",
    "2",
    "--encoder",
    "6",
    "--decoder",
    "6",
    "--latents",
    "2",
    "--keep-dead-latents",
    "--quiet",
];

/// Files that many tests read and none writes.
pub(crate) struct Fixture {
    /// A normal stream of [`SAMPLES`] samples.
    pub(crate) normal: String,
    /// Another one, with a [`FAULT`].
    pub(crate) faulty: String,
    /// One for each sample of `faulty`.
    pub(crate) labels: String,
    /// Trained on `normal`.
    pub(crate) run: String,
}

pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stream-fixture");
        // What an earlier run of the tests left.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| text(&folder.join(name));
        let fixture = Fixture {
            normal: path("machine.csv"),
            faulty: path("faulty.csv"),
            labels: path("labels.csv"),
            run: path("run"),
        };
        let normal = machine::samples(1, SAMPLES, None);
        let faulty = machine::samples(2, 10_000, Some(FAULT));
        let labels = (0..faulty.len()).map(|at| if FAULT.contains(&at) { "1\n" } else { "0\n" });
        std::fs::write(&fixture.normal, machine::csv(&normal)).unwrap();
        std::fs::write(&fixture.faulty, machine::csv(&faulty)).unwrap();
        std::fs::write(&fixture.labels, labels.collect::<String>()).unwrap();
        let Fixture { normal, run, .. } = &fixture;
        succeeds(&[
            "fit",
            normal,
            "--window",
            "64",
            "--hop",
            "32",
            "--features",
            "rms,bands:8",
            "--validation-fraction",
            "0.25",
            "--epochs",
            "150",
            "--schedule",
            "cosine",
            "--latents",
            "3",
            "--encoder",
            "32",
            "--decoder",
            "32",
            "--out",
            run,
            "--quiet",
        ]);
        fixture
    })
}

/// The image of a run.
pub(crate) fn image(run: &str) -> elbow::format::AlignedImage {
    run::read_image(Path::new(run)).unwrap()
}

/// Both outputs of a command that must succeed.
pub(crate) fn both(arguments: &[&str]) -> (String, String) {
    let output = trainer(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    (String::from_utf8(output.stdout).unwrap(), errors)
}

/// A column of lines of comma-separated values, without the header.
pub(crate) fn column(lines: &str, name: &str) -> Vec<String> {
    let mut lines = lines.lines();
    let header = lines.next().unwrap();
    let at = header.split(',').position(|cell| cell == name).unwrap();
    lines
        .map(|line| line.split(',').nth(at).unwrap().to_owned())
        .collect()
}

/// The readings of all windows of `samples`, made by the runtime from the image alone.
pub(crate) fn by_the_runtime(model: &Model<'_>, samples: &[[i16; 3]]) -> Vec<Vec<i16>> {
    let front_end = &model.stream().unwrap().front_end;
    let shape = WindowShape {
        channels: 3,
        samples: WINDOW,
        hop: HOP,
    };
    let mut windows = Windows::new([0; 3 * WINDOW], shape).unwrap();
    let mut scratch = vec![0; front_end.scratch_len()];
    let mut readings = vec![];
    for sample in samples {
        if let Some(window) = windows.push(sample).unwrap() {
            let mut reading = vec![0; front_end.features_len()];
            front_end.apply(window, &mut scratch, &mut reading).unwrap();
            readings.push(reading);
        }
    }
    readings
}

pub(crate) fn bytes(values: impl IntoIterator<Item = i16>) -> Vec<u8> {
    values.into_iter().flat_map(i16::to_le_bytes).collect()
}
