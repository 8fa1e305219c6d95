//! The structure that the documentation states: each module uses only those above it, and no files use each other in a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Name = Vec<String>;

/// The files of a crate, by the path of the module in each.
struct Sources {
    files: BTreeMap<Name, String>,
    /// The modules in the order of the documentation of the crate.
    order: Name,
}

impl Sources {
    fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(folder).unwrap();
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(name) = module(root, &path) {
                    files.insert(name, code(&std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let documentation = std::fs::read_to_string(root.join("lib.rs")).unwrap();
        let listed = documentation
            .lines()
            .filter_map(|line| line.strip_prefix("//! * ")?.split_once(": "))
            .flat_map(|(names, _)| names.split('`').skip(1).step_by(2));
        let listed = listed.map(|name| name.trim_start_matches("mod@").to_owned());
        Self {
            order: listed.collect(),
            files,
        }
    }

    /// The modules that the one called `name` uses.
    fn uses(&self, name: &Name) -> BTreeSet<Name> {
        let paths = paths(&self.files[name]);
        let absolute = paths.iter().filter_map(|path| match path[0].as_str() {
            "crate" => Some(path[1..].to_vec()),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                let base = name.iter().take(name.len() - up).cloned();
                Some(base.chain(path[up..].iter().cloned()).collect())
            }
            _ => None,
        });
        let file = |path: Name| {
            let prefixes = (0..=path.len()).rev().map(|length| path[..length].to_vec());
            prefixes
                .into_iter()
                .find(|path| self.files.contains_key(path))
        };
        absolute
            .filter_map(file)
            .filter(|used| used != name)
            .collect()
    }
}

/// The path of the module in the file `path`; none of what is no module, and of tests.
fn module(root: &Path, path: &Path) -> Option<Name> {
    let relative: PathBuf = path.strip_prefix(root).unwrap().with_extension("");
    let mut name: Name = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let last = name.last()?.clone();
    let is_module = path.extension().is_some_and(|extension| extension == "rs");
    if !is_module || ["tests", "main"].contains(&last.as_str()) {
        return None;
    }
    if ["mod", "lib"].contains(&last.as_str()) {
        name.pop();
    }
    Some(name)
}

/// `text` without comments and without its tests.
fn code(text: &str) -> String {
    let tests = [
        "#[cfg(test)]\nmod tests {",
        "#[cfg(all(test, feature = \"image\"))]\nmod tests {",
    ];
    let text = &text[..tests
        .map(|tests| text.find(tests).unwrap_or(text.len()))
        .into_iter()
        .min()
        .unwrap()];
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.to_owned() + "\n").collect()
}

/// All paths that begin with `crate` or `super` in `code`, also those in braces.
fn paths(code: &str) -> Vec<Name> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = vec![];
    for (at, word) in code
        .match_indices("crate")
        .chain(code.match_indices("super"))
    {
        let before = code[..at].chars().next_back();
        let after = &code[at + word.len()..];
        if before.is_some_and(|c| is_word(c) || c == ':') || !after.starts_with("::") {
            continue;
        }
        expand(&[], &code[at..], &mut found);
    }
    found
}

/// Puts the paths of the tree at the start of `text` into `found`; what is left of the text.
fn expand<'a>(prefix: &[String], text: &'a str, found: &mut Vec<Name>) -> &'a str {
    let mut path = prefix.to_vec();
    let mut text = text;
    loop {
        let word = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let (word, rest) = text.split_at(word.unwrap_or(text.len()));
        path.push(word.to_owned());
        let Some(below) = rest.strip_prefix("::") else {
            found.push(path);
            return rest;
        };
        let Some(mut branches) = below.strip_prefix('{') else {
            text = below;
            continue;
        };
        while !branches.trim_start().starts_with('}') && !branches.is_empty() {
            branches = expand(&path, branches.trim_start(), found);
            let next = branches.find([',', '}']).unwrap_or(branches.len());
            branches = branches[next..].trim_start_matches(',');
        }
        return branches.trim_start().strip_prefix('}').unwrap_or("");
    }
}

/// The trainer and the runtime.
fn crates() -> [Sources; 2] {
    let trainer = Path::new(env!("CARGO_MANIFEST_DIR"));
    [trainer.join("src"), trainer.join("../runtime/src")].map(|root| Sources::read(&root))
}

#[test]
fn each_module_uses_only_those_above_it() {
    for sources in crates() {
        let place = |name: &str| {
            let found = sources.order.iter().position(|listed| listed == name);
            found.unwrap_or_else(|| panic!("lib.rs does not list {name}"))
        };
        for name in sources.files.keys().filter(|name| !name.is_empty()) {
            for used in sources.uses(name).iter().filter(|used| !used.is_empty()) {
                assert!(
                    place(&used[0]) <= place(&name[0]),
                    "{} uses {}, which lib.rs lists below it",
                    name.join("::"),
                    used.join("::")
                );
            }
        }
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    for sources in crates() {
        let mut left: BTreeMap<&Name, BTreeSet<Name>> = sources
            .files
            .keys()
            .map(|name| (name, sources.uses(name)))
            .collect();
        // Files that use none of those that are left go; a circle stays.
        loop {
            let free: Vec<Name> = left
                .iter()
                .filter(|(_, uses)| uses.iter().all(|used| !left.contains_key(used)))
                .map(|(name, _)| (*name).clone())
                .collect();
            if free.is_empty() {
                break;
            }
            left.retain(|name, _| !free.contains(name));
        }
        assert!(left.is_empty(), "{:?}", left.keys().collect::<Vec<_>>());
    }
}

#[test]
fn paths_are_found_in_braces_too() {
    let found = paths(
        "use crate::a::{self, b::{C, D as E}, f};\nlet x = super::g::h(1); // no supercrate::z",
    );
    let joined: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(
        joined,
        [
            "crate::a::self",
            "crate::a::b::C",
            "crate::a::b::D",
            "crate::a::f",
            "super::g::h"
        ]
    );
}
