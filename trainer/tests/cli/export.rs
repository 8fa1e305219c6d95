//! `trainer export`.

use crate::fixture::{Fixture, fixture};
use crate::support::program::{
    Folder, contents, fails_at_work_with, fails_with, json, read, succeeds,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What a program in either language prints of an exported model.
const PROGRAM: &str = "the numbers that `inspect` tells, then the bytes of the image";

/// Runs a program that must succeed; its standard output.
fn output(command: &mut Command) -> Vec<u8> {
    let done = command.output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {errors}");
    done.stdout
}

/// Whether a compiler is there; a test that goes without says so.
fn has(compiler: &str) -> bool {
    let has = Command::new(compiler).arg("--version").output().is_ok();
    if !has {
        eprintln!("skipped: {compiler} is not on this machine");
    }
    has
}

/// [`PROGRAM`]'s output for the run in `folder`.
fn expected(run: &str) -> Vec<u8> {
    let description = json(&succeeds(&["inspect", run, "--json"]));
    let numbers = ["workspace_bytes", "inputs", "latents", "image_bytes"];
    let numbers: Vec<String> = numbers.map(|key| description[key].to_string()).into();
    let mut bytes = (numbers.join(" ") + "\n").into_bytes();
    bytes.extend(read(run, "model.elbow"));
    bytes
}

#[test]
fn the_module_compiles_and_its_image_parses() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    let module = folder.path("run.rs");
    let told = succeeds(&["export", run, "--rust", "--out", &module]);
    assert!(told.starts_with(&module), "{told}");
    let text = std::fs::read_to_string(&module).unwrap();
    let dependency = text
        .lines()
        .find_map(|line| line.strip_prefix("//! elbow = { version = \"0.1.0\", "));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = format!(
        "[package]\nname = \"exported\"\nedition = \"2024\"\n[[bin]]\nname = \"exported\"\npath = \"main.rs\"\n[dependencies]\nelbow = {{ path = {:?}, {}\n[workspace]\n",
        root.join("runtime"),
        // The weights are packed for a Cortex-M.
        dependency
            .unwrap()
            .replace("features = [", "features = [\"foreign-packings\", ")
    );
    folder.write("Cargo.toml", manifest);
    std::fs::copy(root.join("Cargo.lock"), folder.path("Cargo.lock")).unwrap();
    folder.write(
        "main.rs",
        "#![deny(warnings)]
        #[allow(dead_code)]
        mod run;
        use std::io::Write;
        fn main() {
            let model = elbow::Model::parse(run::IMAGE).unwrap();
            assert_eq!(model.workspace_words(), run::WORKSPACE_WORDS);
            assert_eq!(model.name(), run::NAME);
            for (index, column) in run::COLUMNS.iter().enumerate() {
                assert_eq!(model.column(index).as_ref(), Some(column));
            }
            let table = model.calibration(elbow::Estimator::SigmaPoints).unwrap();
            assert_eq!(table.threshold(run::P_1_IN_10), Ok(run::BOUND_1_IN_10));
            let mut session_of = elbow::Workspace::<{ run::WORKSPACE_WORDS }>::new();
            model.self_test(&mut session_of).unwrap();
            println!(\"{} {} {} {}\", 8 * run::WORKSPACE_WORDS, run::INPUTS, run::LATENTS, run::IMAGE_BYTES);
            std::io::stdout().write_all(run::IMAGE).unwrap();
        }",
    );
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(folder.path("Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    assert_eq!(output(&mut cargo), expected(run), "{PROGRAM}");
}

#[test]
fn the_c_files_compile_without_a_warning() {
    let Fixture { run, digits, .. } = fixture();
    let folder = Folder::new();
    for (name, run) in [("run", run), ("digits", digits)] {
        let base = folder.path(name);
        succeeds(&["export", run, "--c", "--out", &base]);
        let description = json(&succeeds(&["inspect", run, "--json"]));
        let lower = description["name"].as_str().unwrap();
        let upper = lower.to_uppercase();
        let main = format!(
            "#include <stdio.h>
#include \"{name}.h\"
int main(void) {{
  if ((uintptr_t)&{lower}_image % 8 != 0 || sizeof {lower}_image.bytes != {upper}_IMAGE_BYTES) return 1;
  if ({lower}_columns[{upper}_COLUMNS - 1].name == 0 || {upper}_P_1_IN_10 != 214748365u) return 2;
  if ({upper}_BOUND_1_IN_10 == 0 || sizeof {upper}_NAME < 2 || sizeof {upper}_FEATURES < 2) return 3;
  printf(\"%d %d %d %d\\n\", {upper}_WORKSPACE_BYTES, {upper}_INPUTS, {upper}_LATENTS, {upper}_IMAGE_BYTES);
  return fwrite({lower}_image.bytes, {upper}_IMAGE_BYTES, 1, stdout) == 1 ? 0 : 4;
}}
"
        );
        let main = folder.write("main.c", main);
        for (compiler, standard) in [("gcc", "c99"), ("g++", "c++17"), ("clang", "c99")] {
            if !has(compiler) {
                continue;
            }
            let program = folder.path("program");
            let language = if compiler == "g++" { "c++" } else { "c" };
            output(
                Command::new(compiler)
                    .args(["-x", language, &format!("-std={standard}")])
                    .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", &program])
                    .args([&main, &format!("{base}.c")]),
            );
            assert_eq!(
                output(&mut Command::new(program)),
                expected(run),
                "{PROGRAM}"
            );
        }
    }
}

#[test]
fn bytes_and_hex_are_the_image() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    let (bin, hex) = (folder.path("run.bin"), folder.path("run.hex"));
    succeeds(&["export", run, "--bin", "--out", &bin]);
    let image = read(run, "model.elbow");
    assert_eq!(std::fs::read(bin).unwrap(), image);
    let address = ["--address", "0x0803FFF8"];
    succeeds(&[&["export", run, "--hex", "--out", &hex][..], &address].concat());
    let text = std::fs::read_to_string(&hex).unwrap();
    assert!(text.starts_with(":020000040803"), "{text}");
    if has("objcopy") {
        let back = folder.path("back");
        output(Command::new("objcopy").args(["-I", "ihex", "-O", "binary", &hex, &back]));
        assert_eq!(std::fs::read(back).unwrap(), image);
    }
}

#[test]
fn refusals_write_nothing() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    std::fs::create_dir(folder.path("a.c")).unwrap();
    let (hex, base) = (folder.path("a.hex"), folder.path("a"));
    let export = |words: &[&str], arguments: &[&str]| {
        fails_with(&[&["export", run][..], arguments].concat(), words);
    };
    export(&["--hex needs --address"], &["--hex", "--out", &hex]);
    let unaligned = ["--hex", "--address", "12", "--out", &hex];
    export(&["0xc is not a multiple of 8", "take 0x8"], &unaligned);
    let beyond = ["--hex", "--address", "0xfffffff8", "--out", &hex];
    export(&["leaves 8 bytes of 32-bit addresses"], &beyond);
    export(&["--address is for --hex"], &["--bin", "--address", "8"]);
    export(&["a.c is a folder"], &["--c", "--out", &base]);
    let nowhere = folder.path("none/run.rs");
    let rust = ["export", run, "--rust", "--out", &nowhere];
    fails_at_work_with(&rust, &["cannot write", "run.rs"]);
    let text = folder.write("text.elbow", "no image");
    fails_with(&["export", &text, "--bin"], &["not an elbow image"]);
    let names: BTreeSet<_> = contents(&folder.path("")).into_keys().collect();
    assert_eq!(names, BTreeSet::from([text.into()]));
}
