//! From settings and data to the folder of a run.

use super::interrupted::{self, Clock, Interrupted};
use super::progress::Progress;
use super::{decimal, float_run, signed};
use crate::config::{Activations, Config, Gradient, Inference, Latent, Objective, Weights};
use crate::data::Table;
use crate::error::Error;
use crate::export::budget::Budget;
use crate::export::calibrate;
use crate::export::material::Material;
use crate::export::report::{self, Results};
use crate::export::run::{self, Summary};
use crate::model::Vae;
use crate::model::activity::{Dead, dead_latents};
use crate::model::prepared::Prepared;
use crate::readings::Derived;
use crate::readings::Readings;
use crate::readings::RunConfig;
use crate::readings::splits::Parts;
use crate::score::evaluate::{Evaluation, Scores, Side};
use crate::study::outliers::{self, Outlier};
use crate::train::gradient;
use crate::train::inference::train_locally;
use crate::train::{self, Checkpoint, Course, Epoch};
use candle_core::Device;
use elbow::format::ImageSpec;
use elbow::{Estimator, Model};
use std::path::Path;
use std::time::Duration;

/// The estimator of the results.
const REPORTED: Estimator = Estimator::SigmaPoints;
/// Readings that suffice to tell dead latents and to start a prior from.
const SOME: usize = 8192;
/// The p-value below which most products raise an alarm.
const USUAL_ALARM: f64 = 0.01;
/// What a column's rounding costs where it is to blame for a bad quantization, nats a reading.
const BLAME: f64 = 0.05;
/// Time between two checkpoints, at least.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// A training that nothing but numbers can stop.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) config: RunConfig,
    pub(super) parts: Parts,
    pub(super) quiet: bool,
    /// What to go on from.
    pub(super) interrupted: Option<Interrupted>,
}

/// Readings as the networks take them in.
#[derive(Debug)]
struct Data {
    training: Prepared,
    validation: Prepared,
    test: Prepared,
}

/// What became of training so far.
struct Trained {
    vae: Vae,
    history: Vec<Epoch>,
    clock: Clock,
    progress: Progress,
    /// The settings of the epochs in integers, if there are to be any.
    integers: Option<Config>,
}

impl Task {
    /// Trains, quantizes, exports, evaluates and writes the folder.
    pub(super) fn run(mut self, folder: &Path) -> Result<(), Error> {
        let settings = self.config.settings.clone();
        let Derived {
            likelihood,
            normalization,
            ..
        } = &self.config.derived;
        let vae = train::initialize(&settings, *likelihood, normalization, &Device::Cpu)?;
        let data = self.data(&vae)?;
        if !settings.objective.is_bound() {
            let objective = Objective::name(&settings);
            self.say(&format!(
                "training ascends the {objective}; what is reported is the ELBO"
            ));
        }
        let clock = Clock::start(self.interrupted.as_ref());
        let progress = Progress::new(settings.epochs, self.quiet);
        let parts = (&data.training, &data.validation);
        let history = self.train(folder, &vae, parts, (&clock, &progress))?;
        if vae.latent() == Latent::Bernoulli {
            progress.finish();
            let readings = (data.training.readings.len(), data.validation.readings.len());
            let of_training = (&data.test, readings, clock.seconds());
            return self.finish_in_floats(folder, &vae, &history, of_training);
        }
        let trained = Trained {
            vae: self.prune(vae, &data.training)?,
            history,
            clock,
            progress,
            integers: settings.qat.then_some(settings),
        };
        self.finish(folder, &data, trained)
    }

    /// Trains `vae`, the model of another run, on in the device's integers for as many epochs, exports, evaluates and
    /// writes the folder.
    pub(super) fn tune(mut self, folder: &Path, vae: Vae, epochs: usize) -> Result<(), Error> {
        let data = self.data(&vae)?;
        self.config.derived.tuned_epochs += epochs;
        let trained = Trained {
            vae,
            history: vec![],
            clock: Clock::start(None),
            progress: Progress::new(epochs, self.quiet),
            integers: Some(self.config.settings.tuned(epochs)),
        };
        self.finish(folder, &data, trained)
    }

