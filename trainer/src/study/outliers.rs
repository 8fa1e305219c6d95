//! Columns and units whose range dwarfs what the others need.
//!
//! The levels of an input's 8 bits reach as far as the input does, and a row of weights has one scale for all its
//! columns. Where a column reaches far beyond what it nearly always reads, or weights far beyond the others,
//! few levels are left for everything else.

use crate::data::Dataset;
use crate::engine::float_scores;
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::model::prepared::Prepared;
use crate::numeric::statistics::{mean_and_error, median};
use crate::quantize::LARGEST_I8;
use crate::readings::Normalization;
use candle_core::Tensor;
use elbow::image::{DenseSpec, ImageSpec};
use elbow::layer::WeightBits;

/// Levels of 8 bits on either side of zero.
const LEVELS: f64 = LARGEST_I8 as f64;
/// A column that reaches so many times as far as the others do is an outlier.
const BEYOND_OTHERS: f64 = 4.0;
/// So is one that reaches so many times as far as [`ORDINARY`] of its own readings do.
const BEYOND_ITSELF: f64 = 8.0;
/// The part of a column's readings that says what it ordinarily reaches.
const ORDINARY: f64 = 0.99;
/// A weight so many times as large as all others of its row takes their levels.
const DOMINANT: i32 = 8;
/// Layers of fewer columns are not looked at: there a large weight takes little from the others.
const FEWEST_COLUMNS: usize = 4;
/// Samples of a reading in the bounds that tell what it costs.
const SAMPLES: usize = 16;
/// Readings that the column to blame is looked for on, at most.
const BLAMED_ON: usize = 256;
/// Columns that are tried for blame, at most.
const SUSPECTS: usize = 32;

/// A column of the readings whose range dwarfs what the others need.
#[derive(Clone, Debug, PartialEq)]
struct Outlier {
    /// Which, counted from 0.
    column: usize,
    /// Reach, standard deviations.
    largest: f64,
    /// Reach of the others (their median), or 99 % of its own readings, standard deviations.
    ordinary: f64,
    /// Whether `ordinary` is of the other columns.
    of_others: bool,
    /// Reach of 99 % of its own readings: where it could be clipped, standard deviations.
    clip: f64,
    /// Levels of 127 that `ordinary` is left with.
    levels: f64,
}

/// A line on each outlier of a model that was quantized to `spec`, with numbers, cause, cost and remedy: the worst column on the
/// readings `training`, of which `dataset` has the names, with its cost on `validation`, and the worst column of weights.
///
/// # Errors
/// [`Error::Tensor`].
pub fn find(
    (vae, spec): (&Vae, &ImageSpec),
    normalization: &Normalization,
    (training, validation): (&Prepared, &Prepared),
    dataset: &Dataset,
) -> Result<Vec<String>, Error> {
    let column = match worst_column(vae, spec, normalization, &training.batch.inputs)? {
        None => None,
        Some((worst, more)) => {
            let nats = cost_of_inputs(vae, spec, normalization, validation)?;
            Some(worst.warning(more, dataset, normalization, nats))
        }
    };
    let weights = worst_weights(spec, dataset);
    Ok(column.into_iter().chain(weights).collect())
}

/// Reach of a column, and the part of it that integers keep.
#[derive(Clone, Copy, Debug)]
struct Reach {
    column: usize,
    /// Network units a level.
    step: f64,
    /// The largest magnitude that is not clamped.
    largest: f64,
    /// The magnitude that [`ORDINARY`] of the readings stay below.
    ordinary: f64,
}

