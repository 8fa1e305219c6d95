//! The commands of the documentation: each can be typed, and those of the guides print what the guides show.

use elbow_tests::build::workspace;
use elbow_tests::documents::guides::{self, Difference};
use std::path::PathBuf;

/// The README, the documentation and the guides.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(workspace().join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    let readme = workspace().join("README.md");
    let guides = guides::paths().unwrap();
    std::iter::once(readme).chain(docs).chain(guides).collect()
}

/// The words of every command of a shell in `line`, without comments: a blank in quotes parts nothing.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let mut commands = vec![vec![]];
    for (at, piece) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            commands.last_mut().unwrap().push(piece.to_owned());
            continue;
        }
        for word in piece.split_whitespace() {
            match word.trim_end_matches(';') {
                "#" => return commands,
                "|" | "&&" => commands.push(vec![]),
                own => commands.last_mut().unwrap().push(own.to_owned()),
            }
            if word.ends_with(';') {
                commands.push(vec![]);
            }
        }
    }
    commands
}

/// The words of a command from `trainer` on, where it runs the trainer, up to where its output goes.
fn of_trainer(words: &[String]) -> Option<&[String]> {
    let words = match words {
        [cargo, rest @ ..] if cargo == "cargo" => rest,
        _ => words,
    };
    let end = words.iter().position(|word| word.starts_with('>'));
    let words = &words[..end.unwrap_or(words.len())];
    (words.first()? == "trainer").then_some(words)
}

/// The lines of the blocks of a page, and what it quotes of `cargo trainer` in prose.
fn lines(page: &str) -> Vec<&str> {
    let (mut lines, mut is_block) = (vec![], false);
    for line in page.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            lines.push(line);
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            lines.extend(quoted.filter(|quoted| quoted.starts_with("cargo trainer ")));
        }
    }
    lines
}

#[test]
fn every_command_of_the_trainer_can_be_typed() {
    let program = elbow_trainer::cli::command();
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for line in lines(&text) {
            for words in commands(line).iter().filter_map(|words| of_trainer(words)) {
                let parsed = program.clone().try_get_matches_from(words);
                assert!(
                    parsed.is_ok(),
                    "{}: {line}: {}",
                    page.display(),
                    parsed.unwrap_err()
                );
                count += 1;
            }
        }
    }
    assert!(count > 80, "only {count} commands were found");
}

#[test]
fn lines_of_a_shell_are_split_as_a_shell_does() {
    let words = |line| {
        let commands = commands(line);
        let own = commands.iter().filter_map(|words| of_trainer(words));
        own.map(|words| words.join("|")).collect::<Vec<_>>()
    };
    assert_eq!(words("$ cargo trainer fit 'a b' # c"), ["trainer|fit|a b"]);
    assert_eq!(
        words("log | trainer watch runs/a - > b; echo $?"),
        ["trainer|watch|runs/a|-"]
    );
    assert_eq!(
        words("trainer look a && trainer fit a"),
        ["trainer|look|a", "trainer|fit|a"]
    );
    assert!(words("cargo xtask test").is_empty());
}

/// Trainings give other last bits on other processors, so that numbers are not compared here; `cargo xtask guides --check` does.
#[test]
fn guides_show_what_their_commands_print() {
    let differences = |path: &PathBuf| -> Vec<(PathBuf, Difference)> {
        let done = guides::rerun(path, guides::is_same_but_for_numbers).unwrap();
        let found = done.differences.into_iter();
        found.map(|own| (path.clone(), own)).collect()
    };
    let paths = guides::paths().unwrap();
    assert!(paths.len() >= 5, "only {} guides", paths.len());
    let found: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = paths
            .iter()
            .map(|path| scope.spawn(|| differences(path)))
            .collect();
        let done = running.into_iter().map(|own| own.join().unwrap());
        done.flatten().collect()
    });
    assert!(found.is_empty(), "{found:#?}\ntype: cargo xtask guides");
}
