//! One reading and its parameters in slices.

use std::ops::Range;

/// One reading and the outputs of the decoder for it.
#[derive(Debug)]
pub struct Row<'a> {
    /// Counts, or network units.
    pub target: &'a [f32],
    /// One where observed, zero where missing.
    pub observed: &'a [f32],
    /// Becomes the derivatives by the outputs, times `factor`.
    pub outputs: &'a mut [f32],
    /// The factor of derivatives.
    pub factor: f32,
}

/// The learned log-deviations, one for each input, one for all, or none.
#[derive(Clone, Debug, Default)]
pub struct Scales {
    log_deviations: Vec<f32>,
    /// `e^-s`.
    precisions: Vec<f32>,
}

/// Log-deviations and precisions of some inputs.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    /// `s`.
    pub log_deviations: &'a [f32],
    /// `e^-s`.
    pub precisions: &'a [f32],
}

impl Scales {
    /// Takes the values of a step in.
    pub fn set(&mut self, log_deviations: &[f32]) {
        self.log_deviations.clear();
        self.log_deviations.extend_from_slice(log_deviations);
        self.precisions.clear();
        self.precisions
            .extend(log_deviations.iter().map(|s| (-s).exp()));
    }

    /// The parameters at some places.
    pub(super) fn part(&self, places: Range<usize>) -> Parameters<'_> {
        Parameters {
            log_deviations: &self.log_deviations[places.clone()],
            precisions: &self.precisions[places],
        }
    }
}
