//! Charts as inline SVG, whose colours come from the page's style sheet by class. They are drawn by hand: `plotters` fixes
//! colours, which a dark page cannot turn, and `poloto`, which leaves them to the style sheet, describes no drawing to
//! screen readers.

use crate::export::report::text::{escape, number};
use std::fmt::Write;

/// Room around a plot for labels, in units of the drawing.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 44.0;

/// The size of a chart in units of the drawing, about the pixels of a wide screen, so that text is
/// as large in all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::export::report) struct Size {
    width: f64,
    height: f64,
}

impl Size {
    /// One of three in a row.
    pub(in crate::export::report) const SMALL: Self = Self {
        width: 300.0,
        height: 240.0,
    };
    /// One of two.
    pub(in crate::export::report) const MEDIUM: Self = Self {
        width: 470.0,
        height: 330.0,
    };
    /// Alone.
    pub(in crate::export::report) const WIDE: Self = Self {
        width: 970.0,
        height: 330.0,
    };

    /// Width and height of the plot itself.
    fn plot(self) -> (f64, f64) {
        (self.width - LEFT - RIGHT, self.height - TOP - BOTTOM)
    }
}

/// Ticks are about as far apart or farther, in units of the drawing.
const X_DISTANCE: f64 = 60.0;
const Y_DISTANCE: f64 = 36.0;

/// A range of values with round ticks.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::export::report) struct Axis {
    low: f64,
    high: f64,
    label: &'static str,
    /// Between two ticks, at least.
    least_step: f64,
}

impl Axis {
    /// The axis of values from `low` to `high`, called `label`. A range without extent is widened.
    pub(in crate::export::report) fn new(label: &'static str, low: f64, high: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() {
            (low, high)
        } else {
            (0.0, 1.0)
        };
        let least = (low.abs().max(high.abs()) * 1e-9).max(1e-9);
        let (low, high) = if high - low < least {
            (low - 0.5, low + 0.5)
        } else {
            (low, high)
        };
        Self {
            low,
            high,
            label,
            least_step: 0.0,
        }
    }

    /// The axis with a twentieth of its extent more on either side.
    pub(in crate::export::report) fn padded(label: &'static str, low: f64, high: f64) -> Self {
        let margin = (high - low) / 20.0;
        Self::new(label, low - margin, high + margin)
    }

    /// An axis of whole numbers.
    pub(in crate::export::report) fn whole(label: &'static str, low: f64, high: f64) -> Self {
        Self {
            least_step: 1.0,
            ..Self::new(label, low, high)
        }
    }

    /// Whether `value` is on it.
    pub(in crate::export::report) fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The low and the high end.
    pub(in crate::export::report) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Place of `value`: 0 at the low end, 1 at the high one, at most one extent outside.
    fn position(&self, value: f64) -> f64 {
        let position = (value - self.low) / (self.high - self.low);
        if position.is_nan() {
            -1.0
        } else {
            position.clamp(-1.0, 2.0)
        }
    }

    /// The round distance of about `count` ticks: 1, 2 or 5 times a power of ten.
    fn step(&self, count: f64) -> f64 {
        let rough = (self.high - self.low) / count;
        let magnitude = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
        steps
            .into_iter()
            .find(|&step| step >= rough)
            .unwrap_or(rough)
            .max(self.least_step)
    }

    /// At most `count` ticks and one, with their texts.
    fn ticks(&self, count: f64) -> Vec<(f64, String)> {
        let step = self.step(count);
        let decimals = (-(step * 1.000_001).log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (self.low / step).ceil();
        let ticks = (0..=count as u32).map(|index| (first + f64::from(index)) * step);
        ticks
            .take_while(|&tick| tick <= self.high + 1e-9 * step)
            .map(|tick| (tick, number(tick, decimals)))
            .collect()
    }
}

/// A number with six digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let decimals = (5.0 - value.abs().log10().floor()).clamp(0.0, 12.0);
    let text = format!("{value:.*}", decimals as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Side of a labelled line on which its label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export::report) enum Label {
    /// At its top; those of several lines are staggered.
    Top,
    /// At its bottom.
    Bottom,
}

