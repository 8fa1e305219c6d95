//! The commands: raw arguments, then validated settings, then the work.

mod arguments;
mod convert;
mod device;
mod help;
mod judge;
mod output;
mod runs;
mod study;
mod train;

use crate::error::Error;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;
use train::interrupt;

/// The exit code of an alarm under `watch --exit-on-alarm`.
const ALARM: u8 = 3;

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
    Init(Box<train::init::Arguments>),
    /// Train, quantize, export and evaluate a model; without DATA on the 8x8 digits that ship with
    /// this program.
    Fit(Box<train::fit::Arguments>),
    /// Show what a file holds and what `fit` would make of it: columns, roles, gaps, parts.
    Look(Box<train::look::Arguments>),
    /// Measure how fast training is, and how fast its matrix products alone would be.
    Bench(study::bench::Arguments),
    /// Fit a baseline on the part of the data that `fit` learns from, and say what it is worth on the
    /// part that it tests on.
    Baseline(study::baseline::Arguments),
    /// Score readings as the device does: one line of CSV a reading.
    Score(judge::score::Arguments),
    /// Say why readings are strange: what each column contributed, in nats, beside its value and what the model makes of it.
    Explain(Box<judge::explain::Arguments>),
    /// Draw a chart of the report as a file: operating curves, latents, thresholds, scores, training.
    Plot(study::plot::Arguments),
    /// Fill the gaps of readings in as the device does, with E[x|z] at the posterior mean given what
    /// was observed.
    Impute(judge::impute::Arguments),
    /// Compare the float model with the exported one: mean ELBO, difference, AUC. With --events, judge the alarms on a
    /// stream: false alarms, events found, delays.
    Eval(Box<judge::eval::Arguments>),
    /// Let a device make itself at home on a machine, bit for bit: false alarms and AUC before and after it has learned from the
    /// first readings; write what it needs for that, and its state.
    Adapt(judge::adapt::Arguments),
    /// Quantize the model of a run anew, and compare: for other calibrations.
    Quantize(train::quantize::Arguments),
    /// Train the model of a run on in the device's integers, also with other bits: a new run.
    Tune(train::tune::Arguments),
    /// Compare the estimators of the bound on the device: passes, bias, error, AUC, and how soon the
    /// anytime decision is made.
    Estimators(study::estimators::Arguments),
    /// Show where every nat between log p(x) and the device's bound goes: gaps of approximation,
    /// amortization, sampling and quantization; what the latents carry.
    Ladder(study::ladder::Arguments),
    /// Compare estimators of the gradient of the bound on a model: signal, variance, bias and cost.
    Variance(study::variance::Arguments),
    /// Show what an image holds: layers, scales, MACs, flash and RAM.
    Inspect(device::inspect::Arguments),
    /// Check an image: checksum, self-test, versions, and what it needs.
    Verify(device::verify::Arguments),
    /// Write a model for firmware, with every number that a program has to know of it: as Rust, C, bytes or Intel HEX.
    Export(device::export::Arguments),
    /// Write a program for a board around a model, in Rust or C, that builds and runs in an emulator by one command; without a
    /// folder, list the boards.
    New(device::new::Arguments),
    /// Talk to a board on a serial line that runs an agent: record its sensors, compare its scores, send it a new image.
    Board(device::board::Arguments),
    /// Draw readings from the prior, as the device does.
    Sample(convert::sample::Arguments),
    /// Convert data to the raw 16-bit readings that the device takes in.
    Readings(convert::readings::Arguments),
    /// Convert a stream to the raw 16-bit samples that the device takes in.
    Samples(convert::samples::Arguments),
    /// Watch a stream as the device does: one line of CSV a window, alarms and drift on standard
    /// error.
    Watch(Box<judge::watch::Arguments>),
    /// Write the telemetry that a device would send: a packet of quantized latents a reading.
    Encode(convert::encode::Arguments),
    /// Turn packets of telemetry back into readings: one line of CSV a packet.
    Decode(convert::decode::Arguments),
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
        Command::Fit(arguments) => train::fit::run(*arguments),
        Command::Baseline(arguments) => study::baseline::run(&arguments),
        Command::Score(arguments) => judge::score::run(&arguments),
        Command::Explain(arguments) => judge::explain::run(&arguments),
        Command::Plot(arguments) => study::plot::run(&arguments),
        Command::Impute(arguments) => judge::impute::run(&arguments),
        Command::Eval(arguments) => judge::eval::run(&arguments),
        Command::Adapt(arguments) => judge::adapt::run(&arguments),
        Command::Quantize(arguments) => train::quantize::run(&arguments),
        Command::Tune(arguments) => train::tune::run(&arguments),
        Command::Estimators(arguments) => study::estimators::run(&arguments),
        Command::Ladder(arguments) => study::ladder::run(&arguments),
        Command::Variance(arguments) => study::variance::run(&arguments),
        Command::Inspect(arguments) => device::inspect::run(&arguments),
        Command::Export(arguments) => device::export::run(&arguments),
        Command::New(arguments) => device::new::run(&arguments),
        Command::Board(arguments) => device::board::run(&arguments),
        Command::Sample(arguments) => convert::sample::run(&arguments),
        Command::Readings(arguments) => convert::readings::run(&arguments),
        Command::Samples(arguments) => convert::samples::run(&arguments),
        Command::Watch(arguments) => {
            let is_alarm = judge::watch::run(&arguments)?;
            return Ok(ExitCode::from(if is_alarm { ALARM } else { 0 }));
        }
        Command::Encode(arguments) => convert::encode::run(&arguments),
        Command::Look(arguments) => train::look::run(*arguments),
        Command::Bench(arguments) => study::bench::run(&arguments),
        Command::Decode(arguments) => convert::decode::run(&arguments),
        Command::Init(arguments) => train::init::run(*arguments),
        Command::Verify(arguments) => device::verify::run(&arguments),
        Command::List(arguments) => runs::list(&arguments),
        Command::Compare(arguments) => runs::compare(&arguments),
        Command::Sweep(arguments) => runs::sweep(&arguments),
        Command::Completions(arguments) => help::pages::completions(&arguments),
        Command::Man(arguments) => help::pages::manual(&arguments),
    };
    done.map(|()| ExitCode::SUCCESS)
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
