//! Runs firmware in QEMU.
//!
//! * [`commands`]: `cargo xtask qemu`: scores, watches and dreams on a board;
//! * [`desk`]: `cargo xtask agent`: boards that are asked over a serial line that is cut;
//! * [`program`]: the programs that emulate, found or installed.

pub mod commands;
pub mod desk;
pub mod program;

use crate::build::board::Board;
use crate::build::firmware;
use crate::error::Error;
use crate::process::{self, Finished};
use program::Emulator;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What a board is to do.
#[derive(Clone, Debug)]
pub struct Invocation<'a> {
    /// The model image, placed in the board's flash; without one that region is blank.
    pub model: Option<&'a Path>,
    /// The directory in which the emulator runs: the command line names files relative to it.
    pub directory: &'a Path,
    /// The command line, word by word; no word is empty or holds white space.
    pub arguments: &'a [String],
    /// After this long the emulator is killed.
    pub time_limit: Duration,
    /// Whether virtual time counts instructions (64 ns each), so that timers repeat exactly. Slower.
    pub count_instructions: bool,
}

/// What a board did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// 0, 1 for a refusal, 101 for a panic, 102 for a hard fault, which is any trap on RISC-V.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error, that of the emulator included.
    pub stderr: String,
    /// How long the emulator ran on the host.
    pub duration: Duration,
}

/// Builds the board's firmware if need be and runs it to its end. Exit codes are part of the outcome, not errors.
///
/// # Errors
///
/// The firmware does not build, the emulator is absent, the model does not fit, an argument cannot be passed on, or
/// the time is up.
pub fn run(board: &Board, invocation: &Invocation<'_>) -> Result<Outcome, Error> {
    run_program(board, &firmware::build(board)?, invocation)
}

/// As [`run`], another program in place of the board's firmware.
///
/// # Errors
///
/// As of [`run`].
pub fn run_program(
    board: &Board,
    firmware: &Path,
    invocation: &Invocation<'_>,
) -> Result<Outcome, Error> {
    let emulator = Emulator::of(board);
    emulator.ensure()?;
    let mut command = command(emulator.command(board), board, firmware, invocation)?;
    let notice = format!(
        "running {} on {}",
        invocation.arguments.join(" "),
        board.name
    );
    let Finished {
        status,
        stdout,
        stderr,
        duration,
    } = process::run(&mut command, invocation.time_limit, &notice)?;
    match status.code() {
        Some(code) => Ok(Outcome {
            code,
            stdout,
            stderr,
            duration,
        }),
        None => Err(Error::Signal {
            program: emulator.program.to_owned(),
            output: stdout + &stderr,
        }),
    }
}

/// Runs a program that talks through the first serial line of `machine`, which has a Cortex-M, and never ends by itself, until `last_line`
/// has come; the lines until then, ended as on Unix.
///
/// # Errors
///
/// The emulator is absent or refuses, or the line has not come within `limit`.
pub fn listen(
    machine: &str,
    firmware: &Path,
    last_line: &str,
    limit: Duration,
) -> Result<String, Error> {
    listen_counting(machine, None, firmware, last_line, limit)
}

/// As [`listen`]; virtual time counts instructions, of `2^shift` ns each, so that timers repeat exactly.
///
/// # Errors
///
/// As of [`listen`].
pub fn listen_counting(
    machine: &str,
    shift: Option<u8>,
    firmware: &Path,
    last_line: &str,
    limit: Duration,
) -> Result<String, Error> {
    program::ARM.ensure()?;
    let mut command = Command::new(program::ARM.program);
    command.args(["-machine", machine, "-display", "none"]);
    if let Some(shift) = shift {
        // Asleep, the processor waits for no clock of the host.
        command.args(["-icount", &format!("shift={shift},sleep=off")]);
    }
    command.args(["-monitor", "none", "-serial", "stdio", "-parallel", "none"]);
    command.arg("-kernel").arg(firmware);
    let end = format!("\n{last_line}\r\n");
    let text = process::run_until(
        &mut command,
        &end,
        limit,
        &format!("listening to {machine}"),
    )?;
    Ok(text.replace("\r\n", "\n"))
}

/// The emulator's command line, whose start is `command`.
fn command(
    mut command: Command,
    board: &Board,
    firmware: &Path,
    invocation: &Invocation<'_>,
) -> Result<Command, Error> {
    command
        .current_dir(invocation.directory)
        .args(["-display", "none"]);
    command.args(["-monitor", "none", "-serial", "none", "-parallel", "none"]);
    command.arg("-kernel").arg(firmware);
    command
        .arg("-semihosting-config")
        .arg(semihosting(invocation.arguments)?);
    if let Some(model) = invocation.model {
        command.arg("-device").arg(loader(board, model)?);
    }
    if invocation.count_instructions {
        command.args(["-icount", "shift=6"]);
    }
    Ok(command)
}

/// The option that opens the host's files to the board and hands it its command line.
fn semihosting(arguments: &[String]) -> Result<String, Error> {
    let mut option = "enable=on,target=native".to_owned();
    for argument in arguments {
        if argument.is_empty() || argument.contains(char::is_whitespace) {
            return Err(Error::Argument(argument.clone()));
        }
        option.push_str(",arg=");
        option.push_str(&argument.replace(',', ",,"));
    }
    Ok(option)
}

/// The option that places the model image in the board's flash.
fn loader(board: &Board, model: &Path) -> Result<OsString, Error> {
    let file = std::path::absolute(model).map_err(Error::at(model))?;
    let bytes = std::fs::metadata(&file).map_err(Error::at(model))?.len();
    let room = u64::from(board.model.length);
    if bytes > room {
        return Err(Error::ModelTooLarge {
            board: board.name,
            bytes,
            room,
        });
    }
    let mut option = OsString::from(format!(
        "loader,addr={:#x},force-raw=on,file=",
        board.model.origin
    ));
    option.push(doubled_commas(file.as_os_str()));
    Ok(option)
}

/// QEMU ends an option's value at a comma, unless it is doubled.
fn doubled_commas(text: &OsStr) -> OsString {
    match text.to_str() {
        Some(text) => text.replace(',', ",,").into(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_doubled_and_spaces_refused() {
        let line = |words: &[&str]| {
            semihosting(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(
            line(&["echo", "a=b,c"]).unwrap(),
            "enable=on,target=native,arg=echo,arg=a=b,,c"
        );
        assert!(matches!(line(&["a b"]), Err(Error::Argument(_))));
    }
}
