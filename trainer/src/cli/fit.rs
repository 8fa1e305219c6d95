//! `trainer fit`.

use super::budget::BudgetArguments;
use super::progress::Terminal;
use super::results;
use super::stream::StreamArguments;
use crate::config::processor::Processor;
use crate::config::{
    ANOMALY_DIGIT, Activations, Calibration, Config, Core, ElboForm, Gradient, Inference, Latent,
    LikelihoodKind, Objective, PriorKind, THREADS, Weights,
};
use crate::data::Binarization;
use crate::error::Error;
use crate::export::pipeline::{Interrupted, Job, Observer, Outcome};
use crate::export::run::{self, Existing};
use crate::readings::RunConfig;
use crate::readings::splits::Splits;
use clap::Args;
use std::path::{Path, PathBuf};

/// What `--config` says instead.
const SETTINGS: [&str; 40] = [
    "labels",
    "anomaly_digit",
    "binarize",
    "conditions",
    "likelihood",
    "prior",
    "encoder",
    "latents",
    "latent",
    "decoder",
    "epochs",
    "batch",
    "learning_rate",
    "rate_warm_up",
    "missing",
    "importance_samples",
    "gradient",
    "elbo_form",
    "beta",
    "kl_warm_up",
    "free_bits",
    "keep_dead_latents",
    "core",
    "calibration",
    "activations",
    "qat",
    "no_qat",
    "weights",
    "flash",
    "ram",
    "instructions",
    "inference",
    "processor",
    "threads",
    "seed",
    "validation_fraction",
    "test_fraction",
    "window",
    "hop",
    "features",
];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A CSV or .npy file with a reading in each row; with --window, a sample in each row and a channel
    /// in each column [default: digits, or what --config says]
    data: Option<String>,
    /// A file with a label for each row, 0 for normal. Nothing is learned from others: the validation
    /// fraction of them says what ranges must hold, the rest is tested on
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// With the digits: the digit that training never sees
    #[arg(long, value_name = "DIGIT", default_value_t = ANOMALY_DIGIT)]
    anomaly_digit: u32,
    /// Make bits of pixels (whole numbers from 0 to 255, or probabilities): dynamic (drawn anew in each
    /// epoch), static (drawn once) or threshold (above a half)
    #[arg(long, value_name = "WAY")]
    binarize: Option<Binarization>,
    /// The last N columns are conditions (speed, load, temperature): given, not modelled, so that the
    /// same reading can be normal under one and strange under another
    #[arg(long, value_name = "N", default_value_t = 0)]
    conditions: usize,
    /// p(x|z): auto, bernoulli, binomial:N, gaussian or laplace; the last two also with :shared (one
    /// scale for all inputs) or :predicted (the decoder gives the scales)
    #[arg(long, default_value_t = LikelihoodKind::Auto)]
    likelihood: LikelihoodKind,
    /// p(z): standard, mixture:N (of Gaussians, learned) or vamp:N (of the posteriors of learned
    /// pseudo-inputs)
    #[arg(long, default_value_t = PriorKind::Standard)]
    prior: PriorKind,
    /// Hidden widths of the encoder, separated by commas
    #[arg(
        long,
        value_name = "WIDTHS",
        value_delimiter = ',',
        default_value = "64"
    )]
    encoder: Vec<usize>,
    /// Numbers in a latent vector
    #[arg(long, value_name = "N", default_value_t = 8)]
    latents: usize,
    /// What kind of numbers
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Latent::Gaussian)]
    latent: Latent,
    /// Hidden widths of the decoder, separated by commas
    #[arg(
        long,
        value_name = "WIDTHS",
        value_delimiter = ',',
        default_value = "64"
    )]
    decoder: Vec<usize>,
    /// Passes over the training readings
    #[arg(long, value_name = "N", default_value_t = 600)]
    epochs: usize,
    /// Readings in a step of the optimizer
    #[arg(long, value_name = "N", default_value_t = 64)]
    batch: usize,
    /// Adam's step size in the first epoch; it falls to zero along a cosine
    #[arg(long, value_name = "RATE", default_value_t = 0.002)]
    learning_rate: f64,
    /// The first epochs, over which the step size rises to that cosine: for wide networks, whose units
    /// large first steps may leave dead
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    rate_warm_up: usize,
    /// Hide this fraction of the inputs of each training reading, at random and anew each time, so
    /// that the model can score and fill in readings with gaps
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    missing: f64,
    /// Samples of a reading in training. With more than one, gradients through the samples and vimco ascend
    /// the importance-weighted bound [default: 1; 5 with --missing or where --gradient compares samples]
    #[arg(long, value_name = "K")]
    importance_samples: Option<usize>,
    /// How the gradient of the bound is estimated [default: reparameterized; leave-one-out for bits]
    #[arg(long, value_name = "NAME", value_enum)]
    gradient: Option<Gradient>,
    /// With one sample: how the ELBO is estimated
    #[arg(long, value_name = "FORM", value_enum, default_value_t = ElboForm::Divergence)]
    elbo_form: ElboForm,
    /// The weight of the divergence in what training ascends; the bound that is reported has weight 1
    #[arg(
        long,
        value_name = "WEIGHT",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    beta: f64,
    /// The first epochs, over which the weight of the divergence rises from 0
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    kl_warm_up: usize,
    /// Nats of each latent's divergence that cost nothing, against posterior collapse
    #[arg(
        long,
        value_name = "NATS",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    free_bits: f64,
    /// Leave latents that carry nothing in the model: each costs two decoder passes of sigma points
    #[arg(long)]
    keep_dead_latents: bool,
    /// The core to pack the weights for: it scores fastest, all others score the same
    #[arg(long, value_enum, default_value_t = Core::M4)]
    core: Core,
    /// How the ranges of activations are found: min-max, percentile, percentile:P, or nats (those that bring
    /// the device's scores closest to those in floats)
    #[arg(long, value_name = "WAY", default_value_t)]
    calibration: Calibration,
    /// Bits of the weights: int8, int4 (half of the flash), auto or auto:NATS (4 bits in as many layers as cost
    /// so few nats)
    #[arg(long, value_name = "BITS", default_value_t)]
    weights: Weights,
    /// How many bits the activations of hidden layers have
    #[arg(long, value_enum, default_value_t = Activations::Auto)]
    activations: Activations,
    /// Train the last fifth of the epochs in the device's integers, so that the model learns to live with what
    /// rounding does to it [default: where the settings allow it]
    #[arg(long)]
    qat: bool,
    /// Train in floats alone
    #[arg(long, conflicts_with = "qat")]
    no_qat: bool,
    #[command(flatten)]
    budget: BudgetArguments,
    /// How the posteriors of training readings are found
    #[arg(long, value_enum, default_value_t = Inference::Amortized)]
    inference: Inference,
    /// Threads that train; the last bits of the artefact depend on their number
    #[arg(long, value_name = "N", default_value_t = THREADS)]
    threads: usize,
    /// What trains
    #[arg(long = "device", value_enum, default_value_t)]
    processor: Processor,
    /// Of everything that is random; one seed gives one artefact
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The part of normal readings for early stopping and calibration
    #[arg(long, value_name = "FRACTION", default_value_t = 0.15)]
    validation_fraction: f64,
    /// The part of normal readings that only the evaluation sees
    #[arg(long, value_name = "FRACTION", default_value_t = 0.15)]
    test_fraction: f64,
    #[command(flatten)]
    stream: StreamArguments,
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

