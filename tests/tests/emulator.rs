//! The way into each emulated board and out again.

use elbow::format::{
    Activation, DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec, RowSpec,
};
use elbow::requantize::Multiplier;
use elbow::text::Picture;
use elbow::{Estimator, Model, Score, Session};
use elbow_tests::board::{BOARDS, Board};
use elbow_tests::elf::Elf;
use elbow_tests::emulator::{self, Invocation, Outcome};
use rand_core::Rng;
use std::fs;
use std::path::Path;
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
            "there is no command sing; choose score, dream, count, self-test, echo or fault",
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

/// Words of xoshiro128++ as weights and readings of tests.
struct Source(elbow::rng::Xoshiro128PlusPlus);

impl Source {
    /// A number in `low..=high`.
    fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = (high - low + 1).unsigned_abs();
        low + (self.0.next_u32() % span).cast_signed()
    }

    /// A layer whose multipliers are near `factor`.
    fn dense(&mut self, columns: usize, rows: usize, factor: f64) -> DenseSpec {
        let row = |bias, spread: i32| RowSpec {
            bias,
            multiplier: Multiplier::nearest(factor * (1.0 + f64::from(spread) / 100.0)).unwrap(),
        };
        DenseSpec {
            weights: (0..columns * rows)
                .map(|_| self.between(-40, 40) as i8)
                .collect(),
            rows: (0..rows)
                .map(|_| row(self.between(-500, 500), self.between(-30, 30)))
                .collect(),
        }
    }
}

/// A model of 8x8 counts up to 16 with random weights: 64-24-(5,5)-24-64.
fn random_model() -> ImageSpec {
    let mut source = Source(elbow::rng::stream(1, 0));
    let hidden = |dense| LayerSpec {
        dense,
        activation: Activation::Relu,
        zero_point: -100,
    };
    ImageSpec {
        name: "random".into(),
        picture_width: 8,
        inputs: vec![
            InputSpec {
                center: 8,
                exponent: 0,
                gain: Multiplier::nearest(15.0).unwrap()
            };
            64
        ],
        stream: None,
        typical: Vec::new(),
        likelihood: LikelihoodSpec::Binomial { trials: 16 },
        latent_fraction_bits: 12,
        log_variance_range: (-6 << 16, 2 << 16),
        encoder: vec![hidden(source.dense(64, 24, 0.01))],
        heads: source.dense(24, 10, 8.0),
        decoder: vec![hidden(source.dense(5, 24, 0.0005))],
        output: source.dense(24, 64, 4.0),
        noise: elbow::decision::Noise::UNKNOWN,
        self_test_reading: (0..64).map(|index| index % 17).collect(),
    }
}

#[test]
fn every_board_scores_and_dreams_as_the_host_does() {
    const SEED: u64 = 7;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let image = random_model().encode(&[]).unwrap();
    let path = directory.join("model.elbow");
    fs::write(&path, &*image).unwrap();
    let mut source = Source(elbow::rng::stream(2, 0));
    let readings: Vec<i16> = (0..64 * 6).map(|_| source.between(0, 16) as i16).collect();
    let bytes: Vec<u8> = readings
        .iter()
        .flat_map(|reading| reading.to_le_bytes())
        .collect();
    fs::write(directory.join("readings.i16"), bytes).unwrap();

    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, SEED).unwrap();
    let names = ["posterior-mean", "sigma-points", "monte-carlo:5"];
    let expected = names.map(|name| {
        let estimator: Estimator = name.parse().unwrap();
        let mut lines = format!("{}\n", Score::CSV_HEADER);
        for (index, reading) in (0..5).zip(readings.chunks(64)) {
            session.reseed(SEED, index.into());
            let score = session.score(reading, estimator).unwrap();
            lines += &format!("{}\n", score.csv(index));
        }
        lines
    });
    let dreams: String = (0..3)
        .map(|index| {
            session.reseed(SEED, index);
            let mut values = [0; 64];
            session.generate(&mut values).unwrap();
            format!(
                "{}\n",
                Picture {
                    values: &values,
                    width: 8
                }
            )
        })
        .collect();

    for board in &BOARDS {
        for (name, expected) in names.iter().zip(&expected) {
            let line = format!("score readings=readings.i16 limit=5 seed={SEED} estimator={name}");
            let outcome = run(board, directory, Some(&path), &line);
            assert_eq!(
                (outcome.code, outcome.stderr.as_str()),
                (0, ""),
                "{} {name}",
                board.name
            );
            assert_eq!(&outcome.stdout, expected, "{} {name}", board.name);
        }
        let outcome = run(
            board,
            directory,
            Some(&path),
            "dream count=3 seed=7 out=dreams.txt",
        );
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "{}",
            board.name
        );
        assert_eq!(
            fs::read_to_string(directory.join("dreams.txt")).unwrap(),
            dreams,
            "{}",
            board.name
        );
        let outcome = run(board, directory, Some(&path), "self-test");
        let told = "random: every score is the workstation's\n";
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (0, told),
            "{}: {}",
            board.name,
            outcome.stderr
        );
        let outcome = run(board, directory, None, "self-test");
        let told = "this is not an elbow image: it does not start with \"ELBW\"\n";
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (1, told),
            "{}",
            board.name
        );
    }
}

#[test]
fn every_image_fits_its_board_with_room_to_spare() {
    for board in &BOARDS {
        let elf = Elf::read(&elbow_tests::firmware::build(board).unwrap()).unwrap();
        let (flash, statics) = (elf.flash_bytes().unwrap(), elf.static_bytes().unwrap());
        println!(
            "{}: {flash} bytes of flash, {statics} of statics, {:?}",
            board.name,
            elf.panic_paths().unwrap()
        );
        assert!(flash < 64 * 1024, "{}: {flash} bytes of flash", board.name);
        assert!(
            statics <= board.ram.length as usize,
            "{}: {statics} bytes of statics",
            board.name
        );
    }
}
