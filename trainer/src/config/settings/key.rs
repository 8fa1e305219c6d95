//! Names of settings in a file, each with what its option says of it.

use super::{Options, Said};
use crate::config::{Config, Limits};
use clap::{Arg, Args, Command};
use std::sync::OnceLock;

/// A group of settings: options under a heading, and a table of a file.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its name among the groups of options.
    pub id: &'static str,
    /// The table, such as `train.objective`.
    pub table: &'static str,
    /// The heading of its options in help.
    pub heading: &'static str,
}

/// All settings are in one of these, in the order of a file.
pub const GROUPS: [Group; 8] = [
    group("DataConfig", "data", "Data, and what its columns are"),
    group("StreamArguments", "data.stream", "Streams of samples"),
    group("ModelConfig", "model", "Model"),
    group("TrainConfig", "train", "Training"),
    group("Dependent", "train", "Training"),
    group("Objective", "train.objective", "Objective"),
    group("ExportConfig", "export", "Image of the model"),
    group("Limits", "limits", "Budget on the device"),
];

const fn group(id: &'static str, table: &'static str, heading: &'static str) -> Group {
    Group { id, table, heading }
}

/// Options that say the opposite of another one, whose key they share.
const OPPOSITES: [(&str, &str); 1] = [("no_qat", "qat")];

/// A setting: its key in a file, and its option.
#[derive(Clone, Debug)]
pub struct Key {
    /// The table, such as `train.objective`.
    table: &'static str,
    /// The key, tables before it: `train.objective.beta`.
    path: String,
    /// Its name among the options.
    name: String,
    option: Arg,
}

/// All settings, in the order of a file.
pub fn keys() -> &'static [Key] {
    static KEYS: OnceLock<Vec<Key>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut command = Options::augment_args(Command::new("settings"));
        command.build();
        let source = Arg::new("source").help("The data: a file, files, or digits");
        let of_table = GROUPS.iter().flat_map(|&Group { id, table, .. }| {
            let groups = command.get_groups().filter(|own| own.get_id() == id);
            let names = groups.flat_map(clap::ArgGroup::get_args);
            let options = names.filter_map(|name| {
                let mut arguments = command.get_arguments();
                arguments.find(|argument| argument.get_id() == name)
            });
            let options = options.cloned().collect::<Vec<_>>();
            options
                .into_iter()
                .map(move |option| Key::new(table, option))
        });
        let is_own = |key: &Key| OPPOSITES.iter().all(|(other, _)| key.name != *other);
        std::iter::once(Key::new("data", source))
            .chain(of_table.filter(is_own))
            .collect()
    })
}

impl Key {
    /// The data, which no option names.
    pub const SOURCE: &str = "data.source";

    fn new(table: &'static str, option: Arg) -> Self {
        let name = option.get_id().to_string();
        Self {
            table,
            path: format!("{table}.{name}"),
            name,
            option,
        }
    }

    /// The key with this path.
    pub fn find(path: &str) -> Option<&'static Self> {
        keys().iter().find(|key| key.path == path)
    }

    /// The key whose path is nearest to `path`.
    pub fn nearest(path: &str) -> &'static Self {
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
        let near = |key: &&Key| {
            let whole = strsim::jaro(path, &key.path);
            let end = strsim::jaro(&last(path), &key.name);
            (1000.0 * (whole + end)) as u32
        };
        keys().iter().max_by_key(near).unwrap_or(&keys()[0])
    }

    /// The table that it stands in.
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// The key with its tables, such as `train.epochs`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The key without its tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The option: `--epochs`; none of the data.
    pub fn option(&self) -> Option<String> {
        let long = self.option.get_long()?;
        Some(format!("--{long}"))
    }

    /// The names of the options that say it.
    pub(super) fn names(&self) -> Vec<&str> {
        let opposites = OPPOSITES.iter().filter(|(_, own)| *own == self.name);
        let opposites = opposites.map(|(other, _)| *other);
        std::iter::once(self.name.as_str())
            .chain(opposites)
            .collect()
    }

    /// The option's help.
    pub fn help(&self) -> String {
        let help = self.option.get_help();
        help.map(ToString::to_string).unwrap_or_default()
    }

    /// The words that it may be, each with a line of help; empty where it may be more than a few.
    pub fn choices(&self) -> Vec<(String, String)> {
        let values = self.option.get_possible_values().into_iter();
        let choices = values.filter(|_| self.option.get_action().takes_values());
        let help = |value: &clap::builder::PossibleValue| {
            value
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        let choices = choices.map(|value| (value.get_name().to_owned(), help(&value)));
        choices.collect()
    }

    /// The name of a value in help.
    pub fn placeholder(&self) -> String {
        let names = self.option.get_value_names().unwrap_or_default();
        names
            .first()
            .map_or_else(|| "true".into(), ToString::to_string)
    }

    /// The numbers that are allowed, in the words of the refusal of all others; none where it is no number.
    pub fn range(&self) -> Option<String> {
        const BEFORE: &str = ": give a number ";
        let option = self.option()?;
        // No setting goes so far.
        ["nan", "9223372036854775807", "[9223372036854775807]"]
            .into_iter()
            .find_map(|absurd| {
                let said = Said::of_text(&format!("{} = {absurd}", self.path), "").ok()?;
                let (config, _) = said.config().ok()?;
                let refused = config.validate().err()?.to_string();
                let (start, words) = refused.split_once(BEFORE)?;
                let words = words.split(", such as").next()?;
                start
                    .starts_with(&format!("{option} is"))
                    .then(|| words.to_owned())
            })
    }

    /// Its value where nobody says anything, as a file has it; none where there is none, or it follows from the data.
    pub fn default(&self) -> Option<String> {
        static DEFAULTS: OnceLock<Option<Said>> = OnceLock::new();
        let whole = || Said::whole(&Config::default(), &Limits::default()).ok();
        let defaults = DEFAULTS.get_or_init(whole).as_ref()?;
        let default = defaults.value(&self.path).map(str::to_owned);
        let is_flag = !self.option.get_action().takes_values();
        default.or_else(|| is_flag.then(|| "false".into()))
    }
}