/// The worst of the columns that are outliers, and how many more there are.
fn worst_column(
    vae: &Vae,
    spec: &ImageSpec,
    normalization: &Normalization,
    inputs: &Tensor,
) -> Result<Option<(Outlier, usize)>, Error> {
    // Counts have the range that their trials give them.
    let first = match vae.likelihood.has_fixed_range() {
        true => vae.likelihood.inputs(),
        false => 0,
    };
    let reach = |column: usize| -> Result<Reach, Error> {
        let gain = spec.inputs[column].gain.to_f64();
        let step = 1.0 / (gain * f64::from(normalization.units[column]));
        // A copy of one column at a time: one of all would be the largest thing in memory.
        let values = inputs
            .narrow(1, column, 1)?
            .abs()?
            .flatten_all()?
            .to_vec1::<f32>()?;
        let values = values.into_iter().map(f64::from);
        let reach = f64::from(spec.input_ceiling) * step;
        let mut values: Vec<f64> = values.map(|value| value.min(reach)).collect();
        values.sort_by(f64::total_cmp);
        let at = (ORDINARY * values.len() as f64) as usize;
        Ok(Reach {
            column,
            step,
            largest: values.last().copied().unwrap_or(0.0),
            ordinary: values.get(at).copied().unwrap_or(0.0),
        })
    };
    let all = (first..normalization.width()).map(reach);
    let all = all.collect::<Result<Vec<Reach>, Error>>()?;
    let mut outliers: Vec<Outlier> = all.iter().filter_map(|one| one.outlier(&all)).collect();
    outliers.sort_by(|a, b| a.levels.total_cmp(&b.levels));
    let more = outliers.len().saturating_sub(1);
    Ok(outliers.into_iter().next().map(|worst| (worst, more)))
}

impl Reach {
    /// This column among all, where it is an outlier.
    fn outlier(&self, all: &[Self]) -> Option<Outlier> {
        let others = all.iter().filter(|other| other.column != self.column);
        let reached = median(others.clone().map(|other| other.largest).collect());
        let left = median(others.map(|other| other.largest / other.step).collect());
        let of_others = reached.zip(left).filter(|&(reached, left)| {
            self.largest > BEYOND_OTHERS * reached && left < LEVELS / BEYOND_OTHERS
        });
        // A flag that is rarely up needs no levels where it is down.
        let of_itself = (self.ordinary > 0.0 && self.largest > BEYOND_ITSELF * self.ordinary)
            .then_some((self.ordinary, self.ordinary / self.step))
            .filter(|&(_, left)| left < LEVELS / BEYOND_ITSELF);
        let (ordinary, levels) = of_others.or(of_itself)?;
        Some(Outlier {
            column: self.column,
            largest: self.largest,
            ordinary,
            of_others: of_others.is_some(),
            clip: self.ordinary,
            levels,
        })
    }
}

/// A line on the column of weights that takes the scale in more than half of the rows of its layer.
fn worst_weights(spec: &ImageSpec, dataset: &Dataset) -> Option<String> {
    let half = |hidden: &[elbow::image::LayerSpec], first| {
        let kinds = std::iter::once(first).chain(std::iter::repeat("unit"));
        kinds.take(hidden.len() + 1).collect::<Vec<_>>()
    };
    let kinds = [half(&spec.encoder, "input"), half(&spec.decoder, "latent")].concat();
    let layers = spec.encoder.iter().map(|layer| &layer.dense);
    let layers = layers.chain([&spec.heads]);
    let layers = layers.chain(spec.decoder.iter().map(|layer| &layer.dense));
    let layers = layers.chain([&spec.output]).zip(kinds).enumerate();
    let found = layers.filter_map(|(layer, (dense, kind))| {
        let (index, rows, levels) = dominant_column(dense)?;
        Some((kind, index, layer, rows, levels))
    });
    let (kind, index, layer, rows, levels) = found.min_by(|a, b| a.4.total_cmp(&b.4))?;
    let (name, remedy) = match kind {
        "input" => (
            dataset.column_name(index),
            "look for faulty readings in the column, clip it, or take its logarithm",
        ),
        kind => (
            format!("{kind} {}", index + 1),
            "train with another --seed, a lower --learning-rate, or more --latents",
        ),
    };
    Some(format!(
        "{name} has the largest weights in {:.0} % of the rows of layer {}: a row has one 8-bit scale, which leaves the other weights {levels:.0} of {LEVELS} levels; {remedy}",
        100.0 * rows,
        layer + 1,
    ))
}

