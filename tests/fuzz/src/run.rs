//! Many inputs on all cores.

use crate::check::{Fault, Verdict, check};
use crate::dice::Dice;
use crate::format::Format;
use crate::seeds::Seeds;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Inputs that a thread takes at a time.
const SHARE: u64 = 64;
/// When an input is taken to never end.
const NEVER: Duration = Duration::from_secs(60);
/// How often that is looked at.
const POLL: Duration = Duration::from_millis(20);
/// No input is being read.
const IDLE: u64 = u64::MAX;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The format of the inputs.
    pub format: Format,
    /// How many.
    pub inputs: u64,
    /// What they follow from.
    pub seed: u64,
}

/// What became of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// Inputs that are tables.
    pub accepted: u64,
    /// Inputs that are none.
    pub refused: u64,
    /// For each cause the first input, its fault and how many there are.
    pub faults: BTreeMap<String, Found>,
    /// What it took.
    pub took: Duration,
}

/// A fault that was found.
#[derive(Debug)]
pub struct Found {
    /// The number of the input.
    pub index: u64,
    /// What it does.
    pub fault: Fault,
    /// How many inputs do so.
    pub times: u64,
}

/// What a thread reads now.
#[derive(Debug)]
struct Now {
    index: AtomicU64,
    /// Milliseconds from the start of the run to that of the input.
    since: AtomicU64,
}

impl Run {
    /// Input `index`.
    #[must_use]
    pub fn input(&self, seeds: &Seeds, index: u64) -> Vec<u8> {
        self.format.input(seeds, &mut Dice::new(self.seed, index))
    }

    /// Reads all inputs. One that does not end within a minute is handed to `stuck`, which should not return.
    #[must_use]
    pub fn run(&self, stuck: impl Fn(u64)) -> Summary {
        let start = Instant::now();
        let seeds = Seeds::default();
        let next = AtomicU64::new(0);
        let summary = Mutex::new(Summary::default());
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<Now> = (0..cores).map(|_| Now::default()).collect();
        thread::scope(|scope| {
            let work = |now| self.work(&seeds, (&next, start), now, &summary);
            let workers: Vec<_> = threads
                .iter()
                .map(|now| scope.spawn(move || work(now)))
                .collect();
            while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
                thread::sleep(POLL);
                threads
                    .iter()
                    .filter_map(|now| now.stuck(start))
                    .for_each(&stuck);
            }
        });
        let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
        summary.took = start.elapsed();
        summary
    }

    /// Takes inputs until there are no more.
    fn work(
        &self,
        seeds: &Seeds,
        (next, start): (&AtomicU64, Instant),
        now: &Now,
        summary: &Mutex<Summary>,
    ) {
        loop {
            let first = next.fetch_add(SHARE, Ordering::Relaxed);
            if first >= self.inputs {
                return;
            }
            let mut own = Summary::default();
            for index in first..self.inputs.min(first + SHARE) {
                let input = self.input(seeds, index);
                now.begin(index, start);
                own.count(index, check(self.format, &input));
                now.end();
            }
            let mut all = summary.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(own);
        }
    }
}

impl Default for Now {
    fn default() -> Self {
        Self {
            index: AtomicU64::new(IDLE),
            since: AtomicU64::new(0),
        }
    }
}

impl Now {
    fn begin(&self, index: u64, start: Instant) {
        let since = start.elapsed().as_millis() as u64;
        self.since.store(since, Ordering::SeqCst);
        self.index.store(index, Ordering::SeqCst);
    }

    fn end(&self) {
        self.index.store(IDLE, Ordering::SeqCst);
    }

    /// The input that does not end, if there is one.
    fn stuck(&self, start: Instant) -> Option<u64> {
        let index = self.index.load(Ordering::SeqCst);
        let since = Duration::from_millis(self.since.load(Ordering::SeqCst));
        let over = start.elapsed().saturating_sub(since) > NEVER;
        (index != IDLE && over).then_some(index)
    }
}

impl Summary {
    fn count(&mut self, index: u64, verdict: Verdict) {
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::Faulty(fault) => {
                self.find(Found {
                    index,
                    fault,
                    times: 1,
                });
            }
        }
    }

    /// Adds `found` to those of its cause, of which the first input is kept.
    fn find(&mut self, mut found: Found) {
        let cause = found.fault.cause();
        if let Some(other) = self.faults.remove(&cause) {
            let times = found.times + other.times;
            if other.index < found.index {
                found = other;
            }
            found.times = times;
        }
        self.faults.insert(cause, found);
    }

    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        for found in other.faults.into_values() {
            self.find(found);
        }
    }

    /// Inputs a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let faulty: u64 = self.faults.values().map(|found| found.times).sum();
        (self.accepted + self.refused + faulty) as f64 / self.took.as_secs_f64()
    }
}

/// Writes an input into `folder`; its path.
///
/// # Errors
///
/// Those of the file system.
pub fn save(folder: &Path, run: &Run, index: u64) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let format = run.format.name();
    let path = folder.join(format!("{}-{index}.{format}", run.seed));
    std::fs::write(&path, run.input(&Seeds::default(), index))?;
    Ok(path)
}
