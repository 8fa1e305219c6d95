//! Charts with their titles, keys and numbers, on the page or as a file of their own.

pub(super) mod chart;
pub(super) mod gallery;
#[cfg(feature = "png")]
pub(super) mod png;

use super::text::escape;
use chart::Chart;

/// The colours and lines of charts, for the page and for files.
pub(super) const STYLE: &str = include_str!("chart.css");
/// Points of a line that are drawn, at most.
const POINTS: usize = 600;
/// Charts that are wider are too small on a phone, units of the drawing.
const NARROW: f64 = 500.0;
/// Height of the title and of a line of the key in a file.
const ABOVE: f64 = 52.0;
/// Width of a character of the key, about.
const CHARACTER: f64 = 7.0;

/// A chart and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// What it shows, in a few words.
    pub(super) title: &'static str,
    /// What can be seen in it, for those who do not see it.
    pub(super) description: String,
    /// Classes and their names.
    pub(super) key: Vec<(&'static str, &'static str)>,
    pub(super) chart: Chart,
}

/// Every so many of `points`, the last one always, such that few enough remain.
pub(super) fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(POINTS).max(1);
    let mut few: Vec<(f64, f64)> = points.iter().rev().step_by(every).copied().collect();
    few.reverse();
    few
}

/// A key of `(class, text)`.
pub(super) fn key(entries: &[(&str, &str)]) -> String {
    let entries = entries
        .iter()
        .map(|(class, text)| format!("<span><i class=\"{class}\"></i>{text}</span>"));
    format!("<p class=\"key\">{}</p>", entries.collect::<String>())
}

impl Figure {
    fn words(&self) -> (&str, &str) {
        (self.title, &self.description)
    }

    /// It on the page, its numbers below it to be copied.
    pub(super) fn panel(&self) -> String {
        format!(
            "<div class=\"panel\"><h3>{}</h3>{}<div class=\"{}\">{}</div><details class=\"numbers\"><summary>Numbers</summary><pre tabindex=\"0\">{}</pre></details></div>\n",
            self.title,
            key(&self.key),
            // A phone scrolls what would be too small to be read.
            if self.chart.size().0 > NARROW {
                "wide large"
            } else {
                ""
            },
            self.chart.finish(self.words(), ""),
            escape(&self.chart.csv(&self.key))
        )
    }

    /// It as a file of its own, light or dark as its reader wants it.
    pub(super) fn file(&self) -> String {
        let (width, height) = self.chart.size();
        let all = height + ABOVE;
        let mut x = 14.0;
        let entries = self.key.iter().map(|(class, name)| {
            let at = x;
            x += 30.0 + CHARACTER * name.chars().count() as f64;
            format!(
                "<rect class=\"bar {class}\" x=\"{at}\" y=\"34\" width=\"10\" height=\"10\"/><text x=\"{}\" y=\"43\">{}</text>",
                at + 15.0,
                escape(name)
            )
        });
        let entries: String = entries.collect();
        let inner = format!(" y=\"{ABOVE}\" width=\"{width}\" height=\"{height}\"");
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {all}\" width=\"{width}\" height=\"{all}\" font-family=\"sans-serif\">\n\
             <style>\n{STYLE}</style>\n<rect width=\"{width}\" height=\"{all}\" style=\"fill: var(--paper)\"/>\n\
             <text class=\"heading\" x=\"14\" y=\"22\">{}</text>{entries}\n{}\n</svg>\n",
            escape(self.title),
            self.chart.finish(self.words(), &inner)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_are_drawn_and_the_last_is_among_them() {
        let points: Vec<(f64, f64)> = (1..=5001).map(|x| (f64::from(x), 0.0)).collect();
        let few = thin(&points);
        assert!(few.len() <= POINTS);
        assert_eq!(few.last().unwrap().0, 5001.0);
    }
}
