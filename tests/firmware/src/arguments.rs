//! The command line: a command, then `key=value` pairs in any order.

use core::fmt;
use core::str::FromStr;

/// A command line that has been looked through once: its keys are known, and none is given twice.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    line: &'a str,
}

/// What is wrong with a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentError<'a> {
    /// A word without `=`.
    NotAPair(&'a str),
    /// A key that the command does not know.
    Unknown(&'a str),
    /// A key that is given twice.
    Repeated(&'a str),
    /// A key that the command cannot do without.
    Missing(&'static str),
    /// A value that is not what the key needs.
    Malformed {
        /// The key.
        key: &'static str,
        /// The value.
        value: &'a str,
    },
}

impl fmt::Display for ArgumentError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPair(word) => write!(f, "argument {word} is not of the form key=value"),
            Self::Unknown(key) => write!(f, "argument {key}= is unknown to this command"),
            Self::Repeated(key) => write!(f, "argument {key}= is given twice"),
            Self::Missing(key) => write!(f, "argument {key}= is missing"),
            Self::Malformed { key, value } => write!(f, "argument {key}= cannot be {value}"),
        }
    }
}

/// The first word of a command line, and the rest.
#[must_use]
pub fn command(line: &str) -> (&str, &str) {
    let line = line.trim_ascii();
    line.split_once(' ').unwrap_or((line, ""))
}

impl<'a> Arguments<'a> {
    /// The pairs in `line`, whose keys must be among `keys`.
    ///
    /// # Errors
    ///
    /// A word is no pair, its key is not in `keys`, or it comes twice.
    pub fn parse(line: &'a str, keys: &[&str]) -> Result<Self, ArgumentError<'a>> {
        for (position, word) in line.split_ascii_whitespace().enumerate() {
            let (key, _) = word.split_once('=').ok_or(ArgumentError::NotAPair(word))?;
            if !keys.contains(&key) {
                return Err(ArgumentError::Unknown(key));
            }
            let mut earlier = line
                .split_ascii_whitespace()
                .take(position)
                .filter_map(|word| word.split_once('='));
            if earlier.any(|(other, _)| other == key) {
                return Err(ArgumentError::Repeated(key));
            }
        }
        Ok(Self { line })
    }

    /// The value of `key`, if it is given.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let mut pairs = self
            .line
            .split_ascii_whitespace()
            .filter_map(|word| word.split_once('='));
        pairs.find_map(|(other, value)| (other == key).then_some(value))
    }

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// It is not given.
    pub fn require(&self, key: &'static str) -> Result<&'a str, ArgumentError<'a>> {
        self.get(key).ok_or(ArgumentError::Missing(key))
    }

    /// The value of `key` as a number, an estimator or whatever else has a text form; `default` if it is not given.
    ///
    /// # Errors
    ///
    /// The text is not one of that type.
    pub fn value<T: FromStr>(&self, key: &'static str, default: T) -> Result<T, ArgumentError<'a>> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .parse()
                .map_err(|_| ArgumentError::Malformed { key, value }),
        }
    }

    /// The value of `key` as a number or whatever else has a text form.
    ///
    /// # Errors
    ///
    /// It is not given, or the text is not one of that type.
    pub fn required_value<T: FromStr>(&self, key: &'static str) -> Result<T, ArgumentError<'a>> {
        let value = self.require(key)?;
        let parsed = value.parse();
        parsed.map_err(|_| ArgumentError::Malformed { key, value })
    }
}
