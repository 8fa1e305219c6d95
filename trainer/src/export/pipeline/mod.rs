//! From settings and data to a trained, quantized, calibrated and evaluated model, as values. Writing the folder of a
//! run is a call of its own.

mod interrupted;
mod observer;
mod outcome;
mod sizing;
mod warning;

pub use interrupted::Interrupted;
pub use observer::{Observer, Silent};
pub use outcome::{Exported, Outcome, Trained};
pub use warning::Warning;

use crate::config::{Activations, Config, Gradient, Inference, Latent, Limits, Objective, Weights};
use crate::data::Table;
use crate::error::Error;
use crate::export::budget::{self, Budget};
use crate::export::calibrate;
use crate::export::folds::Folds;
use crate::export::material::Material;
use crate::export::report::{self, Results};
use crate::export::run::{self, Summary};
use crate::model::Vae;
use crate::model::activity::{Dead, dead_latents};
use crate::model::prepared::Prepared;
use crate::quantize::Plan;
use crate::readings::masks::Masks;
use crate::readings::splits::Splits;
use crate::readings::stream::Windowed;
use crate::readings::{Derived, Readings, RunConfig};
use crate::score::evaluate::{Evaluation, Scores};
use crate::study::outliers::{self, Outlier};
use crate::train::gradient;
use crate::train::inference::train_locally;
use crate::train::{self, Checkpoint, Course, Epoch};
use candle_core::Device;
use elbow::image::ImageSpec;
use elbow::{Estimator, Model};
use interrupted::Clock;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// The estimator of the results.
pub const REPORTED: Estimator = Estimator::SigmaPoints;
/// Readings that suffice to tell dead latents and to start a prior from.
const SOME: usize = 8192;
/// What a column's rounding costs where it is to blame for a bad quantization, nats a reading.
const BLAME: f64 = 0.05;
/// Time between two checkpoints, at least.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// A training that nothing but numbers can stop.
pub struct Job<'a> {
    name: String,
    config: RunConfig,
    splits: Splits,
    observer: &'a dyn Observer,
    /// What to go on from.
    interrupted: Option<Interrupted>,
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

/// Readings as the networks take them in.
#[derive(Debug)]
struct Data {
    training: Prepared,
    validation: Prepared,
    test: Prepared,
}

