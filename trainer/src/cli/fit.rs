//! `trainer fit`.

use super::budget::{self as sizing, BudgetArguments};
use super::stream::StreamArguments;
use super::{ANOMALY_DIGIT, decimal, float_run, signed};
use crate::activity::{Dead, dead_latents};
use crate::budget::{self, Budget, Limits};
use crate::calibrate;
use crate::config::{
    Activations, Calibration, Config, Core, ElboForm, Gradient, Inference, Latent, LikelihoodKind,
    Objective, PriorKind, THREADS, Weights,
};
use crate::data::{Binarization, Table, digits};
use crate::error::Error;
use crate::evaluate::{Evaluation, Scores, Side};
use crate::export::Material;
use crate::fit::{self, Checkpoint, Course, Epoch};
use crate::gradient;
use crate::inference::train_locally;
use crate::model::Vae;
use crate::outliers::{self, Outlier};
use crate::parts::Parts;
use crate::prepared::Prepared;
use crate::processor::Processor;
use crate::quantize::Plan;
use crate::readings::Readings;
use crate::report::{self, Results};
use crate::run::{self, Derived, RunConfig, Summary};
use crate::stream::Windowed;
use candle_core::Device;
use clap::Args;
use elbow::format::{AlignedImage, ImageSpec};
use elbow::{Estimator, Model};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

/// The estimator of the results.
const REPORTED: Estimator = Estimator::SigmaPoints;

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
    #[arg(long, value_name = "DIR", conflicts_with_all = SETTINGS, conflicts_with_all = ["data", "config", "out"])]
    resume: Option<PathBuf>,
    /// The folder of the run [default: runs/ and the name of the data]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
    let checkpoint = arguments.resume.as_deref().map(read_checkpoint);
    let checkpoint = checkpoint.transpose()?;
    let settings = arguments.settings(checkpoint.as_ref().map(|(_, run)| run))?;
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
    run::check_folder(&folder)?;
    let parts = Parts::load(&settings)?;
    let normalization = parts.normalization()?;
    warn_of_shape(&settings, &parts);
    let limits = arguments.budget.limits();
    let settings = if limits.is_empty() {
        settings
    } else {
        let of = (name.as_str(), &parts);
        let (sized, budget) = sizing::size(&settings, limits, of, &normalization)?;
        if !arguments.quiet {
            let widths = budget::widths(&sized);
            eprintln!("sized to the budget: {widths}, {}", budget.describe());
        }
        sized
    };
    run::make_folder(&folder)?;
    let derived = Derived {
        likelihood: parts.likelihood,
        normalization,
        pruned_latents: vec![],
        stream: parts.stream.as_ref().map(Windowed::derived),
    };
    let task = Task {
        name,
        config: RunConfig { settings, derived },
        parts,
        limits,
        quiet: arguments.quiet,
        checkpoint,
    };
    task.run(&folder)
}

/// Readings that suffice to tell dead latents and to start a prior from.
const SOME: usize = 8192;
/// Time between two checkpoints, at least.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// What a checkpoint file says of its run.
const RUN: &str = "run";

/// The bytes of a folder's checkpoint, and the run that they are of.
fn read_checkpoint(folder: &Path) -> Result<(Vec<u8>, RunConfig), Error> {
    let path = folder.join(run::CHECKPOINT_FILE);
    if !path.exists() {
        return Err(Error::Setting(format!(
            "there is no {} in {}: no training was interrupted there after its first minute; leave --resume out",
            run::CHECKPOINT_FILE,
            folder.display()
        )));
    }
    let bytes = std::fs::read(&path).map_err(Error::reading(&path))?;
    let named = |reason: String| Error::Setting(format!("{}: {reason}", path.display()));
    let text = Checkpoint::note(&bytes, RUN).map_err(|error| named(error.to_string()))?;
    let config = toml::from_str(&text).map_err(|error| named(error.message().to_owned()))?;
    Ok((bytes, config))
}

/// A training that nothing but numbers can stop.
#[derive(Debug)]
struct Task {
    name: String,
    config: RunConfig,
    parts: Parts,
    limits: Limits,
    quiet: bool,
    /// What to go on from.
    checkpoint: Option<(Vec<u8>, RunConfig)>,
}

