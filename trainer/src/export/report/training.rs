//! The terms of the bound over the epochs.

use super::draw::chart::{Axis, Chart, Label, Size};
use super::draw::{Figure, thin};
use super::text::number;
use crate::numeric::statistics::quantile;
use crate::train::Epoch;

/// The part of epochs, the first ones, that may fall out of a chart's lower end.
const FIRST_EPOCHS: f64 = 0.03;

/// The epoch whose parameters were kept, the first of equals as in training, and its criterion; none without validation.
fn best(history: &[Epoch]) -> Option<(usize, f64)> {
    let validated = history
        .iter()
        .filter_map(|epoch| Some((epoch.epoch, epoch.criterion()?)));
    let validated = validated.filter(|(_, criterion)| criterion.is_finite());
    validated.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The section on training.
pub(super) fn section(history: &[Epoch]) -> String {
    let gaps = history
        .iter()
        .any(|epoch| epoch.observed_fraction.is_some());
    let kept = match best(history) {
        Some((epoch, criterion)) => format!(
            "The parameters of epoch {epoch} were kept: of those tried they had the highest bound on the validation \
             readings{}, {} nats.",
            if gaps {
                ", the mean of whole ones and of the same with gaps"
            } else {
                ""
            },
            number(criterion, 3)
        ),
        None => {
            "There were no validation readings: the parameters of the last epoch were kept.".into()
        }
    };
    format!(
        "<h2>Training</h2>\n<div class=\"charts\">\n{}{}{}</div>\n<p class=\"caption\">{kept} The bound on training \
         readings is that of the samples as they were met{}. The first epochs may lie outside.</p>\n",
        bound(history).panel(),
        term("Reconstruction, E[log p(x|z)]", history, |epoch| epoch
            .reconstruction)
        .panel(),
        term("KL(q(z|x) ‖ p(z))", history, |epoch| epoch.kl).panel(),
        if gaps {
            ", and of what was observed of them alone"
        } else {
            ""
        },
    )
}

/// A number of each epoch that has it.
type Curve = Vec<(f64, f64)>;

fn curve(history: &[Epoch], value: impl Fn(&Epoch) -> Option<f64>) -> Curve {
    let points = history
        .iter()
        .filter_map(|epoch| Some((epoch.epoch as f64, value(epoch)?)));
    points.filter(|(_, value)| value.is_finite()).collect()
}

/// A chart with room for `curves`, but for their first epochs.
fn chart(history: &[Epoch], curves: &[&Curve]) -> Chart {
    let settled = |curve: &&Curve| {
        let first = (curve.len() as f64 * FIRST_EPOCHS).round() as usize;
        curve
            .iter()
            .skip(first)
            .map(|point| point.1)
            .collect::<Vec<_>>()
    };
    let values: Vec<f64> = curves.iter().flat_map(settled).collect();
    let y = Axis::padded(
        "nats a reading",
        quantile(&values, 0.0),
        quantile(&values, 1.0),
    );
    Chart::new(
        Size::SMALL,
        Axis::whole("epoch", 0.0, history.len().max(2) as f64),
        y,
    )
}

/// The bound on training and validation readings.
pub(super) fn bound(history: &[Epoch]) -> Figure {
    let training = curve(history, |epoch| Some(epoch.elbo));
    let validation = curve(history, |epoch| epoch.validation_elbo);
    let mut chart = chart(history, &[&training, &validation]);
    chart.line("first", &thin(&training));
    let gaps = history
        .iter()
        .any(|epoch| epoch.observed_fraction.is_some());
    let name = if gaps {
        "training, observed part"
    } else {
        "training"
    };
    let mut entries = vec![("first", name)];
    if !validation.is_empty() {
        chart.line("second", &thin(&validation));
        entries.push(("second", "validation"));
    }
    if let Some((best, _)) = best(history) {
        chart.threshold(best as f64, "kept", Label::Bottom);
    }
    Figure {
        title: "Evidence lower bound",
        description:
            "The bound over the epochs; the line marks the epoch whose parameters were kept.".into(),
        key: entries,
        chart,
    }
}

fn term(title: &'static str, history: &[Epoch], value: impl Fn(&Epoch) -> f64) -> Figure {
    let curve = curve(history, |epoch| Some(value(epoch)));
    let mut chart = chart(history, &[&curve]);
    chart.line("first", &thin(&curve));
    Figure {
        title,
        description: "A term of the bound over the epochs.".into(),
        key: vec![("first", "training")],
        chart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(epochs: usize) -> Vec<Epoch> {
        let epoch = |epoch| Epoch {
            epoch,
            elbo: -1.0,
            reconstruction: -0.5,
            kl: 0.5,
            validation_elbo: (epoch == 2).then_some(-2.0),
            ..Epoch::default()
        };
        (1..=epochs).map(epoch).collect()
    }

    #[test]
    fn one_epoch_without_validation_is_enough() {
        let page = section(&history(1));
        assert!(
            page.contains("no validation readings") && !page.contains("NaN"),
            "{page}"
        );
        assert!(section(&history(3)).contains("parameters of epoch 2 were kept"));
    }
}
