//! The way from settings and data to a trained, quantized, calibrated and evaluated model, as values. Writing the folder of a
//! run is a call of its own.

mod data;
mod interrupted;
pub(crate) mod journal;
mod observer;
mod outcome;
mod quantized;
mod resume;
mod sizing;
mod training;
mod warning;

pub use interrupted::Interrupted;
pub use observer::{Observer, Silent};
pub use outcome::{Exported, Outcome};
pub use quantized::{Quantized, Written};
pub use warning::Warning;

use crate::config::{Config, ExportConfig, Limits, Objective};
use crate::error::Error;
use crate::export::budget::{self, Budget};
use crate::export::calibrate;
use crate::export::folds::Folds;
use crate::export::report::{self, Results, Subject};
use crate::export::run::{self, Summary};
use crate::export::stages::{self, Stages};
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::quantize::{Plan, restored, sensitivities};
use crate::readings::splits::Splits;
use crate::readings::stream::Windowed;
use crate::readings::{Derived, Normalization, RunConfig};
use crate::study::detection::Pace;
use crate::study::detection::evaluate::Scores;
use crate::train::{self, Epoch};
use candle_core::Device;
use data::Data;
use elbow::Model;
use elbow::format::AlignedImage;
use elbow::image::ImageSpec;
use interrupted::INTEGERS;
use journal::Journal;
use outcome::Learned;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use training::Training;

/// Time between two checkpoints where nobody says otherwise, at least.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// A training that nothing but numbers can stop.
pub struct Job<'a> {
    name: String,
    config: RunConfig,
    splits: Splits,
    observer: &'a dyn Observer,
    /// The training to go on with.
    interrupted: Option<Interrupted>,
    /// Time between two checkpoints, at least.
    interval: Duration,
    warnings: Vec<Warning>,
}

impl fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A model as it comes out of its epochs in floats.
struct Model32 {
    vae: Vae,
    history: Vec<Epoch>,
    /// The settings of the epochs in integers, if there are to be any.
    integers: Option<Config>,
}

impl<'a> Job<'a> {
    /// A training of a model called `name` by `settings` on `splits`. With `limits`, its networks are sized to them.
    ///
    /// # Errors
    /// [`Error::Setting`] where the settings do not fit the data, or a limit cannot be met.
    pub fn new(
        name: &str,
        mut settings: Config,
        limits: Limits,
        splits: Splits,
        observer: &'a dyn Observer,
    ) -> Result<Self, Error> {
        // A file of signals is a stream also where nobody says how it is cut.
        settings.data.stream = splits.stream.as_ref().map(|stream| stream.settings.clone());
        settings.validate()?;
        let normalization = splits.normalization()?;
        let mut job = Self::warned(name, settings, splits, observer, &normalization);
        if !limits.is_empty() {
            let of = (name, &job.splits);
            let settings = &job.config.settings;
            let (sized, budget) = sizing::size(settings, limits, of, &normalization)?;
            let widths = budget::widths(&sized);
            let line = format!("sized to the budget: {widths}, {}", budget.describe());
            observer.note(&line);
            job.config.settings.model = sized;
            job.config.derived.limits = limits;
        }
        Ok(job)
    }

