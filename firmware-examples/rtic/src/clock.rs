//! The timer of the core as a clock: it interrupts at each sample, and its ticks are counted across interrupts.

use super::PERIOD;
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// Instructions of the delay that tells what a tick is worth.
pub(crate) const DELAY: u32 = 100_000;

/// Interrupts so far.
static PERIODS: AtomicU32 = AtomicU32::new(0);

/// Ticks of [`DELAY`] instructions of a loop, before the clock starts: in the emulator, what an instruction is worth.
pub(crate) fn ticks_of_delay(timer: &mut SYST) -> u32 {
    const TOP: u32 = 0x00ff_ffff;
    timer.set_reload(TOP);
    timer.clear_current();
    timer.set_clock_source(SystClkSource::Core);
    timer.enable_counter();
    let before = SYST::get_current();
    // Two instructions a turn.
    cortex_m::asm::delay(DELAY / 2);
    before.wrapping_sub(SYST::get_current()) & TOP
}

/// Starts the clock: an interrupt every [`PERIOD`] ticks of the processor's clock.
pub(crate) fn start(timer: &mut SYST) {
    timer.set_reload(PERIOD - 1);
    timer.clear_current();
    timer.enable_interrupt();
}

/// Ticks at the interrupt at hand, for its handler, which calls it once.
pub(crate) fn interrupted() -> u32 {
    (PERIODS.fetch_add(1, Ordering::Relaxed) + 1).wrapping_mul(PERIOD)
}

/// Ticks since the start, for tasks that the interrupt preempts; they wrap.
pub(crate) fn now() -> u32 {
    loop {
        let periods = PERIODS.load(Ordering::Relaxed);
        let left = SYST::get_current();
        if periods == PERIODS.load(Ordering::Relaxed) {
            return periods
                .wrapping_mul(PERIOD)
                .wrapping_add((PERIOD - left) % PERIOD);
        }
    }
}