impl Task {
    /// Trains, quantizes, exports, evaluates and writes the folder.
    fn run(mut self, folder: &Path) -> Result<(), Error> {
        let Derived {
            likelihood,
            normalization,
            ..
        } = &self.config.derived.clone();
        let vae = fit::initialize(
            &self.config.settings,
            *likelihood,
            normalization,
            &Device::Cpu,
        )?;
        // No table outlives its readings: both together are most of the memory.
        let rows = self.parts.train.table.take();
        let mut training = self.prepare(&vae, rows)?;
        training.intensities = self.parts.intensities.take();
        if self.config.settings.inference == Inference::Amortized {
            training.keep_first(SOME)?;
        }
        let rows = self.parts.validation.table.take();
        let validation = self.prepare(&vae, rows)?;
        let rows = self.parts.test.dataset.table.take();
        let test = self.prepare(&vae, rows)?;
        let readings = (training.readings.len(), validation.readings.len());
        let strange = self
            .parts
            .strange
            .as_ref()
            .map_or_else(String::new, |strange| {
                format!(", {} abnormal ones to calibrate with", strange.table.rows())
            });
        self.say(&format!(
            "{}: {} readings of {} to learn from, {} to choose by{strange}, {} to test on; likelihood {likelihood}",
            self.name,
            training.readings.len(),
            training.readings.width(),
            validation.readings.len(),
            test.readings.len(),
        ));
        if !self.config.settings.objective.is_bound() {
            let objective = Objective::name(&self.config.settings);
            self.say(&format!(
                "training ascends the {objective}; what is reported is the ELBO"
            ));
        }
        let start = Instant::now();
        let progress = Progress::new(self.config.settings.epochs, self.quiet);
        let mut history = self.train(folder, &vae, (&training, &validation), &progress)?;
        if vae.latent() == Latent::Bernoulli {
            progress.finish();
            return self.finish_in_floats(
                folder,
                &vae,
                &history,
                (&test, readings, start.elapsed().as_secs_f64()),
            );
        }
        let vae = self.prune(vae, &training)?;

        let material = Material {
            name: &self.name,
            vae: &vae,
            config: &self.config,
            parts: &self.parts,
            training: &training,
        };
        let settings = &self.config.settings;
        let masks = fit::fixed_masks(settings, &training);
        let pool = material.pool(masks.as_ref())?;
        let plan = if settings.qat {
            let data = (&training, &validation);
            let show = |epoch: &Epoch| progress.show(epoch);
            let (epochs, plan) =
                fit::train_integers(&vae, settings, normalization, data, &pool, show)?;
            history.extend(epochs);
            plan
        } else {
            material.plan(&pool)?
        };
        progress.finish();
        let training_seconds = start.elapsed().as_secs_f64();
        let spec = material.image(&plan)?;
        let warnings = self.warn_of_outliers(&vae, &spec, (&training, &validation))?;
        let image = calibrate::calibrate(spec, &validation.readings)?;
        let model = run::parse(&folder.join(run::IMAGE_FILE), &image)?;
        let scores = Scores::new(&vae, &model, &test, REPORTED)?;
        let mut summary = self.summary(&model, &scores, (readings, training_seconds));
        summary.warnings = warnings;
        summary.budget = self.budget(&model)?;
        let page = report::page(&Results {
            summary: &summary,
            config: &self.config,
            history: &history,
            model: &model,
            readings: &test.readings,
            abnormal: self.parts.test.abnormal.as_deref(),
            scores: &scores,
            estimator: REPORTED,
        })?;
        write_run(
            folder,
            &Files {
                config: &self.config,
                vae: &vae,
                plan: &plan,
                image: &image,
                history: &history,
                summary: &summary,
                page: &page,
            },
        )?;
        self.say(&table(&summary));
        self.say(&format!("wrote {}", folder.display()));
        Ok(())
    }

