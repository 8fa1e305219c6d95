//! `trainer estimators`.

use crate::cli::arguments::Source;
use crate::cli::output::decimal;
use crate::cli::output::emit_results;
use crate::data::shuffle;
use crate::error::Error;
use crate::export::run;
use crate::numeric::random::{self, Purpose};
use crate::readings::Labelled;
use crate::readings::raw::DeviceReadings;
use crate::study::bound::compare::{Comparison, Contest, Decisions, Setting};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// A file with a label for each reading, 0 for normal
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Use at most N readings, chosen at random, always the same ones
    #[arg(long, value_name = "N", default_value_t = 400)]
    limit: usize,
    /// Seed of the estimators' random draws; the references draw from the next seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Samples of the references for the ELBO (Monte Carlo) and for log p(x) (importance-weighted)
    #[arg(long, value_name = "K", default_value_t = 4096, value_parser = clap::value_parser!(u16).range(2..))]
    reference_samples: u16,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { source, limit, .. } = arguments;
    let image = run::read_image(&source.model)?;
    let model = run::parse(&source.model, &image)?;
    let loaded = source.load(&model, arguments.labels.as_deref(), None, |rows| {
        choose(rows, *limit)
    })?;
    let DeviceReadings {
        readings, labelled, ..
    } = loaded;
    let comparison = Comparison::new(&Setting {
        model: &model,
        readings: &readings,
        anomalous: labelled.anomalous.as_deref(),
        seed: arguments.seed,
        reference_samples: arguments.reference_samples,
    })?;
    emit_results(arguments.json, &comparison, describe)
}

/// At most `limit` of `rows` rows, in order. The first ones would often be all of one kind, and
/// every n-th would beat with whatever is periodic in the data.
fn choose(rows: usize, limit: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..rows).collect();
    shuffle(&mut chosen, &mut random::stream(0, Purpose::Shuffling));
    chosen.truncate(limit);
    chosen.sort_unstable();
    chosen
}

/// At most `limit` normal readings, as [`choose`] does.
pub(in crate::cli) fn choose_normal(
    labelled: &Labelled,
    limit: usize,
) -> Result<Vec<usize>, Error> {
    let anomalous = labelled.anomalous.as_ref();
    let is_normal = |row: &usize| !anomalous.is_some_and(|anomalous| anomalous[*row]);
    let rows = labelled.dataset.table.len();
    let normal: Vec<usize> = (0..rows).filter(is_normal).collect();
    if normal.is_empty() {
        return Err(Error::Setting(format!(
            "{} has no normal reading: this command is about those",
            labelled.dataset.name
        )));
    }
    let chosen = choose(normal.len(), limit).into_iter();
    Ok(chosen.map(|at| normal[at]).collect())
}

fn describe(comparison: &Comparison) -> String {
    let Comparison {
        normal,
        anomalous,
        elbo,
        log_evidence,
        decision,
    } = comparison;
    let decision = decision.as_ref().map_or_else(
        || "no decisions: the image has no calibration to take a threshold from\n".into(),
        decisions,
    );
    format!(
        "{}\n{}\n{decision}\n{normal} normal and {anomalous} anomalous readings; nats a reading; s.e.: root mean square of the standard errors that are reported\n",
        contest("ELBO", elbo),
        contest("log p(x)", log_evidence)
    )
}

fn contest(quantity: &str, contest: &Contest) -> String {
    let reference = &contest.reference;
    let mut text = format!(
        "{:<26}{:>8}{:>11}{:>9}{:>9}{:>9}{:>9}\n",
        format!("{quantity} by"),
        "passes",
        "mean",
        "bias",
        "RMSE",
        "s.e.",
        "AUC"
    );
    for row in &contest.estimators {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<26}{:>8}{:>11.3}{:>+9.3}{:>9.3}{:>9}{:>9}",
            row.estimator,
            row.passes,
            row.mean,
            row.bias,
            row.rmse,
            decimal(row.standard_error, 3),
            decimal(row.auc, 4)
        );
    }
    let name = format!("= {}", reference.estimator);
    let (error, auc) = (
        decimal(reference.standard_error, 3),
        decimal(reference.auc, 4),
    );
    let _ = writeln!(
        text,
        "{name:<34}{:>11.3}{:>9}{:>9}{error:>9}{auc:>9}",
        reference.mean, "", ""
    );
    text
}

fn decisions(decisions: &Decisions) -> String {
    let Decisions {
        threshold,
        false_alarm_rate,
        confidence,
        max_passes,
        ..
    } = decisions;
    let percent =
        |fraction: Option<f64>| decimal(fraction.map(|fraction| 100.0 * fraction), 1) + " %";
    format!(
        "decisions at {threshold:.3} nats (false alarms {}), confidence {}, at most {max_passes} passes\n  \
         passes: {} for normal readings, {} for anomalous ones\n  \
         decided by one pass {}, by three {}, undecided {}; agreement with the reference {}\n",
        percent(Some(*false_alarm_rate)),
        percent(Some(*confidence)),
        decimal(decisions.normal_passes, 2),
        decimal(decisions.anomalous_passes, 2),
        percent(Some(decisions.decided_by_one_pass)),
        percent(Some(decisions.decided_by_three_passes)),
        percent(Some(decisions.undecided)),
        percent(decisions.agreement),
    )
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn readings_are_chosen_in_order_and_once() {
        let chosen = choose(1000, 100);
        assert!(chosen.len() == 100 && chosen.is_sorted_by(|a, b| a < b));
        assert!(chosen[99] > 900 && chosen[99] < 1000);
        assert_eq!(choose(3, 9), [0, 1, 2]);
        assert!(choose(3, 0).is_empty());
    }
}
