//! Help: what most people need first, options in groups, examples, completions and pages of a manual.

mod examples;
pub(super) mod pages;

use crate::config::settings::{GROUPS, Group};
use clap::{Arg, Command};
use examples::EXAMPLES;

/// Options of settings that most people need, and the only ones that `-h` shows.
const COMMON: [&str; 10] = [
    "config",
    "assignments",
    "out",
    "label",
    "ignore",
    "window",
    "epochs",
    "latents",
    "flash",
    "force",
];

/// The heading of options of a command that takes settings, and are none.
const REST: &str = "Run";

/// Where `-h` shows few of the options.
const MORE: &str = "--help has all options, each with its default, and examples.";

/// The end of the program's help.
const ENDING: &str = "\
Exit codes:
  0    done
  1    failed: the bound diverged, a file cannot be written
  2    wrong use: arguments, settings, data or files that cannot be used
  3    an alarm was raised, under watch --exit-on-alarm
  130  interrupted

Results go to standard output, progress, notes and warnings to standard error.
A file that is called - is standard input or standard output.
NO_COLOR=1 turns colors off; there are none where the output is no terminal.";

/// The command line with all of its help.
pub(super) fn arrange(command: Command) -> Command {
    let command = command.after_long_help(ENDING);
    let names = command
        .get_subcommands()
        .map(|own| own.get_name().to_owned());
    let names: Vec<String> = names.collect();
    names.iter().fold(command, |all, name| {
        all.mut_subcommand(name, |own| helped(own, name))
    })
}

/// A command, called `path`, with its headings and examples.
fn helped(command: Command, path: &str) -> Command {
    let below = command
        .get_subcommands()
        .map(|own| own.get_name().to_owned());
    let below: Vec<String> = below.collect();
    let command = below.iter().fold(command, |all, name| {
        all.mut_subcommand(name, |own| helped(own, &format!("{path} {name}")))
    });
    let command = under_headings(command);
    let examples = EXAMPLES.iter().filter(|(name, ..)| *name == path);
    let examples: String = examples
        .map(|(_, line, what)| format!("\n  # {what}\n  {line}\n"))
        .collect();
    match examples.as_str() {
        "" => command,
        _ => command.after_long_help(format!("Examples:{}", examples.trim_end())),
    }
}

/// A command whose settings stand under headings, and of which `-h` shows the common options.
fn under_headings(command: Command) -> Command {
    let mut groups = vec![];
    for Group { id, heading, .. } in GROUPS {
        let own = command.get_groups().find(|own| own.get_id() == id);
        let names = own.into_iter().flat_map(clap::ArgGroup::get_args);
        groups.extend(names.map(|name| (name.clone(), heading)));
    }
    if groups.is_empty() {
        return command;
    }
    let arranged = |option: Arg| {
        let name = option.get_id();
        if option.is_positional() {
            return option;
        }
        if let Some(place) = COMMON.iter().position(|common| name == common) {
            return option.display_order(place);
        }
        let found = groups.iter().find(|(own, _)| own == name);
        let heading = found.map_or(REST, |(_, heading)| heading);
        option.help_heading(heading).hide_short_help(true)
    };
    command.mut_args(arranged).after_help(MORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of an example, as a shell splits them.
    fn words(line: &str) -> Vec<String> {
        let pieces = line.split('\'').enumerate();
        let words = pieces.flat_map(|(at, piece)| match at % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        });
        let from = words.skip_while(|word| word != "trainer");
        from.take_while(|word| !["|", ">"].contains(&word.as_str()))
            .collect()
    }

    #[test]
    fn every_command_has_examples_and_each_can_be_typed() {
        let command = super::super::command();
        for own in command.get_subcommands() {
            let name = own.get_name();
            let has = EXAMPLES
                .iter()
                .any(|(path, ..)| path.split(' ').next() == Some(name));
            assert!(has, "{name}");
        }
        for (path, line, what) in EXAMPLES {
            let words = words(line);
            assert!(line.contains(&format!("trainer {path}")), "{line}");
            let parsed = command.clone().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            assert!(!what.is_empty());
        }
    }

    #[test]
    fn short_help_has_few_options_and_long_help_all() {
        let mut command = super::super::command();
        let fit = command.find_subcommand_mut("fit").unwrap();
        let options = fit.get_arguments().count();
        let shown = |help: String| {
            let lines = help
                .lines()
                .filter(|line| line.starts_with("      --") || line.starts_with("  -"));
            lines.count()
        };
        let short = fit.render_help().to_string();
        // The common ones, and -h itself.
        assert_eq!(shown(short.clone()), COMMON.len() + 1, "{short}");
        let long = fit.render_long_help().to_string();
        assert!(shown(long.clone()) >= options, "{long}");
        for Group { heading, .. } in GROUPS {
            assert!(long.contains(&format!("\n{heading}:\n")), "{heading}");
        }
        assert!(long.contains("\nExamples:\n"));
        assert!(!long.contains('\u{1b}'));
    }
}
