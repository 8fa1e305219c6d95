//! The run as a page to look at: one HTML file with everything in it, drawn without scripts and
//! without anything from elsewhere; and its charts as files of their own.

mod chips;
mod detection;
mod draw;
mod latents;
mod scores;
mod strange;
mod text;
mod training;

use crate::data::ColumnReport;
use crate::error::Error;
use crate::export::run::{CONFIG_FILE, Summary, to_toml};
use crate::readings::Readings;
use crate::readings::RunConfig;
use crate::readings::device::Units;
use crate::readings::masks::Masks;
use crate::study::detection::Pace;
use crate::study::detection::evaluate::{FLOAT_POINTS, Side};
use crate::train::Epoch;
use clap::ValueEnum;
use draw::gallery::Drawing;
use elbow::{Estimator, Model, Score, Session};
pub(crate) use text::escape;
use text::{count, number, optional, plural};

const STYLE: &str = include_str!("style.css");
/// Readings and draws that are shown.
const SHOWN: usize = 12;
/// Columns of the data that are shown.
const COLUMNS: usize = 100;

/// A model and its scores of readings.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The exported model.
    pub model: &'a Model<'a>,
    /// The readings.
    pub readings: &'a Readings,
    /// What of them was observed, where some is missing.
    pub masks: Option<&'a Masks>,
    /// Whether each is anomalous, where somebody said.
    pub anomalous: Option<&'a [bool]>,
    /// Their scores on the device.
    pub scores: &'a [Score],
    /// The estimator of these.
    pub estimator: Estimator,
    /// How often readings come.
    pub pace: Pace,
}

/// Contents of a page.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    /// The numbers.
    pub summary: &'a Summary,
    /// The settings.
    pub config: &'a RunConfig,
    /// The terms of the bound, epoch by epoch.
    pub history: &'a [Epoch],
    /// The exported model on the test readings.
    pub tested: Subject<'a>,
    /// The bounds of these in floats, nats.
    pub float: &'a [f64],
}

/// A chart that can be had as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plot {
    /// Anomalous readings found over false alarms
    Roc,
    /// Precision over recall
    Pr,
    /// Readings in the space of latents: two of them, or two principal components of their means
    Latents,
    /// Divergence by latent
    Divergence,
    /// What thresholds cost and find
    Thresholds,
    /// Histogram of the scores
    Scores,
    /// The bound over the epochs of the training
    Training,
}

/// A chart of `subject`, or of the `history` of its training, as an SVG file.
///
/// # Errors
/// [`Error::Setting`] where there is nothing to draw it of: labels, a calibration, readings or epochs.
pub fn plot(plot: Plot, subject: &Subject<'_>, history: &[Epoch]) -> Result<String, Error> {
    let missing = |what: &str| Error::Setting(format!("there is nothing to draw: {what}"));
    let no_labels =
        || missing("the readings need labels of both kinds, normal and anomalous (--labels)");
    if subject.readings.is_empty() && plot != Plot::Training {
        return Err(missing(
            "there are no readings; train with a larger --test-fraction, or give DATA",
        ));
    }
    let figure = match plot {
        Plot::Roc => detection::roc(subject).ok_or_else(no_labels)?,
        Plot::Pr => detection::precision(subject).ok_or_else(no_labels)?,
        Plot::Latents => latents::plane(subject)?,
        Plot::Divergence => latents::divergence(subject)?,
        Plot::Thresholds => detection::choice(subject).ok_or_else(|| {
            missing("the model has no calibration; train with a larger --validation-fraction")
        })?,
        Plot::Scores => scores::histogram(subject),
        Plot::Training if history.is_empty() => {
            return Err(missing(
                "the run has no epochs; name one that `trainer fit` wrote",
            ));
        }
        Plot::Training => training::bound(history),
    };
    Ok(figure.file())
}

