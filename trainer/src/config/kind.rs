//! Kinds of columns by their names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The degrees of freedom of a Student-t distribution that nobody named: heavy tails, and a variance (Lange, Little and
/// Taylor, "Robust statistical modeling using the t distribution", 1989, section 5).
pub(super) const DEGREES: u8 = 4;
/// The most degrees of freedom that an image holds.
const MOST_DEGREES: u8 = 248;

/// What a column is, and with it the likelihood of its numbers. Written as `normal`, `laplace`, `student:N`, `flag`, `count`
/// or `state:N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A real number, normal around a location.
    Normal,
    /// A real number, Laplace around a location.
    Laplace,
    /// A real number with heavy tails.
    Student {
        /// Degrees of freedom, from 1 to 248.
        degrees: u8,
    },
    /// 0 or 1, Bernoulli.
    Flag,
    /// 0, 1, 2 and so on, negative binomial.
    Count,
    /// One of a few states, a number for each; softmax.
    State {
        /// How many, at least two.
        states: u16,
    },
}

impl ColumnKind {
    /// Numbers of a reading that the column makes.
    pub fn numbers(self) -> usize {
        match self {
            Self::State { states } => states.into(),
            _ => 1,
        }
    }

    /// Whether its numbers are whole.
    pub fn is_discrete(self) -> bool {
        matches!(self, Self::Flag | Self::Count | Self::State { .. })
    }

    /// Of a real number, the logarithm of what a unit of its decoded location is in units of its scale; none of the others,
    /// which have logits.
    pub fn log_unit(self) -> Option<f64> {
        match self {
            Self::Normal | Self::Laplace => Some(0.0),
            Self::Student { degrees } => Some(0.5 * f64::from(degrees).ln()),
            Self::Flag | Self::Count | Self::State { .. } => None,
        }
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Laplace => f.write_str("laplace"),
            Self::Student { degrees } => write!(f, "student:{degrees}"),
            Self::Flag => f.write_str("flag"),
            Self::Count => f.write_str("count"),
            Self::State { states } => write!(f, "state:{states}"),
        }
    }
}

impl FromStr for ColumnKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let refused = || {
            format!(
                "no such kind of column: {text}; use normal, laplace, student or student:N (N degrees of freedom, from 1 to {MOST_DEGREES}), flag, count or state"
            )
        };
        match (name, number) {
            ("normal" | "gaussian", None) => Ok(Self::Normal),
            ("laplace", None) => Ok(Self::Laplace),
            ("student", None) => Ok(Self::Student { degrees: DEGREES }),
            ("student", Some(number)) => match number.parse() {
                Ok(degrees) if (1..=MOST_DEGREES).contains(&degrees) => {
                    Ok(Self::Student { degrees })
                }
                _ => Err(refused()),
            },
            ("flag" | "bernoulli", None) => Ok(Self::Flag),
            ("count", None) => Ok(Self::Count),
            ("state", Some(number)) => match number.parse() {
                Ok(states) if states >= 2 => Ok(Self::State { states }),
                _ => Err(refused()),
            },
            _ => Err(refused()),
        }
    }
}

/// A kind that a user says of a column. Written as `NAME=KIND`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WantedKind {
    /// The name or number of the column; `*` stands for any characters.
    pub column: String,
    /// Its kind; none of a state, whose values the data say.
    pub kind: Option<ColumnKind>,
}

impl fmt::Display for WantedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{}={kind}", self.column),
            None => write!(f, "{}=state", self.column),
        }
    }
}

impl FromStr for WantedKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((column, kind)) = text.rsplit_once('=') else {
            return Err(format!(
                "{text} names no kind: say COLUMN=KIND, as mode=state"
            ));
        };
        Ok(Self {
            column: column.to_owned(),
            kind: match kind {
                "state" | "categorical" => None,
                kind => Some(kind.parse()?),
            },
        })
    }
}

/// Writes kinds one after another, separated by commas; `*N` stands behind one that comes N times.
pub(super) fn write_list(kinds: &[ColumnKind]) -> String {
    let runs = kinds.chunk_by(|a, b| a == b);
    let runs = runs.map(|run| match run.len() {
        1 => run[0].to_string(),
        times => format!("{}*{times}", run[0]),
    });
    runs.collect::<Vec<_>>().join(",")
}

/// Reads what [`write_list`] wrote.
pub(super) fn read_list(text: &str) -> Result<Vec<ColumnKind>, String> {
    /// Columns of a reading, at most.
    const MOST: usize = 16_384;
    let mut kinds = vec![];
    for part in text.split(',') {
        let (kind, times) = part.split_once('*').unwrap_or((part, "1"));
        let times = times.parse::<usize>().ok();
        let times = times.filter(|times| (1..=MOST).contains(times));
        let times =
            times.ok_or_else(|| format!("{part} is no kind a number of times, as normal*3"))?;
        let kind: ColumnKind = kind.parse()?;
        kinds.extend(std::iter::repeat_n(kind, times));
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        use ColumnKind::{Count, Flag, Laplace, Normal, State, Student};
        let kinds = [
            Normal,
            Normal,
            Flag,
            State { states: 3 },
            State { states: 3 },
            Count,
            Student { degrees: 4 },
            Laplace,
        ];
        let text = write_list(&kinds);
        assert_eq!(text, "normal*2,flag,state:3*2,count,student:4,laplace");
        assert_eq!(read_list(&text).unwrap(), kinds);
        assert_eq!("student".parse(), Ok(Student { degrees: DEGREES }));
        for bad in [
            "",
            "normal*0",
            "state:1",
            "student:0",
            "student:249",
            "flag:2",
            "normal*",
            "x",
        ] {
            assert!(read_list(bad).is_err(), "{bad}");
        }
    }
}
