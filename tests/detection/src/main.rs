//! Measures how well anomalous readings are told from normal ones, and how often normal ones alarm.

use clap::Parser;
use elbow_detection::calibration::{self, RATES, SIZES};
use elbow_detection::error::Error;
use elbow_detection::measure::{Row, Subject};
use elbow_detection::{folder, installation, report, shipped};
use elbow_tests::build::workspace;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures detection: trains on normal readings with the trainer's default settings, scores others in the integers of a
/// device, and prints areas under ROC curves and false alarms.
#[derive(Debug, Parser)]
#[command(name = "detection", bin_name = "cargo xtask detection")]
struct Cli {
    /// A folder of .npz files, each with readings X and labels y, 1 for anomalous rows: half of the normal rows train, the
    /// other half and the anomalous ones are tested on, at most 6000 of each [default: the digits, each class left out in
    /// turn, and generated tables]
    folder: Option<PathBuf>,
    /// Only these sets
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    sets: Vec<String>,
    /// Divisions and trainings of each set
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// More options of `trainer fit`, such as "--epochs 100 --judged-by bound"
    #[arg(
        long,
        value_name = "OPTIONS",
        default_value = "",
        allow_hyphen_values = true
    )]
    options: String,
    /// Write what is trained on and tested on into a folder of this one for each set and seed, such as digit-3-seed-0:
    /// train.npy, test.npy and labels.npy, 1 for anomalous rows; of digits there is only the last
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the results into docs/measurements.md
    #[arg(long, conflicts_with_all = ["folder", "sets", "options"])]
    record: bool,
    /// Measure instead what becomes of models on other machines, before and after a device has learned from their readings: of
    /// the generated tables and the log of a pump, or of FOLDER
    #[arg(long, conflicts_with_all = ["calibration", "options", "seeds"])]
    installation: bool,
    /// Machines of each kind with --installation
    #[arg(
        long,
        value_name = "N",
        default_value_t = 12,
        requires = "installation"
    )]
    machines: u64,
    /// Machines of each set that a model of their own is trained for, with --installation
    #[arg(long, value_name = "N", default_value_t = 2, requires = "installation")]
    retrained: u64,
    /// Measure instead the false alarms at rates down to one in a million, on simulated readings
    #[arg(long, conflicts_with_all = ["folder", "sets", "seeds", "options", "record", "keep"])]
    calibration: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = if cli.installation {
        install(&cli)
    } else if cli.calibration {
        calibrate(cli.json)
    } else {
        detect(&cli)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the alarms are as many as chance leaves at every rate.
fn calibrate(json: bool) -> Result<bool, Error> {
    let mut rates = vec![];
    for size in SIZES {
        rates.extend(calibration::measure(size, &RATES)?);
    }
    if json {
        println!("{:#}", serde_json::json!(rates));
    } else {
        print!("{}", report::calibration(&rates));
    }
    Ok(rates.iter().all(calibration::Rate::holds))
}

/// Whether every set could be measured.
fn install(cli: &Cli) -> Result<bool, Error> {
    let page = workspace().join("docs/adaptation.md");
    let sets = match &cli.folder {
        Some(folder) => folder::sets(folder, &cli.sets)?,
        None => installation::sets(&cli.sets)?,
    };
    let plan = installation::Plan {
        machines: cli.machines,
        retrained: cli.retrained,
        seed: 0,
    };
    let (mut rows, mut reported) = (vec![], vec![]);
    for set in &sets {
        let factory = match installation::Factory::new(set, plan.seed) {
            Ok(factory) => factory,
            Err(error) => {
                eprintln!("{}: {error}", set.name());
                continue;
            }
        };
        let of_set = factory.measure(plan)?;
        if !cli.json {
            println!(
                "{}\n\n{}",
                set.name(),
                installation::report::levels(&of_set)
            );
        }
        rows.extend(of_set);
        // The first set shows what becomes of a fault that grows.
        if reported.is_empty() {
            reported = factory.creep(4)?;
        }
    }
    let (levels, creep) = (
        installation::report::levels(&rows),
        installation::report::creep(&reported),
    );
    if cli.json {
        let all = serde_json::json!({ "rows": rows, "creep": reported });
        println!("{all:#}");
    } else {
        println!("all sets\n\n{levels}\n{creep}");
    }
    if cli.record {
        let text = format!("{levels}\n{creep}");
        report::record_text(&page, "cargo xtask installation --record", &text)?;
    }
    Ok(true)
}

/// Whether every training ended with an image.
fn detect(cli: &Cli) -> Result<bool, Error> {
    let page = workspace().join("docs/measurements.md");
    if cli.record {
        // Before the long run.
        report::page(&page)?;
    }
    let subjects = match &cli.folder {
        Some(folder) => {
            let sets = folder::sets(folder, &cli.sets)?.into_iter();
            sets.map(Subject::Set).collect()
        }
        None => shipped::subjects(&cli.sets)?,
    };
    let rows = measure(cli, &subjects);
    if cli.json {
        print!("{}", report::json(&rows));
    } else {
        print!("{}", report::means(&rows));
    }
    let whole = rows.len() as u64 == subjects.len() as u64 * cli.seeds;
    if cli.record && whole {
        let command = format!("cargo xtask detection --seeds {} --record", cli.seeds);
        report::record(&page, &command, &rows)?;
    }
    Ok(whole)
}

/// Measures each subject with each seed, and prints a line for each unless JSON is wanted. One that fails is said on
/// standard error, and the others go on.
fn measure(cli: &Cli, subjects: &[Subject]) -> Vec<Row> {
    let mut rows = vec![];
    if !cli.json {
        println!("{}", report::header());
    }
    for subject in subjects {
        for seed in 0..cli.seeds {
            match subject.measure(seed, &cli.options, cli.keep.as_deref()) {
                Ok(row) => {
                    if !cli.json {
                        println!("{}", report::line(&row));
                    }
                    rows.push(row);
                }
                Err(error) => eprintln!("{} seed {seed}: {error}", subject.name()),
            }
        }
    }
    rows
}
