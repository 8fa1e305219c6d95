//! Densities around a location, with learned or predicted scales: terms and derivatives.

use super::elementwise::Row;
use elbow::distribution::{Family, LARGEST_LOG_DEVIATION};
use std::ops::Range;

/// The learned log-deviations, one for each input, one for all, or none.
#[derive(Clone, Debug, Default)]
pub(super) struct Scales {
    log_deviations: Vec<f32>,
    /// `e^-s`.
    precisions: Vec<f32>,
}

impl Scales {
    /// Takes the values of a step in.
    pub(super) fn set(&mut self, log_deviations: &[f32]) {
        self.log_deviations.clear();
        self.log_deviations.extend_from_slice(log_deviations);
        self.precisions.clear();
        self.precisions
            .extend(log_deviations.iter().map(|s| (-s).exp()));
    }

    /// Log-deviations and precisions of all inputs.
    pub(super) fn all(&self) -> (&[f32], &[f32]) {
        (&self.log_deviations, &self.precisions)
    }

    /// Log-deviations and precisions of some inputs.
    pub(super) fn part(&self, inputs: Range<usize>) -> (&[f32], &[f32]) {
        (
            &self.log_deviations[inputs.clone()],
            &self.precisions[inputs],
        )
    }
}

/// The penalty of a standardized deviation and its derivative.
#[inline(always)]
fn penalty(family: Family, deviation: f32) -> (f32, f32) {
    match family {
        Family::Normal => (0.5 * deviation * deviation, deviation),
        // Where the deviation is zero, so is the derivative taken.
        Family::Laplace if deviation == 0.0 => (0.0, 0.0),
        Family::Laplace => (deviation.abs(), deviation.signum()),
    }
}

/// `-s_i - penalty((x_i - o_i) e^-s_i)`, with log-deviations `s` of their own, and the precisions that they make.
pub(super) fn learned(
    family: Family,
    row: Row<'_>,
    (log_deviations, precisions): (&[f32], &[f32]),
    of_scales: &mut [f32],
) -> f32 {
    let Row {
        target,
        observed,
        outputs,
        factor,
    } = row;
    let mut sum = 0.0;
    let last = log_deviations.len() - 1;
    let inputs = target.iter().zip(observed).zip(outputs).enumerate();
    for (input, ((&x, &seen), output)) in inputs {
        let at = input.min(last);
        let precision = precisions[at];
        let deviation = (x - *output) * precision;
        let (cost, slope) = penalty(family, deviation);
        sum -= seen * (log_deviations[at] + cost);
        of_scales[at] += factor * seen * (slope * deviation - 1.0);
        *output = factor * seen * slope * precision;
    }
    sum
}

/// The same with the log-deviations that the decoder gives behind each location, clamped to the range of
/// a device.
pub(super) fn predicted(family: Family, row: Row<'_>) -> f32 {
    let Row {
        target,
        observed,
        outputs,
        factor,
    } = row;
    let limit = LARGEST_LOG_DEVIATION as f32 / 65536.0;
    let mut sum = 0.0;
    let inputs = target
        .iter()
        .zip(observed)
        .zip(outputs.as_chunks_mut::<2>().0);
    for ((&x, &seen), [output, log_deviation]) in inputs {
        let scale = log_deviation.clamp(-limit, limit);
        let precision = (-scale).exp();
        let deviation = (x - *output) * precision;
        let (cost, slope) = penalty(family, deviation);
        sum -= seen * (scale + cost);
        *output = factor * seen * slope * precision;
        *log_deviation = if scale == *log_deviation {
            factor * seen * (slope * deviation - 1.0)
        } else {
            0.0
        };
    }
    sum
}
