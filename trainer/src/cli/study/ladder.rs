//! `trainer ladder`.

use super::estimators::choose_normal;
use crate::cli::arguments::Source;
use crate::cli::arguments::asked;
use crate::cli::arguments::parse_estimator;
use crate::cli::arguments::prepare;
use crate::cli::output::decimal;
use crate::cli::output::emit_results;
use crate::error::Error;
use crate::export::run;
use crate::study::bound::ladder::{Ladder, Setting};
use clap::Args;
use elbow::Estimator;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// A file with a label for each reading, 0 for normal; others are left out
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Use at most N normal readings, chosen at random, always the same ones
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
    /// Samples of each reading in log p(x)
    #[arg(long, value_name = "K", default_value_t = 5000, value_parser = clap::value_parser!(u16).range(2..))]
    samples: u16,
    /// Estimator that the device is going to score with [default: sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// Seed of all random draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { source, limit, .. } = arguments;
    if *limit == 0 {
        return Err(Error::Setting(
            "--limit is 0: give the number of readings to use, 1 or more".into(),
        ));
    }
    let image = run::read_image(&source.model)?;
    let model = run::parse(&source.model, &image)?;
    let (config, vae) = run::read_vae(&source.model, &candle_core::Device::Cpu)?;
    let labels = arguments.labels.as_deref();
    let loaded = source.load(&model, labels, None, |rows| (0..rows).collect())?;
    let chosen = choose_normal(&loaded.labelled, *limit)?;
    let data = prepare(&vae, &config, loaded.readings.select(&chosen))?;
    let ladder = Ladder::new(&Setting {
        vae: &vae,
        model: &model,
        data: &data,
        samples: arguments.samples.into(),
        trained_samples: config.settings.bound_samples(),
        estimator: asked(arguments.estimator, &model),
        seed: arguments.seed,
    })?;
    if let Some(warning) = &ladder.warning {
        eprintln!("warning: {warning}");
    }
    emit_results(arguments.json, &ladder, describe)
}

fn describe(ladder: &Ladder) -> String {
    let mut text = format!(
        "{:<38}{:>11}{:>9}{:>11}{:>9}\n",
        "nats a reading", "mean", "s.e.", "of draws", "ESS"
    );
    // Writing to a string cannot fail.
    for rung in &ladder.rungs {
        let _ = writeln!(
            text,
            "{:<38}{:>11.3}{:>9}{:>11}{:>9}",
            rung.name,
            rung.mean,
            decimal(rung.standard_error, 3),
            decimal(rung.sampling_error, 4),
            decimal(rung.effective_samples, 1)
        );
    }
    text += "\n";
    for gap in &ladder.gaps {
        let error = decimal(gap.standard_error, 3);
        let _ = writeln!(text, "{:<14} gap {:>+9.3} ± {error}", gap.name, gap.mean);
    }
    let latents = &ladder.latents;
    let kl: Vec<String> = latents.kl.iter().map(|kl| format!("{kl:.2}")).collect();
    let end = if ladder.svi_converged {
        "converged"
    } else {
        "did not converge"
    };
    let _ = writeln!(
        text,
        "\nKL by latent {}\n{} of {} latents active, mutual information {:.2} nats (at most {:.2})\n{}\n{} readings; SVI {end} in {} steps",
        kl.join(" "),
        latents.active,
        latents.kl.len(),
        latents.mutual_information,
        (ladder.readings as f64).ln(),
        latents.verdict,
        ladder.readings,
        ladder.svi_steps
    );
    text
}
