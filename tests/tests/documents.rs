//! The documentation: command lines that exist, links and paths that lead somewhere.

use elbow_tests::build::{trainer, workspace};
use elbow_tests::documents::guides;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The pages of a person who has just come, the documentation, and the guides.
fn pages() -> Vec<PathBuf> {
    let root = workspace();
    let mut pages = vec![root.join("README.md"), root.join("ARCHITECTURE.md")];
    let guides = std::fs::read_dir(root.join("docs")).unwrap();
    let guides = guides.map(|entry| entry.unwrap().path());
    pages.extend(guides.filter(|path| path.extension().is_some_and(|kind| kind == "md")));
    pages.extend(guides::paths().unwrap());
    pages
}

/// The arguments of every line that runs `cargo PROGRAM`, without comments and quotes.
fn command_lines(page: &str, program: &str) -> Vec<Vec<String>> {
    let start = format!("cargo {program} ");
    let lines = page.lines().filter_map(|line| {
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let line = line.strip_prefix(&start)?.split(" #").next()?;
        let line = line.split(" | ").next()?;
        let words = line
            .split_whitespace()
            .map(|word| word.trim_matches('\'').to_owned());
        Some(words.collect())
    });
    lines.collect()
}

/// What a program says to `--help` after `words`.
fn help(program: &Path, words: &[String]) -> String {
    let mut command = Command::new(program);
    let done = command.args(words).arg("--help").output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// How many of the first words name a command; some have commands of their own.
fn depth(words: &[String]) -> usize {
    1 + usize::from(["qemu", "baseline", "board"].contains(&words[0].as_str()))
}

#[test]
fn every_command_line_exists() {
    let xtask = PathBuf::from(env!("CARGO_BIN_EXE_xtask"));
    let programs = [("trainer", trainer::build().unwrap()), ("xtask", xtask)];
    let mut known = BTreeMap::new();
    let mut lines = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (name, program) in &programs {
            for words in command_lines(&text, name) {
                let command = &words[..depth(&words)];
                let help = known
                    .entry((*name, command.join(" ")))
                    .or_insert_with(|| help(program, command));
                for flag in words.iter().filter(|word| word.starts_with("--")) {
                    let has = |end: &str| help.contains(&format!("{flag}{end}"));
                    assert!(
                        has(" ") || has("\n") || has(",") || has("["),
                        "{}: {words:?} has an unknown {flag}",
                        page.display()
                    );
                }
                lines += 1;
            }
        }
    }
    assert!(lines > 30, "only {lines} lines were found");
}

/// Options that prose names in backquotes exist somewhere in the trainer or in `cargo xtask`.
#[test]
fn every_option_in_prose_exists() {
    let program = trainer::build().unwrap();
    let commands = help(&program, &[]);
    let names = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let names = names.filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let names = names.filter(|name| *name != "help");
    let mut all: String = names
        .map(|name| help(&program, &[name.to_owned()]))
        .collect();
    for command in ["record", "score"] {
        all += &help(&program, &["board".to_owned(), command.to_owned()]);
    }
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    for command in [
        "bench",
        "c",
        "detection",
        "fuzz-guided",
        "interrupt",
        "miri",
    ] {
        all += &help(xtask, &[command.to_owned()]);
    }
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for piece in text.split('`').filter(|piece| piece.starts_with("--")) {
            let flag = piece.split([' ', '=', '\n']).next().unwrap();
            let known = all.contains(&format!("{flag} ")) || all.contains(&format!("{flag}\n"));
            assert!(known, "{}: {flag}", page.display());
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            assert!(path.exists(), "{}: {target}", page.display());
            if !heading.is_empty() {
                let linked = std::fs::read_to_string(&path).unwrap();
                let found = linked.lines().any(|line| anchor(line) == heading);
                assert!(found, "{}: {target}", page.display());
            }
        }
    }
}

/// What links to a heading say.
fn anchor(line: &str) -> String {
    let Some(heading) = line.strip_prefix('#') else {
        return String::new();
    };
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Every file that the page of the structure names is there.
#[test]
fn every_path_of_the_architecture_exists() {
    let text = std::fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    let paths: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|piece| piece.contains('/') && !piece.contains([' ', '<', ':']))
        .collect();
    assert!(paths.len() > 40, "only {} paths", paths.len());
    for path in paths {
        assert!(workspace().join(path).exists(), "{path}");
    }
}
