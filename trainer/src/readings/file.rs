//! The file that a run is trained on, as it is read and understood.

use crate::config::Config;
use crate::data::{self, Frame, Interpreted};
use crate::error::Error;
use std::path::Path;

/// The file `path`: all rows of what follows each other or has its labels elsewhere, else as many as fit.
pub(super) fn frame(config: &Config, path: &Path) -> Result<Frame, Error> {
    let other = match (&config.data.stream, &config.data.labels) {
        (None, None) => return Ok(data::frame_sampled(path, config.data.sample)?),
        (Some(_), _) => "--window takes samples that follow each other",
        (None, Some(_)) => "--labels has one for each row",
    };
    match config.data.sample {
        None => Ok(data::frame(path)?),
        Some(rows) => Err(Error::Setting(format!(
            "--sample is {rows}, and {other}: leave one of them out"
        ))),
    }
}

/// The readings of `frame` with the roles that `config` says, and `labels` that lie elsewhere.
pub(super) fn interpreted(
    config: &Config,
    mut frame: Frame,
    labels: Option<(Vec<bool>, Option<String>)>,
) -> Result<Interpreted, Error> {
    let mut interpreted = data::interpret(&frame, &config.data.wanted(), labels.is_some())?;
    if let Some((anomalous, note)) = labels {
        interpreted.anomalous = Some(anomalous);
        interpreted.notes.extend(note);
    }
    if let Some(of) = frame.of_rows {
        let line = format!(
            "{} of {of} rows are read, drawn at random and in their order (--sample)",
            frame.rows()
        );
        match config.data.sample {
            None => interpreted.notes.push(line),
            // Who says so has it assumed by nobody.
            Some(_) => frame.facts.push(line),
        }
    }
    frame.facts.extend(without_effect(config, &frame));
    match interpreted.notes.iter().chain(&interpreted.doubts).next() {
        Some(line) if config.data.strict => Err(assumed(line)),
        _ => {
            // What the file says is not assumed.
            interpreted.notes.splice(0..0, frame.facts);
            Ok(interpreted)
        }
    }
}

/// Lines on the wishes of `config` that change nothing in `frame`.
fn without_effect(config: &Config, frame: &Frame) -> Vec<String> {
    let sentinels = config.data.sentinels.iter();
    let absent = sentinels.flat_map(|sentinels| sentinels.absent(frame));
    let absent =
        absent.map(|value| format!("no cell is {value}: --sentinels changes nothing by it"));
    let sample = config.data.sample.filter(|_| frame.of_rows.is_none());
    let all = sample.map(|rows| {
        format!(
            "all {} rows are read: --sample {rows} is for tables of text with more",
            frame.rows()
        )
    });
    absent.chain(all).collect()
}

/// The error of `line`, which says what was assumed.
pub(super) fn assumed(line: &str) -> Error {
    Error::Setting(format!("--strict assumes nothing, and here: {line}"))
}
