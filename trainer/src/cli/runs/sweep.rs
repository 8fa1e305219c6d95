//! `trainer sweep`.

use super::table;
use crate::cli::output::progress::{Terminal, Voice};
use crate::cli::output::{decimal, emit_results};
use crate::cli::train::interrupt;
use crate::error::Error;
use crate::export::run::read_settings;
use crate::export::runs::{Best, Grid, Point, Record, Sweep};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The settings of all runs: a file that `trainer init` wrote, or the folder of a run
    #[arg(required_unless_present = "resume")]
    config: Option<PathBuf>,
    /// A setting and its values, separated by commas: model.latents=4,8,16. Several of these make a grid
    #[arg(long = "set", value_name = "KEY=VALUES")]
    assignments: Vec<String>,
    /// Train each with so many seeds, from that of the settings on
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Take the best of those within a limit: flash=64K, ram=8K or instructions=500k. May be given several times
    #[arg(long, value_name = "LIMIT")]
    within: Vec<String>,
    /// Go on with the sweep of this folder, as it was last asked for, where it stopped
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "assignments", "seeds", "within", "out"])]
    resume: Option<PathBuf>,
    /// The folder of all runs; those that are there already are not trained again [default: sweeps/ and the name of the file]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Trains the runs of a grid.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let sweep = arguments.sweep()?;
    interrupt::goes_on_by(sweep.command());
    let all = sweep.len();
    let terminal = Terminal::new(Voice::QUIET, 0);
    let best = sweep.run(&terminal, |number, run, was_there| {
        eprintln!("{number} of {all}: {}", line(run, was_there));
    })?;
    emit_results(arguments.json, &best, describe)
}

impl Arguments {
    /// The sweep that is asked for, or gone on with.
    fn sweep(&self) -> Result<Sweep, Error> {
        let config = match (&self.resume, &self.config) {
            (Some(folder), _) => return Sweep::resume(folder),
            (None, Some(config)) => config,
            (None, None) => {
                return Err(Error::Setting(
                    "there are no settings: name a file, or --resume".into(),
                ));
            }
        };
        let grid = Grid::new(&self.assignments, self.seeds, &self.within)?;
        let folder = self.out.clone().unwrap_or_else(|| {
            let name = config.file_stem().unwrap_or("sweep".as_ref());
            Path::new("sweeps").join(name)
        });
        Sweep::new(&folder, read_settings(config)?, grid)
    }
}

/// What a run came to.
fn line(run: &Record, was_there: bool) -> String {
    let there = if was_there { ", was there" } else { "" };
    format!(
        "{}: held out {}, test {}{there}",
        run.folder.display(),
        decimal(run.held_out, 3),
        decimal(run.results.float.elbo, 3),
    )
}

fn describe(best: &Best) -> String {
    let settings = best.points.first().map_or(&[][..], |point| &point.settings);
    let keys = settings.iter().map(|(key, _)| key.clone());
    let numbers = [
        "seeds",
        "held out",
        "deviation",
        "test",
        "AUC",
        "image",
        "workspace",
        "",
    ];
    let head: Vec<String> = keys.chain(numbers.map(str::to_owned)).collect();
    let count = |count: Option<usize>| count.map_or_else(|| "-".into(), |count| count.to_string());
    let row = |(at, point): (usize, &Point)| {
        let mark = match (best.best == Some(at), point.fits) {
            (true, _) => "best",
            (_, false) => "over the limits",
            _ => "",
        };
        let values = point.settings.iter().map(|(_, value)| value.clone());
        let numbers = [
            point.runs.len().to_string(),
            decimal(point.held_out, 3),
            decimal(point.deviation, 3),
            decimal(point.float.elbo, 3),
            decimal(point.float.auc, 4),
            count(point.image_bytes),
            count(point.workspace_bytes),
            mark.to_owned(),
        ];
        values.chain(numbers).collect()
    };
    let rows: Vec<Vec<String>> = best.points.iter().enumerate().map(row).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let verdict = match best.best.map(|at| &best.points[at]) {
        None => "none is within the limits and has a bound on held-out readings\n".to_owned(),
        Some(point) => {
            let runs = point.runs.iter().map(|run| run.display().to_string());
            format!("best: {}\n", runs.collect::<Vec<_>>().join(", "))
        }
    };
    table(&rows) + &verdict
}
