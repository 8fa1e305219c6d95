//! Progress of a training, on standard error.

use super::interrupt;
use crate::export::pipeline::{Observer, Warning};
use crate::train::Epoch;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::OnceCell;
use std::io::IsTerminal;

/// The terms of the bound, and what else there is to say of them.
fn terms(epoch: &Epoch) -> String {
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
    text
}

/// A person at a terminal: notes and warnings as lines, and while training goes on a bar on a terminal, now and then a
/// line elsewhere.
pub(super) struct Terminal {
    quiet: bool,
    terminal: bool,
    bar: OnceCell<ProgressBar>,
}

impl Terminal {
    pub(super) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            terminal: std::io::stderr().is_terminal(),
            bar: OnceCell::new(),
        }
    }

    fn new_bar(epochs: usize) -> ProgressBar {
        let bar = ProgressBar::new(epochs as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} epochs, {eta} left  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }
}

impl Observer for Terminal {
    fn note(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    fn warn(&self, warning: &Warning) {
        eprintln!("warning: {warning}");
    }

    fn epoch(&self, epoch: &Epoch, epochs: usize) {
        if self.quiet {
            return;
        }
        let terms = terms(epoch);
        if self.terminal {
            let bar = self.bar.get_or_init(|| Self::new_bar(epochs));
            bar.set_position(epoch.epoch as u64);
            bar.set_message(terms);
        } else if epoch.epoch.is_multiple_of(epochs.div_ceil(10)) {
            eprintln!("epoch {}/{epochs}: {terms}", epoch.epoch);
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
