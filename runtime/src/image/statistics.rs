//! Descriptions of the statistics beside the bound.

use crate::kernel::WeightBits;
use crate::mask::Mask;
use crate::requantize::Multiplier;
use crate::statistic::{
    Columns, Curve, Curves, LARGEST_SURPRISE, Prototypes, Statistic, Statistics, Values, row_bytes,
};
use std::vec::Vec;

/// The statistics that are joined to one score; see [`crate::statistic`]. By default none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatisticsSpec {
    /// Typical readings; none where there is no curve of their distances.
    pub prototypes: Option<PrototypesSpec>,
    /// Columns one by one; none where there is no curve of their sum.
    pub columns: Option<ColumnCurvesSpec>,
    /// From the bound, its sign turned, to its surprise.
    pub bound: CurveSpec,
    /// From the reconstruction, its sign turned, to its surprise.
    pub reconstruction: CurveSpec,
    /// From the squared distance to the nearest prototype to its surprise.
    pub distance: CurveSpec,
    /// From the sum over columns to its surprise.
    pub sum: CurveSpec,
}

/// Typical readings.
#[derive(Clone, Debug, PartialEq)]
pub struct PrototypesSpec {
    /// From what the encoder takes in to the unit of prototypes.
    pub gain: Multiplier,
    /// Their bits. Numbers of four bits are two in a byte, the lower half first, and `n` from -8 to 7 stands for
    /// `16 n + 8`.
    pub bits: WeightBits,
    /// One behind the other, each with as many numbers as a reading has inputs, from a byte on.
    pub rows: Vec<i8>,
}

impl PrototypesSpec {
    /// Bytes of a prototype for readings of so many inputs.
    #[must_use]
    pub fn row_bytes(bits: WeightBits, inputs: usize) -> usize {
        row_bytes(bits, inputs)
    }

    /// The bytes of a prototype whose numbers are nearest to `values`.
    #[must_use]
    pub fn row(bits: WeightBits, values: &[f32]) -> Vec<i8> {
        match bits {
            WeightBits::Eight => values.iter().map(|value| value.round() as i8).collect(),
            WeightBits::Four => {
                let nibble = |value: &f32| (value / 16.0).floor().clamp(-8.0, 7.0) as i8;
                let pairs = values.chunks(2);
                let byte = |pair: &[f32]| {
                    let upper = pair.get(1).map_or(0, nibble);
                    nibble(&pair[0]) & 15 | upper << 4
                };
                pairs.map(byte).collect()
            }
        }
    }
}

/// For each input a curve from its raw number to its surprise.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnCurvesSpec {
    /// Knots of each input, at least two and at most 255.
    pub knots: u8,
    /// Raw numbers, ascending for each input; the last may be repeated.
    pub values: Vec<i16>,
    /// Eighths of a nat, one for each value.
    pub surprises: Vec<u8>,
}

/// A curve from the values of a statistic to their surprise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurveSpec {
    values: Vec<i32>,
    surprises: Vec<i32>,
}

impl ColumnCurvesSpec {
    /// The statistic of a raw reading, as a device has it, in 1/64 nat^2.
    #[must_use]
    pub fn sum_of_squares(&self, reading: &[i16], observed: Mask<'_>) -> i32 {
        self.integers().sum_of_squares(reading, observed)
    }

    fn integers(&self) -> Columns<'_> {
        Columns {
            values: &self.values,
            surprises: &self.surprises,
            knots: self.knots.into(),
        }
    }
}

impl CurveSpec {
    /// The curve through `knots`, pairs of a value and its surprise in nats. Of knots with one value the first stays, surprises
    /// become at least those before them and at most 1024 nats. Empty of fewer than two that are left.
    #[must_use]
    pub fn through(knots: &[(i32, f64)]) -> Self {
        let mut curve = Self::default();
        for &(value, surprise) in knots {
            if curve.values.last().is_some_and(|&last| last >= value) {
                continue;
            }
            let before = curve.surprises.last().copied().unwrap_or(0);
            let surprise = (surprise * 65536.0).round() as i32;
            curve.values.push(value);
            curve
                .surprises
                .push(surprise.max(before).min(LARGEST_SURPRISE));
        }
        if curve.values.len() < 2 {
            return Self::default();
        }
        curve
    }

    /// Whether it has no knots.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn of(curve: &Curve<'_>) -> Self {
        Self {
            values: curve.values.to_vec(),
            surprises: curve.surprises.to_vec(),
        }
    }

    /// Its numbers: negative scores, and their surprises.
    pub(super) fn numbers(&self) -> (&[i32], &[i32]) {
        (&self.values, &self.surprises)
    }

    fn integers(&self) -> Curve<'_> {
        Curve {
            values: &self.values,
            surprises: &self.surprises,
        }
    }
}

impl StatisticsSpec {
    /// The largest surprise of `values`, Q16.16 nats, and whose it is, as a device has it.
    #[must_use]
    pub fn joined(&self, values: &Values) -> (i32, Statistic) {
        self.integers().curves.joined(values)
    }

    pub(super) fn of(statistics: &Statistics<'_>) -> Self {
        let Statistics {
            prototypes,
            columns,
            curves,
        } = statistics;
        let with_rows = !prototypes.rows.is_empty();
        let with_knots = !columns.values.is_empty();
        Self {
            prototypes: with_rows.then(|| PrototypesSpec {
                gain: Multiplier::from_validated(prototypes.gain),
                bits: prototypes.bits,
                rows: prototypes.rows.to_vec(),
            }),
            columns: with_knots.then(|| ColumnCurvesSpec {
                knots: columns.knots as u8,
                values: columns.values.to_vec(),
                surprises: columns.surprises.to_vec(),
            }),
            bound: CurveSpec::of(&curves.bound),
            reconstruction: CurveSpec::of(&curves.reconstruction),
            distance: CurveSpec::of(&curves.prototypes),
            sum: CurveSpec::of(&curves.columns),
        }
    }

    pub(super) fn integers(&self) -> Statistics<'_> {
        let none = Statistics::NONE;
        Statistics {
            prototypes: self
                .prototypes
                .as_ref()
                .map_or(none.prototypes, |prototypes| Prototypes {
                    gain: prototypes.gain.to_word(),
                    bits: prototypes.bits,
                    rows: &prototypes.rows,
                }),
            columns: self
                .columns
                .as_ref()
                .map_or(none.columns, ColumnCurvesSpec::integers),
            curves: Curves {
                bound: self.bound.integers(),
                reconstruction: self.reconstruction.integers(),
                prototypes: self.distance.integers(),
                columns: self.sum.integers(),
            },
        }
    }
}
