//! The commands: raw arguments, then validated settings, then the work.

mod alarm;
mod baseline;
mod bench;
mod decode;
mod encode;
mod estimators;
mod eval;
mod events;
mod explain;
mod export;
mod fit;
mod help;
mod impute;
mod init;
mod inspect;
mod interrupt;
mod ladder;
mod live;
mod look;
mod new;
mod output;
mod place;
mod plot;
mod progress;
mod quantize;
mod readings;
mod results;
mod runs;
mod sample;
mod samples;
mod score;
mod stream;
mod table;
mod telemetry;
mod tracking;
mod tune;
mod variance;
mod verify;
mod watch;

use crate::config::LikelihoodKind;
use crate::data::{DataSource, Dataset, Table};
use crate::error::Error;
use crate::export::run;
use crate::model::prepared::Prepared;
use crate::readings::Labelled;
use crate::readings::Readings;
use crate::readings::RunConfig;
use crate::readings::masks::Masks;
use crate::readings::scoring::{Like, check_width, load_for_scoring, stream_to_readings};
use crate::readings::splits::Splits;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use elbow::{Estimator, Model};
use output::{decimal, emit, emit_results, is_standard, prepare_out, read_in, signed, write_out};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit code of an alarm under `watch --exit-on-alarm`.
const ALARM: u8 = 3;

/// Remedy for data that cannot be.
const LIKE_THE_TRAINING: &str = "score data like those that the model was trained for";

/// Variational autoencoders for microcontrollers: train, quantize, export, evaluate.
#[derive(Debug, Parser)]
#[command(name = "trainer", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at a file, and write a file of all settings for it, to edit and to train by.
    Init(Box<init::Arguments>),
    /// Train, quantize, export and evaluate a model; without DATA on the 8x8 digits that ship with
    /// this program.
    Fit(Box<fit::Arguments>),
    /// Show what a file holds and what `fit` would make of it: columns, roles, gaps, parts.
    Look(Box<look::Arguments>),
    /// Measure how fast training is, and how fast its matrix products alone would be.
    Bench(bench::Arguments),
    /// Fit a baseline on the part of the data that `fit` learns from, and say what it is worth on the
    /// part that it tests on.
    Baseline(baseline::Arguments),
    /// Score readings as the device does: one line of CSV a reading.
    Score(score::Arguments),
    /// Say why readings are strange: what each column contributed, in nats, beside its value and what the model makes of it.
    Explain(Box<explain::Arguments>),
    /// Draw a chart of the report as a file: operating curves, latents, thresholds, scores, training.
    Plot(plot::Arguments),
    /// Fill the gaps of readings in as the device does, with E[x|z] at the posterior mean given what
    /// was observed.
    Impute(impute::Arguments),
    /// Compare the float model with the exported one: mean ELBO, difference, AUC. With --events, judge the alarms on a
    /// stream: false alarms, events found, delays.
    Eval(Box<eval::Arguments>),
    /// Quantize the model of a run anew, and compare: for other calibrations.
    Quantize(quantize::Arguments),
    /// Train the model of a run on in the device's integers, also with other bits: a new run.
    Tune(tune::Arguments),
    /// Compare the estimators of the bound on the device: passes, bias, error, AUC, and how soon the
    /// anytime decision is made.
    Estimators(estimators::Arguments),
    /// Show where every nat between log p(x) and the device's bound goes: gaps of approximation,
    /// amortization, sampling and quantization; what the latents carry.
    Ladder(ladder::Arguments),
    /// Compare estimators of the gradient of the bound on a model: signal, variance, bias and cost.
    Variance(variance::Arguments),
    /// Show what an image holds: layers, scales, MACs, flash and RAM.
    Inspect(inspect::Arguments),
    /// Check an image: checksum, self-test, versions, and what it needs.
    Verify(verify::Arguments),
    /// Write a model for firmware, with every number that a program has to know of it: as Rust, C, bytes or Intel HEX.
    Export(export::Arguments),
    /// Write a program for a board around a model, in Rust or C, that builds and runs in an emulator by one command; without a
    /// folder, list the boards.
    New(new::Arguments),
    /// Draw readings from the prior, as the device does.
    Sample(sample::Arguments),
    /// Convert data to the raw 16-bit readings that the device takes in.
    Readings(readings::Arguments),
    /// Convert a stream to the raw 16-bit samples that the device takes in.
    Samples(samples::Arguments),
    /// Watch a stream as the device does: one line of CSV a window, alarms and drift on standard
    /// error.
    Watch(Box<watch::Arguments>),
    /// Write the telemetry that a device would send: a packet of quantized latents a reading.
    Encode(encode::Arguments),
    /// Turn packets of telemetry back into readings: one line of CSV a packet.
    Decode(decode::Arguments),
    /// List runs: data, date, bounds, AUC, size.
    List(runs::List),
    /// Compare runs: settings that differ, bounds, AUC, cost.
    Compare(runs::Compare),
    /// Train runs over a grid of settings and seeds, and say which are best.
    Sweep(runs::Sweep),
    /// Print what a shell needs to complete commands and options.
    Completions(help::pages::Completions),
    /// Write pages of a manual, one for each command.
    Man(help::pages::Manual),
}

