//! A source is what a path means: the digits, a file, an array in it, a folder or a pattern.

pub mod digits;
mod machines;
pub(super) mod parts;
pub(super) mod recordings;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::data::error::DataError;
use digits::Part;
pub use machines::Machine;

/// The word for the digits that ship with the trainer.
const DIGITS: &str = "digits";

/// The path that stands for standard input, and where something is written for standard output.
pub const STANDARD: &str = "-";

/// Where data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// `digits`: the digits that ship with the trainer, in their own division into parts.
    Digits,
    /// `digits:train` and the like: one part of them.
    DigitsPart(Part),
    /// `pump` or `motor`: the log of a machine that ships with the trainer.
    Machine(Machine),
    /// Anything else: a file, an array in it, a folder or a pattern. A file that is called `digits` is `./digits`.
    File(PathBuf),
}

impl DataSource {
    /// Understands `digits`, `digits:PART`, `pump`, `motor` or the path of a file, which is not looked for yet.
    ///
    /// # Errors
    ///
    /// The digits have no such part.
    pub fn parse(text: &str) -> Result<Self, DataError> {
        match text
            .strip_prefix(DIGITS)
            .map(|rest| (rest, rest.strip_prefix(':')))
        {
            Some(("", _)) => Ok(Self::Digits),
            Some((_, Some(name))) => Part::ALL
                .into_iter()
                .find(|part| part.name() == name)
                .map(Self::DigitsPart)
                .ok_or_else(|| {
                    DataError::Data(format!(
                        "the digits have no part {name:?}; say digits, digits:train, digits:validation, digits:test, \
                         digits:held-out or digits:all"
                    ))
                }),
            _ => {
                let machine = Machine::ALL.into_iter().find(|machine| machine.name() == text);
                let file = || Self::File(PathBuf::from(text));
                Ok(machine.map_or_else(file, Self::Machine))
            }
        }
    }

    /// The same wherever it is called from.
    ///
    /// # Errors
    ///
    /// The folder that the program was called from is unknown.
    pub fn absolute(&self) -> Result<Self, DataError> {
        let Self::File(path) = self else {
            return Ok(self.clone());
        };
        if path.as_os_str() == STANDARD {
            return Ok(self.clone());
        }
        let absolute = recordings::absolute(path);
        let absolute = absolute.map_err(|reason| DataError::in_file(path, reason.into()))?;
        Ok(Self::File(absolute))
    }

    /// A line on what has the same name in the working folder, where these data ship with the trainer.
    pub fn shadowed(&self) -> Option<String> {
        let name = match self {
            Self::File(_) => return None,
            shipped => shipped.name(),
        };
        Path::new(&name).exists().then(|| {
            format!("{name} is what ships with this program; what is called so in this folder is ./{name}")
        })
    }

    /// The name of a run on it: that of the file without its extension, `digits`, or that of the machine.
    pub fn name(&self) -> String {
        match self {
            Self::Machine(machine) => machine.name().into(),
            Self::Digits | Self::DigitsPart(_) => DIGITS.into(),
            Self::File(path) => recordings::name(path),
        }
    }
}

impl FromStr for DataSource {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        Self::parse(text)
    }
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digits => f.write_str(DIGITS),
            Self::DigitsPart(part) => write!(f, "{DIGITS}:{}", part.name()),
            Self::Machine(machine) => f.write_str(machine.name()),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_told_apart() {
        for (text, expected) in [
            ("digits", DataSource::Digits),
            ("digits:train", DataSource::DigitsPart(Part::Train)),
            (
                "digits:validation",
                DataSource::DigitsPart(Part::Validation),
            ),
            ("digits:test", DataSource::DigitsPart(Part::Test)),
            ("digits:held-out", DataSource::DigitsPart(Part::HeldOut)),
            ("digits:all", DataSource::DigitsPart(Part::All)),
            ("digits.csv", DataSource::File("digits.csv".into())),
            ("./digits", DataSource::File("./digits".into())),
            ("pump", DataSource::Machine(Machine::Pump)),
            ("motor", DataSource::Machine(Machine::Motor)),
            ("./pump", DataSource::File("./pump".into())),
            ("C:\\pump.csv", DataSource::File("C:\\pump.csv".into())),
        ] {
            let source = DataSource::parse(text).unwrap();
            assert_eq!(source, expected);
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn paths_become_absolute_and_words_do_not() {
        let here = std::env::current_dir().unwrap();
        let absolute = |text: &str| {
            let source = DataSource::parse(text).unwrap().absolute();
            source.unwrap().to_string()
        };
        for word in ["digits", "digits:train", "/a/pump.csv", "/a/*.csv"] {
            assert_eq!(absolute(word), word);
        }
        for name in ["pump.csv", "a/b.npz:x", "logs/*.csv", "*.csv"] {
            assert_eq!(absolute(name), here.join(name).display().to_string());
        }
        assert_eq!(
            absolute("./digits"),
            here.join("digits").display().to_string()
        );
    }

    #[test]
    fn an_unknown_part_is_named_with_the_known_ones() {
        for found in ["tests", "", "Train"] {
            assert_eq!(
                DataSource::parse(&format!("digits:{found}"))
                    .unwrap_err()
                    .to_string(),
                format!(
                    "the digits have no part {found:?}; say digits, digits:train, digits:validation, digits:test, \
                     digits:held-out or digits:all"
                )
            );
        }
        for part in Part::ALL {
            let text = DataSource::parse("digits:").unwrap_err().to_string();
            assert!(
                text.contains(&format!("digits:{}", part.name())),
                "{part:?}"
            );
        }
    }
}
