//! The interface for C: header and codes are those of the sources, archives hold nothing else, C programs compute what the
//! workstation computes, and no argument is worse than a code.

mod adapt;
mod arguments;
mod slices;
mod watch;

use elbow_tests::build::board::Board;
use elbow_tests::build::elf::Elf;
use elbow_tests::build::trainer;
use elbow_tests::build::workspace;
use elbow_tests::c::archive::{self, Request};
use elbow_tests::c::example::Example;
use elbow_tests::c::{header, package, program};
use elbow_tests::emulator::{self, Invocation};
use elbow_tests::error::Error;
use elbow_tests::measure::product;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// A scoring of a second, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// As many readings as the smallest board has room for.
const READINGS: &str = "40";

/// The estimators, in C and for the trainer.
const ESTIMATORS: [(&str, &str); 4] = [
    ("ELBOW_POSTERIOR_MEAN", "posterior-mean"),
    ("ELBOW_SIGMA_POINTS", "sigma-points"),
    ("ELBOW_MONTE_CARLO+5", "monte-carlo:5"),
    ("ELBOW_IMPORTANCE_WEIGHTED+6", "importance-weighted:6"),
];

/// The examples that print scores, and passes of a slice for each of [`ESTIMATORS`].
const PROGRAMS: [(&str, [u16; 4]); 2] = [("score", [0; 4]), ("slices", [1, 4, 3, 65_535])];

/// The boards of C programs.
const CORES: [&str; 5] = ["m0", "m3", "m4", "m33", "rv32imc"];

/// The default model and the first of its test readings, as sources.
fn digits() -> Example<'static> {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    static EXAMPLE: OnceLock<Example<'static>> = OnceLock::new();
    *EXAMPLE.get_or_init(|| {
        let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path();
        let (run, raw) = (trainer::default_run().unwrap(), folder.join("raw"));
        let words = [run.to_str().unwrap(), "digits", "--limit", READINGS];
        let out = ["--out", raw.to_str().unwrap()];
        trainer::run(&[&["readings"][..], &words, &out].concat(), LIMIT).unwrap();
        let bytes = std::fs::read(raw).unwrap();
        let pairs = bytes.chunks(2);
        let numbers: Vec<i16> = pairs
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let readings: Vec<Vec<i16>> = numbers.chunks(64).map(<[i16]>::to_vec).collect();
        Example::new(folder, run, &readings).unwrap()
    })
}

/// The lines of `trainer score`.
fn expected(estimator: &str) -> String {
    let run = trainer::default_run().unwrap().to_str().unwrap();
    let words = [
        "score",
        run,
        "digits",
        "--limit",
        READINGS,
        "--estimator",
        estimator,
    ];
    trainer::run(&words, LIMIT).unwrap().stdout
}

#[test]
fn the_header_is_that_of_the_sources() {
    let written = std::fs::read_to_string(header::path()).unwrap();
    let generated = header::generate().unwrap();
    assert!(
        written == generated,
        "elbow.h is stale: cargo xtask c --header"
    );
}

#[test]
fn every_code_has_a_name_and_its_sentence() {
    let errors = std::fs::read_to_string(workspace().join("runtime/ERRORS.md")).unwrap();
    let rows = errors.lines().filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let code: u16 = cells.get(1)?.parse().ok()?;
        Some((code, cells[3].replace('`', "")))
    });
    // Those of the writer of images cannot be met on a device.
    let documented: BTreeMap<u16, String> = rows
        .filter(|(code, _)| !(600..700).contains(code))
        .collect();
    let text = std::fs::read_to_string(header::path()).unwrap();
    let named = text.lines().filter_map(|line| {
        let (name, code) = line.strip_prefix("#define ELBOW_E_")?.split_once(' ')?;
        Some((code.parse().unwrap(), name))
    });
    let named: BTreeMap<u16, &str> = named.collect();
    assert_eq!(named.len(), documented.len());
    for (code, meaning) in documented {
        assert!(named.contains_key(&code), "elbow.h has no name for {code}");
        assert_eq!(described(code), meaning);
        let doc = format!(
            "{}.\n#define ELBOW_E_{} {code}\n",
            &meaning[1..],
            named[&code]
        );
        assert!(text.contains(&doc), "elbow.h says something else of {code}");
    }
    assert_eq!(described(0), "no error");
    assert_eq!(described(9999), "no error has this code");
}

