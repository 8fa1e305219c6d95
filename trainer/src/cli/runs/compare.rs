//! `trainer compare`.

use super::table;
use crate::cli::output::{emit, emit_results, prepare_out};
use crate::error::Error;
use crate::export::runs::{Comparison, Record, page};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The folders of two runs or more
    #[arg(required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write a page
    #[arg(long, conflicts_with = "json")]
    html: bool,
    /// File to write the page to [default: standard output]
    #[arg(long, value_name = "FILE", requires = "html")]
    out: Option<PathBuf>,
}

/// Compares runs.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let out = arguments.out.as_deref();
    prepare_out(out)?;
    let runs = arguments.runs.iter().map(|folder| Record::read(folder));
    let comparison = Comparison::new(runs.collect::<Result<_, _>>()?);
    if arguments.html {
        return emit(out, &page(&comparison));
    }
    emit_results(arguments.json, &comparison, describe)
}

fn describe(comparison: &Comparison) -> String {
    let folders = comparison
        .runs
        .iter()
        .map(|run| run.folder.display().to_string());
    let head = std::iter::once(String::new()).chain(folders).collect();
    let rows = comparison
        .rows()
        .into_iter()
        .map(|(name, cells)| std::iter::once(name).chain(cells).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let same = match comparison.settings.is_empty() {
        true => "all settings are the same\n",
        false => "",
    };
    table(&rows) + same
}
