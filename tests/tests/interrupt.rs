//! A short run of `cargo xtask interrupt`.

#![cfg(unix)]

use elbow_tests::assurance::interrupt::{Case, End, Plan, run, write_waves};

/// Times that each training is ended in each way.
const MOMENTS: usize = 2;

#[test]
fn trainings_that_are_ended_go_on_to_the_same_bytes() {
    let data = tempfile::tempdir().unwrap();
    let waves = write_waves(data.path()).unwrap();
    let cases = [Case::digits(40), Case::waves(&waves, 20)];
    for (case, end) in cases.iter().zip([End::Kill, End::Interrupt]) {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            moments: MOMENTS,
            seed: 1,
        };
        let outcome = run(case, end, plan, folder.path()).unwrap();
        println!("{outcome}");
        assert!(outcome.faults.is_empty(), "{outcome}");
        assert_eq!(outcome.ended, MOMENTS);
        assert!(outcome.runs > 0);
    }
}
