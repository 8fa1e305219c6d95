//! Columns of one kind: their description, and it from and to the integers of an image.

use super::rounded::to_q16;
use crate::distribution::{Family, Heterogeneous, Kind, Place};
use crate::requantize::Multiplier;
use std::vec::Vec;

/// Inputs of one kind; see [`crate::distribution::Kind`].
///
/// Exhaustive on purpose: a compiler error names each place of an exporter that has to learn a new kind.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupSpec {
    /// A real value around a location.
    Real {
        /// The shape of the density.
        tail: Tail,
        /// From eighths of a centred raw reading to units, Q16.16: `2^13 / u_i`.
        standardize: Multiplier,
        /// From units to raw readings: `u_i`; of Student-t `sigma_i sqrt(v)`.
        unit: Multiplier,
        /// The log density at the location, in nats.
        log_normalizer: f64,
    },
    /// 0 or 1.
    Flag,
    /// 0, 1, 2 and so on.
    Count {
        /// The number of failures r of the negative binomial, not above 128.
        failures: f64,
        /// The largest count that the likelihood tells from larger ones, from 1 to 255.
        largest: u8,
    },
    /// One of so many states, at least two, an input for each.
    States {
        /// How many.
        count: u16,
    },
}

/// The shape of the density of a real value.
///
/// Exhaustive on purpose: a compiler error names each place of an exporter that has to learn a new shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Normal.
    Normal,
    /// Laplace.
    Laplace,
    /// Student-t.
    Student {
        /// Degrees of freedom, from 1 to 248.
        degrees: u8,
    },
}

impl GroupSpec {
    /// Inputs of it.
    #[must_use]
    pub fn inputs(&self) -> usize {
        match self {
            Self::States { count } => (*count).into(),
            Self::Real { .. } | Self::Flag | Self::Count { .. } => 1,
        }
    }

    /// The kinds of its inputs.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        match *self {
            Self::Real { tail, .. } => std::vec![match tail {
                Tail::Normal => Kind::Location(Family::Normal),
                Tail::Laplace => Kind::Location(Family::Laplace),
                Tail::Student { degrees } => Kind::Student { degrees },
            }],
            Self::Flag => std::vec![Kind::Flag],
            Self::Count { .. } => std::vec![Kind::Count],
            Self::States { count } => {
                let place = |at| match at {
                    0 => Place::First,
                    at if at + 1 == count => Place::Last,
                    _ => Place::Inner,
                };
                (0..count).map(|at| Kind::State(place(at))).collect()
            }
        }
    }
}

/// The words of each input, and the tables of all counts.
pub(super) fn heterogeneous_words(groups: &[GroupSpec]) -> (Vec<[u32; 3]>, Vec<i32>) {
    let (mut words, mut tables) = (std::vec![], std::vec![]);
    for group in groups {
        match group {
            GroupSpec::Real {
                standardize,
                unit,
                log_normalizer,
                ..
            } => words.push([
                standardize.to_word(),
                unit.to_word(),
                to_q16(*log_normalizer) as u32,
            ]),
            GroupSpec::Count { failures, largest } => {
                let failures = to_q16(*failures);
                words.push([tables.len() as u32, (*largest).into(), failures as u32]);
                tables.extend(log_counts(f64::from(failures) / 65536.0, *largest));
            }
            GroupSpec::Flag | GroupSpec::States { .. } => {
                words.extend(core::iter::repeat_n([0; 3], group.inputs()));
            }
        }
    }
    (words, tables)
}

/// `ln C(x + r - 1, x)` for `x = 0..=largest`, Q16.16, rounded to nearest.
fn log_counts(failures: f64, largest: u8) -> Vec<i32> {
    let mut log = 0f64;
    let mut table = std::vec![0];
    for x in 1..=largest {
        log += ((failures + f64::from(x) - 1.0) / f64::from(x)).ln();
        table.push(to_q16(log));
    }
    table
}

/// The groups of an image.
pub(super) fn groups(heterogeneous: &Heterogeneous<'_>) -> Vec<GroupSpec> {
    let mut groups = Vec::new();
    let mut states = 0;
    for (input, &[first, second, third]) in heterogeneous.words.iter().enumerate() {
        let real = |tail| GroupSpec::Real {
            tail,
            standardize: Multiplier::from_validated(first),
            unit: Multiplier::from_validated(second),
            log_normalizer: f64::from(third as i32) / 65536.0,
        };
        groups.extend(match heterogeneous.kind(input) {
            Some(Kind::Location(Family::Normal)) => Some(real(Tail::Normal)),
            Some(Kind::Location(Family::Laplace)) => Some(real(Tail::Laplace)),
            Some(Kind::Student { degrees }) => Some(real(Tail::Student { degrees })),
            Some(Kind::Flag) => Some(GroupSpec::Flag),
            Some(Kind::Count) => Some(GroupSpec::Count {
                failures: f64::from(third) / 65536.0,
                largest: second as u8,
            }),
            Some(Kind::State(place)) => {
                states = if place == Place::First { 1 } else { states + 1 };
                (place == Place::Last).then_some(GroupSpec::States { count: states })
            }
            None => None,
        });
    }
    groups
}
