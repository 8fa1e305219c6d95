//! The space of latents, and what each of them carries.

use super::Subject;
use super::draw::Figure;
use super::draw::chart::{Axis, Chart, Size};
use super::text::{number, percent, plural};
use crate::error::Error;
use crate::study::latents::{Latents, Plane};

/// Readings by their labels, or by their p-values where nobody said.
const BY_LABEL: [(&str, &str); 2] = [("first", "normal"), ("second", "anomalous")];
const BY_P_VALUE: [(&str, &str); 3] = [
    ("first", "p above 0.05"),
    ("third", "p from 0.01 to 0.05"),
    ("second", "p up to 0.01"),
];

fn of(subject: &Subject<'_>) -> Result<Latents, Error> {
    let readings = (subject.readings, subject.masks);
    Latents::new(subject.model, readings, subject.anomalous)
}

/// The class of the reading in `row`.
fn class(subject: &Subject<'_>, row: usize) -> &'static str {
    match subject.anomalous {
        Some(anomalous) if anomalous[row] => "second",
        Some(_) => "first",
        None => match subject.scores[row].p_value().to_f64() {
            p if p > 0.05 => "first",
            p if p > 0.01 => "third",
            _ => "second",
        },
    }
}

/// Where the readings are in the space of latents.
pub(super) fn plane(subject: &Subject<'_>) -> Result<Figure, Error> {
    let latents = of(subject)?;
    Ok(drawn(subject, &latents))
}

fn drawn(subject: &Subject<'_>, latents: &Latents) -> Figure {
    let Plane {
        axes: [x, y],
        points,
        explained,
    } = latents.plane();
    let extent = |of: fn(&(f64, f64)) -> f64| {
        let values = || points.iter().map(of);
        (
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        )
    };
    let ((left, right), (low, high)) = (extent(|point| point.0), extent(|point| point.1));
    let mut chart = Chart::new(
        Size::MEDIUM,
        Axis::padded(x, left, right),
        Axis::padded(y, low, high),
    );
    let key = match subject.anomalous {
        Some(_) => BY_LABEL.to_vec(),
        None => BY_P_VALUE.to_vec(),
    };
    for (class, _) in &key {
        let own = latents.rows.iter().zip(&points);
        let own = own.filter(|(row, _)| self::class(subject, **row) == *class);
        chart.dots(class, own.map(|(_, &point)| point));
    }
    Figure {
        title: "Latent space",
        description: format!(
            "The posterior's mean of {}; {} of their variance lies in this plane.",
            plural(points.len(), "test reading"),
            percent(explained)
        ),
        key,
        chart,
    }
}

/// What each latent carries.
pub(super) fn divergence(subject: &Subject<'_>) -> Result<Figure, Error> {
    Ok(bars(&of(subject)?))
}

fn bars(latents: &Latents) -> Figure {
    let parts = &latents.divergence;
    let most = parts.iter().copied().fold(0.0, f64::max);
    let x = Axis::whole("latent", 0.5, parts.len() as f64 + 0.5);
    let mut chart = Chart::new(
        Size::MEDIUM,
        x,
        Axis::new("nats a reading", 0.0, 1.08 * most),
    );
    for (latent, part) in (1..).map(f64::from).zip(parts) {
        chart.bar("first", (latent - 0.4, latent + 0.4), *part);
    }
    Figure {
        title: "Divergence by latent",
        description: format!(
            "Mean of KL(q(z|x) ‖ p(z)) over normal test readings, together {} nats.",
            number(parts.iter().sum(), 2)
        ),
        key: vec![("first", "normal test readings")],
        chart,
    }
}

/// The section.
pub(super) fn section(subject: &Subject<'_>) -> Result<String, Error> {
    if subject.readings.is_empty() {
        return Ok(String::new());
    }
    let latents = of(subject)?;
    let (plane, bars) = (drawn(subject, &latents), bars(&latents));
    Ok(format!(
        "<h2>Latents</h2>\n<div class=\"charts\">\n{}{}</div>\n<p class=\"caption\">{} {} A latent of almost no divergence carries nothing.</p>\n",
        plane.panel(),
        bars.panel(),
        plane.description,
        bars.description
    ))
}