    /// Evaluates a model that has no image, and writes the folder.
    fn finish_in_floats(
        &self,
        folder: &Path,
        vae: &Vae,
        history: &[Epoch],
        (test, readings, training_seconds): (&Prepared, (usize, usize), f64),
    ) -> Result<(), Error> {
        let of = (&self.config, &self.parts);
        let of_training = (readings, training_seconds);
        let summary = float_run::summarize(&self.name, of, (vae, test), of_training)?;
        // Those of an earlier run would be taken for this one's.
        run::remove(&folder.join(run::IMAGE_FILE))?;
        run::remove(&folder.join(run::PLAN_FILE))?;
        run::remove(&folder.join(run::REPORT_FILE))?;
        write_floats(
            folder,
            &self.config,
            vae,
            history,
            &super::to_json(&summary)?,
        )?;
        self.say(&float_run::table(&summary));
        self.say(float_run::NO_IMAGE);
        self.say(&format!("wrote {}", folder.display()));
        Ok(())
    }

    /// The model without the latents that carry nothing, unless they are to stay.
    fn prune(&mut self, vae: Vae, training: &Prepared) -> Result<Vae, Error> {
        let Dead { latents, collapsed } = dead_latents(&vae, &training.batch.inputs)?;
        if collapsed {
            eprintln!(
                "warning: the posterior has collapsed, no latent carries anything: train for longer, or try --kl-warm-up {} or --free-bits 0.1",
                (self.config.settings.epochs / 4).max(1)
            );
        }
        if latents.is_empty() || self.config.settings.keep_dead_latents {
            return Ok(vae);
        }
        let (all, kept) = (vae.latents(), vae.latents() - latents.len());
        self.say(&format!(
            "{} of {all} latents carry nothing and are left out: --latents {kept} is enough",
            latents.len()
        ));
        let pruned = vae.without(&latents)?;
        self.config.derived.pruned_latents = latents;
        Ok(pruned)
    }

    fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// Readings of `table` as the networks take them in.
    fn prepare(&self, vae: &Vae, table: Table) -> Result<Prepared, Error> {
        let normalization = &self.config.derived.normalization;
        let (readings, saturated) = Readings::from_table(&table, &normalization.exponents);
        drop(table);
        super::warn_of_saturation(saturated);
        Prepared::new(readings, normalization, vae, &Device::Cpu)
    }

    /// Trains where the settings say; the model has the result.
    fn train(
        &self,
        folder: &Path,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
        progress: &Progress,
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let device = settings.processor.open()?;
        if device.is_cpu() {
            return self.train_there(folder, vae, (training, validation), progress);
        }
        let derived = &self.config.derived;
        let there = fit::initialize(
            settings,
            derived.likelihood,
            &derived.normalization,
            &device,
        )?;
        let (training, validation) = (training.to_device(&device)?, validation.to_device(&device)?);
        let history = self.train_there(folder, &there, (&training, &validation), progress)?;
        vae.load_safetensors(&there.to_safetensors()?)?;
        Ok(history)
    }

    fn train_there(
        &self,
        folder: &Path,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
        progress: &Progress,
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let show = |epoch: &Epoch| progress.show(epoch);
        let plain = settings.gradient == Gradient::Reparameterized;
        match settings.inference {
            _ if !plain => gradient::train(vae, settings, training, validation, show),
            Inference::Amortized => {
                let path = folder.join(run::CHECKPOINT_FILE);
                let mut save = |checkpoint: &Checkpoint| {
                    let note = (RUN, run::to_toml(&self.config)?);
                    run::write(&path, &checkpoint.to_bytes(vae, note)?)
                };
                let course = Course {
                    checkpoint: self.resumed(vae)?,
                    save: Some((CHECKPOINT_INTERVAL, &mut save)),
                    ..Course::default()
                };
                fit::train(vae, settings, (training, validation), course, show)
            }
            Inference::Svi => train_locally(vae, settings, training, validation, show),
        }
    }

