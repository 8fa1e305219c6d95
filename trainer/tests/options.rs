//! Every option of every command is tried: by a test that passes it to the command, or in a guide, whose commands are run.

use elbow_trainer::cli;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A piece of a test's source at the left margin: a function, or a constant.
#[derive(Debug, Default)]
struct Item {
    /// Texts in quotes, those within the same brackets together.
    groups: Vec<Vec<String>>,
    /// The words outside quotes: names of what it uses.
    names: BTreeSet<String>,
}

/// The commands that can be run, with their own options.
fn commands() -> BTreeMap<String, BTreeSet<String>> {
    fn collect(command: &clap::Command, all: &mut BTreeMap<String, BTreeSet<String>>) {
        let options = command.get_arguments().filter_map(clap::Arg::get_long);
        let options = options.filter(|long| !["help", "version"].contains(long));
        let options: BTreeSet<String> = options.map(|long| format!("--{long}")).collect();
        if !command.has_subcommands() {
            all.insert(command.get_name().to_owned(), options);
        }
        for below in command.get_subcommands() {
            collect(below, all);
        }
    }
    let mut all = BTreeMap::new();
    collect(&cli::command(), &mut all);
    all
}

/// The files with this extension in and below `folder`.
fn files(folder: &Path, extension: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The items of a source by their names; those of one name together.
fn items(sources: &[String]) -> BTreeMap<String, Item> {
    let begins = ["fn ", "pub(crate) fn ", "const ", "pub(crate) const "];
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    for source in sources {
        let mut name = String::new();
        let mut text = String::new();
        for line in source.lines() {
            let begin = begins.iter().find_map(|begin| line.strip_prefix(begin));
            if let Some(rest) = begin {
                items.entry(name).or_default().read(&text);
                text.clear();
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                name = rest[..end.unwrap_or(rest.len())].to_owned();
            }
            if !line.trim_start().starts_with("//") {
                text += line;
                text += "\n";
            }
        }
        items.entry(name).or_default().read(&text);
    }
    items
}

impl Item {
    /// Takes in the source of an item of its name.
    fn read(&mut self, text: &str) {
        let mut open = vec![vec![]];
        let mut word = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => {
                    let mut quoted = String::new();
                    while let Some(character) = characters.next().filter(|c| *c != '"') {
                        quoted.push(character);
                        if character == '\\' {
                            quoted.extend(characters.next());
                        }
                    }
                    let innermost = open.last_mut().unwrap();
                    innermost.extend(quoted.split_whitespace().map(str::to_owned));
                }
                // A quote as a character opens no text.
                '\'' if characters.as_str().starts_with("\"'") => {
                    characters.nth(1);
                }
                '[' => open.push(vec![]),
                ']' if open.len() > 1 => self.groups.extend(open.pop()),
                _ => {}
            }
            if character.is_alphanumeric() || character == '_' {
                word.push(character);
            } else {
                self.names.insert(std::mem::take(&mut word));
            }
        }
        self.groups.append(&mut open);
    }
}

/// The groups of the item `name` and of those that it uses, and that these use.
fn groups<'i>(
    items: &'i BTreeMap<String, Item>,
    name: &str,
    seen: &mut BTreeSet<String>,
) -> Vec<&'i Vec<String>> {
    let Some(item) = items.get(name).filter(|_| seen.insert(name.to_owned())) else {
        return vec![];
    };
    let mut found: Vec<_> = item.groups.iter().collect();
    for used in &item.names {
        found.extend(groups(items, used, seen));
    }
    found
}

/// An option in a word of a command line: `--epochs` of `--epochs=3`.
fn option(word: &str) -> Option<&str> {
    let option = word.split('=').next()?;
    option.starts_with("--").then_some(option)
}

/// The options that tests pass to each command. Texts in the brackets of a command's name are its arguments; other texts may
/// be arguments of any command that the test names.
fn passed(
    commands: &BTreeMap<String, BTreeSet<String>>,
    sources: &[String],
) -> BTreeSet<(String, String)> {
    let items = items(sources);
    let mut passed = BTreeSet::new();
    for name in items.keys() {
        let groups = groups(&items, name, &mut BTreeSet::new());
        let named = |words: &[String]| -> Vec<String> {
            let names = words.iter().filter(|word| commands.contains_key(*word));
            names.cloned().collect()
        };
        let all: Vec<String> = groups.iter().flat_map(|words| named(words)).collect();
        for words in groups {
            let own = named(words);
            let own = if own.is_empty() { &all } else { &own };
            for option in words.iter().filter_map(|word| option(word)) {
                passed.extend(own.iter().map(|name| (name.clone(), option.to_owned())));
            }
        }
    }
    passed
}

/// The options of the commands in the guides.
fn guided(
    commands: &BTreeMap<String, BTreeSet<String>>,
    pages: &[String],
) -> BTreeSet<(String, String)> {
    let lines = pages.iter().flat_map(|page| page.lines());
    let lines = lines.filter_map(|line| line.strip_prefix("$ ")?.split_once("cargo trainer "));
    let of_line = |(_, line): (&str, &str)| -> Vec<(String, String)> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut name = words
            .iter()
            .take(2)
            .filter(|word| commands.contains_key(**word));
        let name = name
            .next_back()
            .map(ToString::to_string)
            .unwrap_or_default();
        let options = words.iter().filter_map(|word| option(word));
        options
            .map(|option| (name.clone(), option.to_owned()))
            .collect()
    };
    lines.flat_map(of_line).collect()
}

#[test]
fn every_option_of_every_command_is_tried() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["trainer/tests", "tests/tests", "tests/src"];
    let sources: Vec<String> = folders
        .iter()
        .flat_map(|folder| files(&root.join(folder), "rs"))
        .collect();
    let commands = commands();
    let mut tried = passed(&commands, &sources);
    tried.extend(guided(&commands, &files(&root.join("docs/guides"), "md")));
    let all = commands
        .iter()
        .flat_map(|(name, options)| options.iter().map(|option| (name.clone(), option.clone())));
    let untried: Vec<String> = all
        .filter(|pair| !tried.contains(pair))
        .map(|(name, option)| format!("{name} {option}"))
        .collect();
    assert!(untried.is_empty(), "nobody tries {untried:#?}");
}

/// A source in which `score` is passed one option, and `fit` two, one of which by a constant.
#[test]
fn options_belong_to_the_command_in_their_brackets() {
    let source = "const FEW: [&str; 2] = [\n    \"--epochs\",\n    \"3\",\n];\nfn both() {\n    run(&[\"score\", \"a\", \"--limit=2\"]);\n    run(&[&[\"fit\"], &FEW[..], &[\"--seed\"]].concat());\n}\nfn other() { run(&[\"look\"]); }\n";
    let names = ["fit", "score", "look"].map(|name| (name.to_owned(), BTreeSet::new()));
    let passed = passed(&BTreeMap::from(names), &[source.to_owned()]);
    let has = |name: &str, option: &str| passed.contains(&(name.to_owned(), option.to_owned()));
    assert!(has("score", "--limit") && !has("fit", "--limit"));
    assert!(has("fit", "--epochs") && has("fit", "--seed"));
    assert!(!passed.iter().any(|(name, _)| name == "look"));
}
