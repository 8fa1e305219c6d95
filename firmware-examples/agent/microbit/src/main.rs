//! A BBC micro:bit v1 on the desk: it tells what it measures, scores what it is sent, and takes new images into its
//! flash, over the USB serial line at 115200 baud. The workstation's half is `trainer board`.
#![no_std]
#![no_main]

mod sensors;
mod slots;
#[path = "../../../microbit/src/uart.rs"]
mod uart;

use elbow_agent::agent::{Agent, Memory};
use elbow_agent::board::{Board, Received};
use elbow_agent::protocol::{Sensor, Storage};
use elbow_examples_shared::{Duplex, Port};
use panic_halt as _;
use sensors::{SENSORS, Sensors};
use uart::Uart;

/// The board, as the agent sees it.
struct Microbit {
    uart: Uart,
    sensors: Sensors,
}

impl Board for Microbit {
    const NAME: &'static str = "BBC micro:bit v1";
    const CHIP: &'static str = "nRF51822, Cortex-M0";
    const STORAGE: Storage = Storage::Flash;
    const SENSORS: &'static [Sensor<'static>] = SENSORS;

    fn send(&mut self, byte: u8) {
        self.uart.send(byte);
    }

    fn receive(&mut self) -> Received {
        self.uart
            .receive()
            .map_or(Received::Nothing, Received::Byte)
    }

    fn microseconds(&mut self) -> u32 {
        self.sensors.microseconds()
    }

    fn sample(&mut self, counts: &mut [i16]) {
        self.sensors.sample(counts);
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut REQUEST: [u8; 1088] = [0; 1088];
    static mut REPLY: [u8; 640] = [0; 640];
    static mut SAMPLES: [u8; 768] = [0; 768];
    static mut READING: [i16; 512] = [0; 512];
    static mut WORKSPACE: [u64; 512] = [0; 512];
    if let Some(mut chip) = nrf51_pac::Peripherals::take() {
        let board = Microbit {
            uart: Uart::new(chip.UART0, &chip.GPIO),
            sensors: Sensors::new(chip.TEMP, chip.RNG, chip.TIMER0),
        };
        let memory = Memory {
            request: REQUEST,
            reply: REPLY,
            samples: SAMPLES,
            reading: READING,
            workspace: WORKSPACE,
        };
        let mut agent = Agent::new(board, slots::slots(&mut chip.NVMC), memory);
        agent.serve();
        agent.board().uart.flush();
    }
    cortex_m::peripheral::SCB::sys_reset()
}
