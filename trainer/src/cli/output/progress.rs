//! Progress of a training: lines and a bar on standard error, or lines of JSON on standard output; and its result.

use super::results;
use crate::cli::output::emit;
use crate::cli::train::interrupt;
use crate::error::Error;
use crate::export::pipeline::{Observer, Warning};
use crate::export::run::Summary;
use crate::export::runs::Record;
use crate::export::tracking::{self, Scalar, Tracker};
use crate::train::Epoch;
use clap::Args;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde::Serialize;
use std::cell::{Cell, OnceCell, RefCell};
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

/// The part of the time of an epoch that the last one has no say in.
const INERTIA: f64 = 0.8;

/// How much is said, and to whom.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(in crate::cli) struct Voice {
    /// Print nothing but warnings and errors; with --json, no epochs and notes
    #[arg(long)]
    quiet: bool,
    /// Print JSON, an object a line: epochs, notes, warnings and the result, each with its name under `event`
    #[arg(long)]
    json: bool,
}

impl Voice {
    /// Warnings and errors alone.
    pub(in crate::cli) const QUIET: Self = Self {
        quiet: true,
        json: false,
    };
}

/// What happens in a training, for programs.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Note { text: &'a str },
    Warning { text: String },
    Epoch(Progress),
    Result(Done<'a>),
}

/// A training after an epoch.
#[derive(Clone, Copy, Debug, Serialize)]
struct Progress {
    #[serde(flatten)]
    epoch: Epoch,
    /// Epochs that there will be.
    epochs: usize,
    /// The best bound on held-out readings so far, by which the parameters are kept.
    best: Option<f64>,
    /// Training readings that an epoch takes in a second.
    samples_per_second: Option<f64>,
    seconds_left: Option<f64>,
}

impl Progress {
    /// The numbers that there are.
    fn scalars(&self) -> Vec<Scalar> {
        let epoch = &self.epoch;
        let all = [
            ("elbo", Some(epoch.elbo)),
            ("reconstruction", Some(epoch.reconstruction)),
            ("kl", Some(epoch.kl)),
            ("objective", epoch.objective),
            ("validation_elbo", epoch.validation_elbo),
            ("best", self.best),
            ("learning_rate", epoch.learning_rate),
            ("samples_per_second", self.samples_per_second),
        ];
        let there = all
            .into_iter()
            .filter_map(|(name, number)| Some((name, number?)));
        there.collect()
    }
}

/// The end of a training.
#[derive(Serialize)]
struct Done<'a> {
    folder: &'a Path,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Time that epochs take.
#[derive(Debug, Default)]
struct Pace {
    last: Cell<Option<Instant>>,
    seconds: Cell<Option<f64>>,
}

impl Pace {
    /// Seconds of an epoch, after one more; none after the first.
    fn after_one(&self) -> Option<f64> {
        let now = Instant::now();
        let last = self.last.replace(Some(now))?;
        let own = now.duration_since(last).as_secs_f64();
        let before = self.seconds.get().unwrap_or(own);
        self.seconds
            .set(Some(INERTIA * before + (1.0 - INERTIA) * own));
        self.seconds.get()
    }
}

/// Somebody at a terminal, or a program: notes and warnings as lines, and while training goes on a bar on a terminal, now
/// and then a line elsewhere.
pub(in crate::cli) struct Terminal {
    voice: Voice,
    terminal: bool,
    bar: OnceCell<ProgressBar>,
    readings: usize,
    pace: Pace,
    best: Cell<Option<f64>>,
    trackers: RefCell<Vec<Box<dyn Tracker>>>,
    /// The first line that could not be printed.
    failed: RefCell<Option<Error>>,
}

