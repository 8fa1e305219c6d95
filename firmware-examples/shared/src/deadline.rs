//! Whether a task keeps its deadline.

use core::fmt;

/// How late the runs of a task were, whose deadline is its next release.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deadline {
    runs: u32,
    latest: u32,
    missed: u32,
}

impl Deadline {
    /// Takes a run in: its release, from 0, and how many ticks after that it ended.
    pub fn add(&mut self, release: u32, ticks: u32) {
        // Releases without a run were overwritten by later ones.
        self.missed += release.saturating_sub(self.runs + self.missed);
        self.runs += 1;
        self.latest = self.latest.max(ticks);
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            latest,
            missed,
        } = self;
        write!(
            f,
            "{runs} runs, the latest ended after {latest} ticks, {missed} missed"
        )
    }
}
