//! Counts instructions, where virtual time counts them.
//!
//! With `-icount shift=6` QEMU takes 64 ns of virtual time for each instruction, so the processor's timer advances by the
//! same amount with each. How much that is differs between boards and is measured by a loop of
//! known length. On a real chip the numbers are in units of that loop, not instructions.

use crate::processor;

/// Instructions of the run that the counter is calibrated with.
const CALIBRATION: u64 = 100_000;

/// A running counter of instructions.
#[derive(Debug)]
pub struct Counter {
    /// Ticks of [`CALIBRATION`] instructions.
    ticks: u64,
    /// Ticks that a measurement of nothing takes.
    overhead: u64,
}

impl Counter {
    /// Starts the timer; `None` if something else has taken the core's peripherals.
    #[must_use]
    pub fn start() -> Option<Self> {
        processor::start_timer()?;
        let mut counter = Self {
            ticks: CALIBRATION,
            overhead: 0,
        };
        counter.overhead = counter.ticks_of(|| ());
        counter.ticks =
            counter.ticks_of(|| processor::take_turns(CALIBRATION as u32 / 2)) - counter.overhead;
        Some(counter)
    }

    /// The instructions that `work` executes, to about two.
    pub fn instructions_of(&self, work: impl FnOnce()) -> u64 {
        let ticks = self.ticks_of(work).saturating_sub(self.overhead);
        (ticks * CALIBRATION + self.ticks / 2) / self.ticks.max(1)
    }

    fn ticks_of(&self, work: impl FnOnce()) -> u64 {
        let before = processor::ticks();
        work();
        processor::ticks().wrapping_sub(before)
    }
}
