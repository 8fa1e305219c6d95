//! Boards on the desk, in QEMU: what they record trains, their scores equal those of the workstation, and an update whose line is
//! cut leaves the old or the new image. `cargo xtask agent` does the same with more cuts.

use elbow_tests::build::elf::Elf;
use elbow_tests::build::workspace;
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

#[test]
fn the_documentation_has_the_sizes() {
    let page = std::fs::read_to_string(workspace().join("docs/board.md")).unwrap();
    let mut stale = vec![];
    for kind in &KINDS {
        let start = format!("| [`{}`]", kind.name);
        let row = page.lines().find(|line| line.starts_with(&start)).unwrap();
        // Behind board, memory, image and workspace.
        let number = |cell: &str| cell.trim().replace(',', "").parse::<usize>().unwrap();
        let cells: Vec<&str> = row.split('|').collect();
        let (flash_told, statics_told) = (number(cells[6]), number(cells[7]));
        let elf = Elf::read(&kind.build().unwrap()).unwrap();
        let (flash, statics) = (elf.flash_bytes().unwrap(), elf.static_bytes().unwrap());
        // Another compiler makes other code.
        if flash.abs_diff(flash_told) > flash / 10 || statics.abs_diff(statics_told) > 64 {
            stale.push(format!(
                "{}: {flash} of flash, {statics} of statics",
                kind.name
            ));
        }
    }
    assert!(stale.is_empty(), "measured: {stale:?}");
}
