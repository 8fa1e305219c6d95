//! The way into each emulated board and out again.

use elbow::format::AlignedImage;
use elbow::{Estimator, Model, Score, Session};
use elbow_tests::build::board::{BOARDS, Board};
use elbow_tests::build::elf::Elf;
use elbow_tests::build::firmware::Program;
use elbow_tests::emulator::{self, Invocation, Outcome};
use elbow_tests::measure::shapes::{Kind, Shape};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs `line` on `board` in `directory`.
fn run(board: &Board, directory: &Path, model: Option<&Path>, line: &str) -> Outcome {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let invocation = Invocation {
        model,
        directory,
        arguments: &arguments,
        time_limit: Duration::from_secs(60),
        count_instructions: false,
    };
    emulator::run(board, &invocation).unwrap_or_else(|error| panic!("{}: {error}", board.name))
}

#[test]
fn every_board_sees_its_arguments_its_model_and_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let readings: Vec<i16> = (-300..=300).chain([i16::MIN, i16::MAX]).collect();
    let bytes: Vec<u8> = readings
        .iter()
        .flat_map(|reading| reading.to_le_bytes())
        .collect();
    let lines: String = readings
        .iter()
        .map(|reading| format!("{reading}\n"))
        .collect();
    fs::write(directory.join("readings.i16"), bytes).unwrap();
    // A name with a comma and a space: only the words of the command line are restricted.
    let model = directory.join("a model, of sorts.elbow");
    for board in &BOARDS {
        // As large as the board allows, so that both ends of the region are seen.
        let bytes: Vec<u8> = (0..board.model.length)
            .map(|index| (index % 251) as u8)
            .collect();
        fs::write(&model, &bytes).unwrap();
        let outcome = run(
            board,
            directory,
            Some(&model),
            "echo readings=readings.i16 out=copy,1.txt",
        );
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "{}",
            board.name
        );
        let expected = format!(
            "arguments readings=readings.i16 out=copy,1.txt\nmodel begins{}\nmodel ends{}\n",
            hexadecimal(&bytes[..16]),
            hexadecimal(&bytes[bytes.len() - 16..]),
        );
        assert_eq!(outcome.stdout, expected, "{}", board.name);
        assert_eq!(
            fs::read_to_string(directory.join("copy,1.txt")).unwrap(),
            lines,
            "{}",
            board.name
        );
        fs::remove_file(directory.join("copy,1.txt")).unwrap();
    }
}

/// Each byte as a space and two digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!(" {byte:02x}")).collect()
}

#[test]
fn every_board_says_why_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let refusals = [
        (
            "sing",
            "there is no command sing; choose score, explain, impute, decide, encode, watch, martingale, adapt, adapt-cost, dream, count, cost, layers, kernels, self-test, script, echo or fault",
        ),
        (
            "echo readings",
            "argument readings is not of the form key=value",
        ),
        (
            "echo reading=x",
            "argument reading= is unknown to this command",
        ),
        ("echo out=x out=y", "argument out= is given twice"),
        ("echo out=x", "argument readings= is missing"),
        (
            "echo readings=absent.i16 out=x",
            "absent.i16 cannot be opened (errno 2)",
        ),
    ];
    for board in &BOARDS {
        for (line, message) in refusals {
            let outcome = run(board, folder.path(), None, line);
            assert_eq!(
                (outcome.code, outcome.stderr),
                (1, format!("{message}\n")),
                "{}",
                board.name
            );
        }
        let outcome = run(board, folder.path(), None, "fault");
        assert_eq!(outcome.code, 102, "{}", board.name);
        assert!(
            outcome.stderr.starts_with("hard fault at 0x"),
            "{}: {}",
            board.name,
            outcome.stderr
        );
    }
}

/// A program that ends as it is asked: the exit code and what standard error begins with.
#[test]
fn every_trap_of_a_risc_v_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    for board in BOARDS.iter().filter(|board| board.is_riscv()) {
        let program = Program {
            name: "traps",
            package: "tests/firmware",
            triple: board.triple,
            cpu: board.cpu,
            image: None,
            features: None,
        };
        let program = program.build().unwrap();
        let end = |word: &str| {
            let invocation = Invocation {
                model: None,
                directory: folder.path(),
                arguments: &[word.to_owned()],
                time_limit: Duration::from_secs(60),
                count_instructions: false,
            };
            let outcome = emulator::run_program(board, &program, &invocation).unwrap();
            (outcome.code, outcome.stderr)
        };
        let firmware = format!("value {:#010x}\n", board.flash.origin);
        for (word, cause, value) in [
            ("write", 7, firmware.as_str()),
            ("read", 5, "value 0x00000004\n"),
        ] {
            let (code, told) = end(word);
            assert_eq!(code, 102, "{} {word}: {told}", board.name);
            let expected = format!("cause {cause}, {value}");
            assert!(told.ends_with(&expected), "{} {word}: {told}", board.name);
        }
        let (code, told) = end("stack");
        assert_eq!(code, 102, "{}: {told}", board.name);
        // The first write below the stack is what trapped.
        let address = told
            .split("cause 7, value 0x")
            .nth(1)
            .unwrap_or_else(|| panic!("{told}"));
        let address = u32::from_str_radix(address.trim(), 16).unwrap();
        let below = board.stack.origin - 512..board.stack.origin;
        assert!(below.contains(&address), "{}: {told}", board.name);
        let (code, told) = end("panic");
        assert_eq!(code, 101, "{}: {told}", board.name);
        assert!(told.ends_with("as asked for\n"), "{}: {told}", board.name);
    }
}

