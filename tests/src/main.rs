//! `cargo xtask`: sets up, builds, emulates and tests.

use clap::{Parser, Subcommand};
use elbow_tests::assurance::{fuzz, guided, interrupt, miri};
use elbow_tests::build::board::{Board, COUNTED};
use elbow_tests::build::{hal, member, workspace};
use elbow_tests::documents::{crates, guides, interface, picture};
use elbow_tests::emulator::commands::{self as qemu, Request, Stream};
use elbow_tests::emulator::desk;
use elbow_tests::error::Error;
use elbow_tests::files;
use elbow_tests::measure::{bench, chip, costs, product, scale};
use elbow_tests::python::{self, Wanted};
use elbow_tests::{c, page, suite, tables};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Sets up, builds, emulates and tests elbow.
#[derive(Debug, Parser)]
#[command(name = "xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing, then check formatting, lints, docs, and run every test, those on
    /// the emulated boards included
    Test,
    /// Run the firmware of an emulated board
    Qemu {
        #[command(subcommand)]
        command: Emulate,
    },
    /// Put boards with an agent on the desk, in QEMU: record, score, and update with the line and power cut
    Agent {
        /// Only this board: microbit, lm3s6965evb or netduinoplus2
        #[arg(long)]
        board: Option<String>,
        /// Readings that each board scores
        #[arg(long, value_name = "N", default_value_t = 1000)]
        readings: usize,
        /// Times that the line is cut in an update of each board
        #[arg(long, value_name = "N", default_value_t = 20)]
        cuts: usize,
        /// The seed of the moments
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Build the archive and the header for programs in C, into a folder of target/c
    C {
        /// Build for this target, such as thumbv7em-none-eabihf [default: this machine, to try programs]
        #[arg(long, value_parser = parse_target)]
        target: Option<&'static str>,
        /// Build for this processor, where the target does not say enough: cortex-m33, cortex-m55
        #[arg(long, requires = "target")]
        cpu: Option<String>,
        /// Build with these features alone, separated by commas, as `trainer export --c` names them [default: all]
        #[arg(long)]
        features: Option<String>,
        /// Build nothing; write runtime/c/elbow.h anew
        #[arg(long, conflicts_with_all = ["target", "features", "check"])]
        header: bool,
        /// Build for all targets, look at what the archives hold, and compile header and examples
        #[arg(long, conflicts_with_all = ["target", "features"])]
        check: bool,
    },
    /// Count the instructions of scores on each core, in the emulator
    Bench {
        /// Only this core: m0, m3, m4, m7, m33, m55, rv32imc or rv32imac
        #[arg(long, value_parser = parse_board)]
        core: Option<&'static Board>,
        /// Print one JSON object: core -> counts, or with --features core -> feature -> bytes of flash
        #[arg(long)]
        json: bool,
        /// Measure instead what each feature of the runtime adds to the flash of the least product, on m0 and m4
        #[arg(long, conflicts_with = "record")]
        features: bool,
        /// Write BENCHMARKS.md and the counts that the tests compare with
        #[arg(long, conflicts_with = "core")]
        record: bool,
        /// Measure nothing; write the models into this folder, packed for the core, for firmware-examples/benchmark on a chip
        #[arg(long, value_name = "FOLDER", requires = "core", conflicts_with_all = ["json", "features"])]
        images: Option<PathBuf>,
    },
    /// Build the examples for boards that are not emulated, each with its HAL: some minutes at first
    Boards,
    /// Measure what the budgets of `trainer fit` are made of, on every core, and write it where the trainer reads it
    Costs,
    /// Pack the crates as the registry would take them, build each from its package alone, and make their documentation: some minutes
    Crates,
    /// Measure how well anomalous readings are told from normal ones; its options: cargo xtask detection --help
    #[command(disable_help_flag = true)]
    Detection {
        /// Options of the program that does so
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure what becomes of models on other machines than those of their training, before and after a device has learned
    /// where it is; its options: cargo xtask detection --help
    #[command(disable_help_flag = true)]
    Installation {
        /// Options of the program that does so
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Read damaged files of every format as the trainer does; its options: cargo xtask fuzz --help
    #[command(disable_help_flag = true)]
    Fuzz {
        /// Options of the program that does so
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Read damaged files under libFuzzer, which goes on from whatever reaches new code
    FuzzGuided {
        /// Only this format: image, text, utf16, npy, npz, mat, wav, idx, gz or zst
        #[arg(long, value_parser = guided::FORMATS)]
        format: Option<String>,
        /// How long each format is fuzzed
        #[arg(long, value_name = "N", default_value_t = 600)]
        seconds: u64,
    },
    /// Compare the public items of the crates for devices with runtime/API.txt and runtime/agent/API.txt
    Interface {
        /// Write the lists anew
        #[arg(long)]
        record: bool,
    },
    /// End trainings at random moments, by SIGKILL and by SIGINT, go on with them, and compare what they leave with what an
    /// uninterrupted one leaves: one or two hours
    Interrupt {
        /// Where the runs are written [default: a temporary folder]
        folder: Option<PathBuf>,
        /// Times that trainings are ended in each way
        #[arg(long, value_name = "N", default_value_t = 30)]
        moments: usize,
        /// Seconds that an uninterrupted run is to take on this machine: digits in half of the trainings, models of folds in the
        /// others. Epochs are chosen by short runs
        #[arg(long, value_name = "N", default_value_t = 120.0)]
        seconds: f64,
        /// The seed of the moments
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Build the package for Python as a wheel, install it into an empty environment, and test it there: its linter, its tests,
    /// scikit-learn's, and the notebooks
    Python {
        /// Build the wheel alone, and print its path
        #[arg(long, conflicts_with = "tests")]
        wheel: bool,
        /// Run what takes minutes instead: Spark, and a million readings in two processes
        #[arg(long, conflicts_with = "wheel")]
        long: bool,
        /// Parts of the names of the tests [default: all]
        tests: Vec<String>,
    },
    /// Make a library of Arduino and PlatformIO, a component of ESP-IDF or a module of Zephyr, with archives for all of its processors
    Package {
        /// One of arduino esp-idf zephyr
        #[arg(value_parser = c::package::Package::named)]
        package: &'static c::package::Package,
        /// Where to write it: a folder that is absent or empty [default: target/packages/PACKAGE/elbow, written anew]
        folder: Option<PathBuf>,
        /// Link every archive, compile the examples against declarations, and configure CMake for every processor
        #[arg(long)]
        check: bool,
    },
    /// Interpret tests of the runtime by Miri, which finds undefined behaviour
    Miri {
        /// As on this target, such as i686-unknown-linux-gnu (32 bits) or s390x-unknown-linux-gnu (big-endian)
        #[arg(long)]
        target: Option<String>,
        /// Parts of the names of the tests [default: those that end within minutes]
        tests: Vec<String>,
    },
    /// Draw docs/scores.svg: a log is made, a model trained on it, and a day with a fault scored
    Picture,
    /// Run the commands of docs/guides, and write what they print below them
    Guides {
        /// Change nothing; fail if a command prints something else than its guide shows
        #[arg(long)]
        check: bool,
    },
    /// Look at reports in a browser, wide and narrow, light and dark: widths, contrast, console, requests, plots
    Page,
    /// Test files by column, which take a build of their own; then score files that are larger than the memory which the program
    /// may have, and say how much it took and how fast it was: some minutes, and some gigabytes of target/tmp
    Scale {
        /// Rows of the files of Parquet; those of text have half as many
        #[arg(long, value_name = "N", default_value_t = 4_000_000)]
        rows: usize,
    },
    /// Generate the tables of the transcendental functions and of the standard normal
    Tables {
        /// Change nothing; fail if a checked-in table differs
        #[arg(long)]
        check: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Emulate {
    /// Score readings on the board: the lines of `trainer score`
    Score {
        /// The board: m0, m3, m4, m7, m33, m55, rv32imc or rv32imac
        #[arg(long, value_parser = parse_board)]
        core: &'static Board,
        #[command(flatten)]
        request: Request,
        /// Where to write the lines [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Watch a stream on the board: the lines of `trainer watch`
    Watch {
        /// The board: m0, m3, m4, m7, m33, m55, rv32imc or rv32imac
        #[arg(long, value_parser = parse_board)]
        core: &'static Board,
        #[command(flatten)]
        stream: Stream,
        /// Where to write the lines [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Let the board draw readings from the prior: the pictures of `trainer sample --pictures`
    Dream {
        /// The board: m0, m3, m4, m7, m33, m55, rv32imc or rv32imac
        #[arg(long, value_parser = parse_board)]
        core: &'static Board,
        /// A model image, or the folder of a run
        model: PathBuf,
        /// How many readings to draw
        #[arg(long, value_name = "N", default_value_t = 3)]
        count: u32,
        /// Of the random draws; reading i draws from stream i
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Where to write them [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

fn parse_board(name: &str) -> Result<&'static Board, String> {
    Board::named(name).map_err(|error| error.to_string())
}

fn parse_target(name: &str) -> Result<&'static str, String> {
    let mut known = c::archive::TARGETS.into_iter();
    let unknown = || format!("choose one of {}", c::archive::TARGETS.join(" "));
    known.find(|target| *target == name).ok_or_else(unknown)
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            // What could not be checked has neither passed nor failed.
            let is_absent = matches!(error, Error::Absent { .. });
            ExitCode::from(if is_absent { suite::NOT_RUN } else { 2 })
        }
    }
}

/// Whether all went well; what could not be done at all is an error.
fn run(task: Task) -> Result<bool, Error> {
    match task {
        Task::Test => suite::run(),
        Task::Agent {
            board,
            readings,
            cuts,
            seed,
        } => put_on_desk(
            board.as_deref(),
            desk::Plan {
                readings,
                cuts,
                seed,
            },
        ),
        Task::Bench {
            core: Some(board),
            images: Some(folder),
            ..
        } => {
            chip::write_images(board.core_name(), &folder)?;
            Ok(true)
        }
        Task::Bench {
            core,
            json,
            features: true,
            ..
        } => run_feature_bench(core, json),
        Task::Bench {
            core, json, record, ..
        } => run_bench(core, json, record),
        Task::C { header: true, .. } => {
            files::write(&c::header::path(), c::header::generate()?)?;
            Ok(true)
        }
        Task::C { check: true, .. } => c::check(),
        Task::C {
            target,
            cpu,
            features,
            ..
        } => build_c(&c::archive::Request {
            target,
            cpu: cpu.as_deref(),
            features: features.as_deref(),
        }),
        Task::Boards => hal::check(),
        Task::Costs => {
            costs::record(&costs::measure(&COUNTED, costs::MODELS)?)?;
            Ok(true)
        }
        Task::Crates => crates::check(),
        Task::Detection { arguments } => member::run("elbow-detection", "release", &arguments),
        Task::Installation { mut arguments } => {
            arguments.insert(0, "--installation".to_owned());
            member::run("elbow-detection", "release", &arguments)
        }
        Task::Fuzz { arguments } => fuzz::run(&arguments),
        Task::FuzzGuided { format, seconds } => {
            let one = format.as_deref().map(|format| vec![format]);
            guided::run(&one.unwrap_or(guided::FORMATS.to_vec()), seconds)
        }
        Task::Interface { record: true } => interface::record().map(|()| true),
        Task::Interface { record: false } => interface::check(),
        Task::Interrupt {
            folder,
            moments,
            seconds,
            seed,
        } => end_trainings(
            folder.as_deref(),
            seconds,
            interrupt::Plan { moments, seed },
        ),
        Task::Python { wheel, long, tests } => python::run(Wanted::of(wheel, long), &tests),
        Task::Miri { target, tests } => miri::run(target.as_deref(), &tests),
        Task::Picture => picture::draw().map(|()| true),
        Task::Guides { check: true } => guides::check(),
        Task::Guides { check: false } => guides::record().map(|()| true),
        Task::Package {
            package,
            folder,
            check,
        } => write_package(package, folder.as_deref(), check).map(|()| true),
        Task::Page => page::check(),
        Task::Scale { rows } => scale::run(rows),
        Task::Tables { check } => generate_tables(check),
        Task::Qemu { command } => emulate(command),
    }
}

/// Writes a package, says what to do with it, and checks it where that is wanted.
fn write_package(
    package: &c::package::Package,
    folder: Option<&Path>,
    check: bool,
) -> Result<(), Error> {
    let usual = package.folder();
    if folder.is_none() && usual.exists() {
        std::fs::remove_dir_all(&usual).map_err(Error::at(&usual))?;
    }
    let folder = folder.unwrap_or(&usual);
    package.write(folder)?;
    println!("{}: {}", folder.display(), package.next);
    match check {
        true => c::package::check::check(package, folder),
        false => Ok(()),
    }
}

/// Ends trainings, each of two in two ways, half as often each.
fn end_trainings(
    folder: Option<&Path>,
    seconds: f64,
    plan: interrupt::Plan,
) -> Result<bool, Error> {
    let temporary = files::temporary_folder()?;
    let folder = folder.unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).map_err(Error::at(folder))?;
    let waves = interrupt::write_waves(folder)?;
    let cases = [
        interrupt::lasting(seconds, folder, interrupt::Case::digits)?,
        interrupt::lasting(seconds, folder, |epochs| {
            interrupt::Case::waves(&waves, epochs)
        })?,
    ];
    println!("seed {}", plan.seed);
    let mut is_good = true;
    for (index, case) in cases.iter().enumerate() {
        for end in [interrupt::End::Kill, interrupt::End::Interrupt] {
            let half = interrupt::Plan {
                moments: (plan.moments + 1 - index) / 2,
                ..plan
            };
            let outcome = interrupt::run(case, end, half, folder)?;
            println!("{outcome}");
            is_good &= outcome.faults.is_empty();
        }
    }
    Ok(is_good)
}

/// Does `plan` with the board of that name, or with all.
fn put_on_desk(board: Option<&str>, plan: desk::Plan) -> Result<bool, Error> {
    let kinds = desk::machine::KINDS;
    let wanted: Vec<_> = kinds
        .iter()
        .filter(|kind| board.is_none_or(|board| board == kind.name))
        .collect();
    if wanted.is_empty() {
        return Err(Error::Board {
            name: board.unwrap_or_default().to_owned(),
            known: kinds.map(|kind| kind.name).to_vec(),
        });
    }
    let runs = desk::Runs::train()?;
    println!("seed {}", plan.seed);
    let mut is_good = true;
    for kind in wanted {
        let outcome = desk::run(kind, &runs, plan)?;
        println!("{outcome}");
        is_good &= outcome.faults.is_empty();
    }
    Ok(is_good)
}

fn build_c(request: &c::archive::Request<'_>) -> Result<bool, Error> {
    println!(
        "{}: libelbow.a, elbow.h, elbowConfig.cmake",
        request.build()?.display()
    );
    Ok(true)
}

fn emulate(command: Emulate) -> Result<bool, Error> {
    match command {
        Emulate::Score { core, request, out } => {
            emit(out.as_deref(), &qemu::score(core, &request)?)
        }
        Emulate::Watch { core, stream, out } => emit(out.as_deref(), &qemu::watch(core, &stream)?),
        Emulate::Dream {
            core,
            model,
            count,
            seed,
            out,
        } => emit(out.as_deref(), &qemu::dream(core, &model, count, seed)?),
    }
}

fn emit(out: Option<&Path>, text: &str) -> Result<bool, Error> {
    match out {
        None => print!("{text}"),
        Some(path) => files::write(path, text)?,
    }
    Ok(true)
}

/// The boards that are counted on: all, or that of one core.
fn counted_boards(core: Option<&'static Board>) -> Vec<&'static Board> {
    let wanted = |board: &&'static Board| core.is_none_or(|core| core.name == board.core_name());
    COUNTED.into_iter().filter(wanted).collect()
}

fn run_feature_bench(core: Option<&'static Board>, json: bool) -> Result<bool, Error> {
    let measured = product::features(&counted_boards(core))?;
    if json {
        println!("{:#}", serde_json::json!(measured));
    } else {
        print!("{}", product::table(&measured));
    }
    Ok(true)
}

fn run_bench(core: Option<&'static Board>, json: bool, record: bool) -> Result<bool, Error> {
    let boards = counted_boards(core);
    let figures = bench::Figures::measure(&boards)?;
    if record {
        bench::record(&figures, &product::features(&boards)?)?;
    }
    if json {
        print!("{}", figures.to_json());
    } else {
        print!("{}", figures.to_text());
    }
    Ok(true)
}

fn generate_tables(check: bool) -> Result<bool, Error> {
    let root = workspace();
    if !check {
        tables::write(root).map_err(Error::at(root))?;
        return Ok(true);
    }
    let stale = tables::check(root).map_err(Error::at(root))?;
    for path in &stale {
        println!(
            "{} is not what `cargo xtask tables` generates",
            path.display()
        );
    }
    Ok(stale.is_empty())
}
