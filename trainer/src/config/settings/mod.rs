//! Settings as people write them: options of a command line, and keys of a file under the same names, with the same words
//! of help. What is not said has its default.

mod dependent;
mod idle;
mod key;
mod said;
mod template;

pub use dependent::Dependent;
pub use idle::refuse_idle;
pub use key::{GROUPS, Group, Key, keys};
pub use said::{Place, Said};
pub use template::template;

use super::{
    Config, DataConfig, ExportConfig, Limits, ModelConfig, Objective, StreamArguments, TrainConfig,
};
use crate::error::Error;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use std::collections::BTreeSet;

/// All settings of a run, as options.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Options {
    #[command(flatten)]
    typed: Typed,
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    model: ModelConfig,
    #[command(flatten)]
    train: TrainConfig,
    #[command(flatten)]
    objective: Objective,
    #[command(flatten)]
    export: ExportConfig,
    #[command(flatten)]
    dependent: Dependent,
    #[command(flatten)]
    stream: StreamArguments,
    #[command(flatten)]
    limits: Limits,
}

/// The names of the options that were typed, and do not just have their defaults.
#[derive(Clone, Debug, Default)]
pub struct Typed(BTreeSet<String>);

impl Typed {
    /// Whether the option of this name was typed.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The settings whose options were typed.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        let is_typed = |key: &&Key| key.names().iter().any(|name| self.has(name));
        keys().iter().filter(is_typed)
    }
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let ids = matches.ids().map(clap::Id::as_str);
        let typed = ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        Ok(Self(typed.map(str::to_owned).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Typed {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

impl Options {
    /// The settings that were typed, and the data that were named beside them.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn said(self, source: Option<String>) -> Result<Said, Error> {
        let Self { typed, .. } = &self;
        let typed = typed.clone();
        let mut config = Config {
            data: self.data,
            model: self.model,
            train: self.train,
            export: self.export,
        };
        let named = source.is_some();
        config.data.source = source.unwrap_or(config.data.source);
        config.data.stream = self.stream.settings()?;
        config.train.objective = self.objective;
        self.dependent.settle(&mut config);
        let all = Said::whole(&config, &self.limits)?;
        let source = keys()
            .iter()
            .filter(|key| named && key.path() == Key::SOURCE);
        Ok(all.only(typed.keys().chain(source)))
    }
}

#[cfg(test)]
mod tests;
