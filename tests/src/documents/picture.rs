//! `cargo xtask picture`: draws `docs/scores.svg`, hours of a pump as its detector sees them.
//!
//! The pump is the one whose log ships with the trainer. From the middle of the picture on its bearing wears. The scores are
//! those of `trainer score`, which a device computes bit for bit.

use crate::build::{trainer, workspace};
use crate::error::Error;
use crate::files::write;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// A training of seconds, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// Readings before the bearing begins to wear, and from then on, one a minute.
const BEFORE: usize = 300;
const WEARING: usize = 300;
/// What the log calls this fault.
const FAULT: &str = "bearing";

/// Width and height of the picture, and the margins around the curve.
const SIZE: (f64, f64) = (760.0, 260.0);
const MARGIN: f64 = 44.0;
/// The p-value below which a reading is marked.
const MARKED: f64 = 0.01;

/// Trains on the log, scores it, and draws the picture of the hours around the fault.
///
/// # Errors
///
/// The trainer does not build or refuses, or a file cannot be written.
pub fn draw() -> Result<(), Error> {
    let folder = workspace().join("target/picture");
    let (log, run) = (folder.join("pump.csv"), folder.join("run"));
    std::fs::create_dir_all(&folder).map_err(Error::at(&folder))?;
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let (log_text, run) = (text(&log), text(&run));
    trainer::run(&["look", "pump", "--out", &log_text], LIMIT)?;
    trainer::run(&["fit", "pump", "--out", &run, "--force", "--quiet"], LIMIT)?;
    let scores = trainer::run(&["score", &run, "pump"], LIMIT)?.stdout;
    let rows = std::fs::read_to_string(&log).map_err(Error::at(&log))?;
    let ending = format!(",{FAULT}");
    let wear = rows.lines().skip(1).position(|row| row.ends_with(&ending));
    let first = wear.unwrap_or(BEFORE).saturating_sub(BEFORE);
    let points: Vec<Point> = points(&scores).into_iter().skip(first).collect();
    let shown = points.len().min(BEFORE + WEARING);
    let path = workspace().join("docs/scores.svg");
    write(&path, svg(&points[..shown]))?;
    println!("{}", path.display());
    Ok(())
}

/// A scored reading.
#[derive(Clone, Copy, Debug)]
struct Point {
    nats: f64,
    p_value: f64,
}

/// The points in the lines of `trainer score`.
fn points(scores: &str) -> Vec<Point> {
    let mut lines = scores.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name);
    let point = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |name: &str| cells.get(place(name)?)?.parse().ok();
        Some(Point {
            nats: number("elbo")?,
            p_value: number("p_value")?,
        })
    };
    lines.filter_map(point).collect()
}

/// A mark at the place of each point of a small p-value.
fn marks(points: &[Point], places: &[(f64, f64)]) -> String {
    let marked = points.iter().zip(places);
    let marked = marked.filter(|(point, _)| point.p_value < MARKED);
    let mark = |(_, (x, y)): (&Point, &(f64, f64))| {
        format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\" fill=\"#c0392b\"/>\n")
    };
    marked.map(mark).collect()
}

/// The picture: scores over time, those of a small p-value marked, the time of wear shaded.
fn svg(points: &[Point]) -> String {
    let (width, height) = SIZE;
    let all = || points.iter().map(|point| point.nats);
    let top = all().fold(f64::NEG_INFINITY, f64::max).ceil();
    let bottom = all().fold(f64::INFINITY, f64::min).floor();
    let x = |minute: f64| MARGIN + (width - MARGIN - 8.0) * minute / points.len().max(1) as f64;
    let y = |nats: f64| 24.0 + (height - 24.0 - MARGIN) * (top - nats) / (top - bottom).max(1.0);
    let (left, right, base) = (x(0.0), x(points.len() as f64), y(bottom));
    let wear = x(BEFORE as f64);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#444\">\n\
         <!-- Made by `cargo xtask picture`. -->\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <rect x=\"{wear:.1}\" y=\"24\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#fbeee6\"/>\n\
         <text x=\"{:.1}\" y=\"16\">the bearing wears</text>\n\
         <text x=\"{left:.1}\" y=\"16\">score of each reading, nats</text>\n",
        right - wear,
        base - 24.0,
        wear + 4.0,
    );
    for nats in [bottom, ((top + bottom) / 2.0).round(), top] {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{nats}</text>",
            left - 6.0,
            y(nats) + 4.0
        );
    }
    for hour in (0..10).step_by(2) {
        let at = x(f64::from(hour * 60));
        let y = base + 18.0;
        let _ = writeln!(
            text,
            "<text x=\"{at:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{hour} h</text>"
        );
    }
    let places: Vec<(f64, f64)> = (0..)
        .zip(points)
        .map(|(minute, point)| (x(f64::from(minute)), y(point.nats)))
        .collect();
    let curve: String = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1} "))
        .collect();
    let _ = writeln!(
        text,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#4a7a9c\" stroke-width=\"0.8\"/>",
        curve.trim_end()
    );
    text += &marks(points, &places);
    let legend = format!("red: p-value below {MARKED}");
    let _ = writeln!(
        text,
        "<text x=\"{right:.1}\" y=\"16\" text-anchor=\"end\">{legend}</text>\n</svg>"
    );
    text
}
