//! Boards on the desk, in QEMU: what they record trains, their scores equal those of the workstation, and an update whose line is
//! cut leaves the old or the new image. `cargo xtask agent` does the same with more cuts.

use elbow_tests::build::elf::Elf;
use elbow_tests::emulator::desk::machine::KINDS;
use elbow_tests::emulator::desk::{Plan, Runs, run};

const PLAN: Plan = Plan {
    readings: 1000,
    cuts: 4,
    seed: 7,
};

#[test]
fn boards_record_score_and_are_updated_over_a_line_that_is_cut() {
    let runs = Runs::train().unwrap();
    for kind in &KINDS {
        let outcome = run(kind, &runs, PLAN).unwrap();
        println!("{outcome}");
        assert!(outcome.faults.is_empty(), "{outcome}");
        assert_eq!(outcome.equal, PLAN.readings + 100);
        assert_eq!(outcome.old + outcome.new, PLAN.cuts);
    }
}

#[test]
fn no_agent_can_panic() {
    for kind in &KINDS {
        let elf = Elf::read(&kind.build().unwrap()).unwrap();
        assert_eq!(elf.panic_paths().unwrap(), [""; 0], "{}", kind.name);
    }
}
