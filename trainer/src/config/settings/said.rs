//! Settings that somebody said, by their keys, each where it was said.

use super::{Dependent, Key, keys};
use crate::config::{Config, Limits};
use crate::error::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The table of a run's file that no one sets: what was derived from the data.
const DERIVED: &str = "derived";

/// A place where a setting was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, counted from 1.
    Line {
        /// The file.
        file: String,
        /// The line.
        line: usize,
    },
    /// The value of an option such as `--set`, whose name this is.
    Assigned(&'static str),
    /// An option of its own.
    Option,
}

/// A value, as TOML, and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    text: String,
    place: Place,
}

/// Settings that somebody said. All others have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(BTreeMap<String, Value>);

/// Limits in a document.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limited {
    limits: Limits,
}

impl Said {
    /// The settings in `text`, the contents of a file called `file`. What was derived from data is skipped.
    ///
    /// # Errors
    /// [`Error::Setting`]: the file and the line, the key, and what would do.
    pub fn of_text(text: &str, file: &str) -> Result<Self, Error> {
        let document = DeTable::parse(text).map_err(|error| syntax(text, file, &error))?;
        let mut said = Self::default();
        let line = |at: usize| Place::Line {
            file: file.to_owned(),
            line: line_of(text, at),
        };
        said.take("", document.get_ref(), text, &line)?;
        said.0
            .iter()
            .try_for_each(|(path, value)| value.check(path))?;
        Ok(said)
    }

    /// The settings of `KEY=VALUE` assignments, the values of the option `option`.
    ///
    /// # Errors
    /// [`Error::Setting`]: the key, and what would do.
    pub fn of_assignments(option: &'static str, assignments: &[String]) -> Result<Self, Error> {
        let mut said = Self::default();
        for assignment in assignments {
            let Some((path, text)) = assignment.split_once('=') else {
                return Err(Error::Setting(format!(
                    "{option} {assignment} has no value: say KEY=VALUE, such as train.epochs=50"
                )));
            };
            said.assign(option, path.trim(), text.trim())?;
        }
        Ok(said)
    }

    /// Sets `path` to `text`, which is TOML, or text without quotes, as the option `option` says.
    ///
    /// # Errors
    /// [`Error::Setting`]: the key, and what would do.
    pub fn assign(&mut self, option: &'static str, path: &str, text: &str) -> Result<(), Error> {
        if Key::find(path).is_none() {
            return Err(unknown(path, &Place::Assigned(option)));
        }
        let value = |text: String| Value {
            text,
            place: Place::Assigned(option),
        };
        let (plain, quoted) = (value(text.to_owned()), value(quoted(text)));
        let value = match plain.check(path) {
            Ok(()) => plain,
            Err(error) if quoted.check(path).is_err() => {
                let is_toml = DeValue::parse(text).is_ok();
                return Err(if is_toml {
                    error
                } else {
                    quoted.check(path).err().unwrap_or(error)
                });
            }
            Err(_) => quoted,
        };
        if self.0.insert(path.to_owned(), value).is_some() {
            return Err(Error::Setting(format!(
                "{option} {path} is given twice: leave one of them out"
            )));
        }
        Ok(())
    }

