//! `trainer fit`.

use super::interrupt;
use crate::cli::arguments::place::{self, Place};
use crate::cli::arguments::tracking::Tracking;
use crate::cli::output::progress::{Terminal, Voice};
use crate::config::settings::{GROUPS, Key, Options, Said, refuse_idle};
use crate::config::{Config, Limits};
use crate::data::DataSource;
use crate::error::Error;
use crate::export::pipeline::{Interrupted, Job, Observer, Outcome};
use crate::export::run::{self, Existing};
use crate::readings::RunConfig;
use crate::readings::splits::Splits;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A file with a reading in each row (text table, .npy, .npz, .mat, IDX), or a sample in each row and a channel in
    /// each column with --window; a WAV file; or a folder or 'PATTERN' of such files, each a recording. FILE.npz:NAME
    /// picks an array. `digits`, `pump` (a table) and `motor` (a stream) ship with this program
    /// [default: digits, or what --config says]
    data: Option<String>,
    #[command(flatten)]
    options: Options,
    /// Take settings from a file, which may hold any part of them, or from the folder of a run; `trainer init`
    /// writes such a file. --set and options beside it go before what it says
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set what a file would: train.epochs=50, model.encoder=[128,64], limits.flash=64K. May be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,
    /// Go on with the run of this folder, of `fit` or `tune`, that was interrupted, by the checkpoint in it. One is written
    /// after two seconds of training, then once a minute, at the end of training and where Ctrl-C or SIGTERM ends the run
    #[arg(long, value_name = "DIR", conflicts_with_all = GROUPS.map(|group| group.id), conflicts_with_all = ["data", "config", "assignments", "out", "force"])]
    resume: Option<PathBuf>,
    /// The folder of the run; {name} in it stands for the name of the data, {date} for the time in UTC, as in
    /// 2026-01-31-235959 [default: runs/{name}]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the run that is in the folder already, once the new one is done; other files in it stay
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    tracking: Tracking,
    #[command(flatten)]
    voice: Voice,
}

/// The settings that were said, and the limits: those of an interrupted run, or those of the command line above those of a
/// file.
fn settings(
    resumed: Option<&RunConfig>,
    file: Option<&Path>,
    assignments: &[String],
    options: Said,
) -> Result<(Config, Limits), Error> {
    if let Some(run) = resumed {
        run.settings.validate()?;
        return Ok((run.settings.clone(), Limits::default()));
    }
    let above = Said::of_assignments("--set", assignments)?.beside(options)?;
    let below = file.map(run::read_settings).transpose()?;
    let said: Vec<&Key> = above.keys().collect();
    let alone = above.iter().all(|(path, _)| path == Key::SOURCE);
    let (config, limits) = above.over(below.unwrap_or_default()).config()?;
    match (config.validate(), file) {
        (Err(error), Some(file)) if alone => {
            return Err(Error::Setting(format!("{}: {error}", file.display())));
        }
        (valid, _) => valid?,
    }
    refuse_idle(&config, said.into_iter())?;
    Ok((config, limits))
}

pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), Error> {
    let interrupted = arguments.resume.as_deref().map(Interrupted::read);
    let interrupted = interrupted.transpose()?;
    let resumed = interrupted.as_ref().map(Interrupted::run);
    let Arguments {
        data,
        options,
        config,
        assignments,
        resume,
        out,
        force,
        tracking,
        voice,
    } = arguments;
    let options = options.said(data)?;
    let (mut settings, limits) = settings(resumed, config.as_deref(), &assignments, options)?;
    // Before anything is loaded.
    settings.train.processor.open()?;
    let name = find_data(&mut settings)?;
    let place = match resume {
        Some(folder) => Place::take(folder, Existing::Continued)?,
        None => new_place((out, force), &name, &settings)?,
    };
    let splits = Splits::load(&settings)?;
    let readings = splits.train.table.len();
    let trackers = tracking.begin(&name, &place.folder, &settings)?;
    let terminal = Terminal::new(voice, readings).telling(trackers);
    let job = match interrupted {
        Some(interrupted) => {
            interrupt::saved();
            Job::resume(interrupted, splits, &terminal)?
        }
        None => Job::new(&name, settings, limits, splits, &terminal)?,
    };
    finish(job.fit(Some(&place.folder))?, &place, &terminal)
}

/// Makes the paths of data in `settings` absolute, so that the run finds them wherever it is used from; the name of the data.
fn find_data(settings: &mut Config) -> Result<String, Error> {
    let source = DataSource::parse(&settings.data.source)?.absolute()?;
    settings.data.source = source.to_string();
    if let Some(labels) = &mut settings.data.labels {
        *labels = std::path::absolute(&*labels).map_err(Error::reading(labels))?;
    }
    Ok(source.name())
}

/// The folder of a new run called `name`.
fn new_place(
    (out, force): (Option<PathBuf>, bool),
    name: &str,
    settings: &Config,
) -> Result<Place, Error> {
    let is_named = out.is_some();
    let folder = place::folder(out, name)?;
    let source = DataSource::parse(&settings.data.source)?;
    place::check_source(&folder, &source, (is_named, force))?;
    Place::take(folder, Existing::by_force(force))
}

/// Writes the folder of a run, and says what came of it.
///
/// # Errors
/// Those of writing, and [`Error::Diverged`] where the training did.
pub(in crate::cli) fn finish(
    outcome: Outcome,
    place: &Place,
    terminal: &Terminal,
) -> Result<(), Error> {
    let written = interrupt::whole(|| {
        place.renew()?;
        outcome.write(&place.folder)
    });
    if written.is_err() && place.folder.join(run::CHECKPOINT_FILE).exists() {
        let folder = place.folder.display();
        terminal.note(&format!(
            "the training is saved; write its run by: trainer fit --resume {folder}"
        ));
    }
    written?;
    terminal.result(&outcome.exported.summary, &place.folder)?;
    outcome.diverged.map_or(Ok(()), Err)
}
