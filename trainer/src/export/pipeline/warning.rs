//! Warnings of what is legal and may mislead, each with its cause and a remedy.

use crate::config::{Activations, Config, ExportConfig, TrainConfig, Weights};
use crate::data::digits;
use crate::error::Error;
use crate::export::run::Summary;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::numeric::parallel::cores;
use crate::readings::Normalization;
use crate::readings::splits::Splits;
use crate::study::detection::evaluate::Evaluation;
use crate::study::detection::false_alarms::USUAL_ALARM;
use crate::study::outliers;
use elbow::image::ImageSpec;
use std::fmt;

/// Least cost of a column's rounding that is to blame for a bad quantization, nats a reading.
const BLAME: f64 = 0.05;

/// Something legal that may mislead. Its [`fmt::Display`] is one line with cause and remedy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// More threads than cores.
    Threads {
        /// Threads that are asked for.
        threads: usize,
        /// The machine's cores.
        cores: usize,
    },
    /// More latents than modelled inputs.
    Latents {
        /// Latents of the model.
        latents: usize,
        /// Inputs that the decoder models.
        inputs: usize,
    },
    /// Fewer training readings than a batch has.
    Batch {
        /// Readings to learn from.
        rows: usize,
        /// Readings in a step.
        batch: usize,
    },
    /// An assumption about a column that may well be wrong.
    Doubt(String),
    /// Columns that never change in training.
    Constant(String),
    /// Values beyond 16 bits.
    Saturated {
        /// Number of clamped values.
        values: usize,
    },
    /// No readings to choose and calibrate by.
    NoValidation,
    /// No readings to test on.
    NoTest,
    /// A digit above 9 is held out.
    NoSuchDigit {
        /// The digit.
        digit: u32,
    },
    /// No latent carries anything.
    Collapsed {
        /// Epochs of the training.
        epochs: usize,
    },
    /// The trained model breaks its budget.
    Budget(String),
    /// A column or unit takes the levels of all others.
    Outlier(String),
    /// The device's scores are not those of the trained model.
    Quantization(String),
    /// A checkpoint could not be written.
    Checkpoint(String),
    /// P-values of an alarm at 0.01 were not counted.
    RareAlarms {
        /// Readings that calibrate.
        readings: usize,
        /// The lowest p-value that is counted.
        smallest: f64,
        /// Whether those below are extrapolated; else there are none.
        extrapolated: bool,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threads { threads, cores } => write!(
                f,
                "--threads is {threads} and this machine has {cores} cores: they would wait for each other most of the time; give --threads {cores}"
            ),
            Self::Latents { latents, inputs } => write!(
                f,
                "{latents} latents for readings of {inputs}: most will stay unused; lower --latents"
            ),
            Self::Batch { rows, batch } => write!(
                f,
                "{rows} training readings for a batch of {batch}: lower --batch"
            ),
            Self::Doubt(line)
            | Self::Constant(line)
            | Self::Outlier(line)
            | Self::Quantization(line) => f.write_str(line),
            Self::Saturated { values } => write!(
                f,
                "{values} values are beyond the range of the model's 16-bit readings and were clamped; the device would see them so too"
            ),
            Self::NoValidation => f.write_str(
                "no validation readings: the last epoch is kept and every p-value is 1; raise --validation-fraction",
            ),
            Self::NoTest => f.write_str(
                "no test readings: nothing says how good the model is; raise --test-fraction",
            ),
            Self::NoSuchDigit { digit } => write!(
                f,
                "there is no digit {digit}: no class is held out, so there is no AUC"
            ),
            Self::Collapsed { epochs } => write!(
                f,
                "the posterior has collapsed, no latent carries anything: train for longer, or try --kl-warm-up {} or --free-bits 0.1",
                (epochs / 4).max(1)
            ),
            Self::Checkpoint(reason) => write!(
                f,
                "no checkpoint was written: {reason}; the run goes on, and the next is tried in time"
            ),
            Self::Budget(taken) => write!(
                f,
                "the trained model breaks its budget {taken}: train again with lower limits"
            ),
            Self::RareAlarms {
                readings,
                smallest,
                extrapolated,
            } => write!(
                f,
                "{readings} readings calibrate the p-values: {}; give {} or more by --validation-fraction or more data, or alarm at a higher p",
                match extrapolated {
                    true => format!("below {smallest:.4} they are extrapolated, an alarm at p < {USUAL_ALARM} among them"),
                    false => format!("none is below {smallest:.4}, and an alarm at p < {USUAL_ALARM} never fires"),
                },
                (1.0 / USUAL_ALARM).round() - 1.0
            ),
        }
    }
}

