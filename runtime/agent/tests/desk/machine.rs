//! A board in memory, whose power can be cut at any word of its flash.

use crate::support::{Dice, Temper, random_reading, random_spec};
use elbow::Model;
use elbow::format::AlignedImage;
use elbow_agent::agent::{Agent, End, Memory};
use elbow_agent::board::{Board, Received};
use elbow_agent::flash::{RamFlash, Slot};
use elbow_agent::protocol::{
    Hello, Identity, Receiver, Reply, Request, Sensor, Storage, decode, encode,
};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes of a slot.
pub(crate) const SLOT: usize = 16 * 1024;

/// Bytes of a word of flash.
const WORD: usize = 4;

/// Words and sixteenths of pages that are still written and erased before power is cut.
#[derive(Clone, Debug)]
pub(crate) struct Power(Rc<Cell<Option<usize>>>);

impl Power {
    pub(crate) fn lasting(operations: Option<usize>) -> Self {
        Self(Rc::new(Cell::new(operations)))
    }

    /// Whether there was power for one more operation.
    fn take(&self) -> bool {
        let Some(left) = self.0.get() else {
            return true;
        };
        self.0.set(Some(left.saturating_sub(1)));
        left > 0
    }

    pub(crate) fn left(&self) -> Option<usize> {
        self.0.get()
    }
}

/// Flash that stops within an operation when power is cut.
#[derive(Debug)]
pub(crate) struct TornFlash<'a> {
    flash: RamFlash<'a>,
    power: Power,
}

impl<'a> TornFlash<'a> {
    fn new(bytes: &'a mut [u8], power: &Power) -> Self {
        Self {
            flash: RamFlash::new(bytes),
            power: power.clone(),
        }
    }
}

impl ErrorType for TornFlash<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for TornFlash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.flash.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for TornFlash<'_> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        // A page whose erasure is cut off has the old bytes in one part, and ones in the other.
        for page in (from..to).step_by(Self::ERASE_SIZE) {
            let mut old = vec![0; Self::ERASE_SIZE];
            self.flash.read(page, &mut old)?;
            let done = (0..16).take_while(|_| self.power.take()).count();
            self.flash.erase(page, page + Self::ERASE_SIZE as u32)?;
            if done < 16 {
                let kept = done * Self::ERASE_SIZE / 16;
                self.flash.write(page + kept as u32, &old[kept..])?;
                return Err(NorFlashErrorKind::Other);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        for (at, word) in (offset..).step_by(WORD).zip(bytes.chunks(WORD)) {
            if !self.power.take() {
                // Only a part of the bits.
                let half: Vec<u8> = word.iter().map(|byte| byte | 0x0f).collect();
                self.flash.write(at, &half)?;
                return Err(NorFlashErrorKind::Other);
            }
            self.flash.write(at, word)?;
        }
        Ok(())
    }
}

impl Slot for TornFlash<'_> {
    fn bytes(&self) -> &[u8] {
        self.flash.bytes()
    }
}

/// A board whose line is two queues.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    pub(crate) to_board: RefCell<VecDeque<u8>>,
    pub(crate) from_board: RefCell<Vec<u8>>,
}

#[derive(Debug)]
struct Emulated<'a> {
    wires: &'a Wires,
    microseconds: u32,
}

impl Board for Emulated<'_> {
    const NAME: &'static str = "host";
    const CHIP: &'static str = "none";
    const STORAGE: Storage = Storage::Ram;
    const SENSORS: &'static [Sensor<'static>] = &[
        Sensor {
            name: "clock",
            unit: "ms",
            offset: 0.0,
            scale: 0.001,
        },
        Sensor {
            name: "nothing",
            unit: "",
            offset: 0.0,
            scale: 1.0,
        },
    ];

    fn send(&mut self, byte: u8) {
        self.wires.from_board.borrow_mut().push(byte);
        // A byte at 115200 baud.
        self.microseconds = self.microseconds.wrapping_add(87);
    }

    fn receive(&mut self) -> Received {
        self.microseconds = self.microseconds.wrapping_add(87);
        match self.wires.to_board.borrow_mut().pop_front() {
            Some(byte) => Received::Byte(byte),
            None => Received::Closed,
        }
    }

    fn microseconds(&mut self) -> u32 {
        self.microseconds
    }

    fn sample(&mut self, counts: &mut [i16]) {
        counts[0] = self.microseconds as i16;
        counts[1] = elbow_agent::protocol::MISSING;
    }
}

