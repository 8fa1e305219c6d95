//! Ends as the command line asks, on RISC-V: by a stack that is too deep, a write to the firmware, a read where no memory is,
//! or a panic.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::hint::black_box;
use core::ptr;
use elbow_firmware::host::{self, ExitCode};

/// Where the firmware begins.
const FIRMWARE: usize = 0x8000_0000;

/// Where neither memory nor a device is.
const NOWHERE: usize = 0x4;

#[riscv_rt::entry]
fn main() -> ! {
    elbow_firmware::guard_stack();
    let mut line = [0; host::COMMAND_LINE_LENGTH];
    match host::command_line(&mut line) {
        Ok("stack") => {
            black_box(depth(0));
        }
        // SAFETY: the write does not take place.
        Ok("write") => unsafe { ptr::write_volatile(ptr::without_provenance_mut(FIRMWARE), 0u32) },
        // SAFETY: the read does not take place.
        Ok("read") => unsafe {
            black_box(ptr::read_volatile(ptr::without_provenance::<u32>(NOWHERE)));
        },
        _ => panic!("as asked for"),
    }
    host::exit(ExitCode::Success)
}

/// Takes at least 256 bytes of stack a call, and does not return.
#[inline(never)]
#[allow(unconditional_recursion, reason = "the stack ends it")]
fn depth(before: u32) -> u32 {
    let frame = black_box([before; 64]);
    let [first, second, ..] = frame;
    depth(first + 1) + second
}