/// A model of 20 counts up to 16 with random weights, as the file `model.elbow` in `directory`, and two
/// readings of zeros as the file `readings`.
fn write_model(directory: &Path) -> PathBuf {
    let shape = Shape {
        inputs: 20,
        encoder: vec![8],
        latents: 3,
        decoder: vec![8],
    };
    let spec = shape.random_model("random", Kind::Counts { trials: 16 }, 1);
    let path = directory.join("model.elbow");
    fs::write(&path, &*spec.unwrap().write(&[]).unwrap()).unwrap();
    fs::write(directory.join("readings"), [0; 2 * 2 * 20]).unwrap();
    path
}

#[test]
fn every_board_writes_files_and_stops_at_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let model = write_model(directory);
    let image = AlignedImage::new(&fs::read(&model).unwrap());
    let parsed = Model::parse(&image).unwrap();
    let mut workspace = vec![0; parsed.workspace_words()];
    let mut session = Session::new(&parsed, &mut workspace, 0).unwrap();
    let score = session.score(&[0; 20], Estimator::SigmaPoints).unwrap();
    let lines = [0, 1].map(|index| format!("{}\n", score.csv(index)));
    for board in &BOARDS {
        for (limit, lines) in [("", lines.concat()), ("limit=1", lines[0].clone())] {
            let line = format!("score readings=readings out=scores.csv {limit}");
            let outcome = run(board, directory, Some(&model), &line);
            let told = (outcome.code, outcome.stdout + &outcome.stderr);
            assert_eq!(told, (0, String::new()), "{}", board.name);
            let written = fs::read_to_string(directory.join("scores.csv")).unwrap();
            let expected = format!("{}\n{lines}", Score::CSV_HEADER);
            assert_eq!(written, expected, "{} {limit}", board.name);
        }
    }
}

#[test]
fn every_board_says_what_is_wrong_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let model = write_model(directory);
    fs::write(directory.join("partial"), [0; 50]).unwrap();
    fs::write(directory.join("wrong"), [17; 40]).unwrap();
    fs::write(directory.join("dark"), [0, 0, 0xf0]).unwrap();
    fs::write(directory.join("short"), [255; 3]).unwrap();
    fs::write(directory.join("script"), "self-test\nself-test x=1\necho\n").unwrap();
    let refusals = [
        (
            "score readings=partial",
            "partial ends too early: 10 of 40 bytes are there",
        ),
        (
            "score readings=wrong",
            "reading 0: input 0 reads 4369, the model counts from 0 to 16",
        ),
        (
            "explain readings=readings mask=dark",
            "mask 0: the mask observes no input: there is nothing to score",
        ),
        (
            "impute readings=readings mask=short",
            "short ends too early: 0 of 3 bytes are there",
        ),
        ("impute readings=readings", "argument mask= is missing"),
        (
            "decide readings=readings threshold=0 confidence=2147483649 passes=1",
            "argument confidence= cannot be 2147483649",
        ),
        (
            "decide readings=readings threshold=0 confidence=0 passes=0",
            "reading 0: the model has no estimate by 0 passes: ask for 1 sample or more, or another estimator",
        ),
        (
            "watch samples=readings enter=1 leave=1",
            "the model takes whole readings, not a stream: train one on windows",
        ),
        (
            "script lines=script",
            "argument x= is unknown to this command\nline 2 of script failed",
        ),
    ];
    for board in &BOARDS {
        for (line, message) in refusals {
            let outcome = run(board, directory, Some(&model), line);
            let told = (outcome.code, outcome.stderr);
            assert_eq!(told, (1, format!("{message}\n")), "{} {line}", board.name);
        }
        let outcome = run(board, directory, None, "self-test");
        let message = "this is not an elbow image: it does not start with \"ELBW\"\n";
        let told = (outcome.code, outcome.stderr.as_str());
        assert_eq!(told, (1, message), "{}", board.name);
    }
}

#[test]
fn every_image_fits_its_board_with_room_to_spare() {
    for board in &BOARDS {
        let elf = Elf::read(&elbow_tests::build::firmware::build(board).unwrap()).unwrap();
        let (flash, statics) = (elf.flash_bytes().unwrap(), elf.static_bytes().unwrap());
        println!(
            "{}: {flash} bytes of flash, {statics} of statics",
            board.name
        );
        let most = board.flash.length as usize / 5 * 4;
        assert!(flash < most, "{}: {flash} bytes of flash", board.name);
        assert!(
            statics <= board.ram.length as usize,
            "{}: {statics} bytes of statics",
            board.name
        );
    }
}
