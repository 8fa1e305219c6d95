//! Statistics of a reading beside its bound, and the one surprise that they are joined to.
//!
//! The bound asks whether a reading is likely under the model. What the model explains too well, it cannot see: a rare flag that its
//! latents can explain, a reading between two modes. Each statistic asks another question, and a curve turns its
//! value into a surprise, `-ln p` among normal readings. They are joined to the largest of the surprises,
//! that is to the smallest of the p-values (Tippett, "The methods of statistics", 1931): one statistic that is sure is
//! not averaged away by others that see nothing. What the smallest of several p-values is worth, the calibration
//! of the joined score says.

mod columns;
mod curve;
mod prototypes;

pub(crate) use columns::Columns;
pub(crate) use curve::Curve;
#[cfg(feature = "image")]
pub(crate) use curve::LARGEST_SURPRISE;
pub(crate) use prototypes::{Prototypes, row_bytes};

use crate::kernel::WeightBits;
use core::fmt;

/// What a reading is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Statistic {
    /// The bound on log p(x).
    Bound,
    /// The estimate of `E_q[log p(x|z)]`: how well the latents explain the reading, whatever they cost.
    Reconstruction,
    /// The distance to the nearest of a few typical readings.
    Prototypes,
    /// How far out the numbers lie one by one.
    Columns,
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bound => "bound",
            Self::Reconstruction => "reconstruction",
            Self::Prototypes => "prototypes",
            Self::Columns => "columns",
        })
    }
}

/// The values of all statistics of one reading; the higher, the less ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values {
    /// The bound's negative, Q16.16 nats.
    pub bound: i32,
    /// The reconstruction's negative, Q16.16 nats.
    pub reconstruction: i32,
    /// The squared distance to the nearest prototype; 0 without prototypes.
    pub prototypes: i32,
    /// The sum of the squared surprises of single columns, in 1/64 nat^2; 0 without curves of columns.
    pub columns: i32,
}

/// The statistics of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statistics<'a> {
    pub(crate) prototypes: Prototypes<'a>,
    pub(crate) columns: Columns<'a>,
    pub(crate) curves: Curves<'a>,
}

/// From the values of statistics to surprises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curves<'a> {
    pub(crate) bound: Curve<'a>,
    pub(crate) reconstruction: Curve<'a>,
    pub(crate) prototypes: Curve<'a>,
    pub(crate) columns: Curve<'a>,
}

impl Curves<'_> {
    /// The largest surprise, Q16.16 nats, and whose it is; the first's of equal ones.
    pub(crate) fn joined(&self, values: &Values) -> (i32, Statistic) {
        let surprises = [
            (self.bound.at(values.bound), Statistic::Bound),
            (
                self.reconstruction.at(values.reconstruction),
                Statistic::Reconstruction,
            ),
            (self.prototypes.at(values.prototypes), Statistic::Prototypes),
            (self.columns.at(values.columns), Statistic::Columns),
        ];
        let mut largest = (0, Statistic::Bound);
        for surprise in surprises {
            if surprise.0 > largest.0 {
                largest = surprise;
            }
        }
        largest
    }
}

impl Statistics<'_> {
    /// None beside the bound.
    pub(crate) const NONE: Statistics<'static> = Statistics {
        prototypes: Prototypes {
            gain: 0,
            bits: WeightBits::Eight,
            rows: &[],
        },
        columns: Columns {
            values: &[],
            surprises: &[],
            knots: 0,
        },
        curves: Curves {
            bound: Curve::ZERO,
            reconstruction: Curve::ZERO,
            prototypes: Curve::ZERO,
            columns: Curve::ZERO,
        },
    };
}