/// A model as it comes out of its epochs in floats.
struct Model32 {
    vae: Vae,
    history: Vec<Epoch>,
    clock: Clock,
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
            job.config.settings = sized;
            job.config.derived.limits = limits;
        }
        Ok(job)
    }

    /// The training `interrupted`, on the data that it began with.
    ///
    /// # Errors
    /// [`Error::Setting`] where these are not its data.
    pub fn resume(
        name: &str,
        interrupted: Interrupted,
        splits: Splits,
        observer: &'a dyn Observer,
    ) -> Result<Self, Error> {
        let settings = interrupted.run().settings.clone();
        let normalization = splits.normalization()?;
        let mut job = Self::warned(name, settings, splits, observer, &normalization);
        job.config.derived.limits = interrupted.run().derived.limits;
        job.interrupted = Some(interrupted);
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
            warnings: vec![],
        }
    }

    fn warned(
        name: &str,
        settings: Config,
        splits: Splits,
        observer: &'a dyn Observer,
        normalization: &crate::readings::Normalization,
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

    /// Trains, quantizes, calibrates and evaluates. Checkpoints go to `folder`, where one is given.
    ///
    /// # Errors
    /// [`Error::Diverged`], [`Error::Cancelled`], [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`],
    /// [`Error::File`].
    pub fn fit(mut self, folder: Option<&Path>) -> Result<Outcome, Error> {
        let settings = self.config.settings.clone();
        let Derived {
            likelihood,
            normalization,
            ..
        } = &self.config.derived;
        let vae = train::initialize(&settings, likelihood, normalization, &Device::Cpu)?;
        let data = self.data(&vae)?;
        if !settings.train.objective.is_bound() {
            let objective = Objective::name(&settings);
            self.observer.note(&format!(
                "training ascends the {objective}; what is reported is the ELBO"
            ));
        }
        let clock = Clock::start(self.interrupted.as_ref());
        let parts = (&data.training, &data.validation);
        let history = self.train(folder, &vae, parts, &clock)?;
        if vae.latent() == Latent::Bernoulli {
            self.observer.trained();
            let seconds = clock.seconds();
            return outcome::in_floats(
                &self.name,
                self.config,
                &self.splits,
                (vae, history),
                (
                    &data.test,
                    (data.training.readings.len(), data.validation.readings.len()),
                    seconds,
                ),
            );
        }
        let trained = Model32 {
            vae: self.prune(vae, &data.training)?,
            history,
            clock,
            integers: settings.train.qat.then_some(settings),
        };
        self.finish(&data, trained)
    }

    /// Trains `vae`, the model of a finished run, on in the device's integers for as many epochs, and goes on as
    /// [`Job::fit`] does.
    ///
    /// # Errors
    /// Those of [`Job::fit`].
    pub fn tune(mut self, vae: Vae, epochs: usize) -> Result<Outcome, Error> {
        let data = self.data(&vae)?;
        self.config.derived.tuned_epochs += epochs;
        let trained = Model32 {
            vae,
            history: vec![],
            clock: Clock::start(None),
            integers: Some(self.config.settings.tuned(epochs)),
        };
        self.finish(&data, trained)
    }

    /// Takes the data out of their tables, and says how they are divided.
    fn data(&mut self, vae: &Vae) -> Result<Data, Error> {
        // No table outlives its readings: both together are most of the memory.
        let gaps = Masks::of(&self.splits.train);
        let rows = self.splits.train.table.take();
        let mut training = self.prepare(vae, rows)?.with_gaps(gaps);
        training.intensities = self.splits.intensities.take();
        if self.config.settings.train.inference == Inference::Amortized {
            training.keep_first(SOME)?;
        }
        let gaps = Masks::of(&self.splits.validation);
        let rows = self.splits.validation.table.take();
        let validation = self.prepare(vae, rows)?.with_gaps(gaps);
        let gaps = Masks::of(&self.splits.test.dataset);
        let rows = self.splits.test.dataset.table.take();
        let test = self.prepare(vae, rows)?.with_gaps(gaps);
        let strange = self
            .splits
            .anomalous
            .as_ref()
            .map_or_else(String::new, |strange| {
                format!(", {} abnormal ones to calibrate with", strange.table.rows())
            });
        self.observer.note(&format!(
            "{}: {} readings of {} to learn from, {} to choose by{strange}, {} to test on; likelihood {}",
            self.name,
            training.readings.len(),
            training.readings.width(),
            validation.readings.len(),
            test.readings.len(),
            self.config.derived.likelihood,
        ));
        Ok(Data {
            training,
            validation,
            test,
        })
    }

    /// Readings of `table` as the networks take them in.
    fn prepare(&self, vae: &Vae, table: Table) -> Result<Prepared, Error> {
        let normalization = &self.config.derived.normalization;
        let (readings, saturated) = Readings::from_table(&table, &normalization.exponents);
        drop(table);
        if saturated > 0 {
            self.observer
                .warn(&Warning::Saturated { values: saturated });
        }
        Prepared::new(readings, normalization, vae, &Device::Cpu)
    }

    /// Tells of an epoch, and whether to go on.
    fn show(&self, epoch: &Epoch, epochs: usize) -> Result<(), Error> {
        self.observer.epoch(epoch, epochs);
        if self.observer.is_cancelled() {
            return Err(Error::Cancelled { epoch: epoch.epoch });
        }
        Ok(())
    }

    /// Quantizes, exports and evaluates.
    fn finish(mut self, data: &Data, trained: Model32) -> Result<Outcome, Error> {
        let Model32 {
            vae,
            mut history,
            clock,
            integers,
        } = trained;
        let parts = (&data.training, &data.validation);
        let plan = self.integers(&vae, parts, &mut history, integers)?;
        self.observer.trained();
        let training_seconds = clock.seconds();
        let spec = self.material(&vae, data).image(&plan)?;
        self.warn_of_outliers(&vae, &spec, parts)?;
        let folds = Folds::new(&self.name, &self.config, &self.splits, parts);
        let calibrating = folds
            .as_ref()
            .map_or(data.validation.readings.len(), Folds::readings);
        let others = match &folds {
            None => None,
            Some(folds) => {
                self.observer.note(&folds.note());
                Some(folds.scores()?)
            }
        };
        let image = calibrate::calibrate(
            spec.clone(),
            &data.validation.readings,
            data.validation.observed.as_ref(),
            others,
        )?;
        let of = (&vae, &spec, history.as_slice());
        let numbers = (calibrating, training_seconds);
        let (summary, page) = self.evaluate(&image, of, data, numbers)?;
        Ok(Outcome {
            config: self.config,
            vae,
            history,
            trained: Trained::Image(Box::new(Exported {
                plan,
                image,
                summary,
                page,
            })),
        })
    }

    /// The results of `image` on the test readings, and the page that shows them.
    fn evaluate(
        &mut self,
        image: &[u8],
        (vae, spec, history): (&Vae, &ImageSpec, &[Epoch]),
        data: &Data,
        (calibrating, training_seconds): (usize, f64),
    ) -> Result<(Summary, String), Error> {
        let test = &data.test;
        let model = run::parse(Path::new(run::IMAGE_FILE), image)?;
        let scores = Scores::new(vae, &model, test, REPORTED)?;
        let readings = (data.training.readings.len(), data.validation.readings.len());
        let mut summary = self.summary(&model, &scores, (readings, training_seconds));
        self.warn_of_quantization((vae, spec), &summary.evaluation, test)?;
        if let Some(warning) = Warning::of_alarms(calibrating, summary.smallest_p_value) {
            self.warn(warning);
        }
        summary.warnings = self.warnings.iter().map(Warning::to_string).collect();
        summary.budget = self.budget(&model)?;
        let page = report::page(&Results {
            summary: &summary,
            config: &self.config,
            history,
            model: &model,
            readings: &test.readings,
            abnormal: self.splits.test.abnormal.as_deref(),
            scores: &scores,
            estimator: REPORTED,
        })?;
        Ok((summary, page))
    }

    /// The plan of the image, after the epochs in integers that `settings` ask for.
    fn integers(
        &self,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
        history: &mut Vec<Epoch>,
        settings: Option<Config>,
    ) -> Result<Plan, Error> {
        let material = self.material_of(vae, training, validation.readings.len());
        let masks = train::fixed_masks(&self.config.settings, training);
        let plan = material.plan(&material.pool(masks.as_ref())?)?;
        let Some(settings) = settings else {
            return Ok(plan);
        };
        let before = settings.float_epochs() - history.len();
        let counted = |epoch: &Epoch| Epoch {
            epoch: epoch.epoch - before,
            ..*epoch
        };
        let epochs = settings.train.epochs - before;
        let show = |epoch: &Epoch| self.show(&counted(epoch), epochs);
        let normalization = &self.config.derived.normalization;
        let data = (training, validation);
        let (epochs, plan) =
            train::train_integers(vae, &settings, normalization, data, plan, show)?;
        history.extend(epochs.iter().map(counted));
        Ok(plan)
    }

    fn material<'b>(&'b self, vae: &'b Vae, data: &'b Data) -> Material<'b> {
        self.material_of(vae, &data.training, data.validation.readings.len())
    }

    fn material_of<'b>(
        &'b self,
        vae: &'b Vae,
        training: &'b Prepared,
        validation_readings: usize,
    ) -> Material<'b> {
        Material {
            name: &self.name,
            vae,
            config: &self.config,
            parts: &self.splits,
            training,
            validation_readings,
        }
    }

    /// The model without the latents that carry nothing, unless they are to stay.
    fn prune(&mut self, vae: Vae, training: &Prepared) -> Result<Vae, Error> {
        let Dead { latents, collapsed } = dead_latents(&vae, &training.batch.inputs)?;
        if collapsed {
            let epochs = self.config.settings.train.epochs;
            self.observer.warn(&Warning::Collapsed { epochs });
        }
        if latents.is_empty() || self.config.settings.export.keep_dead_latents {
            return Ok(vae);
        }
        let (all, kept) = (vae.latents(), vae.latents() - latents.len());
        self.observer.note(&format!(
            "{} of {all} latents carry nothing and are left out: --latents {kept} is enough",
            latents.len()
        ));
        let pruned = vae.without(&latents)?;
        self.config.derived.pruned_latents = latents;
        Ok(pruned)
    }

    /// Trains where the settings say; the model has the result.
    fn train(
        &self,
        folder: Option<&Path>,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
        clock: &Clock,
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let device = settings.train.processor.open()?;
        if device.is_cpu() {
            return self.train_there(folder, vae, (training, validation), clock);
        }
        let derived = &self.config.derived;
        let there = train::initialize(
            settings,
            &derived.likelihood,
            &derived.normalization,
            &device,
        )?;
        let (training, validation) = (training.to_device(&device)?, validation.to_device(&device)?);
        let history = self.train_there(folder, &there, (&training, &validation), clock)?;
        vae.load_safetensors(&there.to_safetensors()?)?;
        Ok(history)
    }

    fn train_there(
        &self,
        folder: Option<&Path>,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
        clock: &Clock,
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let show = |epoch: &Epoch| self.show(epoch, settings.train.epochs);
        let plain = settings.train.gradient == Gradient::Reparameterized;
        match settings.train.inference {
            _ if !plain => gradient::train(vae, settings, training, validation, show),
            Inference::Amortized => {
                let mut save = |checkpoint: &Checkpoint| match folder {
                    None => Ok(()),
                    Some(folder) => {
                        interrupted::save(folder, checkpoint, vae, (&self.config, clock))
                    }
                };
                let course = Course {
                    checkpoint: self.resumed(vae)?,
                    save: Some((CHECKPOINT_INTERVAL, &mut save)),
                    ..Course::default()
                };
                train::train(vae, settings, (training, validation), course, show)
            }
            Inference::Svi => train_locally(vae, settings, training, validation, show),
        }
    }

    /// The training that is gone on with.
    fn resumed(&self, vae: &Vae) -> Result<Option<Checkpoint>, Error> {
        let Some(interrupted) = &self.interrupted else {
            return Ok(None);
        };
        if *interrupted.run() != self.config {
            return Err(Error::Setting(format!(
                "{} is not what the training began with: restore the file, or train anew, without --resume",
                self.config.settings.data.source
            )));
        }
        let checkpoint = interrupted.checkpoint(vae)?;
        self.observer.note(&format!(
            "going on after epoch {} of {}",
            checkpoint.epochs(),
            self.config.settings.train.epochs
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
            likelihood: self.splits.likelihood.clone(),
            objective: Objective::name(&self.config.settings),
            data: self.splits.report.clone(),
            training_readings,
            validation_readings,
            evaluation: Evaluation::new(scores, self.splits.test.abnormal.as_deref()),
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
            smallest_p_value: model
                .calibration(REPORTED)
                .map(|table| table.smallest_p_value().to_f64()),
            budget: None,
            warnings: vec![],
        }
    }

    /// What the model takes of its budget, where it has one.
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

    /// Says where the device's scores are not those of the trained model, with the column to blame and what to try.
    fn warn_of_quantization(
        &mut self,
        (vae, spec): (&Vae, &ImageSpec),
        evaluation: &Evaluation,
        test: &Prepared,
    ) -> Result<(), Error> {
        if evaluation.is_faithful() {
            return Ok(());
        }
        let normalization = &self.config.derived.normalization;
        let blame = match outliers::costliest_input(vae, spec, normalization, test)? {
            Some((column, nats)) if nats > BLAME => format!(
                "{} loses most by its 8 bits, {nats:.3} nats a reading: give inputs 16 with --activations auto or i16, or clip it, or take its logarithm",
                self.splits.train.column_name(column)
            ),
            _ => {
                let settings = &self.config.settings;
                let narrow = settings.export.activations != Activations::I16;
                let weights = settings.export.weights != Weights::Int8;
                let remedies = [
                    (narrow, "--activations i16, "),
                    (weights, "--weights int8, "),
                ];
                let remedies = remedies.into_iter().filter(|(helps, _)| *helps);
                format!(
                    "no single column is to blame: try {}another --seed, and `trainer eval --breakdown` for the layer",
                    remedies.map(|(_, remedy)| remedy).collect::<String>()
                )
            }
        };
        let number = |number: Option<f64>, text: &dyn Fn(f64) -> String| {
            number.map_or_else(|| "-".to_owned(), text)
        };
        self.warn(Warning::Quantization(format!(
            "the device's scores differ from the trained model's by {} nats a reading in the mean, with a rank correlation of {}; {blame}",
            number(evaluation.difference, &|nats| format!("{nats:+.3}")),
            number(evaluation.spearman, &|rho| format!("{rho:.4}")),
        )));
        Ok(())
    }

    /// Says what takes the levels of everything else, by the readings that were learned from, and what it costs on
    /// those that were chosen by.
    fn warn_of_outliers(
        &mut self,
        vae: &Vae,
        spec: &ImageSpec,
        (training, validation): (&Prepared, &Prepared),
    ) -> Result<(), Error> {
        let normalization = self.config.derived.normalization.clone();
        for outlier in outliers::find(vae, spec, &normalization, training)? {
            let nats = match outlier {
                Outlier::Column { .. } => {
                    outliers::cost_of_inputs(vae, spec, &normalization, validation)?
                }
                Outlier::Weights { .. } => None,
            };
            let line = outlier.warning(&self.splits.train, &normalization, nats);
            self.warn(Warning::Outlier(line));
        }
        Ok(())
    }
}
