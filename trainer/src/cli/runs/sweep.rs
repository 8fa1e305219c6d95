//! `trainer sweep`.

use super::table;
use crate::cli::output::progress::{Terminal, Voice};
use crate::cli::output::{decimal, emit_results};
use crate::config::settings::Said;
use crate::error::Error;
use crate::export::run::read_settings;
use crate::export::runs::{Best, Grid, Point, Record, Sweep};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The settings of all runs: a file that `trainer init` wrote, or the folder of a run
    config: PathBuf,
    /// A setting and its values, separated by commas: model.latents=4,8,16. Several of these make a grid
    #[arg(long = "set", value_name = "KEY=VALUES")]
    assignments: Vec<String>,
    /// Train each with so many seeds, from that of the settings on
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Take the best of those within a limit: flash=64K, ram=8K or instructions=500k. May be given several times
    #[arg(long, value_name = "LIMIT")]
    within: Vec<String>,
    /// The folder of all runs; those that are there already are not trained again [default: sweeps/ and the name of the file]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Trains the runs of a grid.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { config, seeds, .. } = arguments;
    let within: Vec<String> = arguments
        .within
        .iter()
        .map(|one| format!("limits.{one}"))
        .collect();
    let (_, within) = Said::of_assignments("--within", &within)?.config()?;
    let grid = Grid::new(&arguments.assignments, *seeds)?;
    let base = read_settings(config)?;
    let folder = arguments.out.clone().unwrap_or_else(|| {
        let name = config.file_stem().unwrap_or("sweep".as_ref());
        Path::new("sweeps").join(name)
    });
    let sweep = Sweep::new(&folder, base, grid)?;
    let all = sweep.len();
    let terminal = Terminal::new(Voice::QUIET, 0, None);
    let points = sweep.run(&terminal, |number, run, was_there| {
        eprintln!("{number} of {all}: {}", line(run, was_there));
    })?;
    emit_results(arguments.json, &Best::of(points, within)?, describe)
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