    /// The training that is gone on with.
    fn resumed(&self, vae: &Vae) -> Result<Option<Checkpoint>, Error> {
        let Some((bytes, config)) = &self.checkpoint else {
            return Ok(None);
        };
        if *config != self.config {
            return Err(Error::Setting(format!(
                "{} is not what the training began with: restore the file, or train anew, without --resume",
                self.config.settings.data
            )));
        }
        let checkpoint = Checkpoint::from_bytes(bytes, vae)?;
        self.say(&format!(
            "going on after epoch {} of {}",
            checkpoint.epochs(),
            config.settings.epochs
        ));
        Ok(Some(checkpoint))
    }

    fn summary(
        &self,
        model: &Model<'_>,
        scores: &Scores,
        ((training_readings, validation_readings), training_seconds): ((usize, usize), f64),
    ) -> Summary {
        let (encoder_macs, decoder_macs) = run::macs(model);
        Summary {
            name: self.name.clone(),
            likelihood: self.parts.likelihood,
            objective: Objective::name(&self.config.settings),
            training_readings,
            validation_readings,
            evaluation: Evaluation::new(scores, self.parts.test.abnormal.as_deref()),
            estimator: REPORTED.to_string(),
            pruned_latents: self.config.derived.pruned_latents.len(),
            image_bytes: model.image_length(),
            workspace_bytes: 8 * model.workspace_words(),
            encoder_macs,
            decoder_macs,
            training_seconds,
            format_version: elbow::format::FORMAT_VERSION,
            numerics_version: elbow::format::NUMERICS_VERSION,
            trainer_version: env!("CARGO_PKG_VERSION"),
            budget: None,
            warnings: vec![],
        }
    }

    /// What the model takes of its budget, where it has one.
    fn budget(&self, model: &Model<'_>) -> Result<Option<Budget>, Error> {
        if self.limits.is_empty() {
            return Ok(None);
        }
        let budget = Budget::of(model, self.config.settings.core, self.limits)?;
        if !budget.is_met() {
            eprintln!(
                "warning: the trained model breaks its budget {}: train again with lower limits, or with --activations i8",
                budget.describe()
            );
        }
        Ok(Some(budget))
    }

    /// Says what takes the levels of everything else, by the readings that were learned from, and what it costs on
    /// those that were chosen by; gives the lines.
    fn warn_of_outliers(
        &self,
        vae: &Vae,
        spec: &ImageSpec,
        (training, validation): (&Prepared, &Prepared),
    ) -> Result<Vec<String>, Error> {
        let normalization = &self.config.derived.normalization;
        let found = outliers::find(vae, spec, normalization, training)?;
        let lines = found.iter().map(|outlier| {
            let nats = match outlier {
                Outlier::Column { .. } => {
                    outliers::cost_of_inputs(vae, spec, normalization, validation)?
                }
                Outlier::Weights { .. } => None,
            };
            let line = outlier.warning(&self.parts.train, normalization, nats);
            eprintln!("warning: {line}");
            Ok(line)
        });
        lines.collect()
    }
}

/// What is legal but probably not meant.
fn warn_of_shape(settings: &Config, parts: &Parts) {
    let inputs = parts.train.table.width() - parts.conditions;
    if settings.latents > inputs {
        eprintln!(
            "warning: {} latents for readings of {inputs}: most will stay unused; lower --latents",
            settings.latents
        );
    }
    super::warn_of_saturation(parts.stream.as_ref().map_or(0, |stream| stream.saturated));
    let rows = parts.train.table.rows();
    if rows < settings.batch {
        eprintln!(
            "warning: {rows} training readings for a batch of {}: lower --batch",
            settings.batch
        );
    }
    if parts.validation.table.rows() == 0 {
        eprintln!(
            "warning: no validation readings: the last epoch is kept and every p-value is 1; raise --validation-fraction"
        );
    }
    if parts.test.dataset.table.rows() == 0 {
        eprintln!(
            "warning: no test readings: nothing says how good the model is; raise --test-fraction"
        );
    }
    if settings.data == "digits" && settings.anomaly_digit >= digits::CLASSES {
        eprintln!(
            "warning: there is no digit {}: no class is held out, so there is no AUC",
            settings.anomaly_digit
        );
    }
}

