//! `cargo xtask agent`: boards on the desk in QEMU, asked by `trainer board` through a pseudo-terminal whose line is cut and
//! damaged, and whose power is cut.
//!
//! * [`mod@line`]: a pseudo-terminal, and what happens on the way to the board.
//! * [`machine`]: an emulated board with an agent.

pub mod line;
pub mod machine;

use crate::build::trainer;
use crate::error::Error;
use crate::process::Finished;
use line::Fault;
use machine::{Kind, Machine};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;
use serde::Deserialize;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// A command of the trainer, on a slow machine.
const LIMIT: Duration = Duration::from_secs(300);

/// One byte in so many is damaged while readings are scored over a bad line.
const NOISE: u32 = 300;

/// Readings that are scored over a bad line.
const NOISY_READINGS: usize = 30;

/// Bytes on the line from the last chunk of an image to the end of its update, about.
const LAST_BYTES: usize = 500;

/// Samples that are recorded: so many that the counts of the emulated converters, which rise, wrap.
const SAMPLES: usize = 400;

/// What is done with a board.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Readings that are scored.
    pub readings: usize,
    /// Times that the line is cut in an update.
    pub cuts: usize,
    /// The seed of the moments.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The board.
    pub name: String,
    /// Scores that were equal.
    pub equal: usize,
    /// Samples that were recorded, and trained on.
    pub samples: usize,
    /// Bytes on the line in an update.
    pub update_bytes: usize,
    /// Updates whose line was cut.
    pub cuts: usize,
    /// Those among them where power was cut too.
    pub power_cuts: usize,
    /// Cuts that left the old image.
    pub old: usize,
    /// Cuts that left the new one.
    pub new: usize,
    /// What was not as it must be.
    pub faults: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            equal,
            samples,
            update_bytes,
            cuts,
            power_cuts,
            old,
            new,
            faults,
        } = self;
        write!(
            f,
            "{name}: {equal} scores equal, {samples} samples recorded and learned; the line cut {cuts} times in an update of {update_bytes} bytes on the line, power {power_cuts} times with it: {old} times the old image runs, {new} times the new one; {} faults",
            faults.len()
        )?;
        faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// The part of `trainer board show --json` that is looked at here.
#[derive(Debug, Deserialize)]
struct Shown {
    running: Option<Running>,
}

#[derive(Debug, Deserialize)]
struct Running {
    name: String,
}

/// Two runs, whose images take turns on a board.
#[derive(Debug)]
pub struct Runs {
    folder: tempfile::TempDir,
}

/// The names of the two models.
const MODELS: [&str; 2] = ["digits", "pump"];

impl Runs {
    /// Trains them, for few epochs.
    ///
    /// # Errors
    ///
    /// The trainer does not build, or a training fails.
    pub fn train() -> Result<Self, Error> {
        let runs = Self {
            folder: crate::files::temporary_folder()?,
        };
        for name in MODELS {
            let fit = [
                "fit",
                name,
                "--epochs",
                "20",
                "--quiet",
                "--out",
                &runs.path(name),
            ];
            trainer::run(&fit, LIMIT)?;
        }
        Ok(runs)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}

/// Records, scores and updates a board by `plan`.
///
/// # Errors
///
/// The agent or the trainer does not build, or does not start. Whatever the board does wrong is a fault of the outcome.
pub fn run(kind: &Kind, runs: &Runs, plan: Plan) -> Result<Outcome, Error> {
    let folder = crate::files::temporary_folder()?;
    let mut desk = Desk {
        machine: Machine::start(kind, folder.path())?,
        runs,
        outcome: Outcome {
            name: kind.name.to_owned(),
            ..Outcome::default()
        },
    };
    desk.record(folder.path())?;
    desk.score(plan.readings)?;
    desk.cut_updates(plan)?;
    Ok(desk.outcome)
}

/// A board under test.
struct Desk<'r> {
    machine: Machine,
    runs: &'r Runs,
    outcome: Outcome,
}

