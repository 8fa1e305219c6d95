//! Counts instructions, where virtual time counts them.
//!
//! With `-icount shift=6` QEMU takes 64 ns of virtual time for each instruction, so SysTick, at the processor's
//! clock, advances by the same amount with each. How much that is differs between boards and is measured by a loop of
//! known length. On a real chip the numbers are in units of that loop, not instructions.
#![allow(unsafe_code)]

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;

/// SysTick counts this far down, then starts again.
const PERIOD: u32 = 1 << 24;

/// Instructions of the run that the counter is calibrated with.
const CALIBRATION: u64 = 100_000;

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
        let mut timer = cortex_m::Peripherals::take()?.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(PERIOD - 1);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
        let mut counter = Self {
            ticks: CALIBRATION,
            overhead: 0,
        };
        counter.overhead = counter.ticks_of(|| ());
        counter.ticks = counter.ticks_of(|| {
            // SAFETY: two instructions in a loop, which touch nothing but the named register and the flags.
            unsafe {
                asm!(
                    "2:",
                    "subs r0, r0, #1",
                    "bne 2b",
                    inout("r0") CALIBRATION as u32 / 2 => _,
                    options(nomem, nostack)
                );
            }
        }) - counter.overhead;
        Some(counter)
    }

    /// The instructions that `work` executes, to about two.
    pub fn instructions_of(&self, work: impl FnOnce()) -> u64 {
        let ticks = self.ticks_of(work).saturating_sub(self.overhead);
        (ticks * CALIBRATION + self.ticks / 2) / self.ticks.max(1)
    }

    fn ticks_of(&self, work: impl FnOnce()) -> u64 {
        let before = now();
        work();
        now().wrapping_sub(before)
    }
}

/// Ticks since the start.
fn now() -> u64 {
    // Read again if the timer started over in between.
    loop {
        let periods = PERIODS.load(Ordering::Relaxed);
        let elapsed = PERIOD - 1 - SYST::get_current();
        if periods == PERIODS.load(Ordering::Relaxed) {
            return u64::from(periods) * u64::from(PERIOD) + u64::from(elapsed);
        }
    }
}