    /// Takes the data out of their tables, and says how they are divided.
    fn data(&mut self, vae: &Vae) -> Result<Data, Error> {
        // No table outlives its readings: both together are most of the memory.
        let rows = self.parts.train.table.take();
        let mut training = self.prepare(vae, rows)?;
        training.intensities = self.parts.intensities.take();
        if self.config.settings.inference == Inference::Amortized {
            training.keep_first(SOME)?;
        }
        let rows = self.parts.validation.table.take();
        let validation = self.prepare(vae, rows)?;
        let rows = self.parts.test.dataset.table.take();
        let test = self.prepare(vae, rows)?;
        let strange = self
            .parts
            .strange
            .as_ref()
            .map_or_else(String::new, |strange| {
                format!(", {} abnormal ones to calibrate with", strange.table.rows())
            });
        self.say(&format!(
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

    /// Quantizes, exports, evaluates and writes the folder.
    fn finish(&self, folder: &Path, data: &Data, trained: Trained) -> Result<(), Error> {
        let Data {
            training,
            validation,
            test,
        } = data;
        let Trained {
            vae,
            mut history,
            clock,
            progress,
            integers,
        } = trained;
        let material = Material {
            name: &self.name,
            vae: &vae,
            config: &self.config,
            parts: &self.parts,
            training,
            validation_readings: validation.readings.len(),
        };
        let masks = train::fixed_masks(&self.config.settings, training);
        let pool = material.pool(masks.as_ref())?;
        let plan = material.plan(&pool)?;
        let plan = match integers {
            None => plan,
            Some(settings) => {
                let before = settings.float_epochs() - history.len();
                let counted = |epoch: &Epoch| Epoch {
                    epoch: epoch.epoch - before,
                    ..*epoch
                };
                let show = |epoch: &Epoch| progress.show(&counted(epoch));
                let normalization = &self.config.derived.normalization;
                let data = (training, validation);
                let (epochs, plan) =
                    train::train_integers(&vae, &settings, normalization, data, plan, show)?;
                history.extend(epochs.iter().map(counted));
                plan
            }
        };
        progress.finish();
        let training_seconds = clock.seconds();
        let spec = material.image(&plan)?;
        let mut warnings = self.warn_of_outliers(&vae, &spec, (training, validation))?;
        let image = calibrate::calibrate(spec.clone(), &validation.readings)?;
        let model = run::parse(&folder.join(run::IMAGE_FILE), &image)?;
        let scores = Scores::new(&vae, &model, test, REPORTED)?;
        let readings = (training.readings.len(), validation.readings.len());
        let mut summary = self.summary(&model, &scores, (readings, training_seconds));
        warnings.extend(self.warn_of_quantization((&vae, &spec), &summary.evaluation, test)?);
        warnings.extend(self.warn_of_rare_alarms(&summary));
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
        let plan = run::to_toml(&plan)?;
        let floats = float_files(&self.config, &vae, &history)?;
        let mut files = slices(&floats);
        files.push((run::PLAN_FILE, plan.as_bytes()));
        files.push((run::REPORT_FILE, page.as_bytes()));
        // The image last: where it is new, the rest is.
        files.push((run::IMAGE_FILE, &image));
        run::write_folder(folder, &summary, &files)?;
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
        let floats = float_files(&self.config, vae, history)?;
        run::write_folder(folder, &summary, &slices(&floats))?;
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
        of: (&Clock, &Progress),
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let device = settings.processor.open()?;
        if device.is_cpu() {
            return self.train_there(folder, vae, (training, validation), of);
        }
        let derived = &self.config.derived;
        let there = train::initialize(
            settings,
            derived.likelihood,
            &derived.normalization,
            &device,
        )?;
        let (training, validation) = (training.to_device(&device)?, validation.to_device(&device)?);
        let history = self.train_there(folder, &there, (&training, &validation), of)?;
        vae.load_safetensors(&there.to_safetensors()?)?;
        Ok(history)
    }

    fn train_there(
        &self,
        folder: &Path,
        vae: &Vae,
        (training, validation): (&Prepared, &Prepared),
        of: (&Clock, &Progress),
    ) -> Result<Vec<Epoch>, Error> {
        let settings = &self.config.settings;
        let (clock, progress) = of;
        let show = |epoch: &Epoch| progress.show(epoch);
        let plain = settings.gradient == Gradient::Reparameterized;
        match settings.inference {
            _ if !plain => gradient::train(vae, settings, training, validation, show),
            Inference::Amortized => {
                let mut save = |checkpoint: &Checkpoint| {
                    interrupted::save(folder, checkpoint, vae, (&self.config, clock))
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
                self.config.settings.data
            )));
        }
        let checkpoint = interrupted.checkpoint(vae)?;
        self.say(&format!(
            "going on after epoch {} of {}",
            checkpoint.epochs(),
            self.config.settings.epochs
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
            smallest_p_value: model
                .calibration(REPORTED)
                .map(|table| table.smallest_p_value().to_f64()),
            budget: None,
            warnings: vec![],
        }
    }

    /// Says where the device's scores are not those of the trained model, with the column to blame and what to try.
    fn warn_of_quantization(
        &self,
        (vae, spec): (&Vae, &ImageSpec),
        evaluation: &Evaluation,
        test: &Prepared,
    ) -> Result<Option<String>, Error> {
        if evaluation.is_faithful() {
            return Ok(None);
        }
        let normalization = &self.config.derived.normalization;
        let blame = match outliers::costliest_input(vae, spec, normalization, test)? {
            Some((column, nats)) if nats > BLAME => format!(
                "{} loses most by its 8 bits, {nats:.3} nats a reading: clip it, take its logarithm, or divide it into two columns where it has two modes",
                self.parts.train.column_name(column)
            ),
            _ => {
                let settings = &self.config.settings;
                let narrow = settings.activations != Activations::I16;
                let weights = settings.weights != Weights::Int8;
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
        let line = format!(
            "the device's scores differ from the trained model's by {} nats a reading in the mean, with a rank correlation of {}; {blame}",
            signed(evaluation.difference),
            decimal(evaluation.spearman, 4),
        );
        eprintln!("warning: {line}");
        Ok(Some(line))
    }

    /// Says where an alarm at p < 0.01 can never fire.
    fn warn_of_rare_alarms(&self, summary: &Summary) -> Option<String> {
        // Without validation readings this was said before training.
        let readings = summary.validation_readings;
        let smallest = summary.smallest_p_value?;
        if readings == 0 || smallest <= USUAL_ALARM {
            return None;
        }
        let line = format!(
            "{readings} validation readings calibrate the p-values, so that none is below {smallest:.4}: an alarm at p < {USUAL_ALARM} never fires; give {} or more by --validation-fraction or more data, or alarm at a higher p",
            (1.0 / USUAL_ALARM).round() - 1.0
        );
        eprintln!("warning: {line}");
        Some(line)
    }

    /// What the model takes of its budget, where it has one.
    fn budget(&self, model: &Model<'_>) -> Result<Option<Budget>, Error> {
        let limits = self.config.derived.limits;
        if limits.is_empty() {
            return Ok(None);
        }
        let budget = Budget::of(model, self.config.settings.core, limits)?;
        if !budget.is_met() {
            eprintln!(
                "warning: the trained model breaks its budget {}: train again with lower limits",
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

/// The contents of what every run has beside its summary: settings, metrics and parameters.
fn float_files(
    config: &RunConfig,
    vae: &Vae,
    history: &[Epoch],
) -> Result<[(&'static str, Vec<u8>); 3], Error> {
    let lines = history
        .iter()
        .map(|epoch| serde_json::to_string(epoch).map(|line| line + "\n"));
    let metrics = lines.collect::<Result<String, _>>();
    let metrics =
        metrics.map_err(|error| Error::Setting(format!("no JSON can be written: {error}")))?;
    Ok([
        (run::CONFIG_FILE, run::to_toml(config)?.into_bytes()),
        (run::METRICS_FILE, metrics.into_bytes()),
        (run::PARAMETERS_FILE, vae.to_safetensors()?),
    ])
}

/// Names and contents as [`run::write_folder`] takes them.
fn slices<'a>(files: &'a [(&'static str, Vec<u8>)]) -> Vec<(&'static str, &'a [u8])> {
    let files = files.iter();
    files
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect()
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
        "\n{:<22}{:>23}{:>10}\n{}{}{:<22}{:>12}\n{:<22}{:>12}\n{:<22}{:>12}\n\n{normal} normal and {abnormal} abnormal test readings; image {} bytes, workspace {} bytes; trained in {:.1} s\n",
        "",
        "test ELBO, nats/reading",
        "AUC",
        row("float", float),
        row("device (sigma points)", device),
        "device - float",
        signed(difference),
        "rank correlation",
        decimal(spearman, 4),
        "lowest p-value",
        decimal(summary.smallest_p_value, 4),
        summary.image_bytes,
        summary.workspace_bytes,
        summary.training_seconds,
    )
}
