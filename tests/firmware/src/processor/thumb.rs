//! Cortex-M: SysTick counts at the processor's clock, and hard faults end the program.

use crate::host::{self, Console, ExitCode};
use core::arch::asm;
use core::fmt::Write;
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{ExceptionFrame, exception};

/// SysTick counts this far down, then starts again.
const PERIOD: u32 = 1 << 24;

/// How often the timer has started again.
static PERIODS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // Only this handler writes: a load and a store will do, which every core has.
    PERIODS.store(
        PERIODS.load(Ordering::Relaxed).wrapping_add(1),
        Ordering::Relaxed,
    );
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

/// Does nothing: below the stack there is no memory.
pub fn guard_stack() {}

/// The address of what was last put on the stack.
pub(crate) fn stack_pointer() -> usize {
    cortex_m::register::msp::read() as usize
}

/// Runs into a fault.
pub(crate) fn undefined_instruction() -> ! {
    cortex_m::asm::udf()
}

/// Starts the timer; `None` if something else has taken the core's peripherals.
pub(crate) fn start_timer() -> Option<()> {
    let mut timer = cortex_m::Peripherals::take()?.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(PERIOD - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
    Some(())
}

/// Ticks since the start.
pub(crate) fn ticks() -> u64 {
    // Read again if the timer started over in between.
    loop {
        let periods = PERIODS.load(Ordering::Relaxed);
        let elapsed = PERIOD - 1 - SYST::get_current();
        if periods == PERIODS.load(Ordering::Relaxed) {
            return u64::from(periods) * u64::from(PERIOD) + u64::from(elapsed);
        }
    }
}

/// Executes `turns` times two instructions.
pub(crate) fn take_turns(turns: u32) {
    // SAFETY: two instructions in a loop, which touch nothing but the named register and the flags.
    unsafe {
        asm!(
            "2:",
            "subs r0, r0, #1",
            "bne 2b",
            inout("r0") turns => _,
            options(nomem, nostack)
        );
    }
}
