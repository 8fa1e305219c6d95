//! Programs of `trainer new`, built as a user builds them and run in the emulator: they print the line of `trainer score`.

use elbow_tests::build::board::Board;
use elbow_tests::build::elf::Elf;
use elbow_tests::build::toolchain::Toolchain;
use elbow_tests::build::{debian, trainer, workspace};
use elbow_tests::c::archive;
use elbow_tests::c::program;
use elbow_tests::emulator::program::ARM;
use elbow_tests::process::{self, Finished};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A build of a small program, or a training of seconds, on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// A run of few epochs on one of the logs that ship with the trainer, and a folder for programs.
struct Trained {
    folder: tempfile::TempDir,
    run: String,
    /// What is scored, beside the run: nothing for its test part.
    data: Option<&'static str>,
}

impl Trained {
    fn new(log: &str, data: Option<&'static str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run").to_str().unwrap().to_owned();
        let fit = ["fit", log, "--epochs", "20", "--quiet", "--out", &run];
        trainer::run(&fit, LIMIT).unwrap();
        Self { folder, run, data }
    }

    /// Writes a program; its folder, and the flash in KiB that it is said to take.
    fn program(&self, name: &str, board: &str, more: &[&str]) -> (PathBuf, usize) {
        let folder = self.folder.path().join(name);
        let out = folder.to_str().unwrap();
        let new = ["new", out, "--board", board, "--run", &self.run];
        let told = trainer::run(&[&new, more].concat(), LIMIT).unwrap().stdout;
        let kib = told
            .split("about ")
            .nth(1)
            .and_then(|text| text.split(' ').next());
        (folder.clone(), kib.unwrap().parse().unwrap())
    }

    /// The lines of `trainer score` for the first reading of `data`.
    fn scored(&self, data: Option<&str>) -> String {
        let mut score = vec!["score", &self.run];
        score.extend(data);
        score.extend(["--limit", "1"]);
        trainer::run(&score, LIMIT).unwrap().stdout
    }
}

/// Runs a command that must succeed without a warning.
fn succeeds(command: &mut Command) -> Finished {
    let done = process::run(command, LIMIT, "building and running a new program").unwrap();
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    done
}

/// What a program prints: the lines of the trainer, then a verdict in a line.
fn check(printed: &str, scored: &str, verdict: &str) {
    let rest = printed.strip_prefix(scored);
    let rest = rest.unwrap_or_else(|| panic!("{printed} is not {scored}"));
    assert_eq!(rest.lines().count(), 1, "{printed}");
    assert!(rest.starts_with(verdict), "{printed}");
}

/// The estimate of flash is near what the linker made.
fn check_flash(elf: &Elf, kib: usize) {
    let (told, takes) = (1024 * kib, elf.flash_bytes().unwrap());
    assert!(
        told.abs_diff(takes) < takes / 10,
        "{told} told, {takes} taken"
    );
}

/// Builds and runs a program in Rust by `cargo run --release` in its folder.
fn run_rust(trained: &Trained, board: &str, triple: &'static str) {
    ARM.ensure().unwrap();
    let (folder, kib) = trained.program(board, board, &[]);
    let sources = ["build.rs", "src/main.rs"].map(|name| folder.join(name));
    succeeds(
        Command::new("rustfmt")
            .args(["--check", "--edition", "2024"])
            .args(sources),
    );
    // Versions that are there already; cargo drops what is not needed.
    let lock = workspace().join("tests/firmware/Cargo.lock");
    std::fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    // As other firmware is built, which shares the compiled `core`.
    let flags = [format!("--remap-path-prefix={}/=", workspace().display())];
    let target = workspace().join(format!("target/firmware-{triple}"));
    let toolchain = Toolchain::for_target(triple).unwrap();
    let mut command = toolchain.cargo(&["run", "--release"], triple, &flags);
    command
        .current_dir(&folder)
        .arg("--target-dir")
        .arg(&target);
    let done = succeeds(&mut command);
    check(&done.stdout, &trained.scored(trained.data), "no alarm");
    let name = if trained.data.is_some() {
        "motor"
    } else {
        "pump"
    };
    let program = target
        .join(triple)
        .join("release")
        .join(format!("{name}-firmware"));
    let elf = Elf::read(&program).unwrap();
    check_flash(&elf, kib);
    assert_eq!(elf.panic_paths().unwrap(), [""; 0]);
}

/// Builds and runs a program in C by `make run`; its folder.
fn run_c(trained: &Trained, archive: &Path, data: Option<&str>, verdict: &str) -> PathBuf {
    let elbow = archive.to_str().unwrap();
    let mut more = vec!["--lang", "c", "--elbow", elbow];
    more.extend(data.into_iter().flat_map(|data| ["--data", data]));
    let (folder, kib) = trained.program(&verdict.replace(' ', "-"), "lm3s6965evb", &more);
    let mut make = Command::new("make");
    let done = succeeds(make.arg("-s").arg("-C").arg(&folder).arg("run"));
    check(&done.stdout, &trained.scored(data), verdict);
    check_flash(&Elf::read(&folder.join("firmware.elf")).unwrap(), kib);
    folder
}

/// A reading of the pump with a bearing that is worn out, as a file.
fn worn_bearing(folder: &Path) -> String {
    let path = folder.join("worn.csv");
    let text = "mode,speed [1/min],flow [m3/h],head [m],power [kW],vibration [mm/s],temperature [°C]\nflush,2898,46.99,20.92,4.164,1.257,47.62\n";
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_program_scores_as_the_trainer_does() {
    let pump = Trained::new("pump", None);
    run_rust(&pump, "microbit", "thumbv6m-none-eabi");
    ARM.ensure().unwrap();
    program::ensure_cross_compiler(Board::named("m3").unwrap()).unwrap();
    if !program::is_there("make") {
        debian::install(&["make"]).unwrap();
    }
    let request = archive::Request {
        target: Some("thumbv7m-none-eabi"),
        ..archive::Request::default()
    };
    let archive = request.build().unwrap();
    let folder = run_c(&pump, &archive, None, "no alarm");
    let mut elsewhere = Command::new("make");
    elsewhere
        .arg("-C")
        .arg(&folder)
        .args(["-B", "ELBOW=/nowhere"]);
    let refused = process::run(&mut elsewhere, LIMIT, "make without an archive").unwrap();
    let words = "there is no libelbow.a in ELBOW=/nowhere";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    let worn = worn_bearing(pump.folder.path());
    run_c(&pump, &archive, Some(&worn), "alarm");
    let motor = Trained::new("motor", Some("motor"));
    run_c(&motor, &archive, motor.data, "no alarm");
}

#[test]
fn a_program_watches_a_stream_as_the_trainer_scores_it() {
    let motor = Trained::new("motor", Some("motor"));
    run_rust(&motor, "netduinoplus2", "thumbv7em-none-eabihf");
}
