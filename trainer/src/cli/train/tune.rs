//! `trainer tune`.

use super::fit::finish;
use super::quantize::Integers;
use crate::cli::arguments::place::{self, Place};
use crate::cli::output::progress::{Terminal, Voice};
use crate::error::Error;
use crate::export::pipeline::Job;
use crate::export::run::{self, Existing};
use crate::readings::splits::Splits;
use candle_core::Device;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The folder of a run, which stays as it is
    run: PathBuf,
    /// Passes over the training readings, at the step sizes with which `fit` ends
    #[arg(long, value_name = "N", default_value_t = 20)]
    epochs: usize,
    #[command(flatten)]
    integers: Integers,
    /// Adam's step size, from which the last fifth of a cosine is taken [default: as it is in the run]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// The folder of the new run; {name} in it stands for the name of the model, {date} for the time in UTC
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the run that is in the folder already, once the new one is done; other files in it stay
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    voice: Voice,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments {
        run, epochs, out, ..
    } = arguments;
    if *epochs == 0 {
        return Err(Error::Setting(
            "--epochs is 0: give 1 or more, or use `trainer quantize`, which trains no more".into(),
        ));
    }
    let (mut config, vae) = run::read_vae(run, &Device::Cpu)?;
    let settings = &mut config.settings;
    arguments.integers.apply(&mut settings.export);
    let rate = arguments.learning_rate;
    settings.train.learning_rate = rate.unwrap_or(settings.train.learning_rate);
    settings.train.qat = true;
    settings.validate()?;
    let name = run::read_name(run)?;
    let out = place::folder(Some(out.clone()), &name)?;
    let place = Place::take(out, Existing::by_force(arguments.force))?;
    let splits = Splits::load(&config.settings)?;
    let readings = splits.train.table.len();
    let terminal = Terminal::new(arguments.voice, readings, None);
    let job = Job::again(&name, config, splits, &terminal);
    let outcome = job.tune(vae, *epochs, Some(&place.folder))?;
    finish(&outcome, &place, &terminal)
}
