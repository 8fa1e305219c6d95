//! Scores of test readings: normal against anomalous, floats against the device.

use super::draw::Figure;
use super::draw::chart::{Axis, Chart, Label, Size};
use super::text::{count, number, plural};
use super::{Results, Subject};
use crate::numeric::statistics::quantile;
use crate::readings::device::elbos;
use elbow::{Calibration, fixed::Nats};

/// Bars of a histogram: the fewest and the most.
const BARS: (usize, usize) = (12, 60);
/// Dots of a scatter that are drawn, at most, of each kind.
const DOTS: usize = 1500;
/// The p-values whose scores are marked.
const LEVELS: [f64; 2] = [0.05, 0.01];
/// Reach of a chart below the normal scores, in their extent.
const REACH: f64 = 4.0;

/// The highest score whose p-value is at most `level`: a reading that scores this or lower raises
/// an alarm. None where no score has so low a p-value.
fn threshold(calibration: &Calibration<'_>, level: f64) -> Option<Nats> {
    let alarm = |bits: i64| calibration.p_value(Nats::from_bits(bits as i32)).to_f64() <= level;
    let (mut low, mut high) = (i64::from(i32::MIN), i64::from(i32::MAX) + 1);
    if !alarm(low) {
        return None;
    }
    // P-values ascend with the score: `low` alarms, `high` does not.
    while high - low > 1 {
        let middle = (low + high) / 2;
        *(if alarm(middle) { &mut low } else { &mut high }) = middle;
    }
    Some(Nats::from_bits(low as i32))
}

/// The scores at which p-values fall to [`LEVELS`], where the image resolves them.
fn thresholds(subject: &Subject<'_>) -> Vec<(f64, f64)> {
    let calibration = subject.model.calibration(subject.estimator);
    let at = |level| Some((level, threshold(calibration?, level)?.to_f64()));
    LEVELS.into_iter().filter_map(at).collect()
}

/// Scores of normal readings, or of all without labels, and of anomalous ones.
fn by_kind<T: Copy>(values: &[T], anomalous: Option<&[bool]>) -> (Vec<T>, Vec<T>) {
    let of = |kind: bool| {
        let is = |index: usize| anomalous.is_some_and(|anomalous| anomalous[index]) == kind;
        values
            .iter()
            .enumerate()
            .filter(|(index, _)| is(*index))
            .map(|(_, &value)| value)
            .collect()
    };
    (of(false), of(true))
}

/// The range of scores that a chart shows: all of them, but not farther below the normal ones than
/// [`REACH`] allows.
fn window(normal: &[f64], anomalous: &[f64]) -> (f64, f64) {
    let all: Vec<f64> = normal.iter().chain(anomalous).copied().collect();
    let reference = if normal.is_empty() { anomalous } else { normal };
    let (low, high) = (quantile(reference, 0.01), quantile(reference, 0.99));
    (
        quantile(&all, 0.0).max(low - REACH * (high - low)),
        quantile(&all, 1.0),
    )
}

