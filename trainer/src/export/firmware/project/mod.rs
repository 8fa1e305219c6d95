//! A small program around a model: all files of a folder that builds, and runs in QEMU, by one command.
//!
//! * [`board`]: the boards, and whether a model fits one.
//! * [`example`]: what the program scores.
//!
//! The files themselves are in `templates/`, with a few places to fill.

pub mod board;
pub mod example;

use super::{Facts, c, dependency_of, rust};
use crate::error::Error;
use board::Board;
use clap::ValueEnum;
use example::Example;
use std::path::Path;

/// The language of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, built by cargo
    #[default]
    Rust,
    /// C, built by make and arm-none-eabi-gcc
    C,
}

impl Language {
    /// Flash that a new program takes beside the least product: the text of scores, conversion from floats, semihosting, and in C
    /// the checks of the archive and what its features would do. Measured: in Rust 14.5 kB on the M0 and 13.9 kB on the M4, in C
    /// 28.3 and 29.3 kB on the M3; a test compares.
    #[must_use]
    pub fn program_bytes(self) -> usize {
        match self {
            Self::Rust => 14 * 1024,
            Self::C => 28 * 1024,
        }
    }
}

/// A program to be written.
#[derive(Debug)]
pub struct Project<'a> {
    /// The model.
    pub facts: &'a Facts<'a>,
    /// The board that it is for.
    pub board: &'static Board,
    /// What it scores.
    pub example: &'a Example,
    /// In Rust the folder of the crate `elbow`, none for the one that is published; in C the folder of the archive.
    pub elbow: Option<&'a Path>,
}

impl Project<'_> {
    /// Every file, by its path in the folder of the program.
    ///
    /// # Errors
    /// [`Error::Setting`] where the calibration of the model is too small for an alarm.
    pub fn files(&self, language: Language) -> Result<Vec<(&'static str, String)>, Error> {
        let places = self.places()?;
        match language {
            Language::Rust => Ok(self.rust(&places)),
            Language::C => Ok(self.c(&places)),
        }
    }

    /// Whether the weights are packed for another core than that of the board.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.facts.model.packing() != self.board.core.packing()
    }

    fn is_stream(&self) -> bool {
        self.facts.model.stream().is_some()
    }

    fn rust(&self, places: &Places) -> Vec<(&'static str, String)> {
        let main = match self.is_stream() {
            true => include_str!("templates/rust/stream.rs.in"),
            false => include_str!("templates/rust/reading.rs.in"),
        };
        vec![
            (
                "Cargo.toml",
                places.fill(include_str!("templates/rust/Cargo.toml.in")),
            ),
            (
                ".cargo/config.toml",
                places.fill(include_str!("templates/rust/config.toml.in")),
            ),
            (
                "build.rs",
                places.fill(include_str!("templates/rust/build.rs.in")),
            ),
            (
                "memory.x",
                places.fill(include_str!("templates/memory.x.in")),
            ),
            ("src/main.rs", places.fill(main)),
            ("src/model.rs", rust::module(self.facts)),
            ("src/reading.rs", self.example.rust()),
        ]
    }

    fn c(&self, places: &Places) -> Vec<(&'static str, String)> {
        let main = match self.is_stream() {
            true => include_str!("templates/c/stream.c.in"),
            false => include_str!("templates/c/reading.c.in"),
        };
        let model = c::files(self.facts, "model.h");
        let start = include_str!("templates/c/start.c");
        let sections = include_str!("templates/c/sections.ld");
        vec![
            (
                "Makefile",
                places.fill(include_str!("templates/c/Makefile.in")),
            ),
            ("main.c", places.fill(main)),
            ("model.h", model.header),
            ("model.c", model.source),
            ("reading.h", self.example.c(&self.facts.identifier)),
            ("start.c", start.to_owned()),
            (
                "memory.x",
                places.fill(include_str!("templates/memory.x.in")),
            ),
            ("sections.ld", sections.to_owned()),
        ]
    }

    /// What the places of the templates are filled with.
    fn places(&self) -> Result<Places, Error> {
        let (board, lower) = (self.board, &self.facts.identifier);
        let elbow = self.elbow.map(|path| path.display().to_string());
        let all = [
            ("board", board.name.to_owned()),
            ("machine", board.name.to_owned()),
            ("chip", board.chip.to_owned()),
            ("flash_origin", format!("{:#010x}", board.flash_origin)),
            ("flash", board.flash_kib.to_string()),
            ("ram", board.ram_kib.to_string()),
            ("triple", board.triple.to_owned()),
            ("flags", board.gcc_flags.to_owned()),
            ("lower", lower.clone()),
            ("upper", lower.to_uppercase()),
            ("one_in", self.one_in()?.to_string()),
            ("dependency", self.dependency()),
            ("elbow", elbow.unwrap_or_default().replace('$', "$$")),
        ];
        Ok(Places(all.into()))
    }

    /// The line of `Cargo.toml` for the runtime.
    fn dependency(&self) -> String {
        let source = match self.elbow {
            None => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
            Some(path) => {
                let path = toml::Value::String(path.display().to_string());
                format!("path = {path}")
            }
        };
        let foreign = self.is_foreign().then_some("foreign-packings");
        let features = self.facts.model.features().chain(foreign);
        dependency_of(&source, features.chain(["float"]))
    }

    /// The rate of false alarms of the program: one in so many. A watch chooses its own.
    fn one_in(&self) -> Result<u32, Error> {
        if self.is_stream() {
            return Ok(0);
        }
        let told = self.facts.levels.iter();
        let told = told.filter(|level| level.p_value.is_some() && level.one_in <= 100);
        told.map(|level| level.one_in).max().ok_or_else(|| {
            Error::Setting(format!(
                "{} was calibrated by too few readings to tell one in 10, so no alarm would ever fire: train it with more, or a larger --validation-fraction",
                self.facts.model.name()
            ))
        })
    }
}

/// Names of places, `{{name}}` in a template, with what stands there.
struct Places(Vec<(&'static str, String)>);

impl Places {
    fn fill(&self, template: &str) -> String {
        let fill = |text: String, (name, value): &(&str, String)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        };
        self.0.iter().fold(template.to_owned(), fill)
    }
}