fn described(code: u16) -> &'static str {
    // SAFETY: the text is a constant that ends with a NUL.
    unsafe { CStr::from_ptr(elbow_c::elbow_describe(code)) }
        .to_str()
        .unwrap()
}

#[test]
fn archives_show_the_header_alone_and_cannot_panic() {
    for target in archive::TARGETS {
        let target = Some(target);
        let folder = Request {
            target,
            ..Request::default()
        }
        .build()
        .unwrap();
        let faults = archive::faults(&folder.join("libelbow.a")).unwrap();
        assert_eq!(faults, [""; 0], "{target:?}");
    }
}

/// What is wrong with an archive is found: the one for a host has all that one for a device must not have.
#[test]
fn an_archive_of_a_host_has_faults() {
    let folder = Request::default().build().unwrap();
    let faults = archive::faults(&folder.join("libelbow.a")).unwrap();
    for word in ["visible to other objects", "path to a panic"] {
        assert!(faults.iter().any(|fault| fault.contains(word)), "{word}");
    }
}

/// Each of [`PROGRAMS`] with each estimator: its name, the estimator in C and for the trainer, a definition.
fn programs() -> impl Iterator<Item = (&'static str, &'static str, &'static str, String)> {
    PROGRAMS.iter().flat_map(|(example, passes)| {
        let estimators = ESTIMATORS.iter().zip(passes);
        estimators
            .map(move |((in_c, name), passes)| (*example, *in_c, *name, format!("PASSES={passes}")))
    })
}

#[test]
fn a_c_program_scores_here_as_the_trainer_does() {
    let (example, archive) = (digits(), Request::default().build().unwrap());
    let lines = std::fs::read_to_string(&example.files("score")[0]).unwrap();
    assert!(
        lines.lines().count() <= 40,
        "the example has more than 40 lines"
    );
    let folder = tempfile::tempdir().unwrap();
    for compiler in program::COMPILERS {
        if !program::is_there(compiler.0) {
            eprintln!("skipped: {} is not on this machine", compiler.0);
            continue;
        }
        for (example_name, estimator, name, passes) in programs() {
            let files = example.files(example_name);
            let defines = [format!("ESTIMATOR={estimator}"), passes];
            let defines = defines.each_ref().map(String::as_str);
            let program = folder.path().join("score");
            let sources = example.sources(&files, &archive, &defines);
            sources.build_here(compiler, &program).unwrap();
            let done = Command::new(&program).output().unwrap();
            assert!(done.status.success(), "{done:?}");
            assert_eq!(
                String::from_utf8(done.stdout).unwrap(),
                expected(name),
                "{compiler:?}"
            );
        }
    }
}

/// The archive for a board.
fn archive_for(board: &Board, features: Option<&str>) -> PathBuf {
    let target = Some(board.triple);
    Request {
        target,
        cpu: board.cpu,
        features,
    }
    .build()
    .unwrap()
}

