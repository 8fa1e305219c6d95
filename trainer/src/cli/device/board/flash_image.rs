//! `trainer board flash-image`.

use super::{Port, bar, tell_repeated};
use crate::board::facts::Facts;
use crate::board::update::{Outcome, Step, update};
use crate::cli::output::emit_results;
use crate::error::Error;
use crate::export::run;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    port: Port,
    /// A model image, or the folder of a run
    model: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What runs now.
#[derive(Debug, Serialize)]
struct Flashed {
    /// Whether it was sent: the board may have had it.
    sent: bool,
    #[serde(flatten)]
    facts: Facts,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let path = &arguments.model;
    let image = run::read_image(path)?;
    let model = run::parse(path, &image)?;
    let mut workspace = vec![0; model.workspace_words()];
    model.self_test(&mut workspace).map_err(|error| {
        Error::Setting(format!(
            "{}: the self-test fails here: {error}; restore the file, or train again",
            run::image_path(path).display()
        ))
    })?;
    let bytes = image.get(..model.image_length()).unwrap_or(&image);
    let mut line = arguments.port.open()?;
    let bar = bar(bytes.len(), "bytes");
    let needs = (model.name(), 8 * workspace.len());
    let updated = update(&mut line, needs, bytes, |step| match step {
        Step::Sent(count) => bar.set_position(count as u64),
        Step::RolledBack => {
            eprintln!("note: an image that nobody had confirmed was rolled back");
        }
        Step::Tested => {
            bar.finish_and_clear();
            eprintln!(
                "{} bytes sent; the board has tested them, and starts again",
                bytes.len()
            );
        }
        Step::Tried => eprintln!("the new image passed its self-test after the restart"),
    });
    bar.finish_and_clear();
    let outcome = updated?;
    tell_repeated(&line);
    let flashed = Flashed {
        sent: outcome == Outcome::Updated,
        facts: Facts::ask(&mut line)?,
    };
    emit_results(arguments.json, &flashed, describe)
}

fn describe(flashed: &Flashed) -> String {
    let Flashed { sent, facts } = flashed;
    let running = facts.describe_running();
    match sent {
        true => format!("{} runs {running}\n", facts.board),
        false => format!("{} ran {running} already: nothing was sent\n", facts.board),
    }
}