impl Terminal {
    /// Looks on at a training on so many `readings`.
    pub(in crate::cli) fn new(voice: Voice, readings: usize) -> Self {
        Self {
            voice,
            terminal: std::io::stderr().is_terminal(),
            bar: OnceCell::new(),
            readings,
            pace: Pace::default(),
            best: Cell::default(),
            trackers: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    /// The same, and `trackers` are told too.
    #[must_use]
    pub(in crate::cli) fn telling(self, trackers: Vec<Box<dyn Tracker>>) -> Self {
        self.trackers.replace(trackers);
        self
    }

    fn new_bar(epochs: usize) -> ProgressBar {
        let bar = ProgressBar::new(epochs as u64);
        let style = ProgressStyle::with_template("{bar:12} {pos}/{len} epochs  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }

    /// Keeps the first failure, which is told when the run is written: no training is lost for it.
    fn keep(&self, result: Result<(), Error>) {
        if let Err(error) = result {
            self.failed.borrow_mut().get_or_insert(error);
        }
    }

    /// Prints a line of JSON.
    fn print(&self, event: &Event<'_>) {
        let line = serde_json::to_string(event);
        let line = line.map_err(|error| Error::Setting(format!("no JSON can be written: {error}")));
        self.keep(line.and_then(|line| emit(None, &(line + "\n"))));
    }

    /// Tells each tracker.
    fn track(&self, tell: impl Fn(&mut dyn Tracker) -> Result<(), Error>) {
        for tracker in self.trackers.borrow_mut().iter_mut() {
            self.keep(tell(tracker.as_mut()));
        }
    }

    /// The state after `epoch`.
    fn progress(&self, epoch: &Epoch, epochs: usize) -> Progress {
        let best = self.best.get().into_iter().chain(epoch.criterion());
        self.best.set(best.reduce(f64::max));
        let seconds = self.pace.after_one();
        Progress {
            epoch: *epoch,
            epochs,
            best: self.best.get(),
            samples_per_second: seconds.map(|seconds| self.readings as f64 / seconds),
            seconds_left: seconds
                .map(|seconds| seconds * epochs.saturating_sub(epoch.epoch) as f64),
        }
    }

    /// Prints the result of a training whose run is in `folder`.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Setting`].
    pub(in crate::cli) fn result(&self, summary: &Summary, folder: &Path) -> Result<(), Error> {
        if self.voice.json {
            self.print(&Event::Result(Done { folder, summary }));
        } else if !self.voice.quiet {
            emit(None, &(results::describe(summary) + "\n"))?;
            self.note(&format!("wrote {}", folder.display()));
        }
        if !self.trackers.borrow().is_empty() {
            let results = tracking::results(&Record::read(folder)?);
            self.track(|tracker| tracker.finish(folder, &results));
        }
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl Observer for Terminal {
    fn note(&self, line: &str) {
        match self.voice {
            Voice { quiet: true, .. } => {}
            Voice { json: true, .. } => self.print(&Event::Note { text: line }),
            _ => eprintln!("{line}"),
        }
    }

    fn warn(&self, warning: &Warning) {
        if self.voice.json {
            return self.print(&Event::Warning {
                text: warning.to_string(),
            });
        }
        eprintln!("warning: {warning}");
    }

    fn epoch(&self, epoch: &Epoch, epochs: usize) {
        let progress = self.progress(epoch, epochs);
        let scalars = progress.scalars();
        self.track(|tracker| tracker.epoch(epoch.epoch, &scalars));
        let is_told = epoch.epoch.is_multiple_of(epochs.div_ceil(10));
        match self.voice {
            Voice { quiet: true, .. } => {}
            Voice { json: true, .. } => self.print(&Event::Epoch(progress)),
            _ if self.terminal => {
                let bar = self.bar.get_or_init(|| Self::new_bar(epochs));
                bar.set_position(epoch.epoch as u64);
                bar.set_message(brief(&progress));
            }
            _ if is_told => eprintln!("epoch {}/{epochs}: {}", epoch.epoch, describe(&progress)),
            _ => {}
        }
    }

    fn trained(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish();
        }
    }

    fn is_cancelled(&self) -> bool {
        interrupt::is_asked()
    }

    fn asks(&self, soon: bool) {
        interrupt::waits(soon);
    }

    fn saved(&self) {
        interrupt::saved();
    }
}

/// The terms of the bound, the best so far, the step size, the speed, and the time left.
fn describe(progress: &Progress) -> String {
    let Progress { epoch, .. } = progress;
    let mut text = format!(
        "elbo {:.2} = reconstruction {:.2} - kl {:.2}",
        epoch.elbo, epoch.reconstruction, epoch.kl
    );
    if let Some(fraction) = epoch.observed_fraction {
        text += &format!(" of the {:.0} % observed", 100.0 * fraction);
    }
    if let Some(objective) = epoch.objective {
        text += &format!(", objective {objective:.2}");
    }
    text + &pace(progress)
}

/// The same for a line as wide as a terminal, which may cut its end off: what is looked at most comes first.
fn brief(progress: &Progress) -> String {
    let Epoch { elbo, kl, .. } = progress.epoch;
    format!("elbo {elbo:.2}{}, kl {kl:.2}", pace(progress))
}

/// The best so far, the time left, the speed and the step size.
fn pace(progress: &Progress) -> String {
    let mut text = String::new();
    if let Some(best) = progress.best {
        text += &format!(", best held out {best:.2}");
    }
    if let Some((speed, left)) = progress.samples_per_second.zip(progress.seconds_left) {
        let left = HumanDuration(Duration::from_secs_f64(left));
        text += &format!(", {left} left, {speed:.0} samples/s");
    }
    if let Some(rate) = progress.epoch.learning_rate {
        text += &format!(", rate {rate:.1e}");
    }
    text
}
