//! A panic is told to the host: a message, and an exit code of its own. Faults are those of [`crate::processor`].

use crate::host::{self, Console, ExitCode};
use core::fmt::Write;
use core::panic::PanicInfo;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Console::Error, "{info}");
    host::exit(ExitCode::Panic)
}
