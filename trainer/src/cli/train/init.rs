//! `trainer init`.

use crate::cli::output::emit;
use crate::config::settings::{Key, Said, Typed, keys, refuse_idle, template};
use crate::config::{Config, DataConfig, Limits, StreamArguments};
use crate::data::{NamedRole, Role};
use crate::error::Error;
use crate::export::run;
use crate::readings::splits::Splits;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    typed: Typed,
    /// The data to train on: a file, files, or digits
    #[arg(default_value = "digits")]
    data: String,
    #[command(flatten)]
    settings: DataConfig,
    #[command(flatten)]
    stream: StreamArguments,
    /// File to write; - for standard output
    #[arg(long, value_name = "FILE", default_value = "elbow.toml")]
    out: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// What stands above the settings.
const TITLE: &str = "\
Settings of elbow, for: trainer fit --config FILE

A line that begins with # is a comment. Settings that are comments have the values that are shown, or none.
Take the # away to change one. Others were found in the data, or given to `trainer init`.
Options and --set beside --config go before what is written here.";

pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), Error> {
    let Arguments {
        typed,
        data,
        settings,
        stream,
        out,
        force,
    } = arguments;
    let to_file = out.as_os_str() != "-";
    if to_file && !force && out.exists() {
        return Err(Error::Setting(format!(
            "{} is there already: choose another --out, or say --force to replace it",
            out.display()
        )));
    }
    let config = Config {
        data: DataConfig {
            source: data,
            stream: stream.settings()?,
            ..settings
        },
        ..Config::default()
    };
    config.validate()?;
    refuse_idle(&config, typed.keys())?;
    let splits = Splits::load(&config)?;
    splits.normalization()?;
    let (found, note) = found(&config, &splits)?;
    let said = said(&found, &typed)?;
    let report = splits.report.as_ref().map(ToString::to_string);
    let title = format!("{TITLE}\n\n{}", report.unwrap_or_default());
    let text = template(title.trim_end(), &said)?;
    if let Some(note) = note {
        eprintln!("{note}");
    }
    if !to_file {
        return emit(None, &text);
    }
    run::prepare_file(&out)?;
    run::write(&out, text.as_bytes())?;
    eprintln!(
        "wrote {0}: edit it, then `trainer fit --config {0}`",
        out.display()
    );
    Ok(())
}

/// The settings of `found` that were typed, or are not what they are by default.
fn said(found: &Config, typed: &Typed) -> Result<Said, Error> {
    let whole = |config: &Config| Said::whole(config, &Limits::default());
    let (found, default) = (whole(found)?, whole(&Config::default())?);
    let differs = |key: &&Key| found.value(key.path()) != default.value(key.path());
    let source = keys().iter().filter(|key| key.path() == Key::SOURCE);
    let other: Vec<&Key> = keys().iter().filter(differs).collect();
    Ok(found.only(source.chain(typed.keys()).chain(other)))
}

/// `config` with what was found of its data, as long as that divides them as before; else as it is, and a line on that.
fn found(config: &Config, splits: &Splits) -> Result<(Config, Option<String>), Error> {
    let mut found = config.clone();
    found.data.stream = splits.stream.as_ref().map(|stream| stream.settings.clone());
    for (at, named) in splits.columns.iter().enumerate() {
        say(&mut found.data, at, named, &splits.columns);
    }
    let again = Splits::load(&found);
    let same = |again: &Splits| {
        let told = |splits: &Splits| Splits {
            notes: vec![],
            doubts: vec![],
            ..splits.clone()
        };
        told(again) == told(splits)
    };
    if again.as_ref().is_ok_and(same) {
        return Ok((found, None));
    }
    let line = "the roles of columns are left to `trainer fit`, which finds them: said by name they would be others";
    Ok((config.clone(), Some(line.to_owned())))
}

/// Says in `data` what the column `at` is, if it is no reading, and nothing says so yet.
fn say(data: &mut DataConfig, at: usize, column: &NamedRole, all: &[NamedRole]) {
    let name = name(at, column, all);
    let add = |names: &mut Vec<String>| {
        if !names.contains(&name) {
            names.push(name.clone());
        }
    };
    match &column.role {
        Role::Reading => {}
        Role::States(_) => {
            let state = format!("{name}=state").parse();
            let is_said = |kind: &crate::config::WantedKind| kind.column == name;
            if !data.kind.iter().any(is_said) {
                data.kind.extend(state);
            }
        }
        Role::Condition => add(&mut data.condition),
        Role::Label => data.label = Some(name),
        Role::Time => add(&mut data.time),
        Role::Group => data.group = Some(name),
        Role::Ignored => add(&mut data.ignore),
    }
}

/// The name of a column, or its number, counted from 1, where the name could mean another one.
fn name(at: usize, column: &NamedRole, all: &[NamedRole]) -> String {
    let own = column.name.trim();
    let same = all
        .iter()
        .filter(|other| other.name.trim().eq_ignore_ascii_case(own));
    let is_plain = !own.is_empty() && !own.contains(['*', '=']) && own.parse::<f64>().is_err();
    match is_plain && same.count() == 1 {
        true => own.to_owned(),
        false => (at + 1).to_string(),
    }
}
