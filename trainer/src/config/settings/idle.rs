//! Settings without an effect beside others: said, they are refused.

use super::Key;
use crate::config::{Config, Latent};
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
pub fn refuse_idle<'k>(
    config: &Config,
    mut said: impl Iterator<Item = &'k Key>,
) -> Result<(), Error> {
    let source = &config.data.source;
    let of_digits = !matches!(DataSource::parse(source), Ok(DataSource::File(_)));
    let reason = |key: &Key| match (key.table(), key.name()) {
        ("data", "anomaly_digit") if !of_digits => Some(format!(
            "is for the digits, and DATA is {source}: leave it out"
        )),
        ("data", name) if of_digits && OF_FILES.contains(&name) => Some(
            "is for a file, and DATA are the digits: give a file as DATA, or leave it out".into(),
        ),
        // What is not left out anyway stays.
        ("export", "keep_dead_latents") => None,
        ("export", _) if config.model.latent == Latent::Bernoulli => {
            Some("is for the image, and --latent bernoulli has none: leave one of them out".into())
        }
        _ => None,
    };
    match said.find_map(|key| Some((key, reason(key)?))) {
        None => Ok(()),
        Some((key, reason)) => Err(Error::Setting(format!(
            "{} {reason}",
            key.option().unwrap_or_default()
        ))),
    }
}
