//! The converter of the LM3S6965: its thermometer, and pin ADC0. LM3S6965 Microcontroller Data Sheet,
//! "System Control", "GPTM" and "ADC".
#![allow(unsafe_code)]

use core::ptr;
use elbow_agent::protocol::{MISSING, Sensor};

/// What a sample has.
pub(crate) const SENSORS: &[Sensor<'static>] = &[
    // 147.5 - 225 count / 1023: 2.7 V - (t + 55) / 75 V, of 3 V.
    Sensor {
        name: "temperature",
        unit: "°C",
        offset: 147.5,
        scale: -225.0 / 1023.0,
    },
    Sensor {
        name: "ADC0",
        unit: "V",
        offset: 0.0,
        scale: 3.0 / 1023.0,
    },
];

/// A register of the chip; those below are all there are.
#[derive(Clone, Copy)]
struct Register(usize);

const INTERRUPT_STATUS: Register = Register(0x400f_e050);
const RUN_MODE_CLOCK: Register = Register(0x400f_e060);
const CLOCK_GATES_0: Register = Register(0x400f_e100);
const CLOCK_GATES_1: Register = Register(0x400f_e104);
const TIMER_CONFIGURATION: Register = Register(0x4003_0000);
const TIMER_MODE: Register = Register(0x4003_0004);
const TIMER_CONTROL: Register = Register(0x4003_000c);
const TIMER_LOAD: Register = Register(0x4003_0028);
const ADC_ACTIVE: Register = Register(0x4003_8000);
const ADC_TRIGGER: Register = Register(0x4003_8014);
const ADC_INPUT: Register = Register(0x4003_80a0);
const ADC_STEP: Register = Register(0x4003_80a4);
const ADC_QUEUE: Register = Register(0x4003_80a8);
const ADC_QUEUE_STATUS: Register = Register(0x4003_80ac);

/// Ticks from the start of the timer to the conversion.
const DELAY: u32 = 16;

/// Looks at a flag before what it waits for counts as absent: some 0.2 ms.
const PATIENCE: u32 = 200;

/// The same for the oscillator: 0.5 ms at most by the data sheet.
const LOCK_PATIENCE: u32 = 2000;

impl Register {
    fn read(self) -> u32 {
        let address = ptr::with_exposed_provenance::<u32>(self.0);
        // SAFETY: the addresses above are aligned registers whose clocks are on; to read a result takes it out of
        // its queue, and to read the others changes nothing.
        unsafe { address.read_volatile() }
    }

    fn write(self, value: u32) {
        let address = ptr::with_exposed_provenance_mut::<u32>(self.0);
        // SAFETY: the addresses above are aligned registers whose clocks are on, and none of them lets the chip
        // write to memory.
        unsafe { address.write_volatile(value) }
    }
}

/// The converter.
pub(crate) struct Sensors(());

impl Sensors {
    /// Sets up the converter, and a timer that starts it. To be called once, after the UART.
    pub(crate) fn new() -> Self {
        // The converter has its clock from the PLL, which runs beside the clock of the core (PWRDN, OEN; BYPASS stays).
        RUN_MODE_CLOCK.write(RUN_MODE_CLOCK.read() & !(1 << 13 | 1 << 12));
        let _ = waits(LOCK_PATIENCE, || INTERRUPT_STATUS.read() & 1 << 6 != 0);
        CLOCK_GATES_0.write(CLOCK_GATES_0.read() | 1 << 16);
        CLOCK_GATES_1.write(CLOCK_GATES_1.read() | 1 << 16);
        // A register is there three ticks after its clock.
        cortex_m::asm::delay(8);
        // A timer of 32 bits that runs once, and then starts a conversion (TAOTE in `count`).
        TIMER_CONTROL.write(0);
        TIMER_CONFIGURATION.write(0);
        TIMER_MODE.write(1);
        // Sequencer 3, one conversion at the timer.
        ADC_ACTIVE.write(0);
        ADC_TRIGGER.write(5 << 12);
        ADC_INPUT.write(0);
        Self(())
    }

    /// Takes a sample.
    pub(crate) fn sample(&self, counts: &mut [i16]) {
        // END0; TS0 is the thermometer.
        for (count, step) in counts.iter_mut().zip([1 << 1 | 1 << 3, 1 << 1]) {
            *count = Self::count(step);
        }
    }

    fn count(step: u32) -> i16 {
        ADC_ACTIVE.write(0);
        ADC_STEP.write(step);
        ADC_ACTIVE.write(1 << 3);
        TIMER_LOAD.write(DELAY);
        TIMER_CONTROL.write(1 << 5 | 1 << 0);
        // EMPTY
        if waits(PATIENCE, || ADC_QUEUE_STATUS.read() & 1 << 8 == 0) {
            (ADC_QUEUE.read() & 0x3ff) as i16
        } else {
            MISSING
        }
    }
}

/// Whether a flag is set after so many looks.
fn waits(patience: u32, is_set: impl Fn() -> bool) -> bool {
    (0..patience).any(|_| is_set())
}
