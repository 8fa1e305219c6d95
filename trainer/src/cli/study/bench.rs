//! `trainer bench`.

use crate::cli::output::emit_results;
use crate::config::THREADS;
use crate::engine::bench::{CASES, Speed};
use crate::error::Error;
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Threads to train on
    #[arg(long, value_name = "N", default_value_t = THREADS)]
    threads: usize,
    /// Print JSON: network -> figures
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    if !(1..=256).contains(&arguments.threads) {
        return Err(Error::Setting(format!(
            "--threads is {}: give a number from 1 to 256",
            arguments.threads
        )));
    }
    let mut speeds = BTreeMap::new();
    for case in CASES {
        speeds.insert(case.name, case.measure(arguments.threads)?);
    }
    emit_results(arguments.json, &speeds, table)
}

fn table(speeds: &BTreeMap<&str, Speed>) -> String {
    let mut text = format!(
        "{:<24}{:>9}{:>12}{:>10}{:>9}{:>9}   forward, backward, optimizer, waiting\n",
        "steps a second", "trainer", "products", "share", "candle", "times"
    );
    for (name, speed) in speeds {
        let Speed {
            steps_per_second: steps,
            matmul_floor_steps_per_second: floor,
            candle_steps_per_second: candle,
            split,
            ..
        } = speed;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:<24}{steps:>9.0}{floor:>12.0}{:>9.0}%{candle:>9.0}{:>9.1}   {:.2} {:.2} {:.2} {:.2}",
            100.0 * steps / floor,
            steps / candle,
            split.forward,
            split.backward,
            split.optimizer,
            split.waiting
        );
    }
    text
}
