//! `trainer explain`.

use crate::cli::arguments::Source;
use crate::cli::arguments::asked;
use crate::cli::arguments::parse_estimator;
use crate::cli::output::decimal;
use crate::cli::output::emit;
use crate::cli::output::table;
use crate::error::Error;
use crate::export::run;
use crate::readings::device::device_scores;
use crate::readings::raw::DeviceReadings;
use crate::study::explain::{
    Cell, Explained, Line, Place, by_weight, explained, p_value, places, strangest,
};
use clap::Args;
use elbow::Estimator;
use serde::Serialize;
use std::path::PathBuf;

/// Digits of a value that is printed.
const DIGITS: usize = 5;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Explain the N strangest readings: those of the smallest p-values
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Explain reading I instead, counted from 0 as `trainer score` does; may be given several times
    #[arg(long, value_name = "I", conflicts_with = "top")]
    row: Vec<usize>,
    /// Columns that are printed of each reading, those that matter most; --json and --out have all
    #[arg(long, value_name = "N", default_value_t = 8)]
    columns: usize,
    /// A file with a label for each row of DATA, 0 for normal
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// A file of what was observed, of the shape of DATA: 1 where observed and 0 where missing
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default: sigma-points, by which what is usual of
    /// each column was measured]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// Seed of the random draws; reading i draws from stream i
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// File to write to, as CSV: a line for each column of each reading
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Results that are printed as JSON.
#[derive(Debug, Serialize)]
struct Results {
    /// Name of the model.
    model: String,
    estimator: String,
    /// Readings that there are.
    of: usize,
    readings: Vec<Told>,
}

/// An explained reading for people and programs.
#[derive(Debug, Serialize)]
struct Told {
    /// Its number, from 0.
    reading: usize,
    /// Bound on log p(x), nats.
    elbo: f64,
    p_value: f64,
    /// Whose p-value it is.
    statistic: String,
    /// Whether it is labelled anomalous, where somebody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    anomalous: Option<bool>,
    /// `KL(q(z|x) || p(z))`, nats, and the part of each latent.
    divergence: f64,
    latents: Vec<f64>,
    columns: Vec<Line>,
    /// The p-value in words.
    #[serde(skip)]
    words: String,
}

impl Told {
    fn new(explained: &Explained, places: &[Place], anomalous: Option<&[bool]>) -> Self {
        let score = explained.score;
        Self {
            reading: explained.row,
            elbo: score.elbo().to_f64(),
            p_value: score.p_value().to_f64(),
            statistic: score.statistic().to_string(),
            anomalous: anomalous.map(|anomalous| anomalous[explained.row]),
            divergence: score.kl().to_f64(),
            latents: explained.divergence.clone(),
            columns: explained.lines(places),
            words: p_value(score),
        }
    }
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    crate::cli::output::prepare_out(arguments.out.as_deref())?;
    let path = &arguments.source.model;
    let image = run::read_image(path)?;
    let model = run::parse(path, &image)?;
    let estimator = asked(arguments.estimator, &model);
    let (labels, mask) = (arguments.labels.as_deref(), arguments.mask.as_deref());
    let loaded = arguments
        .source
        .load(&model, labels, mask, |rows| (0..rows).collect())?;
    let DeviceReadings {
        readings,
        masks,
        labelled,
        ..
    } = loaded;
    let (masks, seed) = (masks.as_ref(), arguments.seed);
    let rows = match arguments.row.as_slice() {
        [] => strangest(
            &device_scores(&model, &readings, masks, estimator, seed)?,
            arguments.top,
        ),
        rows => rows.to_vec(),
    };
    if let Some(row) = rows.iter().find(|&&row| row >= readings.len()) {
        return Err(Error::Setting(format!(
            "--row is {row}, and {} has {} readings: give a number from 0 to {}",
            labelled.dataset.name,
            readings.len(),
            readings.len() - 1
        )));
    }
    let all = explained(&model, (&readings, masks), &rows, (estimator, seed))?;
    let (places, anomalous) = (places(&model), labelled.anomalous.as_deref());
    let told = all.iter().map(|one| Told::new(one, &places, anomalous));
    let results = Results {
        model: model.name().to_owned(),
        estimator: estimator.to_string(),
        of: readings.len(),
        readings: told.collect(),
    };
    if let Some(out) = &arguments.out {
        emit(Some(out), &csv(&results)?)?;
    }
    match (arguments.json, &arguments.out) {
        (true, _) => emit(None, &run::to_json(&results)?),
        (false, Some(_)) => Ok(()),
        (false, None) => emit(None, &describe(&results, arguments.columns)),
    }
}

/// A line for each column of each reading.
fn csv(results: &Results) -> Result<String, Error> {
    let header = [
        "reading",
        "elbo",
        "p_value",
        "statistic",
        "column",
        "unit",
        "shortfall",
        "term",
        "usual",
        "value",
        "reconstruction",
    ];
    let record = |(told, line): (&Told, &Line)| {
        let cell = |cell: &Option<Cell>| cell.as_ref().map(Cell::full).unwrap_or_default();
        [
            told.reading.to_string(),
            told.elbo.to_string(),
            told.p_value.to_string(),
            told.statistic.clone(),
            line.column.clone(),
            line.unit.clone(),
            line.shortfall.to_string(),
            line.term.to_string(),
            line.usual.to_string(),
            cell(&line.reading),
            cell(&line.reconstruction),
        ]
    };
    let each = results.readings.iter();
    let lines = each.flat_map(|told| told.columns.iter().map(move |line| (told, line)));
    table::csv(std::iter::once(header.map(str::to_owned)).chain(lines.map(record)))
}

/// The readings for a terminal.
fn describe(results: &Results, columns: usize) -> String {
    let each = results.readings.iter();
    let each: Vec<String> = each.map(|told| lines(told, columns)).collect();
    format!(
        "{}\n{} of {} readings by {}; nats: what each column lacks to what is usual of it in held-out normal readings\n",
        each.join("\n"),
        results.readings.len(),
        results.of,
        results.estimator
    )
}

/// A reading and the columns that matter most.
fn lines(told: &Told, columns: usize) -> String {
    let label = match told.anomalous {
        None => "",
        Some(true) => ", labelled anomalous",
        Some(false) => ", labelled normal",
    };
    let mut text = format!(
        "reading {}: {} nats, {} by its {}{label}\n",
        told.reading,
        decimal(Some(told.elbo), 2),
        told.words,
        told.statistic
    );
    let all = by_weight(&told.columns);
    let (shown, rest) = all.split_at(columns.min(all.len()));
    let cells = |line: &&Line| {
        let cell = |cell: &Option<Cell>| {
            cell.as_ref()
                .map_or("-".to_owned(), |cell| cell.short(DIGITS))
        };
        [
            format!("{:+.2}", line.shortfall),
            line.column.clone(),
            cell(&line.reading),
            cell(&line.reconstruction),
            line.unit.clone(),
        ]
    };
    let header = ["nats", "column", "reading", "reconstruction", ""].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(header)
        .chain(shown.iter().map(cells))
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|at| width(at).unwrap_or(0)).collect();
    for [nats, column, reading, reconstruction, unit] in &rows {
        let line = format!(
            "  {nats:>0$}  {column:<1$}  {reading:>2$}  {reconstruction:>3$}  {unit}",
            widths[0], widths[1], widths[2], widths[3]
        );
        text += &format!("{}\n", line.trim_end());
    }
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|line| line.shortfall).sum();
        let count = rest.len();
        text += &format!("  {sum:+.2}  {count} more columns together (--columns)\n");
    }
    text
}