/// Names and classes of the kinds.
fn kinds(subject: &Subject<'_>) -> &'static [(&'static str, &'static str)] {
    match subject.anomalous {
        Some(_) => &[("first", "normal"), ("second", "anomalous")],
        None => &[("first", "test readings")],
    }
}

/// The scores of both kinds, and the axis that shows them.
fn spread(subject: &Subject<'_>) -> (Vec<f64>, Vec<f64>, Axis) {
    let scores = elbos(subject.scores);
    let (normal, anomalous) = by_kind(&scores, subject.anomalous);
    let (low, high) = window(&normal, &anomalous);
    (
        normal,
        anomalous,
        Axis::padded("device score, nats", low, high),
    )
}

/// The scores of readings, of normal ones beside anomalous ones where somebody said.
pub(super) fn histogram(subject: &Subject<'_>) -> Figure {
    let (normal, anomalous, x) = spread(subject);
    // Twice the square root, the usual choice, since two kinds share the axis.
    let bars = (2 * subject.scores.len().isqrt()).clamp(BARS.0, BARS.1);
    let shares = [&normal, &anomalous].map(|scores| shares(scores, &x, bars));
    let tallest = shares.iter().flatten().copied().fold(0.0, f64::max);
    let share = match subject.anomalous {
        Some(_) => "% of its kind",
        None => "% of test readings",
    };
    let mut chart = Chart::new(Size::WIDE, x.clone(), Axis::new(share, 0.0, 1.08 * tallest));
    for ((class, _), shares) in kinds(subject).iter().zip(&shares) {
        for (bar, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            chart.bar(class, edges(&x, bar, bars), share);
        }
    }
    for (level, score) in thresholds(subject) {
        chart.threshold(score, &format!("p = {level}"), Label::Top);
    }
    Figure {
        title: "Device scores of test readings",
        description: "A histogram; lines mark the scores at which p-values of the bound fall to 0.05 and 0.01.".into(),
        key: kinds(subject).to_vec(),
        chart,
    }
}

/// The section on scores.
pub(super) fn section(results: &Results<'_>) -> String {
    let subject = &results.tested;
    if subject.scores.is_empty() {
        return "<h2>Scores</h2>\n<p class=\"caption\">There are no test readings.</p>\n".into();
    }
    let (_, _, x) = spread(subject);
    let low = x.range().0;
    let below = subject
        .scores
        .iter()
        .filter(|score| score.elbo().to_f64() < low);
    let piled = match below.count() {
        0 => String::new(),
        outside => format!(
            "{} below {} in the leftmost bar. ",
            plural(outside, "score"),
            number(low, 1)
        ),
    };
    format!(
        "<h2>Scores</h2>\n{}<p class=\"caption\">{piled}{}</p>\n",
        histogram(subject).panel(),
        resolution(results, &thresholds(subject)),
    )
}

/// The ends of bar `index` of `bars`.
fn edges(x: &Axis, index: usize, bars: usize) -> (f64, f64) {
    let (low, high) = x.range();
    let at = |index: usize| low + (high - low) * index as f64 / bars as f64;
    (at(index), at(index + 1))
}

/// The percentage of `scores` in each of `bars`; what lies outside counts for the bar at that end.
fn shares(scores: &[f64], x: &Axis, bars: usize) -> Vec<f64> {
    let (low, high) = x.range();
    let mut shares = vec![0.0; bars];
    for score in scores {
        // `as` saturates below at 0.
        let bar = ((score - low) / (high - low) * bars as f64) as usize;
        shares[bar.min(bars - 1)] += 100.0 / scores.len() as f64;
    }
    shares
}

/// The p-values that the calibration can tell apart.
fn resolution(results: &Results<'_>, thresholds: &[(f64, f64)]) -> String {
    let summary = results.summary;
    let readings = summary.validation_readings;
    if readings == 0 {
        return "No validation readings, so no calibration: every p-value is 1.".into();
    }
    let text = format!(
        "P-values are counted from the scores of {} down to 1/{}{}.",
        plural(readings, "validation reading"),
        count(readings + 1),
        match summary.smallest_p_value < summary.smallest_counted {
            true => ", and extrapolated below",
            false => "",
        }
    );
    match thresholds.len() {
        found if found == LEVELS.len() => text,
        _ => text + " Levels below that are not marked; more validation readings resolve them.",
    }
}

/// Scores in floats and on the device, of readings of one kind after the other.
type Pairs = Vec<(f64, f64)>;

/// Device scores over float scores, their differences enlarged, and how many readings lie outside of either chart.
fn compared(
    subject: &Subject<'_>,
    kinds_of_pairs: [&Pairs; 2],
    differences: &[f64],
) -> ([Figure; 2], usize) {
    let floats = |pairs: &Pairs| pairs.iter().map(|pair| pair.0).collect::<Vec<_>>();
    let [normal, anomalous] = kinds_of_pairs;
    let (low, high) = window(&floats(normal), &floats(anomalous));
    let axis = |label| Axis::padded(label, low, high);
    let x = axis("float score, nats");
    let mut scatter = Chart::new(Size::MEDIUM, x.clone(), axis("device score, nats"));
    scatter.rule((x.range().0, x.range().0), (x.range().1, x.range().1));
    // The few largest would flatten the rest.
    let (least, most) = (
        quantile(differences, 0.01).min(0.0),
        quantile(differences, 0.99).max(0.0),
    );
    let y = Axis::padded("device − float, nats", least, most);
    let mut residuals = Chart::new(Size::MEDIUM, x.clone(), y.clone());
    residuals.rule((x.range().0, 0.0), (x.range().1, 0.0));
    for ((class, _), pairs) in kinds(subject).iter().zip(kinds_of_pairs) {
        let every = pairs.len().div_ceil(DOTS).max(1);
        let few = || pairs.iter().copied().step_by(every);
        scatter.dots(class, few());
        residuals.dots(class, few().map(|(float, device)| (float, device - float)));
    }
    let inside = |&&(float, device): &&(f64, f64)| x.contains(float) && y.contains(device - float);
    let all = || kinds_of_pairs.into_iter().flatten();
    let outside = all().count() - all().filter(inside).count();
    let figure = |title, description: &str, chart| Figure {
        title,
        description: description.into(),
        key: kinds(subject).to_vec(),
        chart,
    };
    let scatter = figure(
        "Device score against float score",
        "A dot for each reading; on the line both are equal.",
        scatter,
    );
    let residuals = figure(
        "The difference, enlarged",
        "A dot for each reading; on the line there is no difference.",
        residuals,
    );
    ([scatter, residuals], outside)
}

/// The section on what the integers cost.
pub(super) fn quantization(results: &Results<'_>) -> String {
    let subject = &results.tested;
    let device = elbos(subject.scores);
    let pairs: Pairs = results.float.iter().copied().zip(device).collect();
    if pairs.is_empty() {
        return String::new();
    }
    let (normal, anomalous) = by_kind(&pairs, subject.anomalous);
    let differences: Vec<f64> = pairs.iter().map(|(float, device)| device - float).collect();
    let (figures, outside) = compared(subject, [&normal, &anomalous], &differences);
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let square = differences.iter().map(|d| d * d).sum::<f64>() / differences.len() as f64;
    format!(
        "<h2>Quantization</h2>\n<div class=\"charts\">\n{}</div>\n<p class=\"caption\">Over all test readings{} \
         device − float has the mean {} and the root mean square {} nats: rounding to integers, the \
         estimators' difference and the noise of the float samples together.{}</p>\n",
        figures.each_ref().map(Figure::panel).concat(),
        if anomalous.is_empty() {
            ""
        } else {
            ", anomalous ones too,"
        },
        number(mean, 3),
        number(square.sqrt(), 3),
        match outside {
            0 => String::new(),
            _ => format!(" {} outside of the charts.", plural(outside, "reading")),
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_keep_what_lies_outside() {
        let axis = Axis::new("", 0.0, 60.0);
        let shares = shares(&[-1e9, 0.5, 59.9, 60.0, 10.5], &axis, 60);
        assert_eq!((shares[0], shares[59], shares[10]), (40.0, 40.0, 20.0));
    }

    #[test]
    fn windows_hold_the_normal_scores() {
        let normal: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(window(&normal, &[]), (0.0, 100.0));
        assert_eq!(window(&normal, &[-50.0]), (-50.0, 100.0));
        assert_eq!(window(&normal, &[-5e4]), (1.0 - 98.0 * REACH, 100.0));
        assert_eq!(window(&[], &[2.0]), (2.0, 2.0));
    }
}
