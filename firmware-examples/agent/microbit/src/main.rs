//! A BBC micro:bit v1 on the desk: it tells what it measures, scores what it is sent, and takes new images into its
//! flash, over the USB serial line at 115200 baud. The workstation's half is `trainer board`.
#![no_std]
#![no_main]

#[path = "../../parts.rs"]
mod parts;
mod sensors;
mod slots;
#[path = "../../../microbit/src/uart.rs"]
mod uart;

use cortex_m::peripheral::SCB;
use elbow_agent::agent::Memory;
use elbow_agent::protocol::{Sensor, Storage};
use panic_halt as _;
use parts::Parts;
use sensors::{SENSORS, Sensors};
use uart::Uart;

impl Parts for Sensors {
    const NAME: &'static str = "BBC micro:bit v1";
    const CHIP: &'static str = "nRF51822, Cortex-M0";
    const STORAGE: Storage = Storage::Flash;
    const SENSORS: &'static [Sensor<'static>] = SENSORS;

    fn microseconds(&mut self) -> u32 {
        Sensors::microseconds(self)
    }

    fn sample(&mut self, counts: &mut [i16]) {
        Sensors::sample(self, counts);
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut REQUEST: [u8; 1088] = [0; 1088];
    static mut REPLY: [u8; 640] = [0; 640];
    static mut SAMPLES: [u8; 768] = [0; 768];
    static mut READING: [i16; 512] = [0; 512];
    static mut WORKSPACE: [u64; 512] = [0; 512];
    let Some(mut chip) = nrf51_pac::Peripherals::take() else {
        SCB::sys_reset()
    };
    let uart = Uart::new(chip.UART0, &chip.GPIO);
    let sensors = Sensors::new(chip.TEMP, chip.RNG, chip.TIMER0);
    let memory = Memory {
        request: REQUEST,
        reply: REPLY,
        samples: SAMPLES,
        reading: READING,
        workspace: WORKSPACE,
    };
    parts::answer(uart, sensors, slots::slots(&mut chip.NVMC), memory)
}
