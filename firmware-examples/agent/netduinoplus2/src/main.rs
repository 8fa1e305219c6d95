//! A Netduino Plus 2 on the desk: it tells what it measures, scores what it is sent, and takes new images into its
//! RAM, over USART1 at 115200 baud. The workstation's half is `trainer board`.
#![no_std]
#![no_main]

mod sensors;
#[path = "../../slots.rs"]
mod slots;
#[path = "../../../netduinoplus2/src/uart.rs"]
mod uart;

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};
use elbow_agent::agent::{Agent, Memory};
use elbow_agent::board::{Board, Received, Ticks};
use elbow_agent::protocol::{Sensor, Storage};
use elbow_examples_shared::{Duplex, Port};
use panic_halt as _;
use sensors::{SENSORS, Sensors};
use uart::Uart;

/// Ticks of the core in a microsecond: of the internal oscillator.
const MEGAHERTZ: u32 = 16;

/// What the timer of the core counts down from.
const TOP: u32 = 0x00ff_ffff;

/// The board, as the agent sees it.
struct Netduino {
    uart: Uart,
    sensors: Sensors,
    clock: Ticks,
}

impl Board for Netduino {
    const NAME: &'static str = "Netduino Plus 2";
    const CHIP: &'static str = "STM32F405RG, Cortex-M4F";
    const STORAGE: Storage = Storage::Ram;
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
        self.clock.at(TOP - SYST::get_current())
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
    let peripherals = cortex_m::Peripherals::take().zip(stm32f4::stm32f405::Peripherals::take());
    if let Some(((mut core, chip), slots)) = peripherals.zip(slots::slots()) {
        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(TOP);
        core.SYST.clear_current();
        core.SYST.enable_counter();
        let board = Netduino {
            uart: Uart::new(chip.USART1, &chip.GPIOB, &chip.RCC),
            sensors: Sensors::new(chip.ADC1, &chip.ADC_COMMON, &chip.GPIOC, &chip.RCC),
            clock: Ticks::new(24, MEGAHERTZ),
        };
        let memory = Memory {
            request: REQUEST,
            reply: REPLY,
            samples: SAMPLES,
            reading: READING,
            workspace: WORKSPACE,
        };
        let mut agent = Agent::new(board, slots, memory);
        agent.serve();
        agent.board().uart.flush();
    }
    SCB::sys_reset()
}