/// The page.
///
/// # Errors
/// [`Error::Setting`] where the settings cannot be written as TOML or the model cannot run.
pub fn page(results: &Results<'_>) -> Result<String, Error> {
    let name = escape(&results.summary.name);
    let sections = [
        title(results),
        table(results),
        warnings(results),
        data(results),
        strange::section(&results.tested)?,
        scores::section(results),
        detection::section(&results.tested),
        latents::section(&results.tested)?,
        scores::quantization(results),
        chips::section(results)?,
        training::section(results.history),
        draws(results.tested.model)?,
        settings(results)?,
    ];
    Ok(document(&name, &sections.concat()))
}

/// A page of HTML with this title and body.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – elbow</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        draw::STYLE
    )
}

/// Contents of the file that was trained on.
fn data(results: &Results<'_>) -> String {
    let Some(report) = &results.summary.data else {
        return String::new();
    };
    let row = |column: &ColumnReport| {
        let cells = [
            column.unit.clone(),
            column.role.into(),
            column.kind.into(),
            column.range(),
            column.step(),
            column.remarks(),
        ];
        let cells = cells.map(|cell| format!("<td>{}</td>", escape(&cell)));
        format!(
            "<tr><th scope=\"row\">{}</th>{}</tr>\n",
            escape(&column.name),
            cells.concat()
        )
    };
    let rows: String = report.columns.iter().take(COLUMNS).map(row).collect();
    let more = match report.columns.len().saturating_sub(COLUMNS) {
        0 => String::new(),
        more => format!(" The first {COLUMNS} of them; {more} more are in summary.json."),
    };
    format!(
        "<h2>The data</h2>\n<p class=\"caption\">{} rows, of which {} repeat an earlier one.{more}</p>\n\
         <div class=\"wide\" tabindex=\"0\"><table class=\"columns\">\n<thead><tr><th>column</th><th>unit</th><th>role</th><th>kind</th><th>range</th>\
         <th>resolution</th><th></th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
        count(report.rows),
        count(report.duplicates),
    )
}

fn title(results: &Results<'_>) -> String {
    let Summary {
        name,
        likelihood,
        image_bytes,
        ..
    } = results.summary;
    format!(
        "<h1>{}</h1>\n<p class=\"lead\">A variational autoencoder with {} inputs, {} and likelihood {likelihood}, \
         as an image of {}&nbsp;bytes that scores each reading by its evidence lower bound on a microcontroller.</p>\n",
        escape(name),
        results.tested.model.inputs(),
        plural(results.tested.model.latents(), "latent"),
        count(*image_bytes),
    )
}

fn table(results: &Results<'_>) -> String {
    let Summary {
        evaluation,
        estimator,
        ..
    } = results.summary;
    let row = |name: &str, side: &Side| {
        format!(
            "<tr><th scope=\"row\">{name}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            optional(side.elbo, 3),
            optional(side.standard_error, 3),
            optional(side.auc, 4)
        )
    };
    let readings = match (results.tested.anomalous, evaluation.normal) {
        (None, all) => format!("{}, no labels", plural(all, "test reading")),
        (Some(_), normal) => format!(
            "{} and {} anomalous",
            plural(normal, "normal test reading"),
            count(evaluation.anomalous)
        ),
    };
    format!(
        "<h2>Results</h2>\n<table>\n<thead><tr><th></th><th>ELBO, nats a reading</th><th>± standard error</th>\
         <th>AUC</th></tr></thead>\n<tbody>\n{}{}<tr><th scope=\"row\">device − float</th><td>{}</td><td></td><td></td></tr>\n\
         </tbody>\n</table>\n<p class=\"caption\">{readings}. ELBO over normal readings, higher is better; float by \
         {FLOAT_POINTS} points a reading, device by {estimator}. AUC: the chance that an anomalous reading scores below \
         a normal one.</p>\n{}",
        row("float", &evaluation.float),
        row("device", &evaluation.device),
        optional(evaluation.difference, 3),
        costs(results),
    )
}

