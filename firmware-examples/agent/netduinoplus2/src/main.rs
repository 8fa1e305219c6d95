//! A Netduino Plus 2 on the desk: it tells what it measures, scores what it is sent, and takes new images into its
//! RAM, over USART1 at 115200 baud. The workstation's half is `trainer board`.
#![no_std]
#![no_main]

#[path = "../../core_clock.rs"]
mod core_clock;
#[path = "../../parts.rs"]
mod parts;
mod sensors;
#[path = "../../slots.rs"]
mod slots;
#[path = "../../../netduinoplus2/src/uart.rs"]
mod uart;

use core_clock::CoreClock;
use cortex_m::peripheral::SCB;
use elbow_agent::agent::Memory;
use elbow_agent::protocol::{Sensor, Storage};
use panic_halt as _;
use parts::Parts;
use sensors::{SENSORS, Sensors};
use uart::Uart;

/// Ticks of the core in a microsecond: of the internal oscillator.
const MEGAHERTZ: u32 = 16;

/// What the board has beside its line.
struct Netduino {
    sensors: Sensors,
    clock: CoreClock,
}

impl Parts for Netduino {
    const NAME: &'static str = "Netduino Plus 2";
    const CHIP: &'static str = "STM32F405RG, Cortex-M4F";
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
    static mut SAMPLES: [u8; 8192] = [0; 8192];
    static mut READING: [i16; 1024] = [0; 1024];
    static mut WORKSPACE: [u64; 4096] = [0; 4096];
    let taken = cortex_m::Peripherals::take().zip(stm32f4::stm32f405::Peripherals::take());
    let Some(((core, chip), slots)) = taken.zip(slots::slots()) else {
        SCB::sys_reset()
    };
    let uart = Uart::new(chip.USART1, &chip.GPIOB, &chip.RCC);
    let parts = Netduino {
        sensors: Sensors::new(chip.ADC1, &chip.ADC_COMMON, &chip.GPIOC, &chip.RCC),
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
