//! `trainer list`.

use super::table;
use crate::cli::output::{decimal, emit_results};
use crate::error::Error;
use crate::export::runs::{Catalog, Record};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The folder to look for runs in, and in its folders
    #[arg(default_value = "runs")]
    folder: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Lists the runs in a folder.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let catalog = Catalog::read(&arguments.folder)?;
    for line in &catalog.unreadable {
        eprintln!("warning: {line}");
    }
    emit_results(arguments.json, &catalog, describe)
}

fn describe(catalog: &Catalog) -> String {
    let head = [
        "run",
        "name",
        "data",
        "written (UTC)",
        "held out",
        "test",
        "AUC",
        "image",
        "seconds",
    ];
    let count = |count: Option<usize>| count.map_or_else(|| "-".into(), |count| count.to_string());
    let row = |run: &Record| {
        let results = &run.results;
        vec![
            run.folder.display().to_string(),
            run.name.clone(),
            run.data.clone(),
            run.written.clone().unwrap_or_else(|| "-".into()),
            decimal(run.held_out, 3),
            decimal(results.float.elbo, 3),
            decimal(results.float.auc, 4),
            count(results.image_bytes),
            decimal(results.training_seconds, 1),
        ]
    };
    let rows = catalog.runs.iter().map(row);
    let rows: Vec<Vec<String>> = std::iter::once(head.map(str::to_owned).to_vec())
        .chain(rows)
        .collect();
    let interrupted = catalog.interrupted.iter().map(|folder| {
        let folder = folder.display();
        format!("{folder} was interrupted: `trainer fit --resume {folder}` goes on\n")
    });
    let interrupted: String = interrupted.collect();
    match catalog.runs.len() {
        0 => format!("no run came to its end here\n{interrupted}"),
        _ => table(&rows) + &interrupted,
    }
}
