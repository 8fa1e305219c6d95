//! The settings in which runs differ, beside what they came to.

use super::Record;
use crate::config::settings::keys;
use serde::Serialize;

/// Runs side by side.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The settings that are not the same in all.
    pub settings: Vec<Difference>,
    /// The runs.
    pub runs: Vec<Record>,
}

/// A setting that is not the same in all runs.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Its key.
    pub key: &'static str,
    /// Its value in each run, as a file has it; none where it is not set.
    pub values: Vec<Option<String>>,
}

/// A line of a comparison: its name, and each run's number with so many decimals.
pub(super) type Line = (&'static str, usize, fn(&Record) -> Option<f64>);

/// What runs came to, and what they cost.
pub(super) const LINES: [Line; 11] = [
    ("held-out bound, nats", 3, |run| run.held_out),
    ("test bound, floats", 3, |run| run.results.float.elbo),
    ("  standard error", 3, |run| {
        run.results.float.standard_error
    }),
    ("test bound, device", 3, |run| run.results.device.elbo),
    ("AUC, floats", 4, |run| run.results.float.auc),
    ("AUC, device", 4, |run| run.results.device.auc),
    ("AUC, p-values", 4, |run| run.results.p_value_auc),
    ("image, bytes", 0, |run| whole(run.results.image_bytes)),
    ("workspace, bytes", 0, |run| {
        whole(run.results.workspace_bytes)
    }),
    ("MACs, encoder and a decoder pass", 0, |run| {
        let Record { results, .. } = run;
        whole(
            results
                .encoder_macs
                .zip(results.decoder_macs)
                .map(|(a, b)| a + b),
        )
    }),
    ("seconds of training", 1, |run| run.results.training_seconds),
];

fn whole(count: Option<usize>) -> Option<f64> {
    count.map(|count| count as f64)
}

impl Comparison {
    /// Compares `runs`.
    pub fn new(runs: Vec<Record>) -> Self {
        let values = |path: &str| -> Vec<Option<String>> {
            let values = runs.iter().map(|run| run.settings.value(path));
            values.map(|value| value.map(str::to_owned)).collect()
        };
        let differences = keys().iter().map(|key| Difference {
            key: key.path(),
            values: values(key.path()),
        });
        let differs = |one: &Difference| one.values.iter().any(|value| *value != one.values[0]);
        Self {
            settings: differences.filter(differs).collect(),
            runs,
        }
    }

    /// The rows of a table: what is compared, and a cell for each run.
    pub fn rows(&self) -> Vec<(String, Vec<String>)> {
        let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        let settings = self.settings.iter().map(|one| {
            let cells = one.values.iter().map(cell);
            (one.key.to_owned(), cells.collect())
        });
        let results = LINES.iter().map(|&(name, decimals, number)| {
            let cell = |run: &Record| {
                number(run).map_or_else(|| "-".into(), |number| format!("{number:.decimals$}"))
            };
            (name.to_owned(), self.runs.iter().map(cell).collect())
        });
        let filled = |row: &(String, Vec<String>)| row.1.iter().any(|cell| cell != "-");
        settings.chain(results.filter(filled)).collect()
    }
}
