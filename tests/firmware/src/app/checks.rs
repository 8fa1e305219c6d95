//! Whether the board works at all.

use super::files::{Input, Output};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::host::Console;
use crate::image;
use crate::processor;
use core::fmt::{self, Write};
use elbow::Model;

#[inline(never)]
pub(super) fn self_test<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    Arguments::parse(rest, &[])?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    model.self_test(memory.take(model.workspace_words())?)?;
    writeln!(
        Console::Output,
        "{}: every score is the workstation's",
        model.name()
    )?;
    Ok(())
}

/// Prints the arguments and the first and last 16 bytes of the model's region, and copies the readings as decimal
/// lines.
#[inline(never)]
pub(super) fn echo(rest: &str) -> Result<(), Failure<'_>> {
    let arguments = Arguments::parse(rest, &["readings", "out"])?;
    writeln!(Console::Output, "arguments {rest}")?;
    let region = image::region();
    let last = region.len().saturating_sub(16);
    show("model begins", region.get(..16))?;
    show("model ends", region.get(last..))?;
    let mut input = Input::open(arguments.require("readings")?)?;
    let mut output = Output::open(&arguments)?;
    let mut value = [0];
    while input.fill_numbers(&mut value)? {
        let [value] = value;
        output.line(format_args!("{value}"))?;
    }
    output.finish()
}

/// A line of bytes in hexadecimal.
fn show(title: &str, bytes: Option<&[u8]>) -> fmt::Result {
    write!(Console::Output, "{title}")?;
    for byte in bytes.unwrap_or_default() {
        write!(Console::Output, " {byte:02x}")?;
    }
    writeln!(Console::Output)
}

/// Shows that a hard fault is told to the host.
pub(super) fn fault(rest: &str) -> Result<(), Failure<'_>> {
    Arguments::parse(rest, &[])?;
    processor::undefined_instruction()
}
