//! What the device's p-values are worth as a detector: operating curves, and a table to choose a threshold by.

use super::Subject;
use super::draw::chart::{Axis, Chart, Label, Size};
use super::draw::{Figure, thin};
use super::text::{count, number, percent};
use crate::numeric::statistics::auc;
use crate::readings::device::elbos;
use crate::study::detection::{Curves, Point, Threshold, thresholds};

/// The names of the two detectors.
const KEY: [(&str, &str); 2] = [("first", "p-value"), ("second", "bound alone")];

/// How ordinary readings are by their p-values, and by their bounds where these are another judge.
fn judges(subject: &Subject<'_>) -> Vec<Vec<f64>> {
    let surprises = subject.scores.iter().map(|score| score.surprise().to_f64());
    let mut judges = vec![surprises.map(|surprise| -surprise).collect()];
    if subject.model.joins_statistics() {
        judges.push(elbos(subject.scores));
    }
    judges
}

/// Both curves of each judge, with a number that sums each up; none without labels of both kinds.
fn curves(subject: &Subject<'_>) -> Option<Vec<(Curves, f64)>> {
    let anomalous = subject.anomalous?;
    let both = |scores: &Vec<f64>| Some((Curves::new(scores, anomalous)?, auc(scores, anomalous)?));
    judges(subject).iter().map(both).collect()
}

/// A chart of parts over parts, in %, with a curve of each judge.
fn curve(
    title: &'static str,
    (x, y): (&'static str, &'static str),
    curves: &[(Vec<Point>, f64)],
    measure: &str,
) -> Figure {
    let axis = |label| Axis::new(label, 0.0, 100.0);
    let mut chart = Chart::new(Size::MEDIUM, axis(x), axis(y));
    let judges = KEY.iter().zip(curves);
    for ((class, _), (points, _)) in judges.clone() {
        let percent = points.iter().map(|(x, y)| (100.0 * x, 100.0 * y));
        chart.line(class, &thin(&percent.collect::<Vec<_>>()));
    }
    let sums = judges.map(|((_, name), (_, sum))| format!("{} by the {name}", number(*sum, 4)));
    Figure {
        title,
        description: format!("{measure} {}.", sums.collect::<Vec<_>>().join(", ")),
        key: KEY[..curves.len()].to_vec(),
        chart,
    }
}

/// The receiver operating characteristic; none without labels of both kinds.
pub(super) fn roc(subject: &Subject<'_>) -> Option<Figure> {
    let curves = curves(subject)?.into_iter();
    let curves: Vec<(Vec<Point>, f64)> = curves.map(|(both, area)| (both.roc, area)).collect();
    let axes = (
        "normal readings that alarm, %",
        "anomalous readings found, %",
    );
    let mut figure = curve("Receiver operating characteristic", axes, &curves, "AUC");
    figure.chart.rule((0.0, 0.0), (100.0, 100.0));
    Some(figure)
}

/// Precision over recall; none without labels of both kinds.
pub(super) fn precision(subject: &Subject<'_>) -> Option<Figure> {
    let curves = curves(subject)?.into_iter();
    let curves = curves.map(|(both, _)| (both.precision, both.average_precision));
    let curves: Vec<(Vec<Point>, f64)> = curves.collect();
    let axes = (
        "recall: anomalous readings found, %",
        "precision: alarms that are right, %",
    );
    Some(curve(
        "Precision and recall",
        axes,
        &curves,
        "Average precision",
    ))
}

fn rows(subject: &Subject<'_>) -> Vec<Threshold> {
    let Some(table) = subject.model.p_values(subject.estimator) else {
        return vec![];
    };
    thresholds(table, subject.scores, subject.anomalous, subject.pace)
}

/// The labels of the axes of [`choice`].
fn axes(has_both: bool, is_daily: bool) -> (&'static str, &'static str) {
    let cost = match is_daily {
        true => "false alarms a day, power of ten",
        false => "false alarms in 1000 readings, power of ten",
    };
    match has_both {
        true => (cost, "anomalous readings found, %"),
        false => ("p-value, power of ten", cost),
    }
}

