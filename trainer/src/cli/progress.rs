//! How far training is, on standard error.

use crate::train::Epoch;
use indicatif::{ProgressBar, ProgressStyle};
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

/// The terms of the bound while training goes on: a bar on a terminal, now and then a line elsewhere.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    epochs: usize,
}

impl Progress {
    pub(super) fn new(epochs: usize, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::new(epochs as u64);
            let style =
                ProgressStyle::with_template("{bar:30} {pos}/{len} epochs, {eta} left  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar,
            lines: !terminal && !quiet,
            epochs,
        }
    }

    pub(super) fn show(&self, epoch: &Epoch) {
        let terms = terms(epoch);
        if let Some(bar) = &self.bar {
            bar.set_position(epoch.epoch as u64);
            bar.set_message(terms);
        } else if self.lines && epoch.epoch.is_multiple_of(self.epochs.div_ceil(10)) {
            eprintln!("epoch {}/{}: {terms}", epoch.epoch, self.epochs);
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish();
        }
    }
}