/// The column that has [`DOMINANT`] times the next largest weight in more than half of the rows, in which
/// part of them, and the median of those next largest.
fn dominant_column(dense: &DenseSpec) -> Option<(usize, f64, f64)> {
    let columns = dense.columns();
    // Of four bits a weight has few levels anyway.
    if columns < FEWEST_COLUMNS || dense.bits != WeightBits::Eight {
        return None;
    }
    let mut left: Vec<Vec<f64>> = vec![vec![]; columns];
    for row in dense.weights.chunks_exact(columns) {
        let magnitude = |column: &usize| i32::from(row[*column]).abs();
        let largest = (0..columns).max_by_key(magnitude)?;
        let others = (0..columns).filter(|&column| column != largest);
        let next = others.map(|column| magnitude(&column)).max()?;
        if magnitude(&largest) > DOMINANT * next {
            left[largest].push(f64::from(next));
        }
    }
    let (index, left) = left
        .into_iter()
        .enumerate()
        .max_by_key(|(_, left)| left.len())?;
    let part = left.len() as f64 / dense.rows.len() as f64;
    Some((index, part, median(left)?)).filter(|_| part > 0.5)
}

impl Outlier {
    /// One line: what it is and how many `more` there are, the numbers, the cause, `nats` where they are known, and the
    /// remedy.
    fn warning(
        &self,
        more: usize,
        dataset: &Dataset,
        normalization: &Normalization,
        nats: Option<f64>,
    ) -> String {
        let Self {
            column,
            largest,
            ordinary,
            clip,
            levels,
            ..
        } = *self;
        let cost = nats.map_or_else(String::new, |nats| format!(", {nats:.3} nats a reading"));
        let name = dataset.column_name(column);
        let part = 100.0 * ORDINARY;
        let than = match self.of_others {
            true => format!("where the other columns reach {ordinary:.1}"),
            false => format!("where {part:.0} % of its readings stay below {ordinary:.2}"),
        };
        let more = match more {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let (low, high) = interval(dataset, normalization, column, clip);
        format!(
            "{name}{more} reaches {largest:.1} standard deviations {than}: the levels of 8 bits reach so far, which leaves these {levels:.0} of {LEVELS} levels{cost}; look for faulty readings in the column, clip it to {low} to {high} ({part:.0} % of its readings), or take its logarithm"
        )
    }
}

/// Numbers that a column reads `reach` standard deviations around its centre, in the units of the data.
fn interval(
    dataset: &Dataset,
    normalization: &Normalization,
    column: usize,
    reach: f64,
) -> (f32, f32) {
    let offset = dataset.value(column, 0.0);
    let center = f64::from(normalization.centers[column]);
    let reach = reach * f64::from(normalization.units[column]);
    let scale = 2f64.powi(normalization.exponents[column].into());
    let round = |value: f64| {
        // Three digits say where to clip.
        let digits = (reach * scale).abs().max(f64::MIN_POSITIVE).log10().floor() - 2.0;
        let unit = 10f64.powf(digits);
        (((value * scale + offset) / unit).round() * unit) as f32
    };
    (round(center - reach), round(center + reach))
}

/// Cost of rounding inputs to the levels of `spec`, nats a reading: the float bound with exact
/// inputs less that with rounded ones, over `data`, at the same draws. None without readings.
///
/// # Errors
/// [`Error::Tensor`].
fn cost_of_inputs(
    vae: &Vae,
    spec: &ImageSpec,
    normalization: &Normalization,
    data: &Prepared,
) -> Result<Option<f64>, Error> {
    let mut rounded = data.clone();
    let target = data.batch.target.clone();
    let levels = rounded_inputs(spec, normalization, &data.batch.inputs)?;
    rounded.batch = Batch::whole(levels, target);
    let exact = float_scores(vae, data, None, SAMPLES)?;
    let rounded = float_scores(vae, &rounded, None, SAMPLES)?;
    let lost: Vec<f64> = exact.iter().zip(&rounded).map(|(a, b)| a - b).collect();
    Ok(mean_and_error(&lost).0)
}

/// `inputs`, (rows, width), as the levels of `spec` have them.
fn rounded_inputs(
    spec: &ImageSpec,
    normalization: &Normalization,
    inputs: &Tensor,
) -> Result<Tensor, Error> {
    let scales = spec.inputs.iter().zip(&normalization.units);
    let scales = scales.map(|(input, &unit)| (input.gain.to_f64() * f64::from(unit)) as f32);
    let scales = Tensor::from_vec(scales.collect(), normalization.width(), inputs.device())?;
    let levels = inputs.broadcast_mul(&scales)?.round()?.clamp(
        -f64::from(spec.input_ceiling),
        f64::from(spec.input_ceiling),
    )?;
    Ok(levels.broadcast_div(&scales)?)
}

/// The column whose rounding to the levels of `spec`, alone, changes the float bounds of `data` most, and by how
/// much: the mean of the absolute change, nats a reading, over the first 256 readings at the same draws.
/// Only the 32 columns that rounding changes most are tried. None without readings.
///
/// # Errors
/// [`Error::Tensor`].
pub fn costliest_input(
    vae: &Vae,
    spec: &ImageSpec,
    normalization: &Normalization,
    data: &Prepared,
) -> Result<Option<(usize, f64)>, Error> {
    let rows = data.readings.len().min(BLAMED_ON);
    if rows == 0 {
        return Ok(None);
    }
    let few = Prepared::new(
        data.readings.first(rows),
        normalization,
        vae,
        data.batch.inputs.device(),
    )?;
    let Batch { inputs, target, .. } = &few.batch;
    let levels = rounded_inputs(spec, normalization, inputs)?;
    let changes = (&levels - inputs)?.sqr()?.sum(0)?.to_vec1::<f32>()?;
    let mut suspects: Vec<usize> = (0..changes.len()).collect();
    suspects.sort_by(|&a, &b| changes[b].total_cmp(&changes[a]));
    let exact = float_scores(vae, &few, None, SAMPLES)?;
    let mut worst = None;
    for &column in suspects.iter().take(SUSPECTS) {
        let only: Vec<f32> = (0..changes.len())
            .map(|at| f32::from(u8::from(at == column)))
            .collect();
        let only = Tensor::from_vec(only, changes.len(), inputs.device())?;
        let one = (inputs + (&levels - inputs)?.broadcast_mul(&only)?)?;
        let mut rounded = few.clone();
        rounded.batch = Batch::whole(one, target.clone());
        let rounded = float_scores(vae, &rounded, None, SAMPLES)?;
        let change = exact.iter().zip(&rounded).map(|(a, b)| (a - b).abs());
        let change = change.sum::<f64>() / rows as f64;
        if worst.is_none_or(|(_, most)| change > most) {
            worst = Some((column, change));
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbow::image::Row;
    use elbow::requantize::Multiplier;

    fn reach(column: usize, largest: f64, ordinary: f64, range: f64) -> Reach {
        Reach {
            column,
            step: range / LEVELS,
            largest,
            ordinary,
        }
    }

    #[test]
    fn a_column_beyond_the_others_or_beyond_itself_is_found() {
        let sound: Vec<Reach> = (0..5).map(|at| reach(at, 3.0, 2.5, 3.0)).collect();
        assert!(sound.iter().all(|one| one.outlier(&sound).is_none()));
        let mut crowded: Vec<Reach> = (0..5).map(|at| reach(at, 3.0, 2.5, 30.0)).collect();
        (crowded[3].largest, crowded[3].ordinary) = (30.0, 25.0);
        let found: Vec<_> = crowded
            .iter()
            .filter_map(|one| one.outlier(&crowded))
            .collect();
        assert_eq!(
            found,
            [Outlier {
                column: 3,
                largest: 30.0,
                ordinary: 3.0,
                of_others: true,
                clip: 25.0,
                levels: 12.7
            }]
        );
        // A scale of its own takes nothing from the others.
        for one in &mut crowded[..] {
            one.step = one.largest / LEVELS;
        }
        assert!(crowded.iter().all(|one| one.outlier(&crowded).is_none()));
        let spike = [reach(0, 20.0, 0.5, 20.0)];
        assert!(spike[0].outlier(&spike).is_some());
    }

    #[test]
    fn a_dominant_column_of_weights_is_found() {
        let multiplier = Multiplier::nearest(1.0).unwrap();
        let rows = vec![
            Row {
                bias: 0,
                multiplier
            };
            4
        ];
        let sound: Vec<i8> = [100, -127, 50, 3].repeat(4);
        let dense = |weights| DenseSpec {
            bits: WeightBits::Eight,
            weights,
            rows: rows.clone(),
        };
        assert_eq!(dominant_column(&dense(sound)), None);
        let dominated: Vec<i8> = [10, -5, 127, 3].repeat(4);
        assert_eq!(dominant_column(&dense(dominated)), Some((2, 1.0, 10.0)));
    }
}
