//! What differs between instruction sets: the call of the host, faults, the timer, the stack.
#![allow(unsafe_code)]

#[cfg(target_arch = "riscv32")]
mod rv32;
#[cfg(target_arch = "arm")]
mod thumb;

#[cfg(target_arch = "arm")]
pub(crate) use cortex_m_semihosting as semihosting;
#[cfg(target_arch = "riscv32")]
pub(crate) use riscv_semihosting as semihosting;
#[cfg(target_arch = "riscv32")]
pub use rv32::guard_stack;
#[cfg(target_arch = "riscv32")]
pub(crate) use rv32::{stack_pointer, start_timer, take_turns, ticks, undefined_instruction};
#[cfg(target_arch = "arm")]
pub use thumb::guard_stack;
#[cfg(target_arch = "arm")]
pub(crate) use thumb::{stack_pointer, start_timer, take_turns, ticks, undefined_instruction};
