//! Knowledge of normal readings for an image: p-values under each estimator, and how single passes
//! scatter, and the mean term of each input, which a device compares terms with to say which input, or which channel of a
//! stream, is to blame.

use crate::config::JudgedBy;
use crate::error::Error;
use crate::export::statistics;
use crate::model::prepared::Prepared;
use crate::numeric::statistics::{mean, root_mean_square};
use crate::readings::Readings;
use crate::readings::device::{device_scores, on_device};
use crate::readings::masks::Masks;
use elbow::calibration::Noise;
use elbow::format::AlignedImage;
use elbow::image::{CalibrationSpec, CurveSpec, ImageSpec, StatisticsSpec, WriteError};
use elbow::statistic::Values;
use elbow::{Estimator, Model, Nats, WideSum};

/// The estimators whose scores are calibrated beside the one that suits the model best.
const CALIBRATED: [Estimator; 3] = [
    Estimator::PosteriorMean,
    Estimator::MonteCarlo { samples: 16 },
    Estimator::ImportanceWeighted { samples: 16 },
];
/// Knots of a table of p-values.
const KNOTS: usize = 48;
/// Knots of a table that thresholds alone are taken from.
const THRESHOLDS: usize = 24;
/// Reference for the ELBO where noise is measured: its own error is a sixteenth of a pair's.
const REFERENCE: Estimator = Estimator::MonteCarlo { samples: 512 };
/// Antithetic pairs whose deviation is measured, for each reading.
const PAIRS: u64 = 8;
/// Readings that noise is measured on at most: its deviation is then known to 1 in 90 (4096 pairs).
const NOISY: usize = 512;

/// The estimators of which the image of `spec` has tables.
fn calibrated(spec: &ImageSpec) -> impl Iterator<Item = Estimator> {
    let best = spec.posterior.estimator(spec.latents());
    // A table serves all numbers of samples.
    let kind = std::mem::discriminant::<Estimator>;
    let others = CALIBRATED.into_iter();
    std::iter::once(best).chain(others.filter(move |other| kind(other) != kind(&best)))
}

/// The values of the statistics of `readings`, of which only what is `observed` is there, by the image of `spec`, under each
/// estimator that is calibrated.
///
/// # Errors
/// [`Error::Encode`], [`Error::Setting`].
pub fn values(
    spec: &ImageSpec,
    readings: &Readings,
    observed: Option<&Masks>,
) -> Result<Vec<Vec<Values>>, Error> {
    let image = spec.write(&[])?;
    let model = Model::parse(&image).map_err(WriteError::Image)?;
    let of = |estimator| {
        on_device(&model, readings, observed, 0, |session, reading, mask| {
            let score = session.score_observed(reading, mask, estimator)?;
            Ok(session.statistics(reading, mask, &score))
        })
    };
    calibrated(spec).map(of).collect()
}

/// The image of `spec` with the noise and the typical terms of `held_out` normal readings, and with the curves of its
/// statistics and the tables of their values, or of those of `others`, one list for each calibrated estimator.
///
/// # Errors
/// [`Error::Encode`], [`Error::Setting`].
pub fn calibrate(
    mut spec: ImageSpec,
    judged_by: JudgedBy,
    held_out: &Prepared,
    others: Option<Vec<Vec<Values>>>,
) -> Result<AlignedImage, Error> {
    let (normal, observed) = (&held_out.readings, held_out.observed.as_ref());
    let values = match others {
        Some(others) => others,
        None => self::values(&spec, normal, observed)?,
    };
    if spec.statistics != StatisticsSpec::default() {
        let values: Vec<&Values> = values.first().into_iter().flatten().collect();
        spec.statistics = statistics::with_curves(&spec.statistics, &values);
    }
    let draft = spec.write(&[])?;
    let model = Model::parse(&draft).map_err(WriteError::Image)?;
    let scores = |readings: &Readings, estimator, seed| -> Result<Vec<i32>, Error> {
        let rows: Vec<usize> = (0..readings.len()).collect();
        let observed = observed.map(|observed| observed.select(&rows));
        let scores = device_scores(&model, readings, observed.as_ref(), estimator, seed)?;
        Ok(scores.iter().map(|score| score.elbo().to_bits()).collect())
    };
    let tables = tables(&spec, judged_by, &values);
    if !normal.is_empty() {
        let noisy = normal.first(NOISY);
        let reference = scores(&noisy, REFERENCE, 0)?;
        let at_mean = differences(&scores(&noisy, Estimator::PosteriorMean, 0)?, &reference);
        let mut pairs = Vec::new();
        for seed in 1..=PAIRS {
            let estimates = scores(&noisy, Estimator::MonteCarlo { samples: 2 }, seed)?;
            pairs.extend(differences(&estimates, &reference));
        }
        let excess = mean(&at_mean).unwrap_or(0.0);
        let around: Vec<f64> = at_mean.iter().map(|value| value - excess).collect();
        let deviation =
            |values: &[f64]| root_mean_square(values).map_or(0, |root| root.ceil() as i32);
        spec.noise = Noise {
            mean_excess: excess.round() as i32,
            mean_deviation: deviation(&around),
            pair_deviation: deviation(&pairs),
        };
        spec.typical = typical_terms(&model, normal, observed)?;
    }
    Ok(spec.write(&tables)?)
}

