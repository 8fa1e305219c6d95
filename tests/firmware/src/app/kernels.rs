//! The kernels of this core against the definition.

use super::Failure;
use crate::arguments::Arguments;
use crate::host::Console;
use core::fmt::Write;
use elbow_cases::sweep::sweep;

#[inline(never)]
pub(super) fn kernels(rest: &str) -> Result<(), Failure<'_>> {
    let arguments = Arguments::parse(rest, &["seed", "cases"])?;
    let seed = arguments.value("seed", 0)?;
    let cases = arguments.value("cases", 1000)?;
    let digest = sweep(seed, cases)?;
    writeln!(Console::Output, "{digest:08x}")?;
    Ok(())
}