/// Samples of a reading where training hides inputs, or compares samples, and nobody says otherwise: each
/// costs a decoder pass and its gradients.
const SEVERAL_SAMPLES: usize = 5;

impl Arguments {
    fn gradient(&self) -> Gradient {
        self.gradient.unwrap_or(match self.latent {
            Latent::Gaussian => Gradient::Reparameterized,
            Latent::Bernoulli => Gradient::LeaveOneOut,
        })
    }

    fn importance_samples(&self) -> usize {
        let several = self.missing > 0.0 || self.gradient().least_samples() > 1;
        let default = if several { SEVERAL_SAMPLES } else { 1 };
        self.importance_samples.unwrap_or(default)
    }

    fn settings(&self, resumed: Option<&RunConfig>) -> Result<Config, Error> {
        let settings = match (&self.config, resumed) {
            (_, Some(run)) => run.settings.clone(),
            (Some(path), None) => {
                let settings = run::read_settings(path)?;
                let data = self.data.clone().unwrap_or(settings.data);
                Config { data, ..settings }
            }
            (None, None) => self.own_settings()?,
        };
        settings.validate()?;
        Ok(settings)
    }

    /// Those of the command line.
    fn own_settings(&self) -> Result<Config, Error> {
        let mut settings = Config {
            data: self.data.clone().unwrap_or_else(|| "digits".into()),
            labels: self.labels.clone(),
            anomaly_digit: self.anomaly_digit,
            binarize: self.binarize,
            conditions: self.conditions,
            likelihood: self.likelihood,
            prior: self.prior,
            encoder: self.encoder.clone(),
            latents: self.latents,
            latent: self.latent,
            decoder: self.decoder.clone(),
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            rate_warm_up: self.rate_warm_up,
            missing: self.missing,
            importance_samples: self.importance_samples(),
            gradient: self.gradient(),
            objective: Objective {
                form: self.elbo_form,
                beta: self.beta,
                kl_warm_up: self.kl_warm_up,
                free_bits: self.free_bits,
            },
            keep_dead_latents: self.keep_dead_latents,
            core: self.core,
            calibration: self.calibration,
            weights: self.weights,
            activations: self.activations,
            qat: self.qat,
            inference: self.inference,
            processor: self.processor,
            threads: self.threads,
            seed: self.seed,
            validation_fraction: self.validation_fraction,
            test_fraction: self.test_fraction,
            stream: self.stream.settings()?,
        };
        settings.qat = self.qat || !self.no_qat && settings.without_qat().is_none();
        Ok(settings)
    }
}

pub(super) fn run(arguments: Arguments) -> Result<(), Error> {
    let interrupted = arguments.resume.as_deref().map(Interrupted::read);
    let interrupted = interrupted.transpose()?;
    let resumed = interrupted.as_ref().map(Interrupted::run);
    let settings = arguments.settings(resumed)?;
    // Before anything is loaded.
    settings.processor.open()?;
    let stem = Path::new(&settings.data).file_stem();
    let name = stem.map_or_else(
        || "model".into(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    let folder = arguments
        .resume
        .clone()
        .or_else(|| arguments.out.clone())
        .unwrap_or_else(|| Path::new("runs").join(&name));
    let existing = if arguments.force || arguments.resume.is_some() {
        Existing::Replaced
    } else {
        Existing::Refused
    };
    run::check_folder(&folder, existing)?;
    let splits = Splits::load(&settings)?;
    let terminal = Terminal::new(arguments.quiet);
    let job = match interrupted {
        Some(interrupted) => Job::resume(&name, interrupted, splits, &terminal)?,
        None => {
            let limits = arguments.budget.limits();
            Job::new(&name, settings, limits, splits, &terminal)?
        }
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
