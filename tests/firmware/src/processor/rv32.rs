//! RISC-V: `minstret` counts instructions, and traps end the program.

use crate::host::{self, Console, ExitCode};
use core::arch::{asm, global_asm};
use core::fmt::Write;
use riscv::register::{Permission, Range, minstret, pmpaddr0, pmpcfg0};

unsafe extern "C" {
    /// The lowest address of the stack.
    static _stack_end: u32;
}

// In place of the handler of riscv-rt, which saves registers on the stack: that may be what overflowed. Nothing goes on
// behind a trap, so the stack starts anew.
global_asm!(
    ".section .trap.start, \"ax\"",
    ".balign 4",
    ".global _start_trap",
    "_start_trap:",
    "la sp, _stack_start",
    "csrr a0, mepc",
    "mv a1, ra",
    "csrr a2, mcause",
    "csrr a3, mtval",
    "j {}",
    sym end_by_trap
);

extern "C" fn end_by_trap(at: usize, caller: usize, cause: usize, value: usize) -> ! {
    let _ = writeln!(
        Console::Error,
        "hard fault at {at:#010x}, called from {caller:#010x}, cause {cause}, value {value:#010x}"
    );
    host::exit(ExitCode::HardFault)
}

/// Lets nothing be written below the stack: one that is too deep faults, and overwrites nothing. Firmware and model are
/// there, so these are as in flash.
pub fn guard_stack() {
    let stack_end = (&raw const _stack_end).addr();
    // SAFETY: it sets where the region of the entry ends, which is not in force yet.
    unsafe { pmpaddr0::write(stack_end >> 2) };
    // SAFETY: the program writes nothing below its stack. A locked entry is in force in machine mode, too.
    unsafe { pmpcfg0::set_pmp(0, Range::TOR, Permission::RX, true) };
}

/// The address of what was last put on the stack.
pub(crate) fn stack_pointer() -> usize {
    let pointer;
    // SAFETY: it reads a register.
    unsafe { asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack)) };
    pointer
}

/// Runs into a fault.
pub(crate) fn undefined_instruction() -> ! {
    // SAFETY: it traps, and the handler does not return.
    unsafe { asm!("unimp", options(noreturn)) }
}

/// Does nothing, the counter runs.
pub(crate) fn start_timer() -> Option<()> {
    Some(())
}

/// Instructions since the start, in the emulator times 64.
pub(crate) fn ticks() -> u64 {
    minstret::read64()
}

/// Executes `turns` times two instructions.
pub(crate) fn take_turns(turns: u32) {
    // SAFETY: two instructions in a loop, which touch nothing but the named register.
    unsafe {
        asm!(
            "2:",
            "addi {0}, {0}, -1",
            "bnez {0}, 2b",
            inout(reg) turns => _,
            options(nomem, nostack)
        );
    }
}
