//! `cargo xtask interrupt`: ends trainings at random moments, goes on with them, and compares what they leave with what
//! an uninterrupted one leaves, byte for byte.

use crate::build::trainer;
use crate::error::Error;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The files of a run that have no times in them.
const TIMELESS: [&str; 5] = [
    "config.toml",
    "metrics.jsonl",
    "model.elbow",
    "model.safetensors",
    "plan.toml",
];

/// The file of a run that is under way.
const CHECKPOINT: &str = "checkpoint.safetensors";

/// The exit code of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Time between two looks at a program.
const LOOK: Duration = Duration::from_millis(2);

/// A training that is to be interrupted.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// What it is trained on.
    data: PathBuf,
    /// The arguments of the training but for folder and data.
    arguments: Vec<String>,
}

impl Case {
    /// The digits: epochs in floats and in integers, calibration by readings that are held out.
    pub fn digits(epochs: usize) -> Self {
        Self {
            name: "digits",
            data: "digits".into(),
            arguments: all_of(epochs),
        }
    }

    /// The file of [`write_waves`], so short that models of folds calibrate.
    pub fn waves(data: &Path, epochs: usize) -> Self {
        let latents = ["--latents", "2"].map(str::to_owned);
        Self {
            name: "waves, with models of folds",
            data: data.to_path_buf(),
            arguments: [all_of(epochs), latents.to_vec()].concat(),
        }
    }
}

/// The options of a training of so many epochs, none of which is left out.
fn all_of(epochs: usize) -> Vec<String> {
    let epochs = epochs.to_string();
    ["--epochs", &epochs, "--patience", "0"]
        .map(str::to_owned)
        .to_vec()
}

/// Writes a file of 300 rows of three waves in `folder`.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_waves(folder: &Path) -> Result<PathBuf, Error> {
    let wave = |row: usize, column: usize| ((row * (column + 3)) as f64 * 0.37).sin();
    let rows = (0..300).map(|row| {
        let cells = [0, 1, 2].map(|column| format!("{:.3}", wave(row, column)));
        cells.join(",") + "\n"
    });
    let data = folder.join("waves.csv");
    crate::files::write(&data, rows.collect::<String>())?;
    Ok(data)
}

/// Epochs of the two runs by which [`lasting`] chooses.
const SHORT: [usize; 2] = [100, 300];

/// A case of as many epochs as take about so many seconds on this machine, by the time of two short runs in `folder`.
///
/// # Errors
///
/// The trainer does not build or start, or a training fails.
pub fn lasting(seconds: f64, folder: &Path, case: impl Fn(usize) -> Case) -> Result<Case, Error> {
    trainer::build()?;
    let out = folder.join("short");
    let time = |epochs: usize| -> Result<f64, Error> {
        let began = Instant::now();
        start(&case(epochs), &out, false)?.finish()?;
        let elapsed = began.elapsed().as_secs_f64();
        let _ = std::fs::remove_dir_all(&out);
        Ok(elapsed)
    };
    let [few, more] = [time(SHORT[0])?, time(SHORT[1])?];
    let of_epoch = ((more - few) / (SHORT[1] - SHORT[0]) as f64).max(1e-4);
    let epochs = SHORT[0] as f64 + (seconds - few).max(0.0) / of_epoch;
    let case = case(epochs as usize);
    println!("{}: {} epochs", case.name, epochs as usize);
    Ok(case)
}

/// The way in which a program is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// SIGKILL, which it does not see.
    Kill,
    /// SIGINT, which it answers.
    Interrupt,
}

