//! A Stellaris LM3S6965 evaluation board on the desk: it tells what it measures, scores what it is sent, and takes
//! new images into its RAM, over the USB serial line at 115200 baud. The workstation's half is `trainer board`.
#![no_std]
#![no_main]

mod sensors;
#[path = "../../slots.rs"]
mod slots;
#[path = "../../../lm3s6965evb/src/uart.rs"]
mod uart;

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};
use elbow_agent::agent::{Agent, Memory};
use elbow_agent::board::{Board, Received, Ticks};
use elbow_agent::protocol::{Sensor, Storage};
use elbow_examples_shared::{Duplex, Port};
use panic_halt as _;
use sensors::{SENSORS, Sensors};
use uart::Uart;

/// Ticks of the core in a microsecond: of the board's crystal.
const MEGAHERTZ: u32 = 8;

/// What the timer of the core counts down from.
const TOP: u32 = 0x00ff_ffff;

/// The board, as the agent sees it.
struct Stellaris {
    uart: Uart,
    sensors: Sensors,
    clock: Ticks,
}

impl Board for Stellaris {
    const NAME: &'static str = "Stellaris LM3S6965 evaluation board";
    const CHIP: &'static str = "LM3S6965, Cortex-M3";
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
    static mut SAMPLES: [u8; 2048] = [0; 2048];
    static mut READING: [i16; 1024] = [0; 1024];
    static mut WORKSPACE: [u64; 1024] = [0; 1024];
    let taken = cortex_m::Peripherals::take().zip(slots::slots());
    if let Some((mut core, slots)) = taken {
        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(TOP);
        core.SYST.clear_current();
        core.SYST.enable_counter();
        let board = Stellaris {
            uart: Uart::new(),
            sensors: Sensors::new(),
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
