//! `trainer variance`.

use super::estimators::choose_normal;
use crate::cli::arguments::Source;
use crate::cli::arguments::prepare;
use crate::cli::output::emit_results;
use crate::config::{Gradient, Latent};
use crate::error::Error;
use crate::export::run;
use crate::train::gradient::{Row, Setting, Variance};
use candle_core::Device;
use clap::{Args, ValueEnum};
use std::fmt::Write;
use std::path::PathBuf;

/// Samples of a reading at most.
const MOST_SAMPLES: usize = 1000;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// A file with a label for each reading, 0 for normal; others are left out
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Readings in a gradient: at most N normal ones, chosen at random, always the same
    #[arg(long, value_name = "N", default_value_t = 64)]
    limit: usize,
    /// Samples of each reading, one or more numbers separated by commas
    #[arg(
        long,
        value_name = "K",
        value_delimiter = ',',
        default_values_t = [1, 5]
    )]
    samples: Vec<usize>,
    /// Gradients of each estimator
    #[arg(long, value_name = "N", default_value_t = 500)]
    draws: usize,
    /// Only these estimators, separated by commas [default: all that the latents allow]
    #[arg(long, value_name = "NAMES", value_enum, value_delimiter = ',')]
    gradient: Vec<Gradient>,
    /// Seed of all random draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn validate(&self) -> Result<(), Error> {
        let setting = |text: String| Err(Error::Setting(text));
        if self.limit == 0 {
            return setting("--limit is 0: give the number of readings to use, 1 or more".into());
        }
        if let Some(bad) = self
            .samples
            .iter()
            .find(|k| !(1..=MOST_SAMPLES).contains(*k))
        {
            return setting(format!(
                "--samples has {bad}: give numbers from 1 to {MOST_SAMPLES}, such as 1,5"
            ));
        }
        if self.draws < 2 {
            return setting(format!(
                "--draws is {}: a variance takes at least 2 gradients, such as 500",
                self.draws
            ));
        }
        Ok(())
    }

    /// Estimators to compare on a model with such latents.
    fn gradients(&self, latent: Latent) -> Result<Vec<Gradient>, Error> {
        if !self.gradient.is_empty() {
            Setting::check(&self.gradient, &self.samples, latent)?;
            return Ok(self.gradient.clone());
        }
        let all = Gradient::value_variants().iter().copied();
        Ok(all.filter(|gradient| gradient.suits(latent)).collect())
    }
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    arguments.validate()?;
    let Arguments { source, .. } = arguments;
    let (config, vae) = run::read_vae(&source.model, &Device::Cpu)?;
    let gradients = arguments.gradients(vae.latent())?;
    let labels = arguments.labels.as_deref();
    let image = run::read_image(&source.model)?;
    let model = run::parse(&source.model, &image)?;
    let loaded = source.load(&model, labels, None, |rows| (0..rows).collect())?;
    let chosen = choose_normal(&loaded.labelled, arguments.limit)?;
    let data = prepare(&vae, &config, loaded.readings.select(&chosen))?;
    let variance = Variance::new(&Setting {
        vae: &vae,
        batch: &data.batch,
        gradients: &gradients,
        samples: &arguments.samples,
        draws: arguments.draws,
        seed: arguments.seed,
    })?;
    emit_results(arguments.json, &variance, describe)
}

fn describe(variance: &Variance) -> String {
    let mut text = format!(
        "{:<24}{:>4} {:<9}{:>32}{:>32}{:>19}{:>8}{:>7}\n{:<24}{:>4} {:<9}{:>11}{:>12}{:>9}{:>11}{:>12}{:>9}{:>19}{:>8}{:>7}\n",
        "",
        "",
        "",
        format!("encoder ({})", variance.encoder_parameters),
        format!("decoder ({})", variance.decoder_parameters),
        "bias, encoder",
        "",
        "",
        "gradient",
        "k",
        "of",
        "signal",
        "variance",
        "SNR",
        "signal",
        "variance",
        "SNR",
        "%",
        "ms",
        "cost",
    );
    // Writing to a string cannot fail.
    for row in &variance.rows {
        let _ = writeln!(text, "{}", line(row));
    }
    let _ = writeln!(
        text,
        "\n{} readings in a gradient, {} gradients of each estimator; signal: norm of the expected gradient, nats; variance: trace of the covariance of one gradient; SNR: signal / sqrt(variance); bias: of the mean gradient along an unbiased reference of the same bound, ± standard error; cost: time over that of the first row",
        variance.readings, variance.draws
    );
    text
}

fn line(row: &Row) -> String {
    let Row {
        encoder,
        decoder,
        bias,
        ..
    } = row;
    let bias = format!(
        "{:+.1} ± {:.1}",
        100.0 * bias.fraction,
        100.0 * bias.standard_error
    );
    format!(
        "{:<24}{:>4} {:<9}{:>11.4}{:>12.3e}{:>9.3}{:>11.4}{:>12.3e}{:>9.3}{:>19}{:>8.2}{:>7.2}",
        row.gradient.to_string(),
        row.samples,
        row.target.to_string(),
        encoder.signal,
        encoder.variance,
        encoder.signal_to_noise,
        decoder.signal,
        decoder.variance,
        decoder.signal_to_noise,
        bias,
        row.milliseconds,
        row.relative_cost
    )
}