/// How often and when.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Times that trainings are ended in each way.
    pub moments: usize,
    /// The seed of the moments.
    pub seed: u64,
}

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Name of the case, and the way in which it was ended.
    pub name: String,
    /// Seconds of the uninterrupted run.
    pub seconds: f64,
    /// Times that a program was ended.
    pub ended: usize,
    /// Times among them that a checkpoint was there to go on from.
    pub resumed: usize,
    /// Runs that came to their end.
    pub runs: usize,
    /// Slowest answer to SIGINT.
    pub slowest: Duration,
    /// What was not as it must be.
    pub faults: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            seconds,
            ended,
            resumed,
            runs,
            slowest,
            faults,
        } = self;
        write!(
            f,
            "{name}: {seconds:.1} s uninterrupted; ended {ended} times, {resumed} with a checkpoint; {runs} runs came to their end; the slowest answer took {:.2} s; {} faults",
            slowest.as_secs_f64(),
            faults.len()
        )?;
        faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Ends the trainings of `case` by `plan`, in folders in `folder`.
///
/// # Errors
///
/// The trainer does not build or start, or the uninterrupted training fails.
pub fn run(case: &Case, end: End, plan: Plan, folder: &Path) -> Result<Outcome, Error> {
    let whole = folder.join("whole");
    // Before time is taken.
    trainer::build()?;
    let began = Instant::now();
    start(case, &whole, false)?.finish()?;
    let length = began.elapsed();
    let mut outcome = Outcome {
        name: format!("{}, {end:?}", case.name),
        seconds: length.as_secs_f64(),
        ..Outcome::default()
    };
    let mut random = Xoshiro128PlusPlus::seed_from_u64(plan.seed);
    while outcome.ended < plan.moments {
        let out = folder.join(format!("run-{}", outcome.runs));
        while !is_finished(&out) && outcome.faults.is_empty() {
            let resumes = out.join(CHECKPOINT).exists();
            let is_over = outcome.ended == plan.moments;
            let part = f64::from(random.next_u32()) / 2f64.powi(32);
            let moment = (!is_over).then(|| length.mul_f64(part));
            outcome.attempt(
                start(case, &out, resumes)?,
                moment.map(|moment| (end, moment)),
            )?;
        }
        outcome.faults.extend(differences(&whole, &out));
        outcome.runs += 1;
        if !outcome.faults.is_empty() {
            break;
        }
        let _ = std::fs::remove_dir_all(&out);
    }
    let _ = std::fs::remove_dir_all(&whole);
    Ok(outcome)
}

impl Outcome {
    /// Lets a program run to its end, or ends it at the moment.
    fn attempt(&mut self, mut program: Program, end: Option<(End, Duration)>) -> Result<(), Error> {
        let Some((end, moment)) = end else {
            return program.finish();
        };
        let began = Instant::now();
        while began.elapsed() < moment {
            if program.has_ended()? {
                return program.finish();
            }
            std::thread::sleep(LOOK);
        }
        let asked = Instant::now();
        let code = program.end(end)?;
        self.ended += 1;
        self.resumed += usize::from(program.out.join(CHECKPOINT).exists());
        if end == End::Interrupt {
            self.slowest = self.slowest.max(asked.elapsed());
            // It may have been at its end.
            if !matches!(code, Some(0 | INTERRUPTED)) {
                let fault = format!("it answered SIGINT by the exit code {code:?}");
                self.faults.push(fault);
            }
        }
        Ok(())
    }
}

/// A trainer on its way, and the folder that it writes.
struct Program {
    child: Child,
    out: PathBuf,
    errors: tempfile::NamedTempFile,
}

/// Starts the training of `case` in the folder `out`, or goes on with it.
fn start(case: &Case, out: &Path, resumes: bool) -> Result<Program, Error> {
    let mut command = Command::new(trainer::build()?);
    command.arg("fit");
    match resumes {
        true => command.arg("--resume").arg(out),
        false => command
            .arg(&case.data)
            .args(&case.arguments)
            .arg("--out")
            .arg(out),
    };
    let mut start = || {
        let errors = tempfile::NamedTempFile::new()?;
        let child = command
            .arg("--quiet")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors.reopen()?)
            .spawn()?;
        Ok((child, errors))
    };
    let (child, errors) = start().map_err(not_started)?;
    let out = out.to_path_buf();
    Ok(Program { child, out, errors })
}

fn not_started(source: std::io::Error) -> Error {
    Error::Start {
        program: "trainer".to_owned(),
        source,
    }
}

