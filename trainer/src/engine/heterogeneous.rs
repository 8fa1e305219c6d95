//! `log p(x|z)` of columns of different kinds, and its derivatives: the formulas of [`crate::model::Heterogeneous`].

use super::elementwise::{Row, binomial};
use super::location::{Scales, learned};
use crate::config::ColumnKind;
use crate::model::{Run, runs};
use elbow::distribution::{Family, UNSEEN};
use std::ops::Range;

/// The runs of columns of one kind.
#[derive(Clone, Debug)]
pub(super) struct Heterogeneous {
    runs: Vec<(ColumnKind, Range<usize>)>,
}

impl Heterogeneous {
    pub(super) fn new(kinds: &[ColumnKind]) -> Self {
        let runs = runs(kinds).into_iter();
        Self {
            runs: runs.map(|Run { kind, numbers }| (kind, numbers)).collect(),
        }
    }

    /// See [`super::likelihood::Likelihood::differentiate`].
    pub(super) fn differentiate(
        &self,
        row: Row<'_>,
        scales: &Scales,
        of_scales: &mut [f32],
    ) -> f32 {
        let mut sum = 0.0;
        for (kind, numbers) in &self.runs {
            let part = Row {
                target: &row.target[numbers.clone()],
                observed: &row.observed[numbers.clone()],
                outputs: &mut row.outputs[numbers.clone()],
                factor: row.factor,
            };
            let scales = scales.part(numbers.clone());
            let of_scales = &mut of_scales[numbers.clone()];
            sum += match *kind {
                ColumnKind::Normal => learned(Family::Normal, part, scales, of_scales),
                ColumnKind::Laplace => learned(Family::Laplace, part, scales, of_scales),
                ColumnKind::Student { degrees } => student(degrees, part, scales, of_scales),
                ColumnKind::Flag => binomial(part, 1.0),
                ColumnKind::Count => counts(part, scales, of_scales),
                ColumnKind::State { .. } => state(part),
            };
        }
        sum
    }
}

/// A number of a reading, and what is known of it.
struct Place<'a> {
    x: f32,
    seen: f32,
    output: &'a mut f32,
    log_deviation: f32,
    precision: f32,
}

/// The numbers of some columns.
fn places<'a>(
    target: &'a [f32],
    observed: &'a [f32],
    outputs: &'a mut [f32],
    (log_deviations, precisions): (&'a [f32], &'a [f32]),
) -> impl Iterator<Item = Place<'a>> {
    let scales = log_deviations.iter().zip(precisions);
    let readings = target.iter().zip(observed).zip(outputs);
    let places = readings.zip(scales);
    places.map(
        |(((&x, &seen), output), (&log_deviation, &precision))| Place {
            x,
            seen,
            output,
            log_deviation,
            precision,
        },
    )
}

/// `-s - (v + 1) / 2 ln(1 + d^2 / v)` with `d = (x - o) e^-s`.
fn student(degrees: u8, row: Row<'_>, scales: (&[f32], &[f32]), of_scales: &mut [f32]) -> f32 {
    let degrees = f32::from(degrees);
    let mut sum = 0.0;
    for (place, of_scale) in places(row.target, row.observed, row.outputs, scales).zip(of_scales) {
        let Place {
            x,
            seen,
            output,
            log_deviation,
            precision,
        } = place;
        let deviation = (x - *output) * precision;
        let square = deviation * deviation / degrees;
        let slope = (degrees + 1.0) * deviation / (degrees * (1.0 + square));
        sum -= seen * (log_deviation + 0.5 * (degrees + 1.0) * square.ln_1p());
        *of_scale += row.factor * seen * (slope * deviation - 1.0);
        *output = row.factor * seen * slope * precision;
    }
    sum
}

/// `ln C(x + r - 1, x) + ln x! + x l - (x + r) softplus(l)` with `r = e^-s`; the constant has the factorial.
fn counts(row: Row<'_>, scales: (&[f32], &[f32]), of_scales: &mut [f32]) -> f32 {
    let mut sum = 0.0;
    for (place, of_scale) in places(row.target, row.observed, row.outputs, scales).zip(of_scales) {
        let Place {
            x,
            seen,
            output: logit,
            precision: failures,
            ..
        } = place;
        if seen == 0.0 {
            *logit = 0.0;
            continue;
        }
        let (softplus, sigmoid) = softplus(*logit);
        // Of `Gamma(x + r) / Gamma(r)`, whose factors are as many as counts.
        let (mut logarithm, mut slope) = (0.0f32, 0.0f32);
        for step in 0..x.max(0.0) as u32 {
            let factor = failures + step as f32;
            logarithm += factor.ln();
            slope += factor.recip();
        }
        sum += seen * (logarithm + x * *logit - (x + failures) * softplus);
        *of_scale -= row.factor * seen * failures * (slope - softplus);
        *logit = row.factor * seen * (x - (x + failures) * sigmoid);
    }
    sum
}

/// `l_k - ln sum_i e^l_i` of the state k that the reading has, where all of it is observed.
fn state(row: Row<'_>) -> f32 {
    let seen = row.observed.iter().copied().fold(1.0, f32::min);
    if seen == 0.0 {
        row.outputs.fill(0.0);
        return 0.0;
    }
    let known: f32 = row.target.iter().sum();
    let highest = row
        .outputs
        .iter()
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = row
        .outputs
        .iter()
        .map(|logit| (logit - highest).exp())
        .sum();
    let log_sum = highest + total.ln();
    let mut sum = (1.0 - known) * UNSEEN as f32 / 65536.0;
    for (&x, logit) in row.target.iter().zip(row.outputs) {
        sum += x * (*logit - log_sum);
        *logit = row.factor * (x - known * (*logit - log_sum).exp());
    }
    sum
}

/// `softplus(l)` and `sigmoid(l)`.
fn softplus(logit: f32) -> (f32, f32) {
    let small = (-logit.abs()).exp();
    let sigmoid = if logit >= 0.0 { 1.0 } else { small } / (1.0 + small);
    (logit.max(0.0) + small.ln_1p(), sigmoid)
}
