//! The readings that quantization is calibrated with.

use super::ranges::draws;
use crate::error::Error;
use crate::likelihood::{ColumnKind, fraction};
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose, normals};
use crate::readings::masks::Masks;
use crate::readings::{Normalization, Readings};
use candle_core::{Device, Tensor};

/// Normal readings at most: weights that make good each other's rounding are fitted to them, and more fit little
/// better.
const MOST_NORMAL: usize = 8192;
/// Anomalous readings at most, of either kind.
const MOST_ANOMALOUS: usize = 2048;
/// How far readings are perturbed, in standard deviations of each input, in turn.
const AMPLITUDES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
/// The fraction of the counts of a reading that is replaced, in turn.
const REPLACED: [f64; 4] = [0.03, 0.06, 0.12, 0.25];

/// Normal readings and anomalous ones. Anomaly detection rests on the scores of anomalous readings, so that the
/// ranges have to hold them too. No weight is learned from anomalous readings.
#[derive(Clone, Debug)]
pub struct CalibrationSet {
    /// Readings that the model learned from, or some of them.
    pub normal: Prepared,
    /// The gaps that the model is to meet, for `normal`.
    pub masks: Option<Masks>,
    /// Normal readings with noise, and labelled anomalous readings where there are any.
    pub anomalous: Prepared,
}

impl CalibrationSet {
    /// The first of `training`, the same perturbed, and the first of `labelled`, which are anomalous.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        vae: &Vae,
        normalization: &Normalization,
        training: &Prepared,
        masks: Option<&Masks>,
        labelled: Option<&Readings>,
    ) -> Result<Self, Error> {
        let device = Device::Cpu;
        let readings = training.readings.first(MOST_NORMAL);
        let rows: Vec<usize> = (0..readings.len()).collect();
        let mut anomalous = perturbed(vae, normalization, &readings.first(MOST_ANOMALOUS));
        if let Some(labelled) = labelled {
            let labelled = labelled.first(MOST_ANOMALOUS);
            anomalous.extend(&limited(normalization, &readings, &labelled));
        }
        Ok(Self {
            normal: Prepared::new(readings, normalization, vae, &device)?,
            masks: training.masks(masks).map(|masks| masks.select(&rows)),
            anomalous: Prepared::new(anomalous, normalization, vae, &device)?,
        })
    }

    /// Inputs of the decoder for the normal readings, (draws * readings, inputs).
    pub(super) fn taken_in(&self, vae: &Vae) -> Result<Tensor, Error> {
        let inputs = &self.normal.batch.inputs;
        draws(vae, inputs, &vae.posterior(inputs)?)
    }

    /// All of it: as it is, and with gaps where there are to be any.
    pub(super) fn batches(&self) -> Result<Vec<Batch>, Error> {
        let mut batches = vec![self.normal.batch.clone(), self.anomalous.batch.clone()];
        if self.masks.is_some() {
            let rows = self.normal.readings.len();
            batches.push(self.normal.narrow(0, rows, self.masks.as_ref())?);
        }
        Ok(batches)
    }
}

/// How many times as far as normal ones ranges hold anomalous readings, at most.
const FARTHEST: f64 = 8.0;

/// `anomalous` readings with no number more than [`FARTHEST`] times as far from its centre as in any of `normal`: a
/// column that was constant in training may be anywhere in them, and a range that held it would leave its
/// neighbours no levels. The device clamps alike.
fn limited(normalization: &Normalization, normal: &Readings, anomalous: &Readings) -> Readings {
    let reach = |column: usize| {
        let center = f64::from(normalization.centers[column]);
        let distance = normal
            .iter()
            .map(|row| (f64::from(row[column]) - center).abs());
        let unit = f64::from(normalization.units[column]);
        FARTHEST * distance.fold(unit, f64::max)
    };
    let limits = (0..anomalous.width()).map(|column| {
        let (center, reach) = (f64::from(normalization.centers[column]), reach(column));
        // To integers away from the centre; `as` saturates.
        (
            (center - reach).floor() as i16,
            (center + reach).ceil() as i16,
        )
    });
    let limits: Vec<(i16, i16)> = limits.collect();
    let values = anomalous.iter().flat_map(|row| {
        let numbers = row.iter().zip(&limits);
        numbers.map(|(&value, &(low, high))| value.clamp(low, high))
    });
    Readings::new(anomalous.width(), values.collect())
}

/// `readings` with noise: white noise on real numbers, other counts in the place of some.
pub fn perturbed(vae: &Vae, normalization: &Normalization, readings: &Readings) -> Readings {
    let mut rng = random::stream(0, Purpose::Perturbation);
    let width = readings.width();
    let runs = vae.likelihood.runs();
    let kinds = runs
        .iter()
        .flat_map(|run| std::iter::repeat_n(run.kind, run.numbers.len()));
    let kinds: Vec<ColumnKind> = kinds.collect();
    let mut values = Vec::with_capacity(readings.len() * width);
    for (index, row) in readings.iter().enumerate() {
        let turn = index % AMPLITUDES.len();
        let noise = normals(&mut rng, width);
        for (column, (&value, noise)) in row.iter().zip(noise).enumerate() {
            let draw = fraction(&mut rng);
            let unit = f64::from(normalization.units[column]);
            let noise = AMPLITUDES[turn] * unit * f64::from(noise);
            let noisy = (f64::from(value) + noise).round() as i16;
            values.push(match kinds.get(column) {
                None => noisy,
                Some(kind) => kind.disturbed(value, noisy, draw, REPLACED[turn], &mut rng),
            });
        }
        let perturbed = values.len() - width;
        for run in runs {
            let numbers = &mut values[perturbed..][run.numbers.clone()];
            let reading = &row[run.numbers.clone()];
            run.kind.replace(reading, numbers, REPLACED[turn], &mut rng);
        }
    }
    Readings::new(width, values)
}
