//! `trainer adapt`.

use crate::fixture::{Fixture, fixture};
use crate::support::program::{Folder, fails, succeeds};
use elbow::adapt::{AdaptSettings, Adapter, Reference, Rewritable, Stage, Store};
use elbow::format::AlignedImage;
use elbow::{Estimator, Model};
use embedded_storage::{ReadStorage, Storage};
use std::convert::Infallible;
use std::path::Path;

/// A memory that holds what the program has written.
struct Memory(Vec<u8>);

impl ReadStorage for Memory {
    type Error = Infallible;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl Storage for Memory {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        self.0[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

#[test]
fn a_device_takes_the_state_that_is_written() {
    let Fixture {
        csv, labels, run, ..
    } = fixture();
    let folder = Folder::new();
    let (reference, state) = (folder.path("reference"), folder.path("state"));
    let command = |estimator| {
        let learned = ["--learn", "30", "--calibrate", "40"];
        let bounds = ["--offset", "1.5", "--ratio", "2"];
        let files = ["--reference", &reference, "--state", &state];
        let rest = [
            "--labels",
            labels,
            "--estimator",
            estimator,
            "--seed",
            "3",
            "--json",
        ];
        let all = [&["adapt", run, csv][..], &learned, &bounds, &files, &rest].concat();
        succeeds(&all)
    };
    let said: serde_json::Value = serde_json::from_str(&command("sigma-points")).unwrap();
    assert_eq!(said["estimator"], "sigma-points");
    assert_eq!(said["session"]["learned"], 70);
    assert_eq!(said["before"]["learned"], 0);
    // 120 of 140 are normal, and those behind the first 70 of them are judged, or behind the first 50 of the table's.
    assert_eq!(said["session"]["normal"], 50);
    assert_eq!(said["session"]["anomalous"], 20);
    assert_eq!(said["after"][0]["learned"], 50);
    let image = std::fs::read(Path::new(run).join("model.elbow")).unwrap();
    let image = AlignedImage::new(&image);
    let model = Model::parse(&image).unwrap();
    let bytes = std::fs::read(&reference).unwrap();
    let reference = Reference::parse(&bytes).unwrap();
    assert_eq!((reference.offset(), reference.ratio()), (3 << 15, 2 << 16));
    assert_eq!(reference.len(), 4);
    let mut memory = vec![0; model.adapt_words()];
    let settings = AdaptSettings::new(Estimator::SigmaPoints);
    let reference = Some(reference);
    let mut adapter = Adapter::new(&model, &image, &mut memory, reference, settings).unwrap();
    let first = std::fs::read(&state).unwrap();
    let second = vec![0xff; first.len()];
    let mut store = Store::new(Rewritable(Memory([first, second].concat())));
    assert_eq!(store.load(&mut adapter), Ok(true));
    assert_eq!(adapter.stage(), Stage::Ready);
    assert_eq!(adapter.sketch().count(), 40);
}

#[test]
fn too_few_readings_are_refused_with_their_numbers() {
    let Fixture { csv, run, .. } = fixture();
    let message = fails(&["adapt", run, csv, "--learn", "90", "--calibrate", "10"]);
    assert!(message.contains("take 100 normal readings"), "{message}");
    assert!(message.contains("has 92 to learn from"), "{message}");
    let few = ["--learn", "9", "--calibrate", "9", "--ratio", "0.5"];
    let message = fails(&[&["adapt", run, csv][..], &few].concat());
    assert!(
        message.contains("ratios of 0.5 cannot be taken out"),
        "{message}"
    );
    let told = succeeds(&["adapt", run, csv, "--learn", "9", "--calibrate", "9"]);
    assert!(
        told.contains("factory") && told.contains("by sigma-points"),
        "{told}"
    );
}