/// What the files of a run are made of.
struct Files<'a> {
    config: &'a RunConfig,
    vae: &'a Vae,
    plan: &'a Plan,
    image: &'a AlignedImage,
    history: &'a [Epoch],
    summary: &'a Summary,
    page: &'a str,
}

/// Writes the folder, the image last: where it is new, the rest is.
fn write_run(folder: &Path, files: &Files<'_>) -> Result<(), Error> {
    let summary = super::to_json(files.summary)?;
    write_floats(folder, files.config, files.vae, files.history, &summary)?;
    run::write_plan(folder, files.plan)?;
    run::write(&folder.join(run::REPORT_FILE), files.page.as_bytes())?;
    run::write(&folder.join(run::IMAGE_FILE), files.image)
}

/// Writes all that a run has without an image.
fn write_floats(
    folder: &Path,
    config: &RunConfig,
    vae: &Vae,
    history: &[Epoch],
    summary: &str,
) -> Result<(), Error> {
    let text = run::to_toml(config)?;
    let lines = history
        .iter()
        .map(|epoch| serde_json::to_string(epoch).map(|line| line + "\n"));
    let metrics = lines.collect::<Result<String, _>>();
    let metrics =
        metrics.map_err(|error| Error::Setting(format!("no JSON can be written: {error}")))?;
    run::write(&folder.join(run::CONFIG_FILE), text.as_bytes())?;
    run::write(&folder.join(run::METRICS_FILE), metrics.as_bytes())?;
    run::write(&folder.join(run::PARAMETERS_FILE), &vae.to_safetensors()?)?;
    run::write(&folder.join(run::SUMMARY_FILE), summary.as_bytes())?;
    run::remove(&folder.join(run::CHECKPOINT_FILE))
}

/// The results for a terminal.
fn table(summary: &Summary) -> String {
    let Evaluation {
        normal,
        abnormal,
        float,
        device,
        difference,
        spearman,
        ..
    } = summary.evaluation;
    let row = |name: &str, side: Side| {
        let (elbo, error) = (decimal(side.elbo, 3), decimal(side.standard_error, 3));
        format!(
            "{name:<22}{elbo:>12} ± {error:<8}{:>10}\n",
            decimal(side.auc, 4)
        )
    };
    format!(
        "\n{:<22}{:>23}{:>10}\n{}{}{:<22}{:>12}\n{:<22}{:>12}\n\n{normal} normal and {abnormal} abnormal test readings; image {} bytes, workspace {} bytes; trained in {:.1} s\n",
        "",
        "test ELBO, nats/reading",
        "AUC",
        row("float", float),
        row("device (sigma points)", device),
        "device - float",
        signed(difference),
        "rank correlation",
        decimal(spearman, 4),
        summary.image_bytes,
        summary.workspace_bytes,
        summary.training_seconds,
    )
}

/// The terms of the bound, and what else there is to say of them.
fn terms(epoch: &Epoch) -> String {
    let mut text = format!(
        "elbo {:.2} = reconstruction {:.2} - kl {:.2}",
        epoch.elbo, epoch.reconstruction, epoch.kl
    );
    if let Some(fraction) = epoch.observed_fraction {
        text += &format!(" of the {:.0} % observed", 100.0 * fraction);
    }
    if let Some(objective) = epoch.objective {
        text += &format!(", objective {objective:.2}");
    }
    text
}

/// The terms of the bound while training goes on: a bar on a terminal, now and then a line elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    epochs: usize,
}

impl Progress {
    fn new(epochs: usize, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::new(epochs as u64);
            let style =
                ProgressStyle::with_template("{bar:30} {pos}/{len} epochs, {eta} left  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar,
            lines: !terminal && !quiet,
            epochs,
        }
    }

    fn show(&self, epoch: &Epoch) {
        let terms = terms(epoch);
        if let Some(bar) = &self.bar {
            bar.set_position(epoch.epoch as u64);
            bar.set_message(terms);
        } else if self.lines && epoch.epoch.is_multiple_of(self.epochs.div_ceil(10)) {
            eprintln!("epoch {}/{}: {terms}", epoch.epoch, self.epochs);
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish();
        }
    }
}
