//! Reads damaged files of every format as the trainer does, and names those that it trips over.

use clap::Parser;
use elbow_fuzz::Format;
use elbow_fuzz::check::{Verdict, check};
use elbow_fuzz::memory::Counting;
use elbow_fuzz::run::{Found, Run, Summary, save};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Where inputs are kept that the trainer trips over.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/fuzz/faults");

/// Reads damaged files of every format as the trainer does, and names those that it trips over: panics, memory, time.
#[derive(Debug, Parser)]
#[command(name = "fuzz", bin_name = "cargo xtask fuzz")]
struct Cli {
    /// Only this format: image, text, utf16, npy, npz, mat, wav, idx, gz or zst
    #[arg(long, value_parser = parse_format)]
    format: Option<Format>,
    /// Inputs of each format
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    inputs: u64,
    /// What the inputs follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Read this file alone, of the format that its extension or --format names
    #[arg(long, value_name = "FILE", conflicts_with_all = ["inputs", "seed"])]
    file: Option<PathBuf>,
}

fn parse_format(name: &str) -> Result<Format, String> {
    let names = Format::ALL.map(Format::name).join(", ");
    Format::named(name).ok_or_else(|| format!("there is no format {name:?}; choose one of {names}"))
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the trainer trips over nothing.
fn run(cli: &Cli) -> Result<bool, String> {
    if let Some(file) = &cli.file {
        return read(file, cli.format);
    }
    let formats = cli
        .format
        .map_or(Format::ALL.to_vec(), |format| vec![format]);
    let mut sound = true;
    for format in formats {
        let run = Run {
            format,
            inputs: cli.inputs,
            seed: cli.seed,
        };
        println!(
            "{}: {} inputs of seed {}",
            format.name(),
            run.inputs,
            run.seed
        );
        let summary = run.run(|index| stuck(&run, index));
        print(&summary);
        for found in summary.faults.values() {
            name(&run, found).map_err(|error| format!("{FOLDER}: {error}"))?;
        }
        sound &= summary.faults.is_empty();
    }
    Ok(sound)
}

fn print(summary: &Summary) {
    println!(
        "  {} accepted, {} refused, {} faults; {:.0} inputs a second",
        summary.accepted,
        summary.refused,
        summary.faults.len(),
        summary.rate()
    );
}

/// Saves an input and says how to read it again.
fn name(run: &Run, found: &Found) -> io::Result<()> {
    let path = save(Path::new(FOLDER), run, found.index)?;
    println!(
        "  input {}: {} ({} inputs do so)",
        found.index, found.fault, found.times
    );
    println!("    cargo xtask fuzz --file {}", path.display());
    Ok(())
}

/// Names an input whose reading does not end, and gives up.
fn stuck(run: &Run, index: u64) {
    match save(Path::new(FOLDER), run, index) {
        Ok(path) => println!(
            "  input {index} does not end\n    cargo xtask fuzz --file {}",
            path.display()
        ),
        Err(error) => println!("  input {index} does not end, and is not saved: {error}"),
    }
    std::process::exit(1);
}

/// Reads a file, and says what becomes of it.
fn read(file: &Path, format: Option<Format>) -> Result<bool, String> {
    let extension = file.extension().and_then(|extension| extension.to_str());
    let format = format.or_else(|| Format::named(extension?));
    let format = format.ok_or("say the format of the file with --format")?;
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let verdict = check(format, &bytes);
    match &verdict {
        Verdict::Accepted => println!("accepted"),
        Verdict::Refused => println!("refused"),
        Verdict::Faulty(fault) => println!("{fault}"),
    }
    Ok(!matches!(verdict, Verdict::Faulty(_)))
}