/// A board between restarts: its flash and its wires.
#[derive(Debug)]
pub(crate) struct Machine {
    slots: [Vec<u64>; 2],
    wires: Wires,
    number: u32,
    /// The clock after a restart.
    pub(crate) clock: u32,
    pub(crate) workspace: usize,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            slots: [(); 2].map(|()| vec![0x1234_5678_9abc_def0; SLOT / 8]),
            wires: Wires::default(),
            number: 0,
            clock: 0,
            workspace: 2048,
        }
    }

    /// Starts the board and lets it answer what is on the line; the bytes that it sends, and why it ends.
    pub(crate) fn run(&mut self, line: &[u8], power: &Power) -> (Vec<u8>, End) {
        // Nobody has kept what came during a restart.
        self.wires.to_board.replace(line.iter().copied().collect());
        let [first, second] = &mut self.slots;
        let slots =
            [first, second].map(|words| TornFlash::new(bytemuck::cast_slice_mut(words), power));
        let mut workspace = vec![0; self.workspace];
        let memory = Memory {
            request: &mut [0; 300],
            reply: &mut [0; 512],
            samples: &mut [0; 100],
            reading: &mut [0; 64],
            workspace: &mut workspace,
        };
        let board = Emulated {
            wires: &self.wires,
            microseconds: self.clock,
        };
        let end = Agent::new(board, slots, memory).serve();
        (self.wires.from_board.take(), end)
    }

    /// The frame of a request with the next number.
    pub(crate) fn frame(&mut self, request: &Request<'_>) -> Vec<u8> {
        self.number += 1;
        let mut buffer = vec![0; 1024];
        encode(self.number, request, &mut buffer).unwrap().to_vec()
    }

    /// What the board answers after a restart; the last reply where there are several.
    pub(crate) fn ask(&mut self, requests: &[Request<'_>]) -> Vec<Vec<u8>> {
        self.ask_until(requests, &Power::lasting(None))
    }

    pub(crate) fn ask_until(&mut self, requests: &[Request<'_>], power: &Power) -> Vec<Vec<u8>> {
        let line: Vec<u8> = requests.iter().flat_map(|one| self.frame(one)).collect();
        frames(&self.run(&line, power).0)
    }

    /// What runs after a restart.
    pub(crate) fn hello(&mut self) -> Greeting {
        let frames = self.ask(&[Request::Hello]);
        match reply(&frames[0]) {
            Reply::Hello(Hello { running, slots, .. }) => Greeting {
                running: running.map(|running| (running.image, running.trial)),
                states: slots.map(|slot| slot.state),
            },
            other => panic!("{other:?}"),
        }
    }

    /// Sends an image and asks for a restart, until power is cut.
    pub(crate) fn update(&mut self, image: &[u8], power: &Power) -> Vec<Vec<u8>> {
        let mut requests = vec![Request::Begin(Identity::of(image))];
        requests.extend(
            image
                .chunks(256)
                .zip(0..)
                .map(|(bytes, index)| Request::Chunk {
                    offset: 256 * index,
                    bytes,
                }),
        );
        requests.extend([Request::Commit, Request::Restart]);
        self.ask_until(&requests, power)
    }
}

/// Who runs, on trial or not, and the states of both slots.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Greeting {
    pub(crate) running: Option<(Identity, bool)>,
    pub(crate) states: [elbow_agent::protocol::SlotState; 2],
}

/// The frames among the bytes of a line.
pub(crate) fn frames(line: &[u8]) -> Vec<Vec<u8>> {
    let mut receiver = Receiver::new(vec![0; 1024]);
    let mut frames = vec![];
    for &byte in line {
        if receiver.feed(byte) {
            frames.push(receiver.frame().to_vec());
        }
    }
    frames
}

/// The message of a frame.
pub(crate) fn reply(frame: &[u8]) -> Reply<'_> {
    decode(frame).unwrap().1
}

/// A random image, and readings for it.
pub(crate) fn image(seed: u64) -> (AlignedImage, Vec<Vec<i16>>) {
    let mut dice = Dice::new(seed);
    loop {
        let spec = random_spec(&mut dice, Temper::Trained);
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        if image.len() < SLOT / 2 && model.workspace_words() < 2048 {
            let readings = (0..20).map(|_| random_reading(&mut dice, &spec));
            return (image.clone(), readings.collect());
        }
    }
}
