//! Likelihoods by their names.

use super::kind::{ColumnKind, DEGREES, read_list, write_list};
use crate::data::Dataset;
use crate::error::Error;
use elbow::distribution::{Family, Kind, Likelihood, Place};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which likelihood. Written as `auto`, `bernoulli`, `binomial:N`, `student`, `gaussian` or `laplace`, the last
/// two also with `:shared` or `:predicted`, and `columns:` with the kind of each column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LikelihoodKind {
    /// Binomial(16) for the digits; else for each column what it obviously is: a flag, a state, a count, or a real number,
    /// for which it is Gaussian.
    Auto,
    /// Counts in `0..=trials`; Bernoulli is one trial.
    Binomial {
        /// From 1 to 255.
        trials: u8,
    },
    /// Real values around a location.
    Location {
        /// Normal or Laplace.
        family: Family,
        /// Whose scale.
        scale: Scale,
    },
    /// A kind for each column.
    Columns(Vec<ColumnKind>),
}

/// Where the scale of a [`LikelihoodKind::Location`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Learned, one for all inputs, in units of their own spread.
    Shared,
    /// Learned, one for each input.
    Input,
    /// Given by the decoder, for each input and reading: `Sigma_theta(z)`.
    Predicted,
}

/// The names of the likelihoods around a location.
static LOCATIONS: [(&str, LikelihoodKind); 6] = {
    const fn kind(family: Family, scale: Scale) -> LikelihoodKind {
        LikelihoodKind::Location { family, scale }
    }
    [
        ("gaussian", kind(Family::Normal, Scale::Input)),
        ("gaussian:shared", kind(Family::Normal, Scale::Shared)),
        ("gaussian:predicted", kind(Family::Normal, Scale::Predicted)),
        ("laplace", kind(Family::Laplace, Scale::Input)),
        ("laplace:shared", kind(Family::Laplace, Scale::Shared)),
        ("laplace:predicted", kind(Family::Laplace, Scale::Predicted)),
    ]
};

impl fmt::Display for LikelihoodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Binomial { trials: 1 } => f.write_str("bernoulli"),
            Self::Binomial { trials } => write!(f, "binomial:{trials}"),
            Self::Columns(kinds) => write!(f, "columns:{}", write_list(kinds)),
            kind => {
                let name = LOCATIONS.iter().find(|(_, location)| location == kind);
                f.write_str(name.map_or("location", |(name, _)| name))
            }
        }
    }
}

impl FromStr for LikelihoodKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "no such likelihood: {text}; use auto, bernoulli, binomial:N (N from 1 to 255), student, gaussian, laplace, or one of the last two with :shared or :predicted"
            )
        };
        if let Some(kinds) = text.strip_prefix("columns:") {
            return read_list(kinds).map(Self::Columns);
        }
        match text {
            "auto" => Ok(Self::Auto),
            // Of as many columns as there are.
            "student" => Ok(Self::Columns(vec![ColumnKind::Student {
                degrees: DEGREES,
            }])),
            "bernoulli" => Ok(Self::Binomial { trials: 1 }),
            _ => match text.strip_prefix("binomial:").map(str::parse) {
                Some(Ok(trials)) if trials > 0 => Ok(Self::Binomial { trials }),
                Some(_) => Err(unknown()),
                None => {
                    let location = LOCATIONS.iter().find(|(name, _)| *name == text);
                    location.map(|(_, kind)| kind.clone()).ok_or_else(unknown)
                }
            },
        }
    }
}

impl LikelihoodKind {
    /// That of an image with so many inputs, without whose the scales are.
    pub fn of(likelihood: &Likelihood<'_>, inputs: usize) -> Self {
        match likelihood {
            Likelihood::Binomial(binomial) => Self::Binomial {
                trials: binomial.trials(),
            },
            Likelihood::Location(location) => Self::Location {
                family: location.family(),
                scale: match location.has_predicted_scale() {
                    true => Scale::Predicted,
                    false => Scale::Input,
                },
            },
            Likelihood::Heterogeneous(columns) => {
                let mut states = 0;
                let kinds = (0..inputs).filter_map(|input| {
                    Some(match columns.kind(input)? {
                        Kind::Location(Family::Normal) => ColumnKind::Normal,
                        Kind::Location(Family::Laplace) => ColumnKind::Laplace,
                        Kind::Student { degrees } => ColumnKind::Student { degrees },
                        Kind::Flag => ColumnKind::Flag,
                        Kind::Count => ColumnKind::Count,
                        Kind::State(place) => {
                            states = if place == Place::First { 1 } else { states + 1 };
                            return (place == Place::Last).then_some(ColumnKind::State { states });
                        }
                    })
                });
                Self::Columns(kinds.collect())
            }
        }
    }

    /// Checks that the data are in the support, but for the last columns, which are conditions.
    ///
    /// # Errors
    /// One line that names the first reading that cannot be, and says `remedy`.
    pub fn check(&self, dataset: &Dataset, conditions: usize, remedy: &str) -> Result<(), Error> {
        let width = dataset.table.width();
        let modelled = width.saturating_sub(conditions);
        let allowed: Vec<Support> = match self {
            Self::Auto | Self::Location { .. } => return Ok(()),
            Self::Binomial { trials } => vec![Support::UpTo(*trials); modelled],
            // What was never seen is scored as that, but it is a whole number.
            Self::Columns(kinds) => kinds
                .iter()
                .flat_map(|kind| {
                    let support = match kind.is_discrete() {
                        true => Support::Whole,
                        false => Support::Real,
                    };
                    std::iter::repeat_n(support, kind.numbers())
                })
                .collect(),
        };
        let values = dataset.table.values().iter().enumerate();
        let mut inputs = values.filter_map(|(at, &x)| Some((at, x, *allowed.get(at % width)?)));
        let Some((at, x, support)) = inputs.find(|&(_, x, support)| !support.holds(x)) else {
            return Ok(());
        };
        let counted = match support {
            Support::UpTo(trials) => {
                format!("the likelihood {self} counts whole numbers from 0 to {trials}")
            }
            Support::Whole | Support::Real => "the model takes it for a whole number".to_owned(),
        };
        Err(Error::Setting(format!(
            "{} of reading {} of {} is {x}, {counted}: {remedy}",
            dataset.column_name(at % width),
            at / width + 1,
            dataset.name,
        )))
    }
}

/// What a number of a reading may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Support {
    /// A whole number from 0 on.
    UpTo(u8),
    /// Any whole number.
    Whole,
    /// Anything.
    Real,
}

impl Support {
    fn holds(self, x: f32) -> bool {
        match self {
            Self::UpTo(trials) => (0.0..=f32::from(trials)).contains(&x) && x.fract() == 0.0,
            Self::Whole => x.fract() == 0.0,
            Self::Real => true,
        }
    }
}