/// The tables of bounds, and of joined scores where `spec` joins statistics, for the values under each calibrated
/// estimator; tails below what is counted only where more than the bound is judged.
fn tables(spec: &ImageSpec, judged_by: JudgedBy, values: &[Vec<Values>]) -> Vec<CalibrationSpec> {
    let tail = |scores: &[i32]| match judged_by {
        JudgedBy::Joined => statistics::tail(scores),
        JudgedBy::Bound => CurveSpec::default(),
    };
    let estimators = || calibrated(spec).zip(values);
    let joined = !spec.statistics.bound.is_empty();
    let knots = if joined { THRESHOLDS } else { KNOTS };
    let of_bounds = estimators().map(|(estimator, values)| {
        let bounds = values.iter().map(|values| values.bound.saturating_neg());
        let bounds: Vec<i32> = bounds.collect();
        CalibrationSpec::of_bounds(estimator, &bounds, knots, &tail(&bounds))
    });
    let mut tables: Vec<CalibrationSpec> = of_bounds.collect();
    if joined {
        let first = values.first().map_or(&[][..], Vec::as_slice);
        tables.extend(estimators().map(|(estimator, values)| {
            let joined = statistics::joined_scores(&spec.statistics, first, values);
            CalibrationSpec::of_joined(estimator, &joined, KNOTS, &tail(&joined))
        }));
    }
    tables
}

/// The mean of `log p(x_i|z)` over `normal` readings, one number for each input, in nats: on the device's integers,
/// over the readings that observe it. Empty without readings.
///
/// # Errors
/// [`Error::Setting`] where a reading cannot be scored: one line that names it.
fn typical_terms(
    model: &Model<'_>,
    normal: &Readings,
    observed: Option<&Masks>,
) -> Result<Vec<f64>, Error> {
    if normal.is_empty() {
        return Ok(vec![]);
    }
    let terms = on_device(model, normal, observed, 0, |session, reading, observed| {
        let mut inputs = vec![WideSum::ZERO; model.inputs()];
        let mut latents = vec![Nats::ZERO; model.latents()];
        session.explain(
            reading,
            observed,
            model.estimator(),
            &mut inputs,
            &mut latents,
        )?;
        Ok(inputs)
    })?;
    let mean = |input: usize| {
        let there = (0..normal.len())
            .filter(|&row| observed.is_none_or(|observed| observed.observes(row, input)));
        let (sum, count) = there.fold((0, 0.0), |(sum, count), row| {
            (sum + terms[row][input].to_bits(), count + 1.0)
        });
        sum as f64 / (65536.0 * f64::max(count, 1.0))
    };
    Ok((0..model.inputs()).map(mean).collect())
}

/// Tables of `spec` as large as those of so many readings can be, to see how much room they take.
pub fn largest_tables(
    spec: &ImageSpec,
    judged_by: JudgedBy,
    readings: usize,
) -> Vec<CalibrationSpec> {
    let last = readings.clamp(1, KNOTS) as i32;
    let value = |at: i32| Values {
        bound: at,
        reconstruction: at,
        prototypes: at,
        columns: at,
    };
    let values: Vec<Values> = (0..last).map(value).collect();
    let estimators = calibrated(spec).count();
    tables(spec, judged_by, &vec![values; estimators])
}

fn differences(scores: &[i32], reference: &[i32]) -> Vec<f64> {
    let pairs = scores.iter().zip(reference);
    pairs
        .map(|(&score, &reference)| f64::from(score) - f64::from(reference))
        .collect()
}
