//! `trainer fit`.

use super::progress::Terminal;
use super::results;
use super::stream::StreamArguments;
use crate::config::capability::Feature;
use crate::config::{
    Config, DataConfig, ExportConfig, Gradient, Limits, ModelConfig, Objective, TrainConfig,
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
    /// picks an array. `digits`, `pump` (a table) and `motor` (a stream) ship with this program
    /// [default: digits, or what --config says]
    data: Option<String>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    budget: Limits,
    /// Take all settings but DATA, --out and --quiet from a config.toml
    #[arg(long, value_name = "FILE", conflicts_with_all = SETTINGS)]
    config: Option<PathBuf>,
    /// Go on with the training of this folder that was interrupted, by the checkpoint in it, which is written
    /// once a minute
    #[arg(long, value_name = "DIR", conflicts_with_all = SETTINGS, conflicts_with_all = ["data", "config", "out", "force"])]
    resume: Option<PathBuf>,
    /// The folder of the run [default: runs/ and the name of the data]
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
    let settings = settings(resumed, config.as_deref(), data, options)?;
    // Before anything is loaded.
    settings.train.processor.open()?;
    let name = DataSource::parse(&settings.data.source)?.name();
    let folder = resume
        .clone()
        .or(out)
        .unwrap_or_else(|| Path::new("runs").join(&name));
    run::check_folder(&folder, Existing::by_force(force || resume.is_some()))?;
    let splits = Splits::load(&settings)?;
    let terminal = Terminal::new(quiet);
    let job = match interrupted {
        Some(interrupted) => Job::resume(&name, interrupted, splits, &terminal)?,
        None => Job::new(&name, settings, budget, splits, &terminal)?,
    };
    finish(&job.fit(Some(&folder))?, &folder, &terminal)
}

/// Writes the folder of a run, and says what came of it.
pub(super) fn finish(outcome: &Outcome, folder: &Path, terminal: &Terminal) -> Result<(), Error> {
    outcome.write(folder)?;
    terminal.note(&results::describe(&outcome.trained));
    terminal.note(&format!("wrote {}", folder.display()));
    Ok(())
}
