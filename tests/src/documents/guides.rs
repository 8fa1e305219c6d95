//! `cargo xtask guides`: runs the commands of the guides, and writes what they print below them.
//!
//! A guide has its commands in blocks that begin with `` ```console ``: a line `$ command`, and below it what the command
//! prints, on standard output and standard error as a terminal mixes them. A line `...` stands for the lines that are left
//! out: as many lines of the output are kept at its begin and its end as stand before and behind it. The commands of a guide
//! run one after the other in a folder that is empty at first, by `sh`, where `cargo trainer` is the trainer of this workspace.

use crate::build::{trainer, workspace};
use crate::error::Error;
use crate::files::{temporary_folder, write};
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A training of seconds, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// What begins a block of commands.
const BLOCK: &str = "```console";

/// The line that stands for lines that are left out.
const LEFT_OUT: &str = "...";

/// What the shell is told before each command: one stream of output, and `cargo trainer` is the trainer of `PATH`.
const PRELUDE: &str = "exec 2>&1\ncargo() { \"$@\"; }\n";

/// A piece of a guide, of whole lines.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Whatever is no command: prose, and the ends of blocks.
    Prose(String),
    /// A command, and the lines that the guide shows of its output.
    Command { line: String, shown: Vec<String> },
}

/// A guide after its commands ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rerun {
    /// The page with the outputs of now.
    pub page: String,
    /// Where the guide shows something else, a difference a command.
    pub differences: Vec<Difference>,
}

/// The first line of an output that a guide shows otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The command.
    pub command: String,
    /// The line in the guide, empty where it has none there.
    pub shown: String,
    /// The line that the command printed, empty where it printed none there.
    pub printed: String,
}

/// The guides, in the order of their names.
///
/// # Errors
///
/// The folder cannot be read.
pub fn paths() -> Result<Vec<PathBuf>, Error> {
    let folder = workspace().join("docs/guides");
    let entries = std::fs::read_dir(&folder).map_err(Error::at(&folder))?;
    let entries: Result<Vec<_>, _> = entries.collect();
    let entries = entries.map_err(Error::at(&folder))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}

/// Writes the outputs of the guides anew.
///
/// # Errors
///
/// A command fails, or a file cannot be read or written.
pub fn record() -> Result<(), Error> {
    for path in paths()? {
        let done = rerun(&path, is_same_but_for_time)?;
        write(&path, done.page)?;
        println!(
            "{}: {} outputs changed",
            path.display(),
            done.differences.len()
        );
    }
    Ok(())
}

/// Whether every guide shows what its commands print; prints the first line that differs of each output.
///
/// # Errors
///
/// A command fails, or a file cannot be read.
pub fn check() -> Result<bool, Error> {
    let mut is_good = true;
    for path in paths()? {
        for Difference {
            command,
            shown,
            printed,
        } in rerun(&path, is_same_but_for_time)?.differences
        {
            is_good = false;
            println!(
                "{}: $ {command}\n  shown:   {shown}\n  printed: {printed}",
                path.display()
            );
        }
    }
    Ok(is_good)
}

/// Runs the commands of the guide at `path`; a line that `is_same` as the line shown stays as it is shown.
///
/// # Errors
///
/// A command fails, or the guide cannot be read.
pub fn rerun(path: &Path, is_same: fn(&str, &str) -> bool) -> Result<Rerun, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::at(path))?;
    let folder = temporary_folder()?;
    let mut done = Rerun {
        page: String::new(),
        differences: vec![],
    };
    for piece in pieces(&text) {
        match piece {
            Piece::Prose(text) => done.page += &text,
            Piece::Command { line, shown } => {
                let printed = shortened(&shown, &printed(&line, folder.path())?);
                done.differences
                    .extend(difference(&line, &shown, &printed, is_same));
                done.page += &format!("$ {line}\n");
                for (at, new) in printed.iter().enumerate() {
                    let old = shown.get(at).filter(|old| is_same(old, new));
                    done.page += old.unwrap_or(new);
                    done.page += "\n";
                }
            }
        }
    }
    Ok(done)
}

/// The pieces of a guide.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = vec![];
    let mut is_block = false;
    for line in text.lines() {
        let is_edge = line.starts_with("```");
        is_block = if is_edge { line == BLOCK } else { is_block };
        match (line.strip_prefix("$ "), pieces.last_mut()) {
            (Some(command), _) if is_block => pieces.push(Piece::Command {
                line: command.to_owned(),
                shown: vec![],
            }),
            (_, Some(Piece::Command { shown, .. })) if is_block && !is_edge => {
                shown.push(line.to_owned());
            }
            (_, Some(Piece::Prose(text))) => *text += &format!("{line}\n"),
            _ => pieces.push(Piece::Prose(format!("{line}\n"))),
        }
    }
    pieces
}

