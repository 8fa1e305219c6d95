//! Several commands in one run of the emulator.

use super::files::Input;
use super::{Failure, Memory, run_one};
use crate::arguments::Arguments;
use crate::host::{Console, HostError};
use core::fmt::Write;

/// Bytes of the longest line.
const LINE_LENGTH: usize = 160;

#[inline(never)]
pub(super) fn script<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["lines"])?;
    let path = arguments.require("lines")?;
    let mut input = Input::open(path)?;
    let mut number = 0;
    let mut buffer = [0; LINE_LENGTH];
    while let Some(line) = next_line(&mut input, &mut buffer)? {
        number += 1;
        if let Err(failure) = run_one(line, memory.lend()) {
            // Whoever cannot be told by text is told by the exit code.
            let _ = writeln!(Console::Error, "{failure}");
            return Err(Failure::Script { path, line: number });
        }
    }
    Ok(())
}

/// The next line; none at the end.
fn next_line<'a, 'b>(
    input: &mut Input<'a>,
    buffer: &'b mut [u8],
) -> Result<Option<&'b str>, Failure<'a>> {
    let mut length = 0;
    let mut byte = [0];
    while input.fill(&mut byte)? && byte != *b"\n" {
        let place = buffer.get_mut(length).ok_or(HostError::CommandLine)?;
        [*place] = byte;
        length += 1;
    }
    if length == 0 {
        return Ok(None);
    }
    let line = core::str::from_utf8(buffer.get(..length).unwrap_or_default());
    Ok(Some(line.map_err(|_| HostError::CommandLine)?))
}