impl Warning {
    /// The warnings about `settings` and data before training.
    pub(super) fn of_settings(settings: &Config, splits: &Splits) -> Vec<Self> {
        let cores = cores();
        let inputs = splits.train.table.width() - splits.conditions;
        let rows = splits.train.table.len();
        let latents = settings.model.latents;
        let TrainConfig { threads, batch, .. } = settings.train;
        let digit = settings.data.anomaly_digit;
        let saturated = splits.stream.as_ref().map_or(0, |stream| stream.saturated);
        let conditional = [
            // Two threads are the default anywhere.
            (threads > cores.max(2), Self::Threads { threads, cores }),
            (latents > inputs, Self::Latents { latents, inputs }),
            (saturated > 0, Self::Saturated { values: saturated }),
            (rows < batch, Self::Batch { rows, batch }),
            (splits.validation.table.is_empty(), Self::NoValidation),
            (splits.test.dataset.table.is_empty(), Self::NoTest),
            (
                settings.data.source == "digits" && digit >= digits::CLASSES,
                Self::NoSuchDigit { digit },
            ),
        ];
        let doubts = splits.doubts.iter().cloned().map(Self::Doubt);
        doubts
            .chain(splits.constants().map(Self::Constant))
            .chain(
                conditional
                    .into_iter()
                    .filter_map(|(is, warning)| is.then_some(warning)),
            )
            .collect()
    }

    /// The warning about `readings` that calibrate where they are too few to count an alarm's p-values by. Without any this
    /// was said before training.
    pub(super) fn of_alarms(readings: usize, summary: &Summary) -> Option<Self> {
        let smallest = summary.smallest_counted;
        let smallest = smallest.filter(|&smallest| smallest > USUAL_ALARM && readings > 0)?;
        Some(Self::RareAlarms {
            readings,
            smallest,
            extrapolated: summary.smallest_p_value.is_some_and(|p| p < smallest),
        })
    }

    /// Columns and units that take the levels of all others, by the training readings, and their cost on those of validation.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
    pub(super) fn of_outliers(
        model: (&Vae, &ImageSpec),
        normalization: &Normalization,
        parts: (&Prepared, &Prepared),
        splits: &Splits,
    ) -> Result<Vec<Self>, Error> {
        let lines = outliers::find(model, normalization, parts, &splits.train)?;
        Ok(lines.into_iter().map(Self::Outlier).collect())
    }

    /// The warning where the device's scores are not those of the trained model: the column to blame and what to try.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
    pub(super) fn of_quantization(
        (vae, spec): (&Vae, &ImageSpec),
        (export, normalization): (&ExportConfig, &Normalization),
        (evaluation, test): (&Evaluation, &Prepared),
        splits: &Splits,
    ) -> Result<Option<Self>, Error> {
        if evaluation.is_faithful() {
            return Ok(None);
        }
        let blame = match outliers::costliest_input(vae, spec, normalization, test)? {
            Some((column, nats)) if nats > BLAME => format!(
                "{} loses most by its 8 bits, {nats:.3} nats a reading: give inputs 16 with --activations auto or i16, or clip it, or take its logarithm",
                splits.train.column_name(column)
            ),
            _ => {
                let remedies = [
                    (
                        export.activations != Activations::I16,
                        "--activations i16, ",
                    ),
                    (export.weights != Weights::Int8, "--weights int8, "),
                ];
                let remedies = remedies.into_iter().filter(|(helps, _)| *helps);
                format!(
                    "no single column is to blame: try {}another --seed, and `trainer eval --breakdown` for the layer",
                    remedies.map(|(_, remedy)| remedy).collect::<String>()
                )
            }
        };
        let difference = evaluation.difference.map(|nats| format!("{nats:+.3}"));
        let correlation = evaluation.spearman.map(|rho| format!("{rho:.4}"));
        let known = |number: Option<String>| number.unwrap_or_else(|| "-".into());
        Ok(Some(Self::Quantization(format!(
            "the device's scores differ from the trained model's by {} nats a reading in the mean, with a rank correlation of {}; {blame}",
            known(difference),
            known(correlation),
        ))))
    }
}
