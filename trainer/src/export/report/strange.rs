//! The strangest readings, and why: pictures and curves beside what the model makes of them, columns and channels as signed bars.

use super::draw::gallery::{Drawing, overlaid, signed};
use super::draw::key;
use super::text::{escape, number, optional};
use super::{Subject, extent};
use crate::error::Error;
use crate::study::explain::{
    Cell, Explained, Line, Place, by_weight, explained, p_value, places, strangest,
};

/// Pictures and curves that are shown.
const PICTURES: usize = 12;
/// Readings that are shown as columns.
const CARDS: usize = 6;
/// Columns of each that are shown.
const COLUMNS: usize = 7;
/// Digits of their values.
const DIGITS: usize = 4;
/// Width of the bars of a card in units of the drawing, to either side.
const BAR: f64 = 50.0;

/// The section.
///
/// # Errors
/// [`Error::Setting`] where a reading cannot be scored.
pub(super) fn section(subject: &Subject<'_>) -> Result<String, Error> {
    let model = subject.model;
    let places = places(model);
    let drawing = Drawing::of(model.inputs(), model.picture_width());
    let is_named = model
        .column(0)
        .is_some_and(|column| !column.name().is_empty());
    let drawing = drawing.filter(|drawing| match drawing {
        Drawing::Picture { .. } => true,
        Drawing::Curve => !is_named && model.stream().is_none(),
    });
    let most = if drawing.is_some() { PICTURES } else { CARDS };
    let rows = strangest(subject.scores, most);
    if rows.is_empty() {
        return Ok(String::new());
    }
    let readings = (subject.readings, subject.masks);
    let all = explained(model, readings, &rows, (subject.estimator, 0))?;
    let (words, shown) = match drawing {
        Some(Drawing::Picture { width }) => (
            "Beside each what the model makes of it, and what each pixel lacks to what is usual of it: the second colour makes it strange.",
            pictures(subject, &all, width),
        ),
        Some(Drawing::Curve) => (
            "The second line is what the model makes of it.",
            curves(subject, &all),
        ),
        None => (
            "Bars are nats that a column lacks to what is usual of it in held-out normal readings: to the right it makes the reading strange, to \
             the left more ordinary than usual.",
            cards(subject, &all, &places),
        ),
    };
    Ok(format!(
        "<h2>The most anomalous test readings</h2>\n<p class=\"caption\">Those of the smallest p-values on the device, most anomalous first; numbers \
         count from 0 as in <code>trainer explain</code>, which has every column of every reading. {words}</p>\n{shown}"
    ))
}

/// Score, p-value and label.
fn caption(subject: &Subject<'_>, one: &Explained) -> String {
    let score = one.score;
    let label = subject
        .anomalous
        .map_or("", |anomalous| match anomalous[one.row] {
            true => "<br><span class=\"second\">anomalous</span>",
            false => "<br><span class=\"first\">normal</span>",
        });
    format!(
        "<b>{}</b> nats<br>reading {}<br>{}{label}",
        number(score.elbo().to_f64(), 1),
        one.row,
        escape(&p_value(score))
    )
}

fn pictures(subject: &Subject<'_>, all: &[Explained], width: usize) -> String {
    let inputs = subject.model.inputs();
    let rows = |of: fn(&Explained) -> &Vec<f64>| {
        let rows = all.iter().map(|one| of(one)[..inputs].to_vec());
        rows.collect::<Vec<_>>()
    };
    let (readings, made) = (rows(|one| &one.values), rows(|one| &one.reconstruction));
    let range = extent(&[readings.clone(), made.clone()].concat());
    let lacks = |one: &Explained| -> Vec<f64> {
        (0..inputs)
            .map(|input| one.shortfall(input..input + 1))
            .collect()
    };
    let lacks: Vec<Vec<f64>> = all.iter().map(lacks).collect();
    let (low, high) = extent(&lacks);
    let most = high.max(-low);
    let drawing = Drawing::Picture { width };
    let figures = all.iter().enumerate().map(|(at, one)| {
        format!(
            "<figure><div class=\"trio\">{}{}{}</div><figcaption>{}</figcaption></figure>\n",
            drawing.draw(&readings[at], range),
            drawing.draw(&made[at], range),
            signed(&lacks[at], width, most),
            caption(subject, one)
        )
    });
    format!(
        "{}<div class=\"gallery trios\">\n{}</div>\n",
        key(&[
            ("second", "makes it strange"),
            ("third", "more ordinary than usual")
        ]),
        figures.collect::<String>()
    )
}

const LINES: [(&str, &str); 2] = [("first", "reading"), ("second", "reconstruction")];

fn curves(subject: &Subject<'_>, all: &[Explained]) -> String {
    let inputs = subject.model.inputs();
    let figures = all.iter().map(|one| {
        let (reading, made) = (&one.values[..inputs], &one.reconstruction[..inputs]);
        let range = extent(&[reading.to_vec(), made.to_vec()]);
        format!(
            "<figure>{}<figcaption>{}</figcaption></figure>\n",
            overlaid(&[("first", reading), ("second", made)], range),
            caption(subject, one)
        )
    });
    format!(
        "{}<div class=\"gallery\">\n{}</div>\n",
        key(&LINES),
        figures.collect::<String>()
    )
}

/// A card for each reading.
fn cards(subject: &Subject<'_>, all: &[Explained], places: &[Place]) -> String {
    let cards = all.iter().map(|one| card(subject, one, places));
    let has_windows = places.iter().any(Place::is_window);
    format!(
        "{}<div class=\"cards\">\n{}</div>\n",
        if has_windows {
            key(&LINES)
        } else {
            String::new()
        },
        cards.collect::<String>()
    )
}

