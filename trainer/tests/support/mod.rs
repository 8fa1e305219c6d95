//! What several suites need: trained models and data.

// Each suite uses a part of it.
#![allow(dead_code)]

pub(crate) mod machine;
pub(crate) mod program;

use elbow::format::AlignedImage;
use elbow::{Estimator, Model};
use elbow_trainer::data;
use elbow_trainer::export::run;
use elbow_trainer::model::Vae;
use elbow_trainer::model::prepared::Prepared;
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::RunConfig;
use elbow_trainer::readings::device::device_scores;
use elbow_trainer::readings::device::elbos;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A trained model, in floats and as an image.
pub(crate) struct Trained {
    pub(crate) vae: Vae,
    pub(crate) config: RunConfig,
    pub(crate) image: AlignedImage,
    pub(crate) path: PathBuf,
    /// Where its files are, for as long as it lives.
    _folder: TempDir,
}

/// Runs `trainer fit` with these arguments.
pub(crate) fn fit(arguments: &[&str]) -> Trained {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .arg("fit")
        .args(arguments)
        .arg("--quiet")
        .arg("--out")
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(status.success(), "{arguments:?}");
    let path = folder.path().join(run::IMAGE_FILE);
    let (config, vae) = run::read_vae(&path, &candle_core::Device::Cpu).unwrap();
    Trained {
        vae,
        config,
        image: run::read_image(&path).unwrap(),
        path,
        _folder: folder,
    }
}

impl Trained {
    pub(crate) fn model(&self) -> Model<'_> {
        run::parse(&self.path, &self.image).unwrap()
    }

    /// The readings of `table` for this model.
    pub(crate) fn prepare(&self, table: &data::Table) -> Prepared {
        let normalization = &self.config.derived.normalization;
        let (readings, _) = Readings::from_table(table, &normalization.exponents);
        let device = &candle_core::Device::Cpu;
        Prepared::new(readings, normalization, &self.vae, device).unwrap()
    }

    /// The device's bounds.
    pub(crate) fn elbos(&self, readings: &Readings, estimator: Estimator, seed: u64) -> Vec<f64> {
        elbos(&device_scores(&self.model(), readings, None, estimator, seed).unwrap())
    }
}

/// The folder of the ECG5000 files beside the checkout; none, and a word about it, without them.
pub(crate) fn heart_beats() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ecg5000");
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("skipped: needs the ECG5000 files in {}", folder.display());
    None
}

/// Every so many rows of `table`, such that `count` remain.
pub(crate) fn spread(table: &data::Table, count: usize) -> data::Table {
    let rows: Vec<usize> = (0..count).map(|at| at * table.len() / count).collect();
    table.select(&rows)
}

pub(crate) fn root_mean_square(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value * value;
        count += 1.0;
    }
    f64::sqrt(sum / count)
}

pub(crate) fn differences<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    a.iter().zip(b).map(|(a, b)| a - b)
}
