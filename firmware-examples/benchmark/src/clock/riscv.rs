//! RISC-V: `mcycle`. Chips without it, such as the ESP32-C3, trap.
#![allow(unsafe_code)]

use core::arch::asm;
use riscv::register::mcycle;

/// The counter of cycles, which always runs.
pub(crate) struct Clock(());

impl Clock {
    /// The counter.
    pub(crate) fn start() -> Self {
        Self(())
    }

    /// Where ticks come from.
    pub(crate) fn unit(&self) -> &'static str {
        "cycles (mcycle)"
    }

    /// Cycles that `work` takes.
    pub(crate) fn ticks_of(&self, work: impl FnOnce()) -> u64 {
        let before = mcycle::read64();
        work();
        mcycle::read64().wrapping_sub(before)
    }
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

/// The name of the core.
pub(crate) fn core() -> &'static str {
    "RISC-V"
}