impl Desk<'_> {
    /// `trainer board` with these words and with options for its patience.
    fn board(&self, words: &[&str], timeout: &str, tries: &str) -> Result<Finished, Error> {
        let port = self.machine.port();
        let (command, rest) = words.split_first().unwrap_or((&"show", &[]));
        let line = [
            "--port",
            port,
            "--baud",
            "57600",
            "--timeout",
            timeout,
            "--tries",
            tries,
        ];
        trainer::try_run(&[&["board", command], &line[..], rest].concat(), LIMIT)
    }

    /// The same over a whole line; a failure is a fault.
    fn must(&mut self, words: &[&str]) -> Result<Finished, Error> {
        let done = self.board(words, "5", "6")?;
        if !done.status.success() {
            let fault = format!("trainer board {}: {}", words.join(" "), done.stderr.trim());
            self.outcome.faults.push(fault);
        }
        Ok(done)
    }

    /// The name of the model that runs; "nothing" where none does.
    fn running(&mut self) -> Result<String, Error> {
        let shown = self.must(&["show", "--json"])?.stdout;
        let shown: Option<Shown> = serde_json::from_str(&shown).ok();
        let running = shown.and_then(|shown| shown.running);
        Ok(running.map_or("nothing".to_owned(), |running| running.name))
    }

    /// Records, and trains on what was recorded.
    fn record(&mut self, folder: &Path) -> Result<(), Error> {
        let log = folder.join("log.csv").to_string_lossy().into_owned();
        let samples = SAMPLES.to_string();
        let words = [
            "record",
            "--samples",
            &samples,
            "--period",
            "0.005",
            "--out",
            &log,
        ];
        self.must(&words)?;
        let rows = std::fs::read_to_string(&log).unwrap_or_default();
        self.outcome.samples = rows.lines().count().saturating_sub(1);
        if self.outcome.samples != SAMPLES {
            let fault = format!("{SAMPLES} samples became {} rows", self.outcome.samples);
            self.outcome.faults.push(fault);
        }
        let out = folder.join("run").to_string_lossy().into_owned();
        let fit = ["fit", &log, "--epochs", "5", "--quiet", "--out", &out];
        let trained = trainer::try_run(&fit, LIMIT)?;
        if !trained.status.success() {
            self.outcome.faults.push(trained.stderr);
        }
        Ok(())
    }

    /// Sends the first image, and scores readings by it: over a good line, and over a bad one.
    fn score(&mut self, readings: usize) -> Result<(), Error> {
        let digits = self.runs.path(MODELS[0]);
        let refused = self.board(&["score", &digits], "5", "6")?;
        if refused.status.code() != Some(2) || !refused.stderr.contains("runs no image") {
            self.outcome
                .faults
                .push(format!("without an image: {}", refused.stderr));
        }
        self.must(&["flash-image", &digits])?;
        let again = self.must(&["flash-image", &digits])?;
        if !again.stdout.contains("nothing was sent") {
            self.outcome
                .faults
                .push(format!("sent again: {}", again.stdout));
        }
        let limit = readings.to_string();
        let estimators = [
            ("sigma-points", &*limit),
            ("monte-carlo:4", "50"),
            ("importance-weighted:4", "50"),
        ];
        for (estimator, limit) in estimators {
            let words = [
                "score",
                &digits,
                "digits:all",
                "--limit",
                limit,
                "--estimator",
                estimator,
            ];
            let done = self.must(&words)?;
            let equal = format!("all integers of {limit} scores");
            if done.stdout.contains(&equal) {
                self.outcome.equal += limit.parse::<usize>().unwrap_or(0);
            } else {
                self.outcome
                    .faults
                    .push(format!("{estimator}: {}{}", done.stdout, done.stderr));
            }
        }
        self.machine.line().set(Fault::Noise {
            one_in: NOISE,
            seed: 1,
        });
        let limit = NOISY_READINGS.to_string();
        let words = ["score", &digits, "--limit", &limit];
        let done = self.board(&words, "0.5", "30")?;
        self.machine.line().set(Fault::None);
        if !done.status.success() || !done.stderr.contains("sent again") {
            self.outcome
                .faults
                .push(format!("noise: {}{}", done.stdout, done.stderr));
        }
        Ok(())
    }

    /// Cuts the line in updates, and looks what runs afterwards.
    fn cut_updates(&mut self, plan: Plan) -> Result<(), Error> {
        // Of each model over the other one, the second first.
        let mut whole = [0; 2];
        for at in [1, 0] {
            let before = self.machine.line().count();
            self.must(&["flash-image", &self.runs.path(MODELS[at])])?;
            whole[at] = self.machine.line().count() - before;
        }
        self.outcome.update_bytes = whole[0].max(whole[1]);
        let mut random = Xoshiro128PlusPlus::seed_from_u64(plan.seed);
        // A moment behind the last byte is no cut.
        for attempt in 0..2 * plan.cuts {
            if self.outcome.cuts == plan.cuts {
                break;
            }
            let old = self.running()?;
            let Some(at) = MODELS.iter().position(|name| *name == old) else {
                self.outcome
                    .faults
                    .push(format!("before attempt {attempt} {old} runs"));
                return Ok(());
            };
            let new = MODELS[1 - at];
            // Every other moment is among the last bytes, where the image is tested, tried and confirmed.
            let bytes = whole[1 - at];
            let from = [0, bytes.saturating_sub(LAST_BYTES)][attempt % 2];
            let moment = from + random.next_u32() as usize % (bytes - from).max(1);
            let with_power = random.next_u32() % 2 == 0;
            self.cut_update((&old, new), moment, with_power)?;
        }
        Ok(())
    }

    /// Cuts the line in one update after so many bytes, and power too if wanted.
    fn cut_update(
        &mut self,
        (old, new): (&str, &str),
        moment: usize,
        with_power: bool,
    ) -> Result<(), Error> {
        self.machine.line().set(Fault::Cut {
            after: moment,
            with_power,
        });
        let done = self.board(&["flash-image", &self.runs.path(new)], "1", "4")?;
        let was_cut = self.machine.line().is_cut();
        self.machine.line().set(Fault::None);
        self.outcome.cuts += usize::from(was_cut);
        self.outcome.power_cuts += usize::from(was_cut && with_power);
        let context = format!("{new} over {old}, cut after {moment} bytes, power {with_power}");
        if !was_cut && !done.status.success() {
            self.outcome.faults.push(format!(
                "{context}: it failed without a cut: {}",
                done.stderr
            ));
        }
        if was_cut && done.status.success() && moment < self.outcome.update_bytes / 4 {
            self.outcome.faults.push(format!("{context}: it succeeded"));
        }
        if !done.status.success()
            && done
                .stderr
                .lines()
                .filter(|line| line.starts_with("error: "))
                .count()
                != 1
        {
            self.outcome
                .faults
                .push(format!("{context}: {}", done.stderr));
        }
        // As it is, and after power was cut once more.
        for look in ["after the cut", "after power was cut once more"] {
            let running = self.running()?;
            let is_one = [old, new].contains(&running.as_str());
            if !is_one || (done.status.success() && running != new) {
                self.outcome
                    .faults
                    .push(format!("{context}: {running} runs {look}"));
            }
            if look == "after the cut" {
                self.machine.reset()?;
            } else if was_cut {
                self.outcome.new += usize::from(running == new);
                self.outcome.old += usize::from(running == old);
            }
        }
        Ok(())
    }
}
