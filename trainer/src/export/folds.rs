//! Scores of readings by models that have not seen them, where too few are held out to calibrate p-values with
//! (Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial Intelligence 74, 2015).
//!
//! All readings but those of the test are divided into folds. For each fold a model is trained on the others as the one
//! of the image was, quantized likewise, and scores the fold as the device would. A fold beside it takes the place of the validation
//! readings. The model of the image has seen as much as each of them, so that its scores of new readings lie among theirs.

use crate::config::Gradient;
use crate::config::Inference;
use crate::data::Role;
use crate::error::Error;
use crate::export::calibrate;
use crate::export::pipeline::journal::Journal;
use crate::export::stages::{self, Stages};
use crate::model::prepared::Prepared;
use crate::readings::masks::Masks;
use crate::readings::splits::Splits;
use crate::readings::{Readings, RunConfig};
use crate::train;
use candle_core::Device;
use elbow::statistic::Values;

/// Held-out readings that suffice: the lowest p-value of as many is 0.01.
const ENOUGH: usize = 100;
/// Readings of a fold, at least.
const LEAST: usize = 2;
/// Reasons why no fold is trained.
const TOGETHER: &str = "windows of a stream, and rows of a group, hang together";
const OTHERWISE: &str =
    "--gradient, --inference svi and --binarize dynamic train no models of folds";

/// The folds, and the settings of their models.
pub(crate) struct Folds<'a> {
    name: &'a str,
    config: &'a RunConfig,
    splits: &'a Splits,
    readings: Readings,
    observed: Option<Masks>,
    held_out: usize,
    count: usize,
}

impl<'a> Folds<'a> {
    /// The folds of all that was learned from and chosen by; the reason why there are none, where there are none.
    pub(crate) fn new(
        name: &'a str,
        config: &'a RunConfig,
        splits: &'a Splits,
        (training, validation): (&Prepared, &Prepared),
    ) -> Result<Self, String> {
        let train = &config.settings.train;
        let count = config.settings.export.folds;
        let is_group = splits.columns.iter().any(|named| named.role == Role::Group);
        let is_plain = train.gradient == Gradient::Reparameterized
            && train.inference == Inference::Amortized
            && training.intensities.is_none();
        let held_out = validation.readings.len();
        let rows = training.readings.len() + held_out;
        let hang_together = splits.stream.is_some() || is_group;
        let few = held_out == 0 || rows < count * LEAST;
        let obstacle = match held_out {
            _ if count == 0 => Some("there are to be none".to_owned()),
            ENOUGH.. => Some(format!("{held_out} readings are held out, which is enough")),
            _ if few => Some(format!("of {rows} readings {held_out} are held out")),
            _ if hang_together => Some(TOGETHER.into()),
            _ if !is_plain => Some(OTHERWISE.into()),
            _ => None,
        };
        if let Some(obstacle) = obstacle {
            return Err(obstacle);
        }
        let mut readings = training.readings.clone();
        readings.extend(&validation.readings);
        let (first, width) = (training.readings.len(), readings.width());
        let masks = [&training.observed, &validation.observed];
        let gaps = masks.iter().any(|masks| masks.is_some());
        let observed = gaps.then(|| {
            Masks::new(rows, width, |row, input| {
                let (masks, row) = match row.checked_sub(first) {
                    None => (masks[0], row),
                    Some(row) => (masks[1], row),
                };
                masks
                    .as_ref()
                    .is_none_or(|masks| masks.observes(row, input))
            })
        });
        Ok(Self {
            name,
            config,
            splits,
            readings,
            observed,
            held_out,
            count,
        })
    }

    /// Readings that p-values rest on.
    pub(crate) fn readings(&self) -> usize {
        self.readings.len()
    }

    /// A line on what is done.
    pub(crate) fn note(&self) -> String {
        format!(
            "p-values rest on {} readings, each scored by one of {} more models, which has not seen it (--folds 0 takes the {} held out alone)",
            self.readings.len(),
            self.count,
            self.held_out
        )
    }

    /// The values of the statistics of all readings under each estimator that is calibrated. Folds that are in the `journal`
    /// are taken from there.
    pub(crate) fn values(&self, journal: &Journal<'_>) -> Result<Vec<Vec<Values>>, Error> {
        let mut all: Vec<Vec<Values>> = vec![];
        for fold in 0..self.count {
            let stage = format!("fold-{fold}");
            let of_fold = match journal.get(&stage) {
                Some(bytes) => from_bytes(&bytes, self.rows(|own| own == fold).len())?,
                None => {
                    let of_fold = self.of_fold(fold, journal, &stage)?;
                    journal.conclude(&stage, to_bytes(&of_fold))?;
                    of_fold
                }
            };
            all.resize(of_fold.len(), vec![]);
            for (all, values) in all.iter_mut().zip(of_fold) {
                all.extend(values);
            }
        }
        Ok(all)
    }