    /// A finished run that is to be trained on in integers.
    pub fn again(
        name: &str,
        config: RunConfig,
        splits: Splits,
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            name: name.to_owned(),
            config,
            splits,
            observer,
            interrupted: None,
            interval: CHECKPOINT_INTERVAL,
            warnings: vec![],
        }
    }

    /// The same with checkpoints so long after each other, a minute by default; the first comes within
    /// [`SOON`](crate::train::SOON).
    #[must_use]
    pub fn checkpointed(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    fn warned(
        name: &str,
        settings: Config,
        splits: Splits,
        observer: &'a dyn Observer,
        normalization: &Normalization,
    ) -> Self {
        if let Some(report) = &splits.report {
            observer.note(report.to_string().trim_end());
        }
        for note in &splits.notes {
            observer.note(&format!("{}: {note}", splits.train.name));
        }
        for warning in Warning::of_settings(&settings, &splits) {
            observer.warn(&warning);
        }
        let derived = Derived {
            likelihood: splits.likelihood.clone(),
            normalization: normalization.clone(),
            pruned_latents: vec![],
            columns: splits.columns.clone(),
            ranges: splits.ranges(),
            tuned_epochs: 0,
            stream: splits.stream.as_ref().map(Windowed::derived),
            limits: Limits::default(),
        };
        Self::again(name, RunConfig { settings, derived }, splits, observer)
    }

    /// Trains, quantizes, calibrates and evaluates. Checkpoints go to `folder`, where one is given; one of a
    /// [`Job::tune`] that was interrupted goes on with that.
    ///
    /// # Errors
    /// [`Error::Diverged`], [`Error::Cancelled`], [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`],
    /// [`Error::File`].
    pub fn fit(mut self, folder: Option<&Path>) -> Result<Outcome, Error> {
        if let Some((vae, epochs)) = self.tuned()? {
            return self.tune(vae, epochs, folder);
        }
        let mut settings = self.config.settings.clone();
        let Derived {
            likelihood,
            normalization,
            ..
        } = &self.config.derived;
        let vae = train::initialize(&settings, likelihood, normalization, &Device::Cpu)?;
        let data = self.data(&vae)?;
        let journal = self.journal(&data, folder, None)?;
        if !settings.train.objective.is_bound() {
            let objective = Objective::name(&settings);
            self.observer.note(&format!(
                "training ascends the {objective}; what is reported is the ELBO"
            ));
        }
        let training = Training {
            config: &self.config,
            journal: &journal,
            observer: self.observer,
        };
        let history = training.run(&vae, (&data.training, &data.validation))?;
        settings = settings.ending_after(history.len());
        let trained = Model32 {
            vae: self.prune(vae, &data.training)?,
            history,
            // A step size that diverged is none to go on with.
            integers: (settings.train.qat && !journal.has_diverged()).then_some(settings),
        };
        self.finish(&data, trained, &journal)
    }

    /// Trains `vae`, the model of a finished run, on in the device's integers for as many epochs, and goes on as
    /// [`Job::fit`] does.
    ///
    /// # Errors
    /// The errors of [`Job::fit`].
    pub fn tune(
        mut self,
        vae: Vae,
        epochs: usize,
        folder: Option<&Path>,
    ) -> Result<Outcome, Error> {
        let data = self.data(&vae)?;
        let journal = self.journal(&data, folder, Some((&vae, epochs)))?;
        self.config.derived.tuned_epochs += epochs;
        let trained = Model32 {
            vae,
            history: vec![],
            integers: Some(self.config.settings.tuned(epochs)),
        };
        self.finish(&data, trained, &journal)
    }

    /// Quantizes `vae`, the model of a finished run, as was `written`, or otherwise by what the settings ask for. With
    /// `sensitivity` it says what 16 bits are worth in each layer.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
    pub fn quantize(
        mut self,
        vae: &Vae,
        written: Option<Written>,
        sensitivity: bool,
    ) -> Result<Quantized, Error> {
        let data = self.data(vae)?;
        let stages = self.stages(vae, &data);
        let set = stages.calibration_set()?;
        let normalization = &self.config.derived.normalization;
        let (plan, image) = match written {
            None => (stages.plan(&set)?, None),
            Some(Written { plan, image }) => (restored(vae, normalization, plan, &set)?, image),
        };
        let sensitivities = sensitivity.then(|| sensitivities(vae, normalization, &set, &plan));
        let sensitivities = sensitivities.transpose()?;
        let spec = image.map_or_else(|| stages.image(&plan), Ok)?;
        let journal = Journal::forgetful(self.observer);
        let (image, _) = self.calibrated(spec.clone(), &data, &journal)?;
        let anomalous = self.splits.test.anomalous.as_deref();
        let compared = Quantized::new((vae, &spec), image, &self.config, (&data.test, anomalous))?;
        Ok(Quantized {
            sensitivities,
            ..compared
        })
    }

    /// Takes the data out of their tables, and says how they are divided.
    fn data(&mut self, vae: &Vae) -> Result<Data, Error> {
        let data = Data::take(&mut self.splits, &self.config, vae, self.observer)?;
        let said = data.describe(&self.splits, &self.config.derived.likelihood);
        self.observer.note(&format!("{}: {said}", self.name));
        Ok(data)
    }

    /// Quantizes, exports and evaluates.
    fn finish(
        mut self,
        data: &Data,
        mut trained: Model32,
        journal: &Journal<'_>,
    ) -> Result<Outcome, Error> {
        let plan = self.integers(data, &mut trained, journal)?;
        let Model32 { vae, history, .. } = trained;
        let epochs = history.len();
        let parts = (&data.training, &data.validation);
        let stages = self.stages(&vae, data);
        self.observer.trained();
        let learned = data.learned(journal.seconds());
        let spec = stages.image(&plan)?;
        let normalization = self.config.derived.normalization.clone();
        for warning in Warning::of_outliers((&vae, &spec), &normalization, parts, &self.splits)? {
            self.warn(warning);
        }
        journal.rest(epochs)?;
        let calibrated = self.calibrated(spec.clone(), data, journal);
        // Models of folds have epochs of their own.
        let (image, calibrating) = calibrated.map_err(|error| error.after(epochs))?;
        journal.rest(epochs)?;
        let diverged = journal.take_divergence();
        let warning = diverged
            .iter()
            .map(|error| Warning::Diverged(error.to_string()));
        self.warnings.extend(warning);
        let of = (&vae, &spec, history.as_slice());
        let (summary, page) = self.evaluate(&image, of, &data.test, (learned, calibrating))?;
        Ok(Outcome {
            config: self.config,
            vae,
            history,
            exported: Box::new(Exported {
                plan,
                image,
                summary,
                page,
            }),
            diverged,
        })
    }

    /// The plan of the image, after the epochs in integers that `trained` is to have.
    fn integers(
        &self,
        data: &Data,
        trained: &mut Model32,
        journal: &Journal<'_>,
    ) -> Result<Plan, Error> {
        let Model32 {
            vae,
            history,
            integers,
        } = trained;
        let stages = self.stages(vae, data);
        let plan = stages.planned()?;
        let Some(settings) = integers else {
            return Ok(plan);
        };
        let before = settings.float_epochs() - history.len();
        let counted = |epoch: &Epoch| Epoch {
            epoch: epoch.epoch - before,
            ..*epoch
        };
        let show = |epoch: &Epoch| {
            let epochs = settings.train.epochs - before;
            self.observer.epoch(&counted(epoch), epochs);
            Ok(())
        };
        let trained = journal.train(INTEGERS, vae, |course| {
            stages.integers(&data.validation, settings, plan, course, show)
        });
        let (more, plan) = trained.map_err(|error| match error {
            Error::Cancelled { epoch, .. } => error.after(epoch - before),
            other => other,
        })?;
        history.extend(more.iter().map(counted));
        Ok(plan)
    }

    /// The results of `image` on the test readings, and the page that shows them.
    fn evaluate(
        &mut self,
        image: &[u8],
        (vae, spec, history): (&Vae, &ImageSpec, &[Epoch]),
        test: &Prepared,
        (learned, calibrating): (Learned, usize),
    ) -> Result<(Summary, String), Error> {
        let model = run::parse(Path::new(run::IMAGE_FILE), image)?;
        let scores = Scores::new(vae, &model, test, model.estimator())?;
        let mut summary = outcome::in_integers(
            &self.name,
            &self.config,
            &self.splits,
            (&model, &scores),
            learned,
        );
        let normalization = &self.config.derived.normalization;
        let found = Warning::of_quantization(
            (vae, spec),
            (&self.config.settings.export, normalization),
            (&summary.evaluation, test),
            &self.splits,
        )?;
        if let Some(warning) = found {
            self.warn(warning);
        }
        if let Some(warning) = Warning::of_alarms(calibrating, &summary) {
            self.warn(warning);
        }
        summary.warnings = self.warnings.iter().map(Warning::to_string).collect();
        summary.budget = self.budget(&model)?;
        let page = report::page(&Results {
            summary: &summary,
            config: &self.config,
            history,
            tested: Subject {
                model: &model,
                readings: &test.readings,
                masks: test.observed.as_ref(),
                anomalous: self.splits.test.anomalous.as_deref(),
                scores: &scores.device,
                estimator: model.estimator(),
                pace: Pace { rate: summary.rate },
            },
            float: &scores.float,
        })?;
        Ok((summary, page))
    }

    fn stages<'b>(&'b self, vae: &'b Vae, data: &'b Data) -> Stages<'b> {
        Stages {
            name: &self.name,
            vae,
            config: &self.config,
            splits: &self.splits,
            training: &data.training,
            learned: data.training.readings.len(),
            held_out: data.validation.readings.len(),
        }
    }

    /// The image of `spec` that knows normal readings, and how many calibrate its p-values.
    fn calibrated(
        &self,
        spec: ImageSpec,
        data: &Data,
        journal: &Journal<'_>,
    ) -> Result<(AlignedImage, usize), Error> {
        let parts = (&data.training, &data.validation);
        let folds = Folds::new(&self.name, &self.config, &self.splits, parts);
        let wanted = self.config.settings.export.folds;
        match &folds {
            Ok(folds) => self.observer.note(&folds.note()),
            // Nobody asked for the default, nor misses folds that are not wanted.
            Err(_) if [0, ExportConfig::default().folds].contains(&wanted) => (),
            Err(reason) => self
                .observer
                .note(&format!("--folds {wanted} trains no more models: {reason}")),
        }
        let folds = folds.ok();
        let held_out = data.validation.readings.len();
        let calibrating = folds.as_ref().map_or(held_out, Folds::readings);
        let others = folds.map(|folds| folds.values(journal)).transpose()?;
        let judged_by = self.config.settings.export.judged_by;
        let image = calibrate::calibrate(spec, judged_by, &data.validation, others)?;
        Ok((image, calibrating))
    }

    /// The model without the latents that carry nothing, unless they are to stay.
    fn prune(&mut self, vae: Vae, training: &Prepared) -> Result<Vae, Error> {
        let (all, export) = (vae.latents(), &self.config.settings.export);
        let (pruned, dead) = stages::prune(vae, training, export.keep_dead_latents)?;
        if dead.collapsed {
            let epochs = self.config.settings.train.epochs;
            self.observer.warn(&Warning::Collapsed { epochs });
        }
        if !dead.latents.is_empty() {
            self.observer.note(&format!(
                "{} of {all} latents carry nothing and are left out: --latents {} is enough",
                dead.latents.len(),
                pruned.latents()
            ));
        }
        self.config.derived.pruned_latents = dead.latents;
        Ok(pruned)
    }

    /// The budget and its use by the model, where there is one.
    fn budget(&self, model: &Model<'_>) -> Result<Option<Budget>, Error> {
        let limits = self.config.derived.limits;
        if limits.is_empty() {
            return Ok(None);
        }
        let budget = Budget::of(model, self.config.settings.export.core, limits)?;
        if !budget.is_met() {
            self.observer.warn(&Warning::Budget(budget.describe()));
        }
        Ok(Some(budget))
    }

    /// Says something of the trained model, and keeps it for the summary.
    fn warn(&mut self, warning: Warning) {
        self.observer.warn(&warning);
        self.warnings.push(warning);
    }
}
