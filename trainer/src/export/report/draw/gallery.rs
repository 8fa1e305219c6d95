//! Readings to look at: pictures in greyscale, or curves over their index.

use std::fmt::Write;

/// Shades of a picture.
const SHADES: usize = 32;
/// Readings of fewer numbers are no curves.
const SHORTEST_CURVE: usize = 16;
/// Points of a curve that are drawn, at most.
const CURVE_POINTS: usize = 512;
/// Size of a curve in units of the drawing.
const CURVE_WIDTH: f64 = 160.0;
const CURVE_HEIGHT: f64 = 80.0;

/// Way to draw readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export::report) enum Drawing {
    /// Rows of this many pixels.
    Picture {
        /// At least 1.
        width: usize,
    },
    /// One line.
    Curve,
}

impl Drawing {
    /// The best way to draw readings of `inputs` numbers, if at all; `picture_width` is 0 where they
    /// are no pictures.
    pub(in crate::export::report) fn of(inputs: usize, picture_width: usize) -> Option<Self> {
        match picture_width {
            0 => (inputs >= SHORTEST_CURVE).then_some(Self::Curve),
            width => Some(Self::Picture { width }),
        }
    }

    /// An SVG element that shows `values`, of which `low` is drawn black or lowest, `high` white or
    /// highest.
    pub(in crate::export::report) fn draw(self, values: &[f64], range: (f64, f64)) -> String {
        let parts = parts(values, range);
        match self {
            Self::Picture { width } => picture(&parts, width),
            Self::Curve => curves(&[("first", &parts)]),
        }
    }
}

/// Where `values` are between `low`, 0, and `high`, 1.
fn parts(values: &[f64], (low, high): (f64, f64)) -> Vec<f64> {
    let extent = if high > low { high - low } else { 1.0 };
    let part = |value: &f64| ((value - low) / extent).clamp(0.0, 1.0);
    values.iter().map(part).collect()
}

/// Pixels of one shade are one path, neighbours in a row one rectangle of it.
fn picture(parts: &[f64], width: usize) -> String {
    let mut paths = vec![String::new(); SHADES];
    for (y, row) in parts.chunks(width).enumerate() {
        let shades: Vec<usize> = row
            .iter()
            .map(|part| (part * (SHADES - 1) as f64).round() as usize)
            .collect();
        let mut x = 0;
        for run in shades.chunk_by(|a, b| a == b) {
            let length = run.len();
            // Writing to a string cannot fail.
            let _ = write!(paths[run[0]], "M{x} {y}h{length}v1h-{length}z");
            x += length;
        }
    }
    let height = parts.len().div_ceil(width);
    let mut svg = format!(
        "<svg class=\"picture\" viewBox=\"0 0 {width} {height}\" shape-rendering=\"crispEdges\" aria-hidden=\"true\">"
    );
    for (shade, path) in paths
        .iter()
        .enumerate()
        .filter(|(_, path)| !path.is_empty())
    {
        let grey = shade * 255 / (SHADES - 1);
        let _ = write!(
            svg,
            "<path fill=\"#{grey:02x}{grey:02x}{grey:02x}\" d=\"{path}\"/>"
        );
    }
    svg + "</svg>"
}

/// The points of a line.
fn points(parts: &[f64]) -> String {
    let last = parts.len().saturating_sub(1).max(1) as f64;
    let points = parts
        .iter()
        .enumerate()
        .step_by(parts.len().div_ceil(CURVE_POINTS).max(1));
    let points: Vec<String> = points
        .map(|(index, part)| {
            let (x, y) = (
                index as f64 / last * CURVE_WIDTH,
                (1.0 - part) * CURVE_HEIGHT,
            );
            format!("{x:.1},{y:.1}")
        })
        .collect();
    points.join(" ")
}

/// Lines of these classes, one over the other.
fn curves(lines: &[(&str, &[f64])]) -> String {
    let line = |(class, parts): &(&str, &[f64])| {
        format!(
            "<polyline class=\"line {class}\" points=\"{}\"/>",
            points(parts)
        )
    };
    format!(
        "<svg class=\"curve\" viewBox=\"-2 -2 {} {}\" aria-hidden=\"true\">{}</svg>",
        CURVE_WIDTH + 4.0,
        CURVE_HEIGHT + 4.0,
        lines.iter().map(line).collect::<String>()
    )
}

/// Lines of these classes over the same index, on the scale from `low` to `high`.
pub(in crate::export::report) fn overlaid(lines: &[(&str, &[f64])], range: (f64, f64)) -> String {
    let parts: Vec<(&str, Vec<f64>)> = lines
        .iter()
        .map(|(class, values)| (*class, parts(values, range)))
        .collect();
    let lines: Vec<(&str, &[f64])> = parts
        .iter()
        .map(|(class, parts)| (*class, parts.as_slice()))
        .collect();
    curves(&lines)
}

/// A picture of signed numbers in rows of `width`: those above 0 in the second colour, those below in the third, the more the
/// farther they are from 0 on the scale of `most`.
pub(in crate::export::report) fn signed(values: &[f64], width: usize, most: f64) -> String {
    let height = values.len().div_ceil(width);
    let most = if most > 0.0 { most } else { 1.0 };
    let mut svg = format!(
        "<svg class=\"picture signed\" viewBox=\"0 0 {width} {height}\" shape-rendering=\"crispEdges\" aria-hidden=\"true\">"
    );
    for (at, value) in values.iter().enumerate() {
        let opacity = (value.abs() / most).min(1.0);
        if opacity < 0.02 {
            continue;
        }
        let class = if *value > 0.0 { "second" } else { "third" };
        let (x, y) = (at % width, at / width);
        let _ = write!(
            svg,
            "<path class=\"{class}\" fill=\"currentColor\" fill-opacity=\"{opacity:.2}\" d=\"M{x} {y}h1v1h-1z\"/>"
        );
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_cover_every_pixel_once() {
        let svg = Drawing::Picture { width: 2 }.draw(&[0.0, 0.0, 4.0, 0.0], (0.0, 4.0));
        assert!(svg.contains("viewBox=\"0 0 2 2\""), "{svg}");
        assert!(
            svg.contains("<path fill=\"#000000\" d=\"M0 0h2v1h-2zM1 1h1v1h-1z\"/>"),
            "{svg}"
        );
        assert!(
            svg.contains("<path fill=\"#ffffff\" d=\"M0 1h1v1h-1z\"/>"),
            "{svg}"
        );
    }

    #[test]
    fn what_is_drawn_fits_the_readings() {
        assert_eq!(Drawing::of(64, 8), Some(Drawing::Picture { width: 8 }));
        assert_eq!(Drawing::of(140, 0), Some(Drawing::Curve));
        assert_eq!(Drawing::of(3, 0), None);
        let flat = Drawing::Curve.draw(&[1.0; 20], (1.0, 1.0));
        assert!(
            !flat.contains("NaN") && flat.contains("160.0,80.0"),
            "{flat}"
        );
    }
}
