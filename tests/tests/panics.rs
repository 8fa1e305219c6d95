//! Nothing panics: a program that calls every operation of the runtime, and whose panic handler calls a function
//! that does not exist, links for every board.

use elbow_tests::build::board::{BOARDS, Board};
use elbow_tests::build::elf::Elf;
use elbow_tests::build::firmware::Program;
use elbow_tests::error::Error;

/// The program for the processor of `board`, with the default features where there are none.
fn program(board: &Board, features: Option<&'static str>) -> Program<'static> {
    Program {
        name: "no-panic",
        package: "tests/firmware",
        triple: board.triple,
        cpu: board.cpu,
        image: None,
        features,
    }
}

/// One `unwrap` that may fail, and the linker names the function that panics go through.
#[test]
fn a_planted_panic_does_not_link() {
    for board in &BOARDS {
        match program(board, Some("boards,planted-panic")).build() {
            Err(Error::Build { log, .. }) => {
                let missing: Vec<&str> = log
                    .split("undefined symbol: ")
                    .skip(1)
                    .filter_map(|rest| rest.split_whitespace().next())
                    .collect();
                assert_eq!(
                    missing,
                    ["this_program_can_panic"],
                    "{}:\n{log}",
                    board.core
                );
            }
            other => panic!("{}: {other:?}", board.core),
        }
    }
}

#[test]
fn a_program_of_every_operation_links_without_a_panic() {
    for board in &BOARDS {
        let path = match program(board, None).build() {
            Ok(path) => path,
            Err(Error::Build { log, .. }) if log.contains("this_program_can_panic") => {
                panic!("an operation can panic on {}:\n{log}", board.core)
            }
            Err(error) => panic!("{error}"),
        };
        let elf = Elf::read(&path).unwrap();
        assert_eq!(elf.panic_paths().unwrap(), [""; 0], "{}", board.name);
        // The operations are in it: neither a missing call nor a constant input has made them vanish.
        let symbols = elf.symbols().unwrap();
        for part in [
            "numbers",
            "layers",
            "monitors",
            "front_ends",
            "telemetry",
            "describe",
            "sessions",
            "watch",
        ] {
            let name = format!("8no_panic{}{part}", part.len());
            let found = symbols.iter().any(|symbol| symbol.contains(&name));
            assert!(found, "{}: {part}", board.name);
        }
        let flash = elf.flash_bytes().unwrap();
        assert!(flash > 40_000, "{}: only {flash} bytes", board.name);
    }
}
