//! The end of a program that should not have ended: a message, and an exit code that tells which kind it was.
#![allow(unsafe_code)]

use crate::host::{self, Console, ExitCode};
use core::fmt::Write;
use core::panic::PanicInfo;
use cortex_m_rt::{ExceptionFrame, exception};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Console::Error, "{info}");
    host::exit(ExitCode::Panic)
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    let _ = writeln!(
        Console::Error,
        "hard fault at {:#010x}, called from {:#010x}",
        frame.pc(),
        frame.lr()
    );
    host::exit(ExitCode::HardFault)
}
