//! `trainer new`: what it writes and refuses. That the programs build and run, the suite of the boards tests.

use crate::fixture::{Fixture, fixture};
use crate::support::program::{Folder, fails_with, succeeds, trainer};
use std::path::Path;
use std::process::Command;

/// The files of a program, from its folder.
const RUST: [&str; 7] = [
    ".cargo/config.toml",
    "Cargo.toml",
    "build.rs",
    "memory.x",
    "src/main.rs",
    "src/model.rs",
    "src/reading.rs",
];
const C: [&str; 8] = [
    "Makefile",
    "main.c",
    "memory.x",
    "model.c",
    "model.h",
    "reading.h",
    "sections.ld",
    "start.c",
];

/// Writes a program around the run of the fixture with more `arguments`; what the command printed.
fn write(folder: &str, arguments: &[&str]) -> (String, String) {
    let run = &fixture().run;
    let new = ["new", folder, "--board", "microbit", "--run", run];
    let done = trainer(&[&new, arguments].concat());
    let texts = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(done.status.success(), "{texts:?}");
    texts.into()
}

/// All files below `folder`, which is called `prefix`, in order.
fn names_in(folder: &Path, prefix: &str) -> Vec<String> {
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        let name = format!("{prefix}{}", name.to_str().unwrap());
        match path.is_dir() {
            true => names.extend(names_in(&path, &format!("{name}/"))),
            false => names.push(name),
        }
    }
    names.sort();
    names
}

fn text(folder: &str, name: &str) -> String {
    std::fs::read_to_string(Path::new(folder).join(name)).unwrap()
}

#[test]
fn boards_are_listed_and_have_to_be_named() {
    let listed = succeeds(&["new"]);
    for words in ["microbit", "netduinoplus2", "lm3s6965evb", "m0", "16 KiB"] {
        assert!(listed.contains(words), "{listed}");
    }
    let folder = Folder::new();
    let out = folder.path("program");
    let all = ["microbit (m0, 256 KiB of flash, 16 KiB of RAM)"];
    fails_with(
        &["new", &out],
        &[&["--board is missing"], &all[..]].concat(),
    );
    let unknown = ["new", &out, "--board", "uno"];
    fails_with(&unknown, &[&["--board uno is unknown"], &all[..]].concat());
    fails_with(&["new", "--board", "microbit"], &["DIR --board microbit"]);
    assert!(!Path::new(&out).exists());
}

#[test]
fn a_program_has_its_files_and_the_same_bytes_each_time() {
    for (language, names) in [("rust", &RUST[..]), ("c", &C[..])] {
        let folder = Folder::new();
        let (one, other) = (folder.path("one"), folder.path("other"));
        let (told, _) = write(&one, &["--lang", language]);
        assert!(told.contains(" on the microbit, about "), "{told}");
        write(&other, &["--lang", language]);
        for name in names {
            let file = text(&one, name);
            assert_eq!(file, text(&other, name), "{name}");
            let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
            let mut places = file.split("{{").skip(1).filter(|text| is_name(text));
            assert_eq!(places.next(), None, "{name} has a place that is not filled");
        }
        assert_eq!(names_in(Path::new(&one), ""), names);
    }
}

#[test]
fn a_program_asks_for_what_its_model_needs() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    let out = folder.path("program");
    let (_, notes) = write(&out, &[]);
    let manifest = text(&out, "Cargo.toml");
    let line = manifest.lines().find(|line| line.starts_with("elbow = "));
    let inspected = succeeds(&["inspect", run]);
    let features = inspected.lines().find_map(|line| {
        let (_, features) = line.split_once("default-features = false, features = [")?;
        features.strip_suffix("] }")
    });
    let features = features.unwrap();
    // The run is packed for an M4.
    let expected = format!("[{features}, \"foreign-packings\", \"float\"] }}");
    assert!(line.unwrap().ends_with(&expected), "{manifest}");
    assert!(notes.contains("trainer fit --core m0"), "{notes}");
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("runtime");
    let runtime = runtime.to_str().unwrap();
    assert!(notes.contains(&format!("taken from {runtime} (--elbow)")));
    assert!(line.unwrap().contains(runtime), "{manifest}");
    let elsewhere = folder.path("elsewhere");
    let refused = ["new", &elsewhere, "--board", "microbit", "--run", run];
    let nothing = folder.path("");
    let refused = [&refused[..], &["--elbow", &nothing]].concat();
    fails_with(&refused, &["--elbow", "has no Cargo.toml"]);
}

#[test]
fn the_first_reading_without_a_gap_is_scored() {
    let folder = Folder::new();
    let (data, out) = (folder.path("data.csv"), folder.path("program"));
    std::fs::write(&data, "a,b,c,d\n0.5,,0.5,0.5\n0.25,2.5,-0.5,1.25\n").unwrap();
    let (_, notes) = write(&out, &["--data", &data, "--lang", "c"]);
    assert!(notes.contains("scores reading 1 of "), "{notes}");
    let header = text(&out, "reading.h");
    assert!(header.contains("#define NUMBER 1\n"), "{header}");
    assert!(header.contains("    -0.5, /* c */\n"), "{header}");
    std::fs::write(&data, "a,b,c,d\n0.5,,0.5,0.5\n").unwrap();
    let (other, run) = (folder.path("other"), &fixture().run);
    let new = ["new", &other, "--board", "microbit", "--run", run];
    let done = trainer(&[&new[..], &["--data", &data]].concat());
    let errors = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{errors}");
    assert!(errors.contains("no reading without a gap"), "{errors}");
}

#[test]
fn nothing_is_replaced_and_only_one_run_is_taken_unnamed() {
    let folder = Folder::new();
    let (taken, out) = (folder.path("taken"), folder.path("program"));
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(Path::new(&taken).join("notes.txt"), "mine").unwrap();
    let new = ["new", &taken, "--board", "microbit"];
    fails_with(&new, &["taken exists and is no empty folder"]);
    let unnamed = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
        command.current_dir(folder.path(""));
        let done = command.args(["new", &out, "--board", "microbit"]).output();
        String::from_utf8(done.unwrap().stderr).unwrap()
    };
    assert!(unnamed().contains("no run in runs"), "{}", unnamed());
    std::fs::create_dir(folder.path("runs")).unwrap();
    for (name, words) in [
        ("a", "runs/a is taken, the only run"),
        ("b", "there are 2 runs"),
    ] {
        crate::fixture::copy_run(&folder.path(&format!("runs/{name}")));
        let errors = unnamed();
        assert!(errors.contains(words), "{errors}");
        let _ = std::fs::remove_dir_all(&out);
    }
}
