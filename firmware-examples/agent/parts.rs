//! A board put together of its serial line and the rest, and its answers.

use cortex_m::peripheral::SCB;
use elbow_agent::agent::{Agent, Memory};
use elbow_agent::board::{Board, Received};
use elbow_agent::flash::Slot;
use elbow_agent::protocol::{Sensor, Storage};
use elbow_examples_shared::Duplex;

/// What a board has beside its line; see [`Board`].
pub(crate) trait Parts {
    const NAME: &'static str;
    const CHIP: &'static str;
    const STORAGE: Storage;
    const SENSORS: &'static [Sensor<'static>];

    fn microseconds(&mut self) -> u32;

    fn sample(&mut self, counts: &mut [i16]);
}

/// A board, as the agent sees it.
struct Whole<U, P> {
    uart: U,
    parts: P,
}

impl<U: Duplex, P: Parts> Board for Whole<U, P> {
    const NAME: &'static str = P::NAME;
    const CHIP: &'static str = P::CHIP;
    const STORAGE: Storage = P::STORAGE;
    const SENSORS: &'static [Sensor<'static>] = P::SENSORS;

    fn send(&mut self, byte: u8) {
        self.uart.send(byte);
    }

    fn receive(&mut self) -> Received {
        let byte = self.uart.receive();
        byte.map_or(Received::Nothing, Received::Byte)
    }

    fn microseconds(&mut self) -> u32 {
        self.parts.microseconds()
    }

    fn sample(&mut self, counts: &mut [i16]) {
        self.parts.sample(counts);
    }
}

/// Answers until a restart is asked for, and starts again.
pub(crate) fn answer<U: Duplex, P: Parts, S: Slot>(
    uart: U,
    parts: P,
    slots: [S; 2],
    memory: Memory<'_>,
) -> ! {
    let mut agent = Agent::new(Whole { uart, parts }, slots, memory);
    agent.serve();
    agent.board().uart.flush();
    SCB::sys_reset()
}
