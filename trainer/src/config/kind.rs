//! Kinds that a user says of columns.

use crate::likelihood::ColumnKind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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
