//! Microseconds by the timer of the core, SysTick.

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use elbow_agent::board::Ticks;

/// What the timer counts down from.
const TOP: u32 = 0x00ff_ffff;

/// The clock of a board.
pub(crate) struct CoreClock(Ticks);

impl CoreClock {
    /// Starts the timer of a core with so many ticks in a microsecond.
    pub(crate) fn new(mut timer: SYST, megahertz: u32) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(TOP);
        timer.clear_current();
        timer.enable_counter();
        Self(Ticks::new(24, megahertz))
    }

    /// Microseconds since the start; they wrap. To be asked before the timer has wrapped twice.
    pub(crate) fn microseconds(&mut self) -> u32 {
        self.0.at(TOP - SYST::get_current())
    }
}