fn warnings(results: &Results<'_>) -> String {
    let lines = results.summary.warnings.iter();
    let lines = lines.map(|line| format!("<p><b>Warning:</b> {}.</p>\n", escape(line)));
    lines.collect()
}

fn costs(results: &Results<'_>) -> String {
    let Summary {
        image_bytes,
        workspace_bytes,
        encoder_macs,
        decoder_macs,
        training_seconds,
        ..
    } = results.summary;
    let passes = usize::from(
        results
            .tested
            .model
            .passes(results.tested.estimator)
            .unwrap_or(0),
    );
    let facts = [
        ("image in flash", format!("{} bytes", count(*image_bytes))),
        (
            "workspace in RAM",
            format!("{} bytes", count(*workspace_bytes)),
        ),
        ("to encode", format!("{} MACs", count(*encoder_macs))),
        (
            "each decoder pass",
            format!("{} MACs", count(*decoder_macs)),
        ),
        (
            "a score",
            format!("{} MACs", count(encoder_macs + passes * decoder_macs)),
        ),
        ("training", format!("{} s", number(*training_seconds, 1))),
    ];
    let facts = facts.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    format!("<dl class=\"facts\">\n{}</dl>\n", facts.concat())
}

/// Lowest and highest of all values.
fn extent(rows: &[Vec<f64>]) -> (f64, f64) {
    let values = || rows.iter().flatten().copied();
    (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    )
}

/// Drawings with captions; all on the scale from the lowest to the highest of their values.
fn figures(drawing: Drawing, rows: &[Vec<f64>], caption: impl Fn(usize) -> String) -> String {
    let range = extent(rows);
    let figures = rows.iter().enumerate().map(|(index, row)| {
        format!(
            "<figure>{}<figcaption>{}</figcaption></figure>\n",
            drawing.draw(row, range),
            caption(index)
        )
    });
    format!(
        "<div class=\"gallery\">\n{}</div>\n",
        figures.collect::<String>()
    )
}

fn draws(model: &Model<'_>) -> Result<String, Error> {
    let Some(drawing) = Drawing::of(model.inputs(), model.picture_width()) else {
        return Ok(String::new());
    };
    let refused = |error: &dyn std::fmt::Display| Error::Setting(error.to_string());
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(model, &mut workspace, 0).map_err(|error| refused(&error))?;
    let units = Units::of(model);
    let mut mean = vec![0i32; model.inputs()];
    let mut rows = Vec::new();
    for stream in 0..SHOWN {
        session.reseed(0, stream as u64);
        session
            .generate(&mut mean)
            .map_err(|error| refused(&error))?;
        rows.push(units.values(mean.iter().map(|&raw| f64::from(raw) / 65536.0)));
    }
    Ok(format!(
        "<h2>Draws from the prior</h2>\n<p class=\"caption\">E[x|z] at z drawn from N(0, I) and decoded as the device \
         does; <code>trainer sample --count {SHOWN}</code> draws the same.</p>\n{}",
        figures(drawing, &rows, |_| String::new())
    ))
}

fn settings(results: &Results<'_>) -> Result<String, Error> {
    let text = to_toml(&results.config.settings)?;
    let Summary {
        training_readings,
        validation_readings,
        trainer_version,
        format_version,
        numerics_version,
        ..
    } = results.summary;
    Ok(format!(
        "<details class=\"settings\">\n<summary>Settings</summary>\n<pre tabindex=\"0\">{}</pre>\n<p class=\"caption\">{} to learn from, {} to choose \
         and calibrate by. {CONFIG_FILE} beside this page has the normalization too. Trainer {trainer_version}, format \
         {format_version}, numerics {numerics_version}.</p>\n</details>\n",
        escape(&text),
        plural(*training_readings, "reading"),
        count(*validation_readings),
    ))
}
