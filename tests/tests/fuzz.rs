//! A short run of `cargo xtask fuzz`, and what that would find.

use elbow_fuzz::Format;
use elbow_fuzz::check::{Fault, Verdict, caught, check};
use elbow_fuzz::memory::Counting;
use elbow_fuzz::run::Run;
use elbow_fuzz::seeds::Seeds;
use elbow_tests::assurance::guided;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Inputs of each format: seconds in all.
const INPUTS: u64 = 20_000;

#[test]
fn no_damaged_file_is_a_fault() {
    for format in Format::ALL {
        let run = Run {
            format,
            inputs: INPUTS,
            seed: 2,
        };
        let summary = run.run(|index| panic!("{} {index} does not end", format.name()));
        assert!(summary.faults.is_empty(), "{run:?}: {:?}", summary.faults);
        assert_eq!(summary.accepted + summary.refused, INPUTS);
        // Damage leaves many whole, or they would all be refused at the door.
        let few = INPUTS / 20;
        assert!(
            summary.accepted > few && summary.refused > few,
            "{summary:?}"
        );
    }
}

#[test]
fn every_format_has_a_target_of_libfuzzer() {
    assert_eq!(guided::FORMATS, Format::ALL.map(Format::name));
}

#[test]
fn an_input_follows_from_its_seed_and_number() {
    let seeds = Seeds::default();
    for format in Format::ALL {
        let run = |seed| Run {
            format,
            inputs: 1,
            seed,
        };
        let input = run(3).input(&seeds, 41);
        assert_eq!(input, run(3).input(&Seeds::default(), 41));
        let others = [run(3).input(&seeds, 42), run(4).input(&seeds, 41)];
        assert!(!others.contains(&input), "{}", format.name());
    }
}

#[test]
fn whole_files_are_accepted() {
    let seeds = Seeds::default();
    for (format, file) in [
        (Format::Image, &seeds.images[0]),
        (Format::Text, &seeds.text[0]),
        (Format::Utf16, &seeds.utf16[0]),
        (Format::Npy, &seeds.npy[0]),
        (Format::Npz, &seeds.npz[0]),
        (Format::Mat, &seeds.mat[0]),
        (Format::Wav, &seeds.wav[1]),
        (Format::Idx, &seeds.idx[0]),
        (Format::Gz, &seeds.gz[0]),
        (Format::Zst, &seeds.zst[1]),
    ] {
        assert_eq!(check(format, file), Verdict::Accepted, "{}", format.name());
    }
}

#[test]
fn a_panic_is_a_fault_with_its_place() {
    let length = std::hint::black_box(3);
    for (fault, text) in [
        (caught(|| panic!("no {length}")), "no 3"),
        (caught(|| [1, 2][length]), "index out of bounds"),
    ] {
        let fault = fault.unwrap_err();
        assert!(fault.cause().contains("fuzz.rs:"), "{fault}");
        assert!(fault.to_string().contains(text), "{fault}");
    }
    assert_eq!(caught(|| 7), Ok(7));
}

#[test]
fn what_takes_too_much_memory_is_a_fault() {
    // Two million rows are more than a small file may have.
    let rows = "1,2\n".repeat(1 << 21);
    let verdict = check(Format::Text, rows.as_bytes());
    assert!(
        matches!(verdict, Verdict::Faulty(Fault::Memory { peak, bound }) if peak > bound),
        "{verdict:?}"
    );
}
