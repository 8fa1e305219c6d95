//! `trainer fit`.

use super::interrupt;
use super::place::{self, Place};
use super::progress::Terminal;
use super::results;
use super::stream::StreamArguments;
use crate::config::capability::Feature;
use crate::config::{
    Config, DataConfig, ExportConfig, Gradient, Inference, Latent, Limits, ModelConfig, Objective,
    Schedule, TrainConfig,
};
use crate::data::DataSource;
use crate::error::Error;
use crate::export::pipeline::{Interrupted, Job, Observer, Outcome};
use crate::export::run::{self, Existing};
use crate::readings::RunConfig;
use crate::readings::splits::Splits;
use clap::Args;
use std::path::{Path, PathBuf};

/// The groups of options that `--config` speaks for.
const SETTINGS: [&str; 8] = [
    "DataConfig",
    "ModelConfig",
    "TrainConfig",
    "Objective",
    "ExportConfig",
    "Dependent",
    "Limits",
    "StreamArguments",
];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A file with a reading in each row (text table, .npy, .npz, .mat, IDX), or a sample in each row and a channel in
    /// each column with --window; a WAV file; or a folder or 'PATTERN' of such files, each a recording. FILE.npz:NAME
    /// picks an array [default: digits, or what --config says]
    data: Option<String>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    budget: Limits,
    /// Take all settings but DATA, --out and --quiet from a config.toml
    #[arg(long, value_name = "FILE", conflicts_with_all = SETTINGS)]
    config: Option<PathBuf>,
    /// Go on with the run of this folder, of `fit` or `tune`, that was interrupted, by the checkpoint in it. One is written
    /// after two seconds of training, then once a minute, at the end of training and where Ctrl-C or SIGTERM ends the run
    #[arg(long, value_name = "DIR", conflicts_with_all = SETTINGS, conflicts_with_all = ["data", "config", "out", "force"])]
    resume: Option<PathBuf>,
    /// The folder of the run; {name} in it stands for the name of the data, {date} for the time in UTC, as in
    /// 2026-01-31-235959 [default: runs/{name}]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the run that is in the folder already, once the new one is done; other files in it stay
    #[arg(long)]
    force: bool,
    /// Print nothing but warnings and errors
    #[arg(long)]
    quiet: bool,
}

/// The settings of a run, as options.
#[derive(Debug, Args)]
#[group(skip)]
struct Settings {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    model: ModelConfig,
    #[command(flatten)]
    train: TrainConfig,
    #[command(flatten)]
    objective: Objective,
    #[command(flatten)]
    export: ExportConfig,
    #[command(flatten)]
    dependent: Dependent,
    #[command(flatten)]
    stream: StreamArguments,
}

/// Settings whose defaults follow from others.
#[derive(Clone, Copy, Debug, Args)]
struct Dependent {
    /// Course of the step size [default: averaged; cosine for fewer than 30 epochs, for --latent bernoulli and for --inference svi]
    #[arg(long, value_name = "NAME", value_enum)]
    schedule: Option<Schedule>,
    /// Adam's step size in the first epoch [default: 0.005; 0.002 for --schedule cosine]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Samples of a reading in training. With more than one, gradients through the samples and vimco ascend
    /// the importance-weighted bound [default: 1; 5 with --missing or where --gradient compares samples]
    #[arg(long, value_name = "K")]
    importance_samples: Option<usize>,
    /// Estimator of the gradient of the bound [default: reparameterized; leave-one-out for bits]
    #[arg(long, value_name = "NAME", value_enum)]
    gradient: Option<Gradient>,
    /// Train the last fifth of the epochs in the device's integers, so that the model learns to live with what
    /// rounding does to it [default: where the settings allow it]
    #[arg(long)]
    qat: bool,
    /// Train in floats alone
    #[arg(long, conflicts_with = "qat")]
    no_qat: bool,
}

/// Samples of a reading where training hides inputs, or compares samples, and nobody says otherwise: each
/// costs a decoder pass and its gradients.
const SEVERAL_SAMPLES: usize = 5;