/// What a command prints in `folder`, line by line, without spaces at the ends of lines or empty lines at the end.
fn printed(line: &str, folder: &Path) -> Result<Vec<String>, Error> {
    let program = trainer::build()?;
    let own = program.parent().map(Path::to_owned).unwrap_or_default();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own).chain(std::env::split_paths(&others));
    let path = std::env::join_paths(all).unwrap_or(others);
    let mut command = Command::new("sh");
    command
        .current_dir(folder)
        .env("PATH", path)
        .args(["-c", &format!("{PRELUDE}{line}")]);
    let done = process::run(&mut command, LIMIT, line)?;
    if !done.status.success() {
        return Err(Error::Program {
            program: line.to_owned(),
            output: done.stdout,
        });
    }
    let text = done.stdout.trim_end();
    Ok(text
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect())
}

/// The lines of an output that a guide has room for, where it shows `shown` of an earlier one.
fn shortened(shown: &[String], printed: &[String]) -> Vec<String> {
    let Some(first) = shown.iter().position(|line| line == LEFT_OUT) else {
        return printed.to_vec();
    };
    let last = shown.len() - first - 1;
    if printed.len() <= first + last {
        return printed.to_vec();
    }
    let end = &printed[printed.len() - last..];
    [&printed[..first], &[LEFT_OUT.to_owned()], end].concat()
}

/// The first line that differs.
fn difference(
    command: &str,
    shown: &[String],
    printed: &[String],
    is_same: fn(&str, &str) -> bool,
) -> Option<Difference> {
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_default();
    let differs = |at: &usize| match (shown.get(*at), printed.get(*at)) {
        (Some(shown), Some(printed)) => !is_same(shown, printed),
        _ => true,
    };
    let at = (0..shown.len().max(printed.len())).find(differs)?;
    Some(Difference {
        command: command.to_owned(),
        shown: line(shown, at),
        printed: line(printed, at),
    })
}

/// Whether two lines say the same but for how long a training took.
#[must_use]
pub fn is_same_but_for_time(a: &str, b: &str) -> bool {
    let timeless = |line: &str| Some(line.split_once("trained in ")?.0.to_owned());
    a == b || timeless(a).is_some_and(|a| timeless(b) == Some(a))
}

/// Whether two lines say the same but for numbers and the width of columns: floats differ in their last bits between
/// processors, and by them a training.
#[must_use]
pub fn is_same_but_for_numbers(a: &str, b: &str) -> bool {
    masked(a) == masked(b)
}

/// A line with a mark in place of each number, and one blank between words.
fn masked(line: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || "+-−.".contains(c);
    let mut text = String::new();
    for word in line.split_whitespace() {
        let mut last = None;
        for c in word.chars() {
            let c = if is_number(c) { '#' } else { c };
            if c != '#' || last != Some('#') {
                text.push(c);
            }
            last = Some(c);
        }
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn commands_are_those_of_console_blocks() {
        let page = "Text.\n\n```console\n$ a | b\none\n\ntwo\n$ c\n```\n\n```sh\n$ d\n```\n";
        let command = |line: &str, shown: &[&str]| Piece::Command {
            line: line.to_owned(),
            shown: lines(shown),
        };
        let expected = [
            Piece::Prose("Text.\n\n```console\n".to_owned()),
            command("a | b", &["one", "", "two"]),
            command("c", &[]),
            Piece::Prose("```\n\n```sh\n$ d\n```\n".to_owned()),
        ];
        assert_eq!(pieces(page), expected);
    }

    #[test]
    fn as_many_lines_are_kept_as_are_shown() {
        let printed = lines(&["1", "2", "3", "4", "5"]);
        let kept = |shown: &[&str]| shortened(&lines(shown), &printed);
        assert_eq!(
            kept(&["a", "...", "b", "c"]),
            lines(&["1", "...", "4", "5"])
        );
        assert_eq!(kept(&["...", "c"]), lines(&["...", "5"]));
        assert_eq!(kept(&["a"]), printed);
        assert_eq!(kept(&["a", "b", "c", "...", "d", "e"]), printed);
    }

    #[test]
    fn a_guide_is_compared_and_written_anew() {
        let folder = temporary_folder().unwrap();
        let path = folder.path().join("guide.md");
        let page = "```console\n$ echo one; echo two >&2\none\n2\n$ echo trained in 3.1 s\ntrained in 2.9 s\n```\n";
        write(&path, page).unwrap();
        let done = rerun(&path, is_same_but_for_time).unwrap();
        let difference = Difference {
            command: "echo one; echo two >&2".to_owned(),
            shown: "2".to_owned(),
            printed: "two".to_owned(),
        };
        assert_eq!(done.differences, [difference]);
        assert_eq!(done.page, page.replace("\n2\n", "\ntwo\n"));
        write(&path, "```console\n$ exit 2\n```\n").unwrap();
        assert!(rerun(&path, is_same_but_for_time).is_err());
    }

    #[test]
    fn numbers_may_differ_where_they_are_masked_and_words_may_not() {
        let same = is_same_but_for_numbers;
        assert!(same("speed  -1.25  p < 5e-10", "speed +31.5 p < 4e-9"));
        assert!(!same("speed 1.25", "flow 1.25"));
        assert!(!same("1 2", "1"));
    }
}
