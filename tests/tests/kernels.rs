//! The kernels of each core compute what the definition says, to the bit.

use elbow_cases::sweep::sweep;
use elbow_tests::build::board::COUNTED;
use elbow_tests::emulator::{self, Invocation};
use std::time::Duration;

const CASES: u32 = 10_000;

#[test]
fn every_core_agrees_with_the_definition_on_random_layers() {
    let seed = 1;
    let digest = sweep(seed, CASES).unwrap_or_else(|difference| panic!("host: {difference}"));
    let folder = tempfile::tempdir().unwrap();
    for board in COUNTED {
        let arguments = [
            "kernels".to_owned(),
            format!("seed={seed}"),
            format!("cases={CASES}"),
        ];
        let invocation = Invocation {
            model: None,
            directory: folder.path(),
            arguments: &arguments,
            time_limit: Duration::from_secs(300),
            count_instructions: false,
        };
        let outcome = emulator::run(board, &invocation).unwrap();
        assert_eq!(outcome.code, 0, "{}: {}", board.name, outcome.stderr);
        assert_eq!(outcome.stdout, format!("{digest:08x}\n"), "{}", board.name);
        println!("{}: {:.1} s", board.name, outcome.duration.as_secs_f64());
    }
}
