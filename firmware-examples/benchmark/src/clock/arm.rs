//! Cortex-M: the cycle counter of the DWT, or SysTick.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::Peripherals;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{CPUID, SYST};
use cortex_m_rt::exception;

/// SysTick counts this far down, then starts again.
const PERIOD: u32 = 1 << 24;

/// How often SysTick has started again.
static PERIODS: AtomicU32 = AtomicU32::new(0);

/// A running counter of cycles.
pub(crate) struct Clock {
    /// Whether the DWT counts.
    has_cycle_counter: bool,
}

#[exception]
fn SysTick() {
    // Only this handler writes: a load and a store will do, which every core has.
    let periods = PERIODS.load(Ordering::Relaxed);
    PERIODS.store(periods.wrapping_add(1), Ordering::Relaxed);
}

impl Clock {
    /// Starts the counter; to be called once.
    pub(crate) fn start() -> Self {
        let Some(mut core) = Peripherals::take() else {
            return Self {
                has_cycle_counter: false,
            };
        };
        let has_cycle_counter = start_cycle_counter(&mut core);
        if !has_cycle_counter {
            core.SYST.set_clock_source(SystClkSource::Core);
            core.SYST.set_reload(PERIOD - 1);
            core.SYST.clear_current();
            core.SYST.enable_counter();
            core.SYST.enable_interrupt();
        }
        Self { has_cycle_counter }
    }

    /// Where ticks come from.
    pub(crate) fn unit(&self) -> &'static str {
        if self.has_cycle_counter {
            "cycles (DWT)"
        } else {
            "cycles (SysTick)"
        }
    }

    /// Cycles that `work` takes; the DWT tells them right below 2^32.
    pub(crate) fn ticks_of(&self, work: impl FnOnce()) -> u64 {
        if self.has_cycle_counter {
            let before = cycles();
            work();
            return cycles().wrapping_sub(before).into();
        }
        let before = ticks();
        work();
        ticks().wrapping_sub(before)
    }
}

/// Starts the cycle counter; whether it counts, which it does not in the emulator.
#[cfg(not(armv6m))]
fn start_cycle_counter(core: &mut Peripherals) -> bool {
    core.DCB.enable_trace();
    core.DWT.enable_cycle_counter();
    let before = cycles();
    take_turns(16);
    cycles() != before
}

#[cfg(armv6m)]
fn start_cycle_counter(_: &mut Peripherals) -> bool {
    false
}

/// Cycles of the DWT.
#[cfg(not(armv6m))]
fn cycles() -> u32 {
    cortex_m::peripheral::DWT::cycle_count()
}

#[cfg(armv6m)]
fn cycles() -> u32 {
    0
}

/// Ticks of SysTick.
fn ticks() -> u64 {
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
    cortex_m::asm::delay(turns);
}

/// The name of the core.
pub(crate) fn core() -> &'static str {
    // SAFETY: the register can always be read, and that changes nothing.
    let identity = unsafe { (*CPUID::PTR).base.read() };
    match identity >> 4 & 0xfff {
        0xc20 => "Cortex-M0",
        0xc60 => "Cortex-M0+",
        0xc23 => "Cortex-M3",
        0xc24 => "Cortex-M4",
        0xc27 => "Cortex-M7",
        0xd20 => "Cortex-M23",
        0xd21 => "Cortex-M33",
        0xd22 => "Cortex-M55",
        0xd23 => "Cortex-M85",
        _ => "a Cortex-M",
    }
}
