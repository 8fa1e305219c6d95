//! `trainer board record`.

use super::{Port, parse_seconds, tell_repeated};
use crate::board::facts::Facts;
use crate::board::record::{Plan, Recorded, record};
use crate::cli::output::{emit, prepare_out};
use crate::cli::train::interrupt;
use crate::error::Error;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    port: Port,
    /// File to write, as CSV: the time in seconds, then a column for each sensor [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seconds from sample to sample
    #[arg(long, value_name = "SECONDS", default_value_t = 0.1, value_parser = parse_seconds)]
    period: f64,
    /// Samples to record [default: until Ctrl-C, which keeps what was recorded]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments {
        port, out, period, ..
    } = arguments;
    prepare_out(out.as_deref())?;
    let mut line = port.open()?;
    let facts = Facts::ask(&mut line)?;
    if facts.sensors.is_empty() {
        return Err(Error::Setting(format!("{} has no sensors", facts.board)));
    }
    let plan = Plan {
        period: Duration::from_secs_f64(*period),
        samples: arguments.samples.map(|samples| samples as usize),
    };
    let bar = bar(plan.samples);
    // From now on a signal ends the record, and what was recorded is written.
    interrupt::waits(true);
    let recorded = record(&mut line, &facts.sensors, plan, |count| {
        bar.set_position(count as u64);
        !interrupt::is_asked()
    });
    bar.finish_and_clear();
    let Recorded { log, cut } = recorded?;
    tell_repeated(&line);
    if log.lost > 0 {
        eprintln!(
            "warning: {} samples were lost, because the line is too slow for them: their times are missing; give a longer --period, or a higher --baud",
            log.lost
        );
    }
    if !log.is_empty() {
        emit(out.as_deref(), &log.to_csv())?;
    }
    interrupt::waits(false);
    let place = out
        .as_ref()
        .map_or("standard output".into(), |out| out.display().to_string());
    eprintln!("{} samples of {}: wrote {place}", log.len(), facts.board);
    cut.map_or(Ok(()), |error| Err(error.into()))
}

/// Counts samples on a terminal, up to so many if somebody said so.
fn bar(samples: Option<usize>) -> ProgressBar {
    match samples {
        Some(samples) => super::bar(samples, "samples"),
        None => {
            let style = ProgressStyle::with_template("{pos} samples; Ctrl-C ends");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        }
    }
}