/// A model and data for it.
#[derive(Debug, Args)]
struct Source {
    /// A model image, or the folder of a run
    model: PathBuf,
    /// A file, or files, as for `fit`, or `digits`: the test part of the digits (also digits:train,
    /// digits:validation, digits:held-out, digits:all); `pump` or `motor`: their whole logs. For a model of a stream the rows are readings
    /// or samples, by their width; samples are cut into windows as on the device [default: the test
    /// part of what the run was trained on]
    data: Option<String>,
}

/// The readings that a command works on.
#[derive(Debug, Args)]
struct Input {
    #[command(flatten)]
    source: Source,
    /// Use only the first N readings
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Readings and what goes with them.
#[derive(Debug)]
struct Loaded {
    /// Readings as the device takes them in.
    readings: Readings,
    /// Inputs that were observed, where a file says so.
    masks: Option<Masks>,
    /// Readings as they were in the file.
    labelled: Labelled,
}

/// The command line, with its help: whoever writes about commands can parse them by it.
#[must_use]
pub fn command() -> clap::Command {
    help::arrange(Cli::command())
}

/// Parses the command line and does what it says; the exit code is 0, or 3 where an alarm was asked to be told by it.
///
/// # Errors
/// [`Error`]; its message is one line.
pub fn run() -> Result<ExitCode, Error> {
    let mut matches = command().get_matches();
    let cli = Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit());
    interrupt::listen();
    let done = match cli.command {
        Command::Fit(arguments) => fit::run(*arguments),
        Command::Baseline(arguments) => baseline::run(&arguments),
        Command::Score(arguments) => score::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Impute(arguments) => impute::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Quantize(arguments) => quantize::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        Command::Estimators(arguments) => estimators::run(&arguments),
        Command::Ladder(arguments) => ladder::run(&arguments),
        Command::Variance(arguments) => variance::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Readings(arguments) => readings::run(&arguments),
        Command::Samples(arguments) => samples::run(&arguments),
        Command::Watch(arguments) => {
            let is_alarm = watch::run(&arguments)?;
            return Ok(ExitCode::from(if is_alarm { ALARM } else { 0 }));
        }
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Look(arguments) => look::run(*arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Init(arguments) => init::run(*arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::List(arguments) => runs::list(&arguments),
        Command::Compare(arguments) => runs::compare(&arguments),
        Command::Sweep(arguments) => runs::sweep(&arguments),
        Command::Completions(arguments) => help::pages::completions(&arguments),
        Command::Man(arguments) => help::pages::manual(&arguments),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn parse_estimator(text: &str) -> Result<Estimator, String> {
    text.parse()
        .map_err(|error: elbow::estimator::UnknownEstimator| error.to_string())
}

/// The estimator that was asked for, or the one that suits `model` best.
fn asked(estimator: Option<Estimator>, model: &Model<'_>) -> Estimator {
    estimator.unwrap_or(model.posterior().estimator())
}

impl Input {
    /// Loads the first readings, as many as there may be.
    fn load(
        &self,
        model: &Model<'_>,
        labels: Option<&Path>,
        mask: Option<&Path>,
    ) -> Result<Loaded, Error> {
        let first = |rows: usize| (0..rows.min(self.limit.unwrap_or(rows))).collect();
        self.source.load(model, labels, mask, first)
    }
}

impl Source {
    /// The settings beside the model, if there are any. An image is enough for the readings of a file, which are taken
    /// as they are where no settings can be read.
    fn run_beside(&self) -> Result<Option<RunConfig>, Error> {
        let beside = run::config_beside(&self.model);
        let source = self.data.as_deref().map(DataSource::parse).transpose()?;
        match source {
            Some(DataSource::File(_) | DataSource::Machine(_)) => Ok(beside.ok().flatten()),
            _ => beside,
        }
    }

    /// All readings, as they were in their file or are among the data of `run`, the settings beside the model.
    fn labelled(
        &self,
        run: Option<&RunConfig>,
        like: Like<'_>,
        labels: Option<&Path>,
    ) -> Result<Labelled, Error> {
        let Some(data) = &self.data else {
            return self.test_part(run, labels);
        };
        let labelled = load_for_scoring(data, labels, like)?;
        tell(&labelled);
        Ok(labelled)
    }

    /// The readings that a run tests on.
    fn test_part(&self, run: Option<&RunConfig>, labels: Option<&Path>) -> Result<Labelled, Error> {
        let run = run.ok_or_else(|| {
            Error::Setting(format!(
                "{} lies in no folder of a run, whose test part could be taken: give DATA",
                self.model.display()
            ))
        })?;
        if let Some(labels) = labels {
            return Err(Error::Setting(format!(
                "--labels {} is for DATA, and there is none: the test part of the run has its own",
                labels.display()
            )));
        }
        Ok(Splits::load(&run.settings)?.test)
    }

    /// Loads the readings that `choose` takes, given how many there are, as raw readings of
    /// `model`, and warns of what saturated. `labels` and `mask` have as many rows as the data.
    fn load(
        &self,
        model: &Model<'_>,
        labels: Option<&Path>,
        mask: Option<&Path>,
        choose: impl Fn(usize) -> Vec<usize>,
    ) -> Result<Loaded, Error> {
        let run = self.run_beside()?;
        let like = Like::new(run.as_ref()).or_image(model);
        let labelled = self.labelled(run.as_ref(), like, labels)?;
        let (mut labelled, saturated) = stream_to_readings(labelled, model)?;
        warn_of_saturation(saturated);
        let Dataset { name, table, .. } = &labelled.dataset;
        check_width(name, table, model.reading_length())?;
        let masks = mask
            .map(|path| Masks::load(path, table.len(), table.width()))
            .transpose()?;
        let masks = match (masks, Masks::of(&labelled.dataset)) {
            (Some(masks), Some(observed)) => Some(masks.and(&observed)),
            (masks, observed) => masks.or(observed),
        };
        let rows = choose(table.len());
        if rows.is_empty() {
            return Err(Error::Setting(
                "--limit is 0: give the number of readings to use, 1 or more".into(),
            ));
        }
        labelled.dataset = labelled.dataset.select(&rows);
        if let Some(anomalous) = &mut labelled.anomalous {
            *anomalous = rows.iter().map(|&row| anomalous[row]).collect();
        }
        let masks = masks.map(|masks| masks.select(&rows));
        if let Some(masks) = &masks {
            labelled.dataset.table = without_gaps(&labelled.dataset.table, masks)?;
        }
        let readings = to_readings(&labelled.dataset, model)?;
        Ok(Loaded {
            readings,
            masks,
            labelled,
        })
    }
}

impl Source {
    /// Loads all readings for a run that has no image, and warns of what saturated.
    fn load_for_floats(
        &self,
        run: &RunConfig,
        labels: Option<&Path>,
    ) -> Result<(Labelled, Readings), Error> {
        let settings = &run.settings;
        let labelled = self.labelled(Some(run), Like::new(Some(run)), labels)?;
        let Dataset { name, table, .. } = &labelled.dataset;
        let exponents = &run.derived.normalization.exponents;
        check_width(name, table, exponents.len())?;
        let likelihood = &run.derived.likelihood;
        likelihood.check(
            &labelled.dataset,
            settings.data.conditions,
            LIKE_THE_TRAINING,
        )?;
        let (readings, saturated) = Readings::from_table(table, exponents);
        warn_of_saturation(saturated);
        Ok((labelled, readings))
    }
}

/// Says what was assumed of a file, on standard error.
fn tell(labelled: &Labelled) {
    for note in &labelled.notes {
        eprintln!("{}: {note}", labelled.dataset.name);
    }
}

/// `table` with zeros where nothing was observed: whatever stands there is no reading.
fn without_gaps(table: &Table, masks: &Masks) -> Result<Table, Error> {
    let rows = table.iter().enumerate();
    let values = rows.flat_map(|(row, values)| {
        let inputs = values.iter().enumerate();
        inputs.map(move |(input, &value)| {
            if masks.observes(row, input) {
                value
            } else {
                0.0
            }
        })
    });
    Ok(Table::new(table.width(), values.collect())?)
}

/// The raw readings of `dataset`, checked against the likelihood of `model`.
fn to_readings(dataset: &Dataset, model: &Model<'_>) -> Result<Readings, Error> {
    let kind = LikelihoodKind::of(model);
    kind.check(dataset, model.conditions(), LIKE_THE_TRAINING)?;
    let (readings, saturated) = Readings::from_table(&dataset.table, model.exponents());
    warn_of_saturation(saturated);
    Ok(readings)
}

/// Makes sure that a packet, which carries latents alone, is enough to decode from.
///
/// # Errors
/// [`Error::Setting`] where the model has conditions.
fn refuse_conditions(model: &Model<'_>) -> Result<(), Error> {
    match model.conditions() {
        0 => Ok(()),
        conditions => Err(Error::Setting(format!(
            "{} decodes under {conditions} conditions, which packets do not carry: use a model that was trained without --conditions",
            model.name()
        ))),
    }
}

fn warn_of_saturation(saturated: usize) {
    if saturated > 0 {
        eprintln!(
            "warning: {saturated} values are beyond the range of the model's 16-bit readings and were clamped; the device would see them so too"
        );
    }
}

/// Prepares readings for the float model of a run.
fn prepare(
    vae: &crate::model::Vae,
    config: &RunConfig,
    readings: Readings,
) -> Result<Prepared, Error> {
    Prepared::new(
        readings,
        &config.derived.normalization,
        vae,
        &candle_core::Device::Cpu,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beginnings of what is no sentence.
    const FRAGMENTS: [&str; 8] = [
        "Of ", "What ", "That ", "Those ", "By ", "As ", "Where ", "How ",
    ];

    #[test]
    fn every_argument_has_help_that_begins_like_a_sentence() {
        fn check(command: &clap::Command) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                let help = argument.get_help().unwrap_or_default().to_string();
                let starts = help.chars().next().is_some_and(char::is_uppercase);
                let fragment = FRAGMENTS.iter().any(|start| help.starts_with(start));
                assert!(starts && !fragment, "{name} {}: {help}", argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
        command().debug_assert();
    }
}
