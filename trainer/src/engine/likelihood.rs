//! `log p(x|z)` of rows of readings, and its derivatives in place of the decoder's outputs: the
//! formulas of [`crate::model::Likelihood`].

use super::elementwise::{Row, binomial};
use super::heterogeneous::Heterogeneous;
use super::location::{Scales, learned, predicted};
use crate::model;
use elbow::distribution::Family;

/// The likelihood of a reading given the decoder's outputs.
#[derive(Clone, Debug)]
pub(super) enum Likelihood {
    /// Counts up to `trials`.
    Binomial {
        /// At least one.
        trials: f32,
    },
    /// A density around a location.
    Location {
        family: Family,
        /// Whether the decoder gives log-deviations behind locations, in pairs.
        predicted: bool,
    },
    /// A kind for each column.
    Heterogeneous(Heterogeneous),
}

impl Likelihood {
    pub(super) fn new(likelihood: &model::Likelihood) -> Self {
        match likelihood {
            model::Likelihood::Binomial { trials } => Self::Binomial {
                trials: f32::from(*trials),
            },
            model::Likelihood::Location(location) => Self::Location {
                family: location.family,
                predicted: location.log_deviation.is_none(),
            },
            model::Likelihood::Heterogeneous(heterogeneous) => {
                Self::Heterogeneous(Heterogeneous::new(&heterogeneous.kinds))
            }
        }
    }

    /// The sum of the terms of one row, without the likelihood's constant. The derivatives by the outputs,
    /// times the row's factor, take the outputs' place, and those by learned log-deviations are
    /// added to `of_scales`: one for each input, or one for all.
    pub(super) fn differentiate(
        &self,
        row: Row<'_>,
        scales: &Scales,
        of_scales: &mut [f32],
    ) -> f32 {
        match self {
            Self::Binomial { trials } => binomial(row, *trials),
            Self::Location {
                family,
                predicted: true,
            } => predicted(*family, row),
            Self::Location { family, .. } => learned(*family, row, scales.all(), of_scales),
            Self::Heterogeneous(heterogeneous) => {
                heterogeneous.differentiate(row, scales, of_scales)
            }
        }
    }
}