impl Program {
    fn has_ended(&mut self) -> Result<bool, Error> {
        Ok(self.child.try_wait().map_err(not_started)?.is_some())
    }

    /// Waits for its end, which must be a good one.
    fn finish(mut self) -> Result<(), Error> {
        let status = self.child.wait().map_err(not_started)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Program {
            program: format!("trainer fit, in {}, with {status}", self.out.display()),
            output: std::fs::read_to_string(self.errors.path()).unwrap_or_default(),
        })
    }

    /// Ends it now; its exit code, if it has one.
    fn end(&mut self, end: End) -> Result<Option<i32>, Error> {
        match end {
            End::Kill => self.child.kill().map_err(not_started)?,
            End::Interrupt => {
                let process = self.child.id().to_string();
                let sent = Command::new("kill").args(["-INT", &process]).status();
                sent.map_err(not_started)?;
            }
        }
        Ok(self.child.wait().map_err(not_started)?.code())
    }
}

/// Whether the run in `out` came to its end.
fn is_finished(out: &Path) -> bool {
    out.join("summary.json").exists() && !out.join(CHECKPOINT).exists()
}

/// The files in which two runs differ, times left out, and those that only one has.
fn differences(whole: &Path, other: &Path) -> Vec<String> {
    let names = |folder: &Path| -> Vec<_> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .collect();
        names.sort();
        names
    };
    let mut found = vec![];
    let (of_whole, of_other) = (names(whole), names(other));
    if of_whole != of_other {
        found.push(format!("the files are {of_other:?}, not {of_whole:?}"));
    }
    let read = |folder: &Path, name: &str| std::fs::read(folder.join(name)).unwrap_or_default();
    for name in TIMELESS {
        if read(whole, name) != read(other, name) {
            found.push(format!("{name} differs"));
        }
    }
    for (name, without_times) in [
        ("summary.json", summary as fn(&[u8]) -> String),
        ("report.html", report),
    ] {
        if without_times(&read(whole, name)) != without_times(&read(other, name)) {
            found.push(format!("{name} differs"));
        }
    }
    found
}

/// A summary without the seconds of training, and without the hash of the page that has them.
fn summary(bytes: &[u8]) -> String {
    let mut summary: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    if let Some(summary) = summary.as_object_mut() {
        summary.remove("training_seconds");
    }
    if let Some(artefacts) = summary
        .get_mut("artefacts")
        .and_then(|all| all.as_object_mut())
    {
        artefacts.remove("report.html");
    }
    summary.to_string()
}

/// A page without the seconds of training.
fn report(bytes: &[u8]) -> String {
    let page = String::from_utf8_lossy(bytes);
    match page.split_once("<dt>training</dt><dd>") {
        Some((before, behind)) => {
            let behind = behind.split_once("</dd>").map_or("", |(_, behind)| behind);
            format!("{before}{behind}")
        }
        None => page.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_no_difference_and_all_else_is() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [one, other] = [0, 1].map(|at| folders[at].path());
        let write = |folder: &Path, name: &str, text: &str| {
            std::fs::write(folder.join(name), text).unwrap();
        };
        let page = "<dt>training</dt><dd>1.5 s</dd> a";
        write(one, "report.html", page);
        write(other, "report.html", &page.replace("1.5", "22"));
        write(one, "summary.json", r#"{"a": 1, "training_seconds": 1.5}"#);
        write(other, "summary.json", r#"{"a": 1, "training_seconds": 22}"#);
        assert_eq!(differences(one, other), [""; 0]);
        write(other, "summary.json", r#"{"a": 2, "training_seconds": 22}"#);
        write(other, "report.html", &page.replace('a', "b"));
        write(one, "plan.toml", "a");
        let found = differences(one, other);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].contains("plan.toml"), "{found:?}");
        assert_eq!(
            found[1..],
            [
                "plan.toml differs",
                "summary.json differs",
                "report.html differs"
            ]
        );
    }
}
