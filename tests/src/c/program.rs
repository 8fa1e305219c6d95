//! C programs, built by the compilers that are there.

use crate::build::board::Board;
use crate::build::{debian, workspace};
use crate::error::Error;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A compiler at work on a file of some thousand lines.
const LIMIT: Duration = Duration::from_secs(120);

/// What no header and no example may be warned of.
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// The cross compiler for a board, and the Debian package that has it.
fn cross_compiler(board: &Board) -> (&'static str, &'static str) {
    if board.is_riscv() {
        ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf")
    } else {
        ("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    }
}

/// The compilers of this machine that are asked, each with the language and the standard.
pub const COMPILERS: [(&str, &str, &str); 4] = [
    ("gcc", "c", "c99"),
    ("g++", "c++", "c++17"),
    ("clang", "c", "c99"),
    ("clang++", "c++", "c++17"),
];

/// Whether a compiler answers.
#[must_use]
pub fn is_there(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok()
}

/// Makes sure that there is a compiler for `board`.
///
/// # Errors
///
/// There is none, and apt-get could not install it: nothing that needs it was checked.
pub fn ensure_cross_compiler(board: &Board) -> Result<(), Error> {
    let (compiler, package) = cross_compiler(board);
    if is_there(compiler) {
        return Ok(());
    }
    debian::install(&[package]).map_err(|reason| Error::Absent {
        tool: compiler,
        reason,
        remedy: debian::line_to_type(&[package]),
    })
}

/// A program in C: its sources, where its headers are, and the folder of the archive.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The files.
    pub files: &'a [PathBuf],
    /// Where headers are that are not beside the archive.
    pub include: &'a Path,
    /// Macros to define, each `NAME=VALUE`.
    pub defines: &'a [&'a str],
    /// The folder of the archive and of `elbow.h`.
    pub archive: &'a Path,
}

impl Sources<'_> {
    /// Builds the program for this machine with one of [`COMPILERS`], as `program`.
    ///
    /// # Errors
    ///
    /// The compiler refuses, or warns.
    pub fn build_here(
        &self,
        (compiler, language, standard): (&str, &str, &str),
        program: &Path,
    ) -> Result<(), Error> {
        let mut command = Command::new(compiler);
        command.args(["-x", language, &format!("-std={standard}")]);
        self.common(&mut command);
        command.args(self.files).args(["-x", "none"]);
        command
            .arg(self.archive.join("libelbow.a"))
            .arg("-o")
            .arg(program);
        // What the standard library of Rust asks for on a host; an archive for a device asks for nothing.
        command.args(["-lpthread", "-ldl", "-lm", "-lgcc_s"]);
        finish(&mut command)
    }

    /// Builds the program for a board, with the start code that `trainer new` writes, as `program`.
    ///
    /// # Errors
    ///
    /// The compiler refuses, or warns.
    pub fn build_for(&self, board: &Board, program: &Path) -> Result<(), Error> {
        let start = workspace().join("trainer/src/export/firmware/project/templates/c");
        let memory = workspace().join("tests/firmware/boards").join(board.name);
        let mut command = Command::new(cross_compiler(board).0);
        command.args(machine(board)).args(["-Os", "-std=gnu99"]);
        command.args([
            "-ffreestanding",
            "-nostdlib",
            "-ffunction-sections",
            "-fdata-sections",
        ]);
        self.common(&mut command);
        command.args(self.files).arg(start.join("start.c"));
        command.arg(self.archive.join("libelbow.a")).arg("-lgcc");
        command
            .arg("-L")
            .arg(memory)
            .arg("-T")
            .arg(start.join("sections.ld"));
        command.args(["-Wl,--gc-sections", "-o"]).arg(program);
        finish(&mut command)
    }

    fn common(&self, command: &mut Command) {
        command
            .args(WARNINGS)
            .arg("-I")
            .arg(self.archive)
            .arg("-I")
            .arg(self.include);
        command.args(self.defines.iter().map(|define| format!("-D{define}")));
    }
}

/// What GCC calls the core of a board.
fn machine(board: &Board) -> Vec<&'static str> {
    let hard = "-mfloat-abi=hard";
    match board.core_name() {
        "m0" => vec!["-mthumb", "-mcpu=cortex-m0"],
        "m3" => vec!["-mthumb", "-mcpu=cortex-m3"],
        "m4" => vec!["-mthumb", "-mcpu=cortex-m4", hard, "-mfpu=fpv4-sp-d16"],
        "m7" => vec!["-mthumb", "-mcpu=cortex-m7", hard, "-mfpu=fpv5-sp-d16"],
        "m33" => vec!["-mthumb", "-mcpu=cortex-m33", hard, "-mfpu=fpv5-sp-d16"],
        "rv32imc" => vec!["-march=rv32imc_zicsr", "-mabi=ilp32"],
        "rv32imac" => vec!["-march=rv32imac_zicsr", "-mabi=ilp32"],
        _ => vec!["-mthumb", "-mcpu=cortex-m55", hard],
    }
}

/// Runs a compiler that must have nothing to say.
fn finish(command: &mut Command) -> Result<(), Error> {
    let done = process::run(command, LIMIT, "compiling C")?;
    match done.status.success() {
        true => Ok(()),
        false => Err(Error::Program {
            program: format!("{command:?}"),
            output: done.stderr,
        }),
    }
}