/// Whether C can be compiled for `board`; a test that goes without says so.
fn has_cross_compiler(board: &Board) -> bool {
    match program::ensure_cross_compiler(board) {
        Ok(()) => true,
        Err(error @ Error::Absent { .. }) => {
            eprintln!("skipped: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_c_program_scores_on_boards_as_the_trainer_does() {
    let (example, folder) = (digits(), tempfile::tempdir().unwrap());
    for name in CORES {
        let board = Board::named(name).unwrap();
        if !has_cross_compiler(board) {
            continue;
        }
        let archive = archive_for(board, None);
        for (example_name, estimator, name, passes) in programs() {
            let files = example.files(example_name);
            let defines = [format!("ESTIMATOR={estimator}"), passes];
            let defines = defines.each_ref().map(String::as_str);
            let program = folder.path().join("score.elf");
            let sources = example.sources(&files, &archive, &defines);
            sources.build_for(board, &program).unwrap();
            let invocation = Invocation {
                model: None,
                directory: folder.path(),
                arguments: &[],
                time_limit: LIMIT,
                count_instructions: false,
            };
            let outcome = emulator::run_program(board, &program, &invocation).unwrap();
            assert_eq!(
                (outcome.code, outcome.stderr.as_str()),
                (0, ""),
                "{}",
                board.name
            );
            assert_eq!(outcome.stdout, expected(name), "{} {estimator}", board.name);
        }
    }
}

/// What the least product in C may take in hundredths of the flash of the one in Rust. It checks pointers, its estimator is no
/// constant, and calls are not inlined: docs/c.md.
const FLASH_PERCENT: usize = 121;

/// Flash of the least product in C, without the model, beside that of the one in Rust.
#[test]
fn the_least_product_in_c_is_hardly_larger_than_in_rust() {
    let folder = tempfile::tempdir().unwrap();
    let example = Example::random(folder.path()).unwrap();
    let image = std::fs::metadata(folder.path().join("random.elbow"))
        .unwrap()
        .len();
    for name in product::CORES {
        let board = Board::named(name).unwrap();
        if !has_cross_compiler(board) {
            continue;
        }
        let archive = archive_for(board, Some(product::LEAST));
        let (files, program) = (example.files("product"), folder.path().join("product.elf"));
        example
            .sources(&files, &archive, &[])
            .build_for(board, &program)
            .unwrap();
        let in_c = Elf::read(&program).unwrap().flash_bytes().unwrap() - image as usize;
        let in_rust = product::size(board, Some(product::LEAST)).unwrap().flash;
        println!("{name}: {in_c} bytes in C, {in_rust} in Rust");
        assert!(
            100 * in_c <= FLASH_PERCENT * in_rust,
            "{name}: {in_c} bytes in C, {in_rust} in Rust"
        );
    }
}

/// The blocks of C in the guides, each a file of its own.
fn snippets() -> Vec<(String, String)> {
    let mut snippets = Vec::new();
    for page in ["README.md", "docs/c.md"] {
        let text = std::fs::read_to_string(workspace().join(page)).unwrap();
        for (index, block) in text.split("```c\n").skip(1).enumerate() {
            let code = block.split("```").next().unwrap();
            snippets.push((
                format!("{}-{index}.c", page.replace('/', "-")),
                code.to_owned(),
            ));
        }
    }
    snippets
}

#[test]
fn what_the_guides_show_compiles() {
    let (example, archive) = (digits(), Request::default().build().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let snippets = snippets();
    assert!(snippets.len() >= 2, "the guides show no C");
    for (name, code) in snippets {
        let path = folder.path().join(&name);
        let main = "\nint main(void) { return 0; }\n";
        std::fs::write(&path, code + main).unwrap();
        for compiler in program::COMPILERS {
            if program::is_there(compiler.0) {
                let mut files = example.files("score");
                files[0].clone_from(&path);
                let sources = example.sources(&files, &archive, &[]);
                let built = sources.build_here(compiler, &folder.path().join("snippet"));
                built.unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    }
}

/// The archives are linked by `cargo xtask package PACKAGE --check`.
#[test]
fn examples_of_packages_compile() {
    for package in &package::PACKAGES {
        let folder = tempfile::tempdir().unwrap();
        package.write_sources(folder.path()).unwrap();
        package::check::examples(package, folder.path()).unwrap();
    }
}

#[test]
fn a_package_spares_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.c"), "").unwrap();
    let error = package::PACKAGES[0].write(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the folder is not empty: remove it, or name another one"),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn cmake_finds_the_archive() {
    if !program::is_there("cmake") {
        eprintln!("skipped: cmake is not on this machine");
        return;
    }
    let (example, archive) = (digits(), Request::default().build().unwrap());
    let build = tempfile::tempdir().unwrap();
    let cmake = |command: &mut Command| {
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let mut configure = Command::new("cmake");
    configure
        .arg("-S")
        .arg(workspace().join("runtime/c/examples"))
        .arg("-B")
        .arg(build.path())
        .arg(format!("-Delbow_DIR={}", archive.display()))
        .arg(format!("-DMODEL={}", example.folder().display()));
    cmake(&mut configure);
    cmake(Command::new("cmake").arg("--build").arg(build.path()));
    let lines = cmake(&mut Command::new(build.path().join("score")));
    assert_eq!(lines, expected("sigma-points"));
}
