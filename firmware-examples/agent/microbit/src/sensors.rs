//! The thermometer of the nRF51822, and its random number generator. nRF51 Series Reference Manual,
//! "TEMP", "RNG" and "TIMER".
#![allow(unsafe_code)]

use elbow_agent::protocol::{MISSING, Sensor};
use nrf51_pac::{RNG, TEMP, TIMER0};

/// What a sample has.
pub(crate) const SENSORS: &[Sensor<'static>] = &[
    Sensor {
        name: "temperature",
        unit: "°C",
        offset: 0.0,
        scale: 0.25,
    },
    Sensor {
        name: "noise",
        unit: "",
        offset: 0.0,
        scale: 1.0,
    },
];

/// Looks at the thermometer, which takes 36 microseconds, before it counts as absent, as it is in QEMU.
const PATIENCE: u32 = 200;

/// Thermometer, generator and clock.
pub(crate) struct Sensors {
    temperature: TEMP,
    noise: RNG,
    clock: TIMER0,
}

impl Sensors {
    /// Starts the generator, and the clock at a microsecond a tick.
    pub(crate) fn new(temperature: TEMP, noise: RNG, clock: TIMER0) -> Self {
        // SAFETY: 1 is what starts a task.
        noise.tasks_start.write(|w| unsafe { w.bits(1) });
        clock.bitmode.write(|w| w.bitmode()._32bit());
        // SAFETY: 16 MHz over 2^4; up to 2^9 is allowed.
        clock.prescaler.write(|w| unsafe { w.prescaler().bits(4) });
        // SAFETY: 1 is what starts a task.
        clock.tasks_start.write(|w| unsafe { w.bits(1) });
        Self {
            temperature,
            noise,
            clock,
        }
    }

    /// Microseconds since the start; they wrap.
    pub(crate) fn microseconds(&self) -> u32 {
        // SAFETY: 1 is what starts a task.
        self.clock.tasks_capture[0].write(|w| unsafe { w.bits(1) });
        self.clock.cc[0].read().bits()
    }

    /// Takes a sample.
    pub(crate) fn sample(&self, counts: &mut [i16]) {
        let values = [
            self.quarter_degrees(),
            self.noise.value.read().bits() as i16,
        ];
        for (count, value) in counts.iter_mut().zip(values) {
            *count = value;
        }
    }

    fn quarter_degrees(&self) -> i16 {
        self.temperature.events_datardy.reset();
        // SAFETY: 1 is what starts a task.
        self.temperature.tasks_start.write(|w| unsafe { w.bits(1) });
        let is_ready = (0..PATIENCE).any(|_| self.temperature.events_datardy.read().bits() != 0);
        let value = self.temperature.temp.read().bits() as i16;
        // SAFETY: 1 is what starts a task.
        self.temperature.tasks_stop.write(|w| unsafe { w.bits(1) });
        if is_ready { value } else { MISSING }
    }
}