    /// The rows whose fold `is` one that is asked for.
    fn rows(&self, is: impl Fn(usize) -> bool) -> Vec<usize> {
        let rows = 0..self.readings.len();
        rows.filter(|&row| is(self.fold_of(row))).collect()
    }

    /// The fold of a row: rows in time lie together, so that neighbours are not in two.
    fn fold_of(&self, row: usize) -> usize {
        let in_time = self
            .splits
            .columns
            .iter()
            .any(|named| named.role == Role::Time);
        match in_time {
            true => row * self.count / self.readings.len(),
            false => row % self.count,
        }
    }

    /// Trains the model of `fold`, in stages below `stage`, and has it score the readings of the fold.
    fn of_fold(
        &self,
        fold: usize,
        journal: &Journal<'_>,
        stage: &str,
    ) -> Result<Vec<Vec<Values>>, Error> {
        let RunConfig { settings, derived } = self.config;
        let (device, normalization) = (&Device::Cpu, &derived.normalization);
        let vae = train::initialize(settings, &derived.likelihood, normalization, device)?;
        let beside = (fold + 1) % self.count;
        let prepare = |rows: &[usize]| -> Result<Prepared, Error> {
            let observed = self.observed.as_ref().map(|masks| masks.select(rows));
            let readings = self.readings.select(rows);
            let prepared = Prepared::new(readings, normalization, &vae, device)?;
            Ok(prepared.with_gaps(observed))
        };
        let left_out = self.rows(|own| own == fold);
        let validation = prepare(&self.rows(|own| own == beside))?;
        let training = prepare(&self.rows(|own| own != fold && own != beside))?;
        let parts = (&training, &validation);
        let history = journal.train(&format!("{stage}.floats"), &vae, |course| {
            train::train(&vae, settings, parts, course, |_| Ok(()))
        })?;
        let settings = &settings.ending_after(history.len());
        let (vae, _) = stages::prune(vae, &training, settings.export.keep_dead_latents)?;
        let stages = Stages {
            name: self.name,
            vae: &vae,
            config: self.config,
            splits: self.splits,
            training: &training,
            learned: training.readings.len(),
            held_out: validation.readings.len(),
        };
        let mut plan = stages.planned()?;
        if settings.train.qat {
            (_, plan) = journal.train(&format!("{stage}.integers"), &vae, |course| {
                stages.integers(&validation, settings, plan, course, |_| Ok(()))
            })?;
        }
        let observed = self.observed.as_ref().map(|masks| masks.select(&left_out));
        let readings = self.readings.select(&left_out);
        calibrate::values(&stages.image(&plan)?, &readings, observed.as_ref())
    }
}

/// Bytes of the values of a reading.
const VALUES: usize = 16;

/// The values under each estimator, one behind the other, as bytes.
fn to_bytes(of_fold: &[Vec<Values>]) -> Vec<u8> {
    let numbers = |values: &Values| {
        let &Values {
            bound,
            reconstruction,
            prototypes,
            columns,
        } = values;
        [bound, reconstruction, prototypes, columns].map(i32::to_le_bytes)
    };
    let values = of_fold.iter().flatten().map(numbers);
    values.flatten().flatten().collect()
}

/// The values of a fold of so many `rows`, from [`to_bytes`].
fn from_bytes(bytes: &[u8], rows: usize) -> Result<Vec<Vec<Values>>, Error> {
    if rows == 0 || !bytes.len().is_multiple_of(rows * VALUES) {
        return Err(train::unreadable(format!(
            "a fold has {} bytes, which is no multiple of {VALUES} for each of {rows} readings",
            bytes.len()
        )));
    }
    let value = |bytes: &[u8]| {
        let number = |at: usize| {
            let four = bytes[4 * at..].first_chunk().copied().unwrap_or_default();
            i32::from_le_bytes(four)
        };
        Values {
            bound: number(0),
            reconstruction: number(1),
            prototypes: number(2),
            columns: number(3),
        }
    };
    let estimators = bytes.chunks(rows * VALUES);
    Ok(estimators
        .map(|values| values.chunks(VALUES).map(value).collect())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_fold_are_read_as_they_were_written() {
        let value = |at: i32| Values {
            bound: at,
            reconstruction: -at,
            prototypes: i32::MIN + at,
            columns: i32::MAX - at,
        };
        let of_fold: Vec<Vec<Values>> =
            vec![(0..5).map(value).collect(), (5..10).map(value).collect()];
        let bytes = to_bytes(&of_fold);
        assert_eq!(bytes.len(), 160);
        assert_eq!(from_bytes(&bytes, 5).unwrap(), of_fold);
        assert!(from_bytes(&bytes, 3).is_err());
        assert!(from_bytes(&bytes, 0).is_err());
    }
}
