//! `trainer eval`.

use super::events;
use crate::cli::arguments::Input;
use crate::cli::arguments::alarm::AlarmArguments;
use crate::cli::arguments::asked;
use crate::cli::arguments::parse_estimator;
use crate::cli::arguments::prepare;
use crate::cli::output::decimal;
use crate::cli::output::emit_results;
use crate::cli::output::signed;
use crate::cli::study::baseline::describe_worth;
use crate::error::Error;
use crate::export::run;
use crate::readings::raw::DeviceReadings;
use crate::study::baselines::{self, Worth};
use crate::study::bound::breakdown::{Breakdown, Setting};
use crate::study::bound::evidence::{LogEvidence, evidence};
use crate::study::detection::evaluate::{Evaluation, FLOAT_POINTS, Scores, Side};
use crate::study::detection::false_alarms::FalseAlarms;
use clap::Args;
use elbow::Estimator;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// A file with a label for each row of the data, 0 for normal
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The device's estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default:
    /// sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// Show where the difference goes: input, weights and activations layer by layer, heads, latents, tables,
    /// sampling; each on top of those before it, and alone
    #[arg(long)]
    breakdown: bool,
    /// Fit baselines too, on the readings that the run learned from, and compare them on these
    #[arg(long)]
    baselines: bool,
    /// Estimate log p(x) of the trained model too, by importance sampling with K samples of each reading
    #[arg(long, value_name = "K")]
    importance_samples: Option<usize>,
    /// Watch DATA as a stream and judge the alarms by the events in it: samples that labels call anomalous, or rows of a FILE
    /// with the first and the last sample of an event, counted from 0, and, where it is known, the disturbed channel
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with_all = ["breakdown", "baselines", "importance_samples"])]
    events: Option<Option<PathBuf>>,
    /// Samples after an event in which an alarm still counts for it [default: a window]
    #[arg(long, value_name = "SAMPLES", requires = "events")]
    tolerance: Option<usize>,
    #[command(flatten)]
    alarm: AlarmArguments,
    /// Seed of the draws of importance sampling, and of a stochastic estimator of --events
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Results that are printed as JSON.
#[derive(Debug, Serialize)]
struct Results {
    #[serde(flatten)]
    evaluation: Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_evidence: Option<LogEvidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breakdown: Option<Breakdown>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    baselines: Vec<Worth>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { input, .. } = arguments;
    if let Some(file) = &arguments.events {
        return events::run(&events::Request {
            input,
            events: file.as_deref(),
            labels: arguments.labels.as_ref(),
            tolerance: arguments.tolerance,
            alarm: &arguments.alarm,
            estimator: arguments.estimator,
            seed: arguments.seed,
            json: arguments.json,
        });
    }
    if let Some(option) = arguments.alarm.first_given() {
        return Err(Error::Setting(format!(
            "{option} sets the alarm that --events judges, and it is not given: give --events, or leave {option} out"
        )));
    }
    if arguments.importance_samples == Some(0) {
        return Err(Error::Setting(
            "--importance-samples is 0: give 1 or more; 500 is usual".into(),
        ));
    }
    let image = run::read_image(&input.source.model)?;
    let model = run::parse(&input.source.model, &image)?;
    let estimator = asked(arguments.estimator, &model);
    let (config, vae) = run::read_vae(&input.source.model, &candle_core::Device::Cpu)?;
    let DeviceReadings {
        readings, labelled, ..
    } = input.load(&model, arguments.labels.as_deref(), None)?;
    let data = prepare(&vae, &config, readings)?;
    let scores = Scores::new(&vae, &model, &data, estimator)?;
    let anomalous = labelled.anomalous.as_deref();
    let evaluation = Evaluation::new(&scores, anomalous);
    let setting = Setting {
        vae: &vae,
        model: &model,
        normalization: &config.derived.normalization,
        data: &data,
        scores: &scores,
        estimator,
        seed: 0,
    };
    let breakdown = arguments
        .breakdown
        .then(|| Breakdown::new(&setting, anomalous));
    let log_evidence = arguments.importance_samples.map(|samples| {
        let all = evidence(&vae, &data, samples, arguments.seed)?;
        Ok::<_, Error>(LogEvidence::new(&all, samples, anomalous))
    });
    let baselines = if arguments.baselines {
        baselines::beside(&config, &data.readings, anomalous)?
    } else {
        vec![]
    };
    let results = Results {
        evaluation,
        log_evidence: log_evidence.transpose()?,
        breakdown: breakdown.transpose()?,
        baselines,
    };
    emit_results(arguments.json, &results, |results| {
        let parts = results.breakdown.as_ref().map(describe_parts);
        describe(results, estimator)
            + &describe_baselines(&results.baselines)
            + &parts.unwrap_or_default()
    })
}