/// What thresholds cost, and find where there are labels of both kinds; none without a calibration.
pub(super) fn choice(subject: &Subject<'_>) -> Option<Figure> {
    let rows = rows(subject);
    let least = rows.last()?;
    let log = |value: f64| value.max(1e-12).log10();
    let cost = |row: &Threshold| [log(row.expected), log(row.at_most)];
    let has_both = least.anomalous > 0;
    let point = |row: &Threshold, at: usize| match has_both {
        true => (
            cost(row)[at],
            100.0 * row.found as f64 / row.anomalous as f64,
        ),
        false => (log(row.p_value), cost(row)[at]),
    };
    let lines = [0, 1].map(|at| rows.iter().map(|row| point(row, at)).collect::<Vec<_>>());
    let extent = |of: fn(&Point) -> f64| {
        let values = || lines.iter().flatten().map(of);
        (
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        )
    };
    let ((left, right), (low, high)) = (extent(|point| point.0), extent(|point| point.1));
    let (x, y) = axes(has_both, subject.pace.rate.is_some());
    let y = match has_both {
        true => Axis::new(y, 0.0, 100.0),
        false => Axis::padded(y, low, high),
    };
    let key = [
        ("first", "expected"),
        ("second", "at most, with 95 % confidence"),
    ];
    let mut chart = Chart::new(Size::WIDE, Axis::padded(x, left, right), y);
    for ((class, _), points) in key.iter().zip(&lines) {
        chart.line(class, points);
        chart.dots(class, points.iter().copied());
    }
    for row in rows
        .iter()
        .filter(|row| has_both && [0.01, 0.001].contains(&row.p_value))
    {
        chart.threshold(
            log(row.expected),
            &format!("p = {}", row.p_value),
            Label::Bottom,
        );
    }
    Some(Figure {
        title: "What a threshold costs",
        description: "Each point is a p-value at which an alarm may be raised; the table has the same numbers.".into(),
        key: key.to_vec(),
        chart,
    })
}

/// The section: curves where there are labels, and thresholds.
pub(super) fn section(subject: &Subject<'_>) -> String {
    let figures = [roc(subject), precision(subject)].into_iter().flatten();
    let figures: Vec<Figure> = figures.collect();
    let curves: String = figures.iter().map(Figure::panel).collect();
    let sums: Vec<&str> = figures
        .iter()
        .map(|figure| figure.description.as_str())
        .collect();
    let sums = sums.join(" ");
    let curves = match curves.is_empty() {
        true => String::new(),
        false => format!(
            "<h2>As a detector</h2>\n<div class=\"charts\">\n{curves}</div>\n<p class=\"caption\">{sums} An alarm is raised by the p-value; the \
             diagonal is a coin. With few anomalous readings among many normal ones, the right chart is the one to look at.</p>\n"
        ),
    };
    let Some(choice) = choice(subject) else {
        return curves;
    };
    format!(
        "{curves}<h2>Choosing a threshold</h2>\n{}{}",
        choice.panel(),
        table(subject)
    )
}

/// A number of false alarms with three digits.
fn alarms(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        value => number(
            value,
            (2.0 - value.abs().log10().floor()).clamp(0.0, 6.0) as usize,
        ),
    }
}

fn table(subject: &Subject<'_>) -> String {
    let rows = rows(subject);
    let unit = subject.pace.per_unit();
    let has_anomalous = rows.iter().any(|row| row.anomalous > 0);
    let found = |row: &Threshold| match has_anomalous {
        false => String::new(),
        true => format!(
            "<td>{} of {}</td><td>{}</td>",
            count(row.found),
            count(row.anomalous),
            percent(row.found_at_least)
        ),
    };
    let lines = rows.iter().map(|row| {
        format!(
            "<tr><th scope=\"row\">p ≤ {}</th><td>{}</td><td>{}</td><td>{} of {}</td><td>{}</td>{}</tr>\n",
            row.p_value,
            alarms(row.expected),
            alarms(row.at_most),
            count(row.false_alarms),
            count(row.normal),
            alarms(row.test_at_most),
            found(row)
        )
    });
    let lines: String = lines.collect();
    let heads = match has_anomalous {
        false => "",
        true => "<th>anomalous test readings found</th><th>of new ones, at least</th>",
    };
    let pace = match subject.pace.rate {
        None => "Nobody knows how often readings come, so that alarms are counted in 1000 of them; <code>trainer plot --what thresholds \
                 --rate HZ</code> counts them in days."
            .to_owned(),
        Some(_) => format!(
            "{} readings come in a day.",
            count(subject.pace.readings_in_unit().round() as usize)
        ),
    };
    format!(
        "<div class=\"wide\" tabindex=\"0\"><table class=\"tight\">\n<thead><tr><th>alarm at</th><th>false alarms {unit}, expected</th>\
         <th>at most, by the calibration</th><th>normal test readings that alarm</th><th>false alarms {unit}, at most, by these</th>{heads}</tr></thead>\n\
         <tbody>\n{lines}</tbody></table></div>\n<p class=\"caption\">{pace} Bounds hold with 95 % confidence: of a new calibration (Vovk), \
         of counts (Clopper and Pearson), if readings are independent. A smoothed alarm on a stream, which false alarms cost less, is judged by \
         <code>trainer eval --events</code>.</p>\n"
    )
}
