//! A file of settings to start from: all of them, each with its help.

use super::{Key, Said, keys};
use crate::config::Limits;
use crate::error::Error;

/// Columns of a line of help.
const WIDTH: usize = 100;

/// A file that says `said`, and has a line for each other setting: commented out, with the value that it has where nobody
/// says another. `title` stands above all, line by line.
///
/// # Errors
/// [`Error::Setting`].
pub fn template(title: &str, said: &Said) -> Result<String, Error> {
    let (config, _) = said.config()?;
    let settled = Said::whole(&config, &Limits::default())?;
    let mut text = String::new();
    for line in title.lines() {
        text += format!("# {line}").trim_end();
        text += "\n";
    }
    let mut table = "";
    for key in keys() {
        if key.table() != table {
            table = key.table();
            text += &format!("\n[{table}]\n");
        }
        text += &describe(key);
        text += &match said.value(key.path()) {
            Some(value) => format!("{} = {value}\n", key.name()),
            None => commented(key, &settled),
        };
    }
    Ok(text)
}

/// A line that changes nothing while it is a comment.
fn commented(key: &Key, settled: &Said) -> String {
    let value = settled.value(key.path()).map(str::to_owned);
    let value = value.or_else(|| key.default());
    let name = key.name();
    match value {
        Some(value) => format!("# {name} = {value}\n"),
        None => format!("# {name} = <{}>\n", key.placeholder()),
    }
}

/// The help of a setting, its range and its choices, as comments.
fn describe(key: &Key) -> String {
    let range = key.range().map(|range| format!(", {range}"));
    let help = key.help();
    let mut lines = wrapped(&format!(
        "{}{}",
        help.trim_end_matches('.'),
        range.unwrap_or_default()
    ));
    for (choice, help) in key.choices() {
        let help = if help.is_empty() {
            help
        } else {
            format!(": {help}")
        };
        lines.extend(wrapped(&format!("- {choice}{help}")));
    }
    let lines = lines.iter().map(|line| format!("# {line}\n"));
    format!("\n{}", lines.collect::<String>())
}

/// `text` in lines of at most [`WIDTH`] characters, where its words allow that.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