/// A line on each.
fn describe_baselines(baselines: &[Worth]) -> String {
    if baselines.is_empty() {
        return String::new();
    }
    let lines: String = baselines.iter().map(describe_worth).collect();
    format!("\nbaselines, fitted on the same readings\n{lines}")
}

/// The parts of the difference for a terminal.
fn describe_parts(breakdown: &Breakdown) -> String {
    let number = |nats: f64| format!("{nats:+.4}");
    let error = |error: Option<f64>| decimal(error, 4);
    let row = |name: &str, nats: f64, spread, alone: Option<(f64, Option<f64>)>| {
        let alone = alone.map_or_else(String::new, |(nats, spread)| {
            format!("   {:>9} ± {}", number(nats), error(spread))
        });
        format!("{name:<28}{:>9} ± {}{alone}\n", number(nats), error(spread))
    };
    let parts = breakdown.parts.iter().map(|part| {
        let place = part.place.as_deref().unwrap_or_default();
        let name = format!("{} {place}", part.cause.name());
        let alone = (part.alone, part.alone_standard_error);
        row(name.trim_end(), part.nats, part.standard_error, Some(alone))
    });
    let several = breakdown.totals.iter().filter(|total| {
        let parts = breakdown.parts.iter();
        parts.filter(|part| part.cause == total.cause).count() > 1
    });
    let totals = several.map(|total| {
        let name = format!("{} together", total.cause.name());
        row(&name, total.nats, total.standard_error, None)
    });
    format!(
        "\n{:<28}{:>18}   {:>18}\n{}\n{}\nthe parts sum up to device - float; {} normal readings\n{}\n",
        "nats a reading",
        "on top of the last",
        "alone",
        parts.collect::<String>(),
        totals.collect::<String>(),
        breakdown.readings,
        breakdown.verdict,
    )
}

fn describe(results: &Results, estimator: Estimator) -> String {
    let Evaluation {
        normal,
        anomalous,
        float,
        device,
        p_value_auc,
        false_alarms,
        difference,
        mean_distance,
        spearman,
    } = &results.evaluation;
    let row = |name: &str, side: &Side| {
        let auc = side
            .auc
            .map_or_else(String::new, |auc| format!("   AUC {auc:.4}"));
        let (elbo, error) = (decimal(side.elbo, 3), decimal(side.standard_error, 3));
        format!("{name}  ELBO {elbo} ± {error} nats a reading{auc}\n")
    };
    let judged = p_value_auc.map_or_else(String::new, |auc| format!("p-values  AUC {auc:.4}\n"));
    let FalseAlarms {
        p_value,
        count,
        readings,
        at_most,
    } = false_alarms;
    let false_alarms = format!(
        "alarms at p <= {p_value}  {count} of {readings} normal readings; of new ones at most {:.2} %, with 95 % confidence\n",
        100.0 * at_most
    );
    let log_evidence = results.log_evidence.map_or_else(String::new, |log_evidence| {
        let LogEvidence {
            samples,
            mean,
            standard_error,
            sampling_error,
            effective_samples,
        } = log_evidence;
        format!(
            "log p(x)  {} ± {} nats a reading, by {samples} importance samples (± {} by the draws; effective {})\n",
            decimal(mean, 3),
            decimal(standard_error, 3),
            decimal(sampling_error, 4),
            decimal(effective_samples, 1),
        )
    });
    format!(
        "{}{}{judged}{false_alarms}device - float  {} nats; distance of a reading's scores {} nats, rank correlation {}\n{log_evidence}{normal} normal and {anomalous} anomalous readings; float by {FLOAT_POINTS} points, device by {estimator}\n",
        row("float ", float),
        row("device", device),
        signed(*difference),
        decimal(*mean_distance, 3),
        decimal(*spearman, 4),
    )
}