impl Dependent {
    /// Puts what was asked for, or what follows, into `config`.
    fn settle(self, config: &mut Config) {
        let train = &mut config.train;
        let latent = config.model.latent;
        let schedule = match (train.inference, latent) {
            (Inference::Amortized, Latent::Gaussian) => Schedule::of(train.epochs),
            _ => Schedule::Cosine,
        };
        train.schedule = self.schedule.unwrap_or(schedule);
        let rate = self.learning_rate;
        train.learning_rate = rate.unwrap_or(train.schedule.learning_rate());
        train.gradient = self.gradient.unwrap_or(latent.gradient());
        let several = train.missing > 0.0 || train.gradient.least_samples() > 1;
        let default = if several { SEVERAL_SAMPLES } else { 1 };
        train.importance_samples = self.importance_samples.unwrap_or(default);
        config.train.qat = self.qat || !self.no_qat && Feature::Integers.can(config);
    }
}

impl Settings {
    fn config(self, source: Option<String>) -> Result<Config, Error> {
        let mut config = Config {
            data: self.data,
            model: self.model,
            train: self.train,
            export: self.export,
        };
        config.data.source = source.unwrap_or(config.data.source);
        config.data.stream = self.stream.settings()?;
        config.train.objective = self.objective;
        self.dependent.settle(&mut config);
        Ok(config)
    }
}

/// The settings of a run: those of an interrupted one, of a file, or of the command line.
fn settings(
    resumed: Option<&RunConfig>,
    file: Option<&Path>,
    source: Option<String>,
    settings: Settings,
) -> Result<Config, Error> {
    let config = match (resumed, file) {
        (Some(run), _) => run.settings.clone(),
        (None, Some(path)) => {
            let mut config = run::read_settings(path)?;
            config.data.source = source.unwrap_or(config.data.source);
            config
        }
        (None, None) => settings.config(source)?,
    };
    config.validate()?;
    Ok(config)
}

pub(super) fn run(arguments: Arguments) -> Result<(), Error> {
    let interrupted = arguments.resume.as_deref().map(Interrupted::read);
    let interrupted = interrupted.transpose()?;
    let resumed = interrupted.as_ref().map(Interrupted::run);
    let Arguments {
        data,
        settings: options,
        budget,
        config,
        resume,
        out,
        force,
        quiet,
    } = arguments;
    let mut settings = settings(resumed, config.as_deref(), data, options)?;
    // Before anything is loaded.
    settings.train.processor.open()?;
    let name = find_data(&mut settings)?;
    let place = match resume {
        Some(folder) => Place::take(folder, Existing::Continued)?,
        None => new_place((out, force), &name, &settings)?,
    };
    let splits = Splits::load(&settings)?;
    let terminal = Terminal::new(quiet);
    let job = match interrupted {
        Some(interrupted) => {
            interrupt::saved();
            Job::resume(interrupted, splits, &terminal)?
        }
        None => Job::new(&name, settings, budget, splits, &terminal)?,
    };
    finish(&job.fit(Some(&place.folder))?, &place, &terminal)
}

/// Makes the paths of data in `settings` absolute, so that the run finds them wherever it is used from; the name of the data.
fn find_data(settings: &mut Config) -> Result<String, Error> {
    let source = DataSource::parse(&settings.data.source)?.absolute()?;
    settings.data.source = source.to_string();
    if let Some(labels) = &mut settings.data.labels {
        *labels = std::path::absolute(&*labels).map_err(Error::reading(labels))?;
    }
    Ok(source.name())
}

/// The folder of a new run called `name`.
fn new_place(
    (out, force): (Option<PathBuf>, bool),
    name: &str,
    settings: &Config,
) -> Result<Place, Error> {
    let is_named = out.is_some();
    let folder = place::folder(out, name)?;
    let source = DataSource::parse(&settings.data.source)?;
    place::check_source(&folder, &source, (is_named, force))?;
    Place::take(folder, Existing::by_force(force))
}

/// Writes the folder of a run, and says what came of it.
pub(super) fn finish(outcome: &Outcome, place: &Place, terminal: &Terminal) -> Result<(), Error> {
    let written = interrupt::whole(|| {
        place.renew()?;
        outcome.write(&place.folder)
    });
    if written.is_err() && place.folder.join(run::CHECKPOINT_FILE).exists() {
        let folder = place.folder.display();
        terminal.note(&format!(
            "the training is saved; write its run by: trainer fit --resume {folder}"
        ));
    }
    written?;
    terminal.note(&results::describe(&outcome.trained));
    terminal.note(&format!("wrote {}", place.folder.display()));
    Ok(())
}
