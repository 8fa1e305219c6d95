//! Likelihoods of whole readings, by their names.

use super::family::Support;
use super::{
    Binomial, ColumnKind, Flag, Laplace, Normal, Predicted, Run, Student, read_list, runs,
    write_list,
};
use crate::data::Dataset;
use crate::error::Error;
use elbow::Model;
use elbow::distribution::Family;
use elbow::image::{ImageSpec, LikelihoodSpec};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The likelihood of readings. Written as `auto`, `bernoulli`, `binomial:N`, `student`, `gaussian` or `laplace`, the last
/// two also with `:shared` or `:predicted`, and `columns:` with the kind of each column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LikelihoodKind {
    /// Binomial(16) for the digits; else for each column what it obviously is: a flag, a state, a count, or a real number,
    /// for which it is Gaussian.
    Auto,
    /// Counts in `0..=trials`; Bernoulli is one trial.
    Binomial {
        /// Number of trials, from 1 to 255.
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

/// The source of the scale of a [`LikelihoodKind::Location`].
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
            "student" => Ok(Self::Columns(vec![Student::default().into()])),
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
    /// The likelihood of an image, without whose the scales are.
    pub fn of(model: &Model<'_>) -> Self {
        match ImageSpec::of(model).likelihood {
            LikelihoodSpec::Binomial { trials } => Self::Binomial { trials },
            LikelihoodSpec::Location(location) => Self::Location {
                family: location.family,
                scale: match location.predicted_scale {
                    true => Scale::Predicted,
                    false => Scale::Input,
                },
            },
            LikelihoodSpec::Heterogeneous(groups) => {
                Self::Columns(groups.iter().filter_map(ColumnKind::of_group).collect())
            }
        }
    }

    /// One likelihood for all columns where they are of one kind, which costs a device less.
    pub fn of_columns(kinds: Vec<ColumnKind>) -> Self {
        let all = |kind: ColumnKind| kinds.iter().all(|&own| own == kind);
        let location = |family| Self::Location {
            family,
            scale: Scale::Input,
        };
        if all(Normal.into()) {
            location(Family::Normal)
        } else if all(Laplace.into()) {
            location(Family::Laplace)
        } else if all(Flag.into()) {
            Self::Binomial { trials: 1 }
        } else {
            Self::Columns(kinds)
        }
    }

    /// The kind of all columns, where it is one that columns may have too.
    pub fn of_each_column(&self) -> Option<ColumnKind> {
        match self {
            Self::Location {
                family,
                scale: Scale::Input,
            } => Some(of_family(*family)),
            Self::Columns(kinds) if kinds.len() == 1 => Some(kinds[0]),
            _ => None,
        }
    }

    /// The runs of columns of readings with `inputs` modelled numbers; none of a likelihood that is not settled.
    pub fn runs(&self, inputs: usize) -> Vec<Run> {
        let (kind, parameters) = match self {
            Self::Auto => return vec![],
            Self::Columns(kinds) => return runs(kinds, true),
            Self::Binomial { trials } => (Binomial { trials: *trials }.into(), 0),
            Self::Location { family, scale } => match scale {
                Scale::Shared => (of_family(*family), 1),
                Scale::Input => (of_family(*family), inputs),
                Scale::Predicted => (Predicted { shape: *family }.into(), 0),
            },
        };
        let mut runs = runs(&vec![kind; inputs], false);
        runs.iter_mut()
            .for_each(|run| run.parameters = 0..parameters);
        runs
    }

    /// Whether each of `inputs` numbers is whole.
    pub fn whole_numbers(&self, inputs: usize) -> Vec<bool> {
        let runs = self.runs(inputs).into_iter();
        let whole = runs.map(|run| std::iter::repeat_n(run.kind.is_discrete(), run.numbers.len()));
        whole.flatten().collect()
    }

    /// Checks that the data are in the support, but for the last columns, which are conditions.
    ///
    /// # Errors
    /// One line that names the first reading that cannot be, and says `remedy`.
    pub fn check(&self, dataset: &Dataset, conditions: usize, remedy: &str) -> Result<(), Error> {
        let width = dataset.table.width();
        let modelled = width.saturating_sub(conditions);
        let runs = self.runs(modelled).into_iter();
        let allowed = runs.map(|run| std::iter::repeat_n(run.kind.support(), run.numbers.len()));
        let allowed: Vec<Support> = allowed.flatten().collect();
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
            dataset.first_row + at / width + 1,
            dataset.name,
        )))
    }
}

fn of_family(family: Family) -> ColumnKind {
    match family {
        Family::Normal => Normal.into(),
        Family::Laplace => Laplace.into(),
    }
}
