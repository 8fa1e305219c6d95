//! A Stellaris LM3S6965 evaluation board on the desk: it tells what it measures, scores what it is sent, and takes
//! new images into its RAM, over the USB serial line at 115200 baud. The workstation's half is `trainer board`.
#![no_std]
#![no_main]

#[path = "../../core_clock.rs"]
mod core_clock;
#[path = "../../parts.rs"]
mod parts;
mod sensors;
#[path = "../../slots.rs"]
mod slots;
#[path = "../../../lm3s6965evb/src/uart.rs"]
mod uart;

use core_clock::CoreClock;
use cortex_m::peripheral::SCB;
use elbow_agent::agent::Memory;
use elbow_agent::protocol::{Sensor, Storage};
use panic_halt as _;
use parts::Parts;
use sensors::{SENSORS, Sensors};
use uart::Uart;

/// Ticks of the core in a microsecond: of the board's crystal.
const MEGAHERTZ: u32 = 8;

/// What the board has beside its line.
struct Stellaris {
    sensors: Sensors,
    clock: CoreClock,
}

impl Parts for Stellaris {
    const NAME: &'static str = "Stellaris LM3S6965 evaluation board";
    const CHIP: &'static str = "LM3S6965, Cortex-M3";
    const STORAGE: Storage = Storage::Ram;
    const SENSORS: &'static [Sensor<'static>] = SENSORS;

    fn microseconds(&mut self) -> u32 {
        self.clock.microseconds()
    }

    fn sample(&mut self, counts: &mut [i16]) {
        self.sensors.sample(counts);
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut REQUEST: [u8; 2112] = [0; 2112];
    static mut REPLY: [u8; 640] = [0; 640];
    static mut SAMPLES: [u8; 2048] = [0; 2048];
    static mut READING: [i16; 1024] = [0; 1024];
    static mut WORKSPACE: [u64; 1024] = [0; 1024];
    let taken = cortex_m::Peripherals::take().zip(slots::slots());
    let Some((core, slots)) = taken else {
        SCB::sys_reset()
    };
    let uart = Uart::new();
    let parts = Stellaris {
        sensors: Sensors::new(),
        clock: CoreClock::new(core.SYST, MEGAHERTZ),
    };
    let memory = Memory {
        request: REQUEST,
        reply: REPLY,
        samples: SAMPLES,
        reading: READING,
        workspace: WORKSPACE,
    };
    parts::answer(uart, parts, slots, memory)
}