    /// All settings, said.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn whole(config: &Config, limits: &Limits) -> Result<Self, Error> {
        let bad = |error| Error::Setting(format!("no TOML can be written: {error}"));
        let limited = Limited { limits: *limits };
        let text =
            toml::to_string(config).map_err(bad)? + &toml::to_string(&limited).map_err(bad)?;
        let document = DeTable::parse(&text).map_err(|error| syntax(&text, "settings", &error))?;
        let mut said = Self::default();
        said.take("", document.get_ref(), &text, &|_| Place::Option)?;
        Ok(said)
    }

    /// Those of `keys` alone.
    #[must_use]
    pub fn only<'k>(mut self, keys: impl Iterator<Item = &'k Key>) -> Self {
        let taken = keys.filter_map(|key| self.0.remove_entry(key.path()));
        Self(taken.collect())
    }

    /// These settings, and below them those of `other` that they do not have.
    #[must_use]
    pub fn over(self, mut other: Self) -> Self {
        other.0.extend(self.0);
        other
    }

    /// These settings and `other`, none of which may be said by both.
    ///
    /// # Errors
    /// [`Error::Setting`] with both.
    pub fn beside(self, other: Self) -> Result<Self, Error> {
        let twice = self.0.keys().find(|path| other.0.contains_key(*path));
        if let Some(key) = twice.and_then(|path| Key::find(path)) {
            let path = key.path();
            return Err(Error::Setting(format!(
                "--set {path} and {} set the same: leave one of them out",
                key.option().unwrap_or_else(|| "DATA".into())
            )));
        }
        Ok(self.over(other))
    }

    /// The value of a key, as TOML; none where it was not said.
    pub fn value(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(|value| value.text.as_str())
    }

    /// The settings that were said.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        keys().iter().filter(|key| self.0.contains_key(key.path()))
    }

    /// The keys that were said, with their values as TOML.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, value)| (path.as_str(), value.text.as_str()))
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The settings of a run, with the defaults of what was not said, those that follow from others among them; and its
    /// limits. They are not checked yet.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn config(&self) -> Result<(Config, Limits), Error> {
        let is_limit = |path: &&String| path.starts_with("limits.");
        let lines = |limits: bool| -> String {
            let own = self.0.iter().filter(|(path, _)| is_limit(path) == limits);
            own.map(|(path, value)| format!("{path} = {}\n", value.text))
                .collect()
        };
        let mut config: Config = parsed(&lines(false))?;
        let Limited { limits } = parsed(&lines(true))?;
        let Config { train, .. } = &config;
        let said = |path: &str| self.0.contains_key(path);
        let dependent = Dependent {
            schedule: said("train.schedule").then_some(train.schedule),
            learning_rate: said("train.learning_rate").then_some(train.learning_rate),
            importance_samples: said("train.importance_samples")
                .then_some(train.importance_samples),
            gradient: said("train.gradient").then_some(train.gradient),
            qat: said("train.qat") && train.qat,
            no_qat: said("train.qat") && !train.qat,
        };
        dependent.settle(&mut config);
        Ok((config, limits))
    }

    /// Takes the settings of `table`, whose keys have `before` before them.
    fn take(
        &mut self,
        before: &str,
        table: &DeTable<'_>,
        text: &str,
        place: &dyn Fn(usize) -> Place,
    ) -> Result<(), Error> {
        for (key, value) in table {
            let path = match before {
                "" => key.get_ref().to_string(),
                _ => format!("{before}.{}", key.get_ref()),
            };
            if path == DERIVED {
                continue;
            }
            let place_of_key = place(key.span().start);
            match (Key::find(&path), value.get_ref()) {
                (None, DeValue::Table(below)) if is_table(&path) => {
                    self.take(&path, below, text, place)?;
                }
                (None, _) => return Err(unknown(&path, &place_of_key)),
                (Some(_), _) => {
                    let text = text[value.span()].to_owned();
                    let place = place_of_key;
                    self.0.insert(path, Value { text, place });
                }
            }
        }
        Ok(())
    }
}

impl Value {
    /// Whether the setting `path` can have it.
    fn check(&self, path: &str) -> Result<(), Error> {
        let document = format!("{path} = {}\n", self.text);
        let checked = match path.starts_with("limits.") {
            true => toml::from_str::<Limited>(&document).map(drop),
            false => toml::from_str::<Config>(&document).map(drop),
        };
        checked.map_err(|error| {
            let said = match self.place {
                Place::Assigned(option) => format!("{option} "),
                _ => format!("{}: ", self.place),
            };
            let message = plain(error.message());
            let text: Vec<&str> = self.text.split_whitespace().collect();
            Error::Setting(format!("{said}{path} = {}: {message}", text.join(" ")))
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}: line {line}"),
            Self::Assigned(option) => f.write_str(option),
            Self::Option => f.write_str("the command line"),
        }
    }
}

/// Whether settings stand in the table `path`.
fn is_table(path: &str) -> bool {
    let below = format!("{path}.");
    keys().iter().any(|key| key.path().starts_with(&below))
}

/// The refusal of a setting that there is none of.
fn unknown(path: &str, place: &Place) -> Error {
    Error::Setting(if is_table(path) {
        format!(
            "{place}: {path} is a table of settings and has no value of its own: write {path}.KEY = VALUE"
        )
    } else {
        let nearest = Key::nearest(path).path();
        format!(
            "{place}: there is no setting {path}; the nearest name is {nearest}: correct it, or leave it out"
        )
    })
}

/// `text` in quotes, as TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn parsed<T: DeserializeOwned>(document: &str) -> Result<T, Error> {
    toml::from_str(document).map_err(|error| Error::Setting(plain(error.message())))
}

/// The line of `text` that the byte `at` is in, counted from 1.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

/// The refusal of what is no TOML.
fn syntax(text: &str, file: &str, error: &toml::de::Error) -> Error {
    let start = error.span().unwrap_or(Range { start: 0, end: 0 }).start;
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    Error::Setting(format!(
        "{file}: line {}: {message}: a setting is a line KEY = VALUE below its [table], text in quotes; `trainer init` writes such a file",
        line_of(text, start)
    ))
}

/// The message of a reader in the words of people who write settings.
fn plain(message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join(" ");
    let mismatch = ["invalid type: ", "invalid value: "]
        .into_iter()
        .find_map(|start| message.strip_prefix(start)?.split_once(", expected "));
    let Some((found, expected)) = mismatch else {
        return message;
    };
    let found = match found.split([' ', ',']).next().unwrap_or_default() {
        "string" => "text",
        "integer" => "a whole number",
        "floating" => "a number with decimals",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        _ => found,
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list in brackets, such as [64, 32]",
        "a string" | "path string" => "text in quotes",
        other => other,
    };
    format!("this is {found}, and {expected} is expected")
}