/// A chart that is being drawn.
#[derive(Clone, Debug)]
pub(in crate::export::report) struct Chart {
    size: Size,
    x: Axis,
    y: Axis,
    marks: String,
    /// Drawn over the marks.
    labels: Vec<String>,
    /// What is drawn: class, x and y.
    numbers: Vec<(String, f64, f64)>,
}

impl Chart {
    /// An empty one.
    pub(in crate::export::report) fn new(size: Size, x: Axis, y: Axis) -> Self {
        Self {
            size,
            x,
            y,
            marks: String::new(),
            labels: vec![],
            numbers: vec![],
        }
    }

    /// Places (x, y) in the plot.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (width, height) = self.size.plot();
        (
            self.x.position(x) * width,
            (1.0 - self.y.position(y)) * height,
        )
    }

    fn note(&mut self, class: &str, points: &[(f64, f64)]) {
        let points = points.iter().map(|&(x, y)| (class.to_owned(), x, y));
        self.numbers.extend(points);
    }

    /// What is drawn, as CSV under the names that `key` has for classes: a line for each point, with the labels of the axes above.
    pub(in crate::export::report) fn csv(&self, key: &[(&str, &str)]) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let name = |class: &str| {
            let named = key.iter().find(|(own, _)| *own == class);
            named.map_or(class, |(_, name)| name).to_owned()
        };
        let lines = self
            .numbers
            .iter()
            .map(|(class, x, y)| format!("{},{},{}\n", quoted(&name(class)), short(*x), short(*y)));
        let (x, y) = (quoted(self.x.label), quoted(self.y.label));
        format!("\"series\",{x},{y}\n{}", lines.collect::<String>())
    }

    /// Width and height in units of the drawing.
    pub(in crate::export::report) fn size(&self) -> (f64, f64) {
        (self.size.width, self.size.height)
    }

    fn mark(&mut self, mark: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.marks.write_fmt(mark);
    }

    /// A line through `points`; a dot where there is but one.
    pub(in crate::export::report) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        if let [point] = points {
            return self.dots(class, [*point]);
        }
        self.note(class, points);
        let places = points.iter().map(|&point| self.place(point));
        let points: Vec<String> = places.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.mark(format_args!(
            "<polyline class=\"line {class}\" points=\"{}\"/>",
            points.join(" ")
        ));
    }

    /// A dot at each of `points`.
    pub(in crate::export::report) fn dots(
        &mut self,
        class: &str,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) {
        let points: Vec<(f64, f64)> = points.into_iter().collect();
        self.note(class, &points);
        let places = points.into_iter().map(|point| self.place(point));
        let dots: String = places.map(|(x, y)| format!("M{x:.1} {y:.1}h0")).collect();
        self.mark(format_args!("<path class=\"dots {class}\" d=\"{dots}\"/>"));
    }

    /// A bar from 0 to `height` over `[low, high]`.
    pub(in crate::export::report) fn bar(
        &mut self,
        class: &str,
        (low, high): (f64, f64),
        height: f64,
    ) {
        self.note(class, &[(0.5 * (low + high), height)]);
        let (left, top) = self.place((low, height));
        let (right, bottom) = self.place((high, 0.0));
        let (width, height) = ((right - left - 0.5).max(0.5), bottom - top);
        self.mark(format_args!(
            "<rect class=\"bar {class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
    }

    /// A labelled line from bottom to top at `x`.
    pub(in crate::export::report) fn threshold(&mut self, x: f64, text: &str, label: Label) {
        let (x, _) = self.place((x, 0.0));
        let (_, height) = self.size.plot();
        let y = match label {
            Label::Top => 14.0 + 16.0 * self.labels.len() as f64,
            Label::Bottom => height - 8.0,
        };
        let (anchor, at) = if x < 70.0 {
            ("start", x + 5.0)
        } else {
            ("end", x - 5.0)
        };
        self.mark(format_args!(
            "<line class=\"rule\" x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{height}\"/>"
        ));
        let text = escape(text);
        self.labels.push(format!(
            "<text class=\"note\" x=\"{at:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// A thin line between two points.
    pub(in crate::export::report) fn rule(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (self.place(from), self.place(to));
        self.mark(format_args!(
            "<line class=\"rule\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// The SVG element with these `attributes`, described by `title` and `description` for those who do not see it.
    pub(in crate::export::report) fn finish(
        &self,
        (title, description): (&str, &str),
        attributes: &str,
    ) -> String {
        let Size { width, height } = self.size;
        let (title, description) = (escape(title), escape(description));
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\"{attributes}><title>{title}</title><desc>{description}</desc>"
        );
        self.horizontal_ticks(&mut svg);
        self.vertical_ticks(&mut svg);
        let (width, height) = self.size.plot();
        let plot = format!("x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\"");
        let (marks, labels) = (&self.marks, self.labels.concat());
        // A nested element clips what lies outside of the plot.
        svg + &format!("<svg {plot}>{marks}{labels}</svg><rect class=\"frame\" {plot}/></svg>")
    }

    fn horizontal_ticks(&self, svg: &mut String) {
        let (width, height) = self.size.plot();
        let bottom = TOP + height;
        for (tick, text) in self.x.ticks(width / X_DISTANCE) {
            let x = LEFT + self.x.position(tick) * width;
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                bottom + 17.0
            );
        }
        let (x, y) = (LEFT + width / 2.0, self.size.height - 6.0);
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
            self.x.label
        );
    }

    fn vertical_ticks(&self, svg: &mut String) {
        let (width, height) = self.size.plot();
        let right = LEFT + width;
        for (tick, text) in self.y.ticks(height / Y_DISTANCE) {
            let y = TOP + (1.0 - self.y.position(tick)) * height;
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        let (middle, label) = (TOP + height / 2.0, self.y.label);
        let _ = write!(
            svg,
            "<text transform=\"translate(12 {middle}) rotate(-90)\" text-anchor=\"middle\">{label}</text>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_copied() {
        let axis = |label| Axis::new(label, 0.0, 1.0);
        let mut chart = Chart::new(Size::SMALL, axis("false alarms, %"), axis("y"));
        chart.line("first", &[(0.0, 0.25), (1.0, -1.0 / 3.0)]);
        chart.dots("second", [(1234567.0, 1e-7)]);
        assert_eq!(
            chart.csv(&[("first", "a \"b\"")]),
            "\"series\",\"false alarms, %\",\"y\"\n\"a \"\"b\"\"\",0,0.25\n\"a \"\"b\"\"\",1,-0.333333\n\"second\",1234567,0.0000001\n"
        );
    }

    fn ticks(axis: &Axis, count: f64) -> Vec<f64> {
        axis.ticks(count)
            .into_iter()
            .map(|(tick, _)| tick)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (low, high) in [
            (-93.4, -20.1),
            (0.0, 600.0),
            (-1e9, 3.0),
            (0.12, 0.13),
            (5.0, 5.0),
            (1.0, 1.0 + 1e-12),
        ] {
            let axis = Axis::new("", low, high);
            let ticks = ticks(&axis, 5.0);
            assert!((2..=6).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            assert!(
                ticks
                    .iter()
                    .all(|&tick| (-1e-6..1.0 + 1e-6).contains(&axis.position(tick)))
            );
        }
        assert_eq!(
            ticks(&Axis::new("", 0.0, 600.0), 5.0),
            [0.0, 200.0, 400.0, 600.0]
        );
        assert_eq!(ticks(&Axis::whole("", 0.0, 2.0), 5.0), [0.0, 1.0, 2.0]);
        assert_eq!(Axis::new("", f64::NAN, 1.0), Axis::new("", 0.0, 1.0));
        assert_eq!(Axis::new("", 0.0, 0.1).ticks(5.0)[1].1, "0.02");
    }

    #[test]
    fn marks_stay_near_the_plot() {
        let mut chart = Chart::new(
            Size::SMALL,
            Axis::new("x", 0.0, 1.0),
            Axis::new("y", 0.0, 1.0),
        );
        chart.line(
            "a",
            &[(f64::NEG_INFINITY, 0.0), (1e300, 1.0), (f64::NAN, f64::NAN)],
        );
        let svg = chart.finish(("t", "d"), "");
        assert!(svg.contains("<title>t</title><desc>d</desc>"));
        assert!(!svg.contains("inf") && !svg.contains("NaN"), "{svg}");
    }
}
