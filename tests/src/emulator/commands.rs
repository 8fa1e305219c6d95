//! Scores, watches and dreams on an emulated board, with the trainer's options and in the trainer's words.

use crate::build::board::Board;
use crate::build::trainer;
use crate::emulator::{self, Invocation};
use crate::error::Error;
use crate::files;
use clap::Args;
use elbow::{Estimator, Probability};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a board may take for all of its work.
const LIMIT: Duration = Duration::from_secs(600);

/// Readings to score.
#[derive(Clone, Debug, Args)]
pub struct Request {
    /// A model image, or the folder of a run
    pub model: PathBuf,
    /// A CSV or .npy file, or `digits`, as for the trainer
    pub data: String,
    /// sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K
    #[arg(long, default_value = "sigma-points")]
    pub estimator: String,
    /// Of the random draws; reading i draws from stream i
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Score only the first N readings
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// The lines that `trainer score` writes, from firmware on `board`. The trainer only converts the
/// data to raw readings; every score is computed by the board.
///
/// # Errors
///
/// The trainer refuses the data, or the board the model or a reading.
pub fn score(board: &Board, request: &Request) -> Result<String, Error> {
    let folder = Scratch::new()?;
    let readings = folder.path("readings.i16")?;
    let masks = folder.path("masks.bin")?;
    let model = path_text(&request.model)?;
    let limit = request.limit.map(|limit| limit.to_string());
    let mut arguments = vec!["readings", &model, &request.data, "--out", &readings];
    arguments.extend(["--masks", &masks]);
    if let Some(limit) = &limit {
        arguments.extend(["--limit", limit]);
    }
    trainer::run(&arguments, LIMIT)?;
    let mut line = vec![
        "score".to_owned(),
        "readings=readings.i16".to_owned(),
        "out=scores.csv".to_owned(),
        format!("estimator={}", request.estimator),
        format!("seed={}", request.seed),
    ];
    if Path::new(&masks).exists() {
        line.push("mask=masks.bin".to_owned());
    }
    folder.run(board, &request.model, &line)?;
    folder.read("scores.csv")
}

/// A stream to watch.
#[derive(Clone, Debug, Args)]
pub struct Stream {
    /// A model image, or the folder of a run
    pub model: PathBuf,
    /// A CSV or .npy file with a sample in each row and a channel in each column
    pub data: String,
    /// sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K
    #[arg(long, default_value = "sigma-points")]
    pub estimator: Estimator,
    /// Scores are averaged over 2^T windows; 0 does not smooth
    #[arg(long, value_name = "T", default_value_t = 2)]
    pub time_constant: u8,
    /// The alarm is raised when the smoothed score falls below what this part of normal windows
    /// does [default: as the trainer]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub enter: Option<Probability>,
    /// The alarm ends when the smoothed score rises above what this part of normal windows
    /// stays below [default: as the trainer]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub leave: Option<Probability>,
    /// Of the random draws, one stream of them for all windows
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Use only the first N samples
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

fn parse_rate(text: &str) -> Result<Probability, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 1.0 => Ok(Probability::new(rate)),
        _ => Err("give a rate above 0 and up to 1, such as 0.01".to_owned()),
    }
}

/// The lines that `trainer watch` writes, from firmware on `board`. The trainer only converts the data to raw samples.
///
/// # Errors
///
/// The trainer refuses the data, or the board the model or the rates.
pub fn watch(board: &Board, stream: &Stream) -> Result<String, Error> {
    let folder = Scratch::new()?;
    let samples = folder.path("samples.i16")?;
    let model = path_text(&stream.model)?;
    let limit = stream.limit.map(|limit| limit.to_string());
    let mut arguments = vec!["samples", &model, &stream.data, "--out", &samples];
    if let Some(limit) = &limit {
        arguments.extend(["--limit", limit]);
    }
    trainer::run(&arguments, LIMIT)?;
    let mut line = vec![
        "watch".to_owned(),
        "samples=samples.i16".to_owned(),
        "out=events.csv".to_owned(),
        format!("estimator={}", stream.estimator),
        format!("time-constant={}", stream.time_constant),
        format!("seed={}", stream.seed),
    ];
    let rates = [("enter", stream.enter), ("leave", stream.leave)];
    line.extend(
        rates
            .into_iter()
            .filter_map(|(name, rate)| Some(format!("{name}={}", rate?.to_bits()))),
    );
    folder.run(board, &stream.model, &line)?;
    folder.read("events.csv")
}

/// The pictures that `trainer sample --pictures` draws, from firmware on `board`.
///
/// # Errors
///
/// The board refuses the model.
pub fn dream(board: &Board, model: &Path, count: u32, seed: u64) -> Result<String, Error> {
    let folder = Scratch::new()?;
    let line = [
        "dream".to_owned(),
        "out=dreams.txt".to_owned(),
        format!("count={count}"),
        format!("seed={seed}"),
    ];
    folder.run(board, model, &line)?;
    folder.read("dreams.txt")
}

/// A folder for the files of one run on a board.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Result<Self, Error> {
        files::temporary_folder().map(Self)
    }

    fn path(&self, name: &str) -> Result<String, Error> {
        path_text(&self.0.path().join(name))
    }

    fn run(&self, board: &Board, model: &Path, arguments: &[String]) -> Result<(), Error> {
        let model = image_path(model);
        let invocation = Invocation {
            model: Some(&model),
            directory: self.0.path(),
            arguments,
            time_limit: LIMIT,
            count_instructions: false,
        };
        let outcome = emulator::run(board, &invocation)?;
        if outcome.code == 0 {
            Ok(())
        } else {
            Err(Error::Program {
                program: format!("{} {}", board.name, arguments.join(" ")),
                output: outcome.stderr,
            })
        }
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.0.path().join(name);
        std::fs::read_to_string(&path).map_err(Error::at(&path))
    }
}

/// The image in the folder of a run, or the file itself.
fn image_path(model: &Path) -> PathBuf {
    if model.is_dir() {
        model.join("model.elbow")
    } else {
        model.to_owned()
    }
}

/// A path as an argument of a program.
fn path_text(path: &Path) -> Result<String, Error> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::Argument(path.display().to_string()))
}
