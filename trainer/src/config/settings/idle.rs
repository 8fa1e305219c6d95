//! Settings without an effect beside others: said, they are refused.

use super::Key;
use crate::config::capability::Feature;
use crate::config::{Config, Inference, Schedule};
use crate::data::DataSource;
use crate::error::Error;

/// Settings of data that the digits have an answer to themselves.
const OF_FILES: [&str; 12] = [
    "label",
    "normal",
    "time",
    "group",
    "ignore",
    "reading",
    "condition",
    "kind",
    "sentinels",
    "sample",
    "validation_fraction",
    "test_fraction",
];

/// Refuses the settings among `said` that change nothing in a run by `config`.
///
/// # Errors
/// [`Error::Setting`] with both settings.
pub fn refuse_idle<'k>(config: &Config, said: impl Iterator<Item = &'k Key>) -> Result<(), Error> {
    for key in said {
        if key.path() == "train.threads" {
            Feature::Threads.check(config)?;
        }
        if let Some(reason) = reason(config, key) {
            let option = key.option().unwrap_or_default();
            return Err(Error::Setting(format!("{option} {reason}")));
        }
    }
    Ok(())
}

/// The reason why a setting changes nothing, if it does not.
fn reason(config: &Config, key: &Key) -> Option<String> {
    match key.table() {
        "data" => of_data(&config.data.source, key.name()),
        "train" => of_training(config, key.name()),
        _ => None,
    }
}

fn of_data(source: &str, name: &str) -> Option<String> {
    let parsed = DataSource::parse(source);
    let of_digits = matches!(parsed, Ok(DataSource::Digits | DataSource::DigitsPart(_)));
    match name {
        "anomaly_digit" if !of_digits => Some(format!(
            "is for the digits, and DATA is {source}: leave it out"
        )),
        name if of_digits && OF_FILES.contains(&name) => Some(
            "is for a file, and DATA are the digits: give a file as DATA, or leave it out".into(),
        ),
        "sample" if matches!(parsed, Ok(DataSource::Machine(_))) => Some(format!(
            "is for a file, and DATA is {source}, which is read whole: leave it out"
        )),
        _ => None,
    }
}

fn of_training(config: &Config, name: &str) -> Option<String> {
    let train = &config.train;
    let of_readings = train.inference == Inference::Svi;
    match name {
        // Zero asks for what is done.
        "patience" if of_readings && train.patience != Some(0) => Some(
            "ends a training by the held-out bound, and --inference svi trains all epochs: leave one of them out"
                .into(),
        ),
        "least_gain" if !train.waits() && train.schedule != Schedule::Plateau => Some(
            "is a rise within --patience, and here all epochs are trained: give --patience too, or leave it out"
                .into(),
        ),
        _ => None,
    }
}
