//! Scores in a header: how readings are scored and calibrated, and the scores that the self-test must give.

use crate::estimator::Estimator;
use crate::format::list::{Element, List};
use crate::format::{MAX_CALIBRATIONS, MAX_EXPECTED_SCORES};
use crate::wire::Reader;
#[cfg(feature = "encode")]
use serde::Serialize;

/// A number that tells how ordinary a reading is, with its calibration.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "encode", derive(Serialize))]
#[cfg_attr(all(test, feature = "encode"), derive(serde::Deserialize))]
pub(crate) struct StatisticHeader<'a> {
    pub(crate) kind: StatisticKind,
    pub(crate) calibrations: List<'a, CalibrationHeader>,
}

/// What the number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "encode", derive(Serialize))]
#[cfg_attr(all(test, feature = "encode"), derive(serde::Deserialize))]
pub(crate) enum StatisticKind {
    /// The bound on log p(x).
    Bound,
}

impl<'a> Element<'a> for StatisticHeader<'a> {
    const LEAST: usize = 1;
    const MOST: usize = 1;

    fn read(reader: &mut Reader<'a>) -> Self {
        // One kind, one variant.
        reader.variant(1);
        Self {
            kind: StatisticKind::Bound,
            calibrations: List::read(reader),
        }
    }
}

/// A table of scores of held-out normal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "encode", derive(Serialize))]
#[cfg_attr(all(test, feature = "encode"), derive(serde::Deserialize))]
pub(crate) struct CalibrationHeader {
    pub(crate) estimator: Estimator,
    pub(crate) knots: u16,
    /// Of the scores, Q16.16 nats.
    pub(crate) mean: i32,
    /// Of the scores, Q16.16 nats; not negative.
    pub(crate) standard_deviation: i32,
}

impl Element<'_> for CalibrationHeader {
    const LEAST: usize = 0;
    const MOST: usize = MAX_CALIBRATIONS;

    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            estimator: read_estimator(reader),
            knots: reader.u16(),
            mean: reader.i32(),
            standard_deviation: reader.i32(),
        }
    }
}

/// A score of the self-test's reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "encode", derive(Serialize))]
#[cfg_attr(all(test, feature = "encode"), derive(serde::Deserialize))]
pub(crate) struct ExpectedScore {
    pub(crate) estimator: Estimator,
    /// Q16.16 nats.
    pub(crate) score: i32,
}

impl Element<'_> for ExpectedScore {
    const LEAST: usize = 0;
    const MOST: usize = MAX_EXPECTED_SCORES;

    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            estimator: read_estimator(reader),
            score: reader.i32(),
        }
    }
}

#[inline(never)]
fn read_estimator(reader: &mut Reader<'_>) -> Estimator {
    match reader.variant(4) {
        0 => Estimator::PosteriorMean,
        1 => Estimator::SigmaPoints,
        2 => Estimator::MonteCarlo {
            samples: reader.u16(),
        },
        _ => Estimator::ImportanceWeighted {
            samples: reader.u16(),
        },
    }
}