/// A reading, and the columns of it that matter most.
fn card(subject: &Subject<'_>, one: &Explained, places: &[Place]) -> String {
    let label = subject
        .anomalous
        .map_or("", |anomalous| match anomalous[one.row] {
            true => ", <span class=\"second\">labelled anomalous</span>",
            false => ", <span class=\"first\">labelled normal</span>",
        });
    let lines = one.lines(places);
    let channels = channels(subject, one, places);
    let shown: Vec<&Line> = channels.iter().chain(by_weight(&lines)).collect();
    let count = channels.len() + COLUMNS.min(lines.len());
    let most = shown
        .iter()
        .map(|line| line.shortfall.abs())
        .fold(0.0, f64::max);
    let rows = shown[..count].iter().enumerate();
    let rows = rows.map(|(at, line)| row(line, most, at < channels.len()));
    let rest: f64 = shown[count..].iter().map(|line| line.shortfall).sum();
    let rest = match shown.len() - count {
        0 => String::new(),
        more => format!("{} more together {} nats; ", more, signed_number(rest)),
    };
    let windows = windows(one, places);
    format!(
        "<div class=\"panel card\"><h3>Reading {}: {} nats, {} by its {}{label}</h3>{windows}\n<table class=\"why\"><thead><tr><th>column</th>\
         <th>lacks, nats</th><th>reading</th><th>model</th></tr></thead>\n<tbody>\n{}</tbody></table>\n\
         <p class=\"caption\">{rest}divergence {} nats.</p></div>\n",
        one.row,
        number(one.score.elbo().to_f64(), 1),
        escape(&p_value(one.score)),
        one.score.statistic(),
        rows.collect::<String>(),
        optional(Some(one.score.kl().to_f64()), 2),
    )
}

/// A line for each channel of a stream with several numbers; none of a table.
fn channels(subject: &Subject<'_>, one: &Explained, places: &[Place]) -> Vec<Line> {
    let Some(stream) = subject.model.stream() else {
        return vec![];
    };
    let channels = 0..stream.shape().channels;
    let line = |channel: usize| {
        let own = places.iter().filter(|place| place.channel == Some(channel));
        let inputs = own.flat_map(|place| place.inputs.clone());
        let (first, last) = (inputs.clone().min()?, inputs.max()?);
        let name = subject
            .model
            .column(channel)
            .map_or("", |column| column.name());
        Some(Line {
            column: match name {
                "" => format!("channel {}", channel + 1),
                name => name.to_owned(),
            },
            unit: String::new(),
            shortfall: one.shortfall(first..last + 1),
            term: 0.0,
            usual: 0.0,
            reading: None,
            reconstruction: None,
        })
    };
    // One number of each channel says the same.
    match places.len() > stream.shape().channels {
        true => channels.filter_map(line).collect(),
        false => vec![],
    }
}

/// The windows of samples beside what the model makes of them.
fn windows(one: &Explained, places: &[Place]) -> String {
    let figure = |place: &Place| {
        let (reading, made) = (
            &one.values[place.inputs.clone()],
            &one.reconstruction[place.inputs.clone()],
        );
        let range = extent(&[reading.to_vec(), made.to_vec()]);
        format!(
            "<figure>{}<figcaption>{}</figcaption></figure>",
            overlaid(&[("first", reading), ("second", made)], range),
            escape(&place.name)
        )
    };
    let figures: String = places
        .iter()
        .filter(|place| place.is_window())
        .map(figure)
        .collect();
    match figures.is_empty() {
        true => figures,
        false => format!("<div class=\"gallery\">{figures}</div>"),
    }
}

fn signed_number(value: f64) -> String {
    match number(value, 1) {
        text if value > 0.0 => format!("+{text}"),
        text => text,
    }
}

/// A line of a card, with its bar on the scale of `most`.
fn row(line: &Line, most: f64, is_channel: bool) -> String {
    let length = BAR * line.shortfall.abs() / f64::max(most, 1e-9);
    let (class, left) = match line.shortfall > 0.0 {
        true => ("second", BAR),
        false => ("third", BAR - length),
    };
    let cell = |cell: &Option<Cell>| {
        let text = cell
            .as_ref()
            .map_or("–".to_owned(), |cell| cell.short(DIGITS));
        escape(&match cell {
            Some(Cell::Number(value)) if *value < 0.0 => text.replace('-', "−"),
            _ => text,
        })
    };
    let values = match is_channel {
        true => "<td></td><td></td>".to_owned(),
        false => format!(
            "<td>{} {}</td><td>{}</td>",
            cell(&line.reading),
            escape(&line.unit),
            cell(&line.reconstruction)
        ),
    };
    let name = escape(&line.column);
    let name = if is_channel {
        format!("<b>{name}</b>")
    } else {
        name
    };
    format!(
        "<tr><th scope=\"row\">{name}</th><td class=\"signed\"><div><svg viewBox=\"0 0 {} 10\" preserveAspectRatio=\"none\" \
         aria-hidden=\"true\"><path class=\"zero\" d=\"M{BAR} 0v10\"/><rect class=\"bar {class}\" x=\"{left:.1}\" y=\"1\" width=\"{length:.1}\" height=\"8\"/></svg><span>{}</span></div></td>{values}</tr>\n",
        2.0 * BAR,
        signed_number(line.shortfall),
    )
}
