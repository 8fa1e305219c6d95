//! Scores in a header: how readings are scored and calibrated, and the scores that the self-test must give.

use crate::estimator::Estimator;
use crate::format::list::Element;
#[cfg(feature = "statistics")]
use crate::format::list::List;
use crate::format::{MAX_CALIBRATIONS, MAX_EXPECTED_SCORES};
use crate::wire::Reader;
#[cfg(feature = "image")]
use serde::Serialize;

#[cfg(feature = "statistics")]
/// A number that tells how ordinary a reading is, the curve from its value to its surprise, and its calibration.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "image", derive(Serialize))]
#[cfg_attr(all(test, feature = "image"), derive(serde::Deserialize))]
pub(crate) struct StatisticHeader<'a> {
    pub(crate) kind: StatisticKind,
    /// Knots of the curve; none where it has no part in the joined score.
    pub(crate) knots: u16,
    pub(crate) calibrations: List<'a, CalibrationHeader>,
}

#[cfg(feature = "statistics")]
/// What the number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "image", derive(Serialize))]
#[cfg_attr(all(test, feature = "image"), derive(serde::Deserialize))]
pub(crate) enum StatisticKind {
    /// The bound on log p(x); each image has it.
    Bound,
    /// The estimate of `E_q[log p(x|z)]`.
    Reconstruction,
    /// The distance to the nearest prototype.
    Prototypes {
        count: u16,
        /// A packed multiplier from what the encoder takes in to the unit of prototypes.
        gain: u32,
        /// Whether they are of four bits instead of eight.
        narrow: bool,
    },
    /// How far out single columns lie.
    Columns {
        /// Knots of each column.
        knots: u8,
    },
    /// The largest surprise of all others: what p-values are of, where it has tables. Each image has it whose tables have
    /// tails, so that a runtime that knows neither tells by the number of statistics.
    Joined,
}

#[cfg(feature = "statistics")]
impl StatisticKind {
    /// The order in which statistics are listed.
    pub(crate) fn order(&self) -> u8 {
        match self {
            Self::Bound => 0,
            Self::Reconstruction => 1,
            Self::Prototypes { .. } => 2,
            Self::Columns { .. } => 3,
            Self::Joined => 4,
        }
    }
}

#[cfg(feature = "statistics")]
impl<'a> Element<'a> for StatisticHeader<'a> {
    const LEAST: usize = 1;
    const MOST: usize = 5;

    fn read(reader: &mut Reader<'a>) -> Self {
        let kind = match reader.variant(5) {
            0 => StatisticKind::Bound,
            1 => StatisticKind::Reconstruction,
            2 => StatisticKind::Prototypes {
                count: reader.u16(),
                gain: reader.u32(),
                narrow: reader.bool(),
            },
            3 => StatisticKind::Columns { knots: reader.u8() },
            _ => StatisticKind::Joined,
        };
        Self {
            kind,
            knots: reader.u16(),
            calibrations: List::read(reader),
        }
    }
}

/// A table of scores of held-out normal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "image", derive(Serialize))]
#[cfg_attr(all(test, feature = "image"), derive(serde::Deserialize))]
pub(crate) struct CalibrationHeader {
    pub(crate) estimator: Estimator,
    pub(crate) knots: u16,
    /// Knots of the tail of its p-values.
    pub(crate) tail: u8,
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
            tail: reader.u8(),
            mean: reader.i32(),
            standard_deviation: reader.i32(),
        }
    }
}

/// A score of the self-test's reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "image", derive(Serialize))]
#[cfg_attr(all(test, feature = "image"), derive(serde::Deserialize))]
pub(crate) struct ExpectedScore {
    pub(crate) estimator: Estimator,
    /// The bound, and the largest surprise of the statistics on top where some are joined, Q16.16 nats, wrapping.
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
    match reader.variant(ESTIMATORS) {
        0 => Estimator::PosteriorMean,
        1 => Estimator::SigmaPoints,
        2 => Estimator::MonteCarlo {
            samples: reader.u16(),
        },
        #[cfg(feature = "bits")]
        4 => Estimator::Enumeration,
        _ => Estimator::ImportanceWeighted {
            samples: reader.u16(),
        },
    }
}

/// Estimators that this build knows.
const ESTIMATORS: u8 = if cfg!(feature = "bits") { 5 } else { 4 };
