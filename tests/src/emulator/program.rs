//! The programs that emulate, one for each instruction set: found, or installed.

use crate::build::board::Board;
use crate::build::debian;
use crate::error::Error;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// A program that emulates the boards of one instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emulator {
    /// Its name.
    pub program: &'static str,
    /// The Debian packages that may have it, those of the newest Debian first.
    packages: &'static [&'static str],
    /// What it is told on every board.
    options: &'static [&'static str],
}

/// For Cortex-M.
pub const ARM: Emulator = Emulator {
    program: "qemu-system-arm",
    packages: &["qemu-system-arm"],
    options: &[],
};

/// For RISC-V, without the firmware that QEMU starts otherwise.
const RISCV: Emulator = Emulator {
    program: "qemu-system-riscv32",
    packages: &["qemu-system-riscv", "qemu-system-misc"],
    options: &["-bios", "none"],
};

impl Emulator {
    /// The one for `board`.
    #[must_use]
    pub fn of(board: &Board) -> Self {
        if board.is_riscv() { RISCV } else { ARM }
    }

    /// Makes sure that it is installed.
    ///
    /// # Errors
    ///
    /// It is not, and apt-get could not install it; the error has the line to type.
    pub fn ensure(self) -> Result<(), Error> {
        static FOUND: Mutex<Vec<&str>> = Mutex::new(Vec::new());
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.contains(&self.program) {
            if !self.answers() {
                self.install()?;
            }
            found.push(self.program);
        }
        Ok(())
    }

    /// Installs the first of the packages that has it.
    fn install(self) -> Result<(), Error> {
        let mut last = (self.program, String::new());
        for &package in self.packages {
            let installed = debian::install(&[package]);
            if self.answers() {
                return Ok(());
            }
            let reason = installed.err();
            let reason = reason.unwrap_or_else(|| "the package does not hold it".to_owned());
            last = (package, reason);
        }
        let (package, reason) = last;
        Err(Error::Missing {
            program: self.program,
            reason,
            remedy: debian::line_to_type(&[package]),
        })
    }

    /// Whether it starts.
    fn answers(self) -> bool {
        Command::new(self.program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    }

    /// The start of its command line for `board`.
    #[must_use]
    pub fn command(self, board: &Board) -> Command {
        let mut command = Command::new(self.program);
        command.args(["-machine", board.machine]).args(self.options);
        if let Some(processor) = board.processor {
            command.args(["-cpu", processor]);
        }
        command
    }
}
