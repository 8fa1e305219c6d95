//! Likelihoods by their names.

use crate::data::{Dataset, Table};
use crate::error::Error;
use elbow::distribution::Family;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which likelihood. Written as `auto`, `bernoulli`, `binomial:N`, `gaussian` or `laplace`, the last
/// two also with `:shared` or `:predicted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LikelihoodKind {
    /// Binomial(16) for the digits, Bernoulli where all values are 0 or 1, Gaussian otherwise.
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
const LOCATIONS: [(&str, LikelihoodKind); 6] = {
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
                "no such likelihood: {text}; use auto, bernoulli, binomial:N (N from 1 to 255), gaussian, laplace, or one of the last two with :shared or :predicted"
            )
        };
        match text {
            "auto" => Ok(Self::Auto),
            "bernoulli" => Ok(Self::Binomial { trials: 1 }),
            _ => match text.strip_prefix("binomial:").map(str::parse) {
                Some(Ok(trials)) if trials > 0 => Ok(Self::Binomial { trials }),
                Some(_) => Err(unknown()),
                None => {
                    let location = LOCATIONS.iter().find(|(name, _)| *name == text);
                    location.map(|(_, kind)| *kind).ok_or_else(unknown)
                }
            },
        }
    }
}

impl TryFrom<String> for LikelihoodKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<LikelihoodKind> for String {
    fn from(kind: LikelihoodKind) -> Self {
        kind.to_string()
    }
}

impl LikelihoodKind {
    /// Settles [`LikelihoodKind::Auto`], and checks that the data are in the support, but for the last
    /// columns, which are conditions.
    ///
    /// # Errors
    /// One line that names the first reading that cannot be.
    pub fn resolve(self, dataset: &Dataset, conditions: usize) -> Result<Self, Error> {
        let kind = match self {
            Self::Auto if is_binary(&dataset.table, conditions) => Self::Binomial { trials: 1 },
            Self::Auto => Self::Location {
                family: Family::Normal,
                scale: Scale::Input,
            },
            kind => kind,
        };
        let remedy = "use --likelihood gaussian, or scale the column";
        kind.check(dataset, conditions, remedy)?;
        Ok(kind)
    }

    /// Checks that the data are in the support, but for the last columns, which are conditions.
    ///
    /// # Errors
    /// One line that names the first reading that cannot be, and says `remedy`.
    pub fn check(self, dataset: &Dataset, conditions: usize, remedy: &str) -> Result<(), Error> {
        let Self::Binomial { trials } = self else {
            return Ok(());
        };
        let largest = f32::from(trials);
        let width = dataset.table.width();
        let modelled = width.saturating_sub(conditions);
        let outside = |(at, x): (usize, &f32)| {
            at % width < modelled && (!(0.0..=largest).contains(x) || x.fract() != 0.0)
        };
        let Some(at) = dataset.table.values().iter().enumerate().position(outside) else {
            return Ok(());
        };
        let (row, column) = (at / width, at % width);
        Err(Error::Setting(format!(
            "{} of reading {} of {} is {}, the likelihood {self} counts whole numbers from 0 to {trials}: {remedy}",
            dataset.column_name(column),
            row + 1,
            dataset.name,
            dataset.table.values()[at]
        )))
    }
}

fn is_binary(table: &Table, conditions: usize) -> bool {
    let modelled = table.width().saturating_sub(conditions);
    let mut numbers = table.iter().flat_map(|row| &row[..modelled]);
    numbers.all(|&x| x == 0.0 || x == 1.0)
}
