//! What stands in for a converter that fills a double buffer: the timer of the core interrupts at each sample.

use super::clock;
use core::cell::Cell;
use core::slice::Iter;
use cortex_m_rt::exception;
use elbow_examples_shared::motor::{self, Release, Sample};
use embassy_sync::blocking_mutex::CriticalSectionMutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_sync::zerocopy_channel::{Channel, Receiver, Sender};
use heapless::Vec;
use static_cell::{ConstStaticCell, StaticCell};

/// What the converter sees.
static STORY: [Sample; motor::SAMPLES] = motor::story(include_bytes!(env!("ELBOW_SAMPLES_PATH")));

/// Half of the double buffer, 60 ms; the last one, after the end of the stream, is empty.
pub(crate) type Block = Vec<Sample, 120>;

/// The newest release of the controller.
pub(crate) static RELEASES: Signal<CriticalSectionRawMutex, Release> = Signal::new();

/// The converter, on its way to the interrupt.
static BEGUN: CriticalSectionMutex<Cell<Option<Converter>>> =
    CriticalSectionMutex::new(Cell::new(None));

/// The samples to come, and where they go.
struct Converter {
    samples: Iter<'static, Sample>,
    blocks: Sender<'static, CriticalSectionRawMutex, Block>,
    number: u32,
    has_ended: bool,
}

/// Makes the double buffer, which the interrupts of the timer will fill; where its full halves are taken from.
pub(crate) fn begin() -> Receiver<'static, CriticalSectionRawMutex, Block> {
    static HALVES: ConstStaticCell<[Block; 2]> = ConstStaticCell::new([Vec::new(), Vec::new()]);
    static BUFFER: StaticCell<Channel<'static, CriticalSectionRawMutex, Block>> = StaticCell::new();
    let (blocks, taken) = BUFFER.init(Channel::new(HALVES.take())).split();
    let converter = Converter {
        samples: STORY.iter(),
        blocks,
        number: 0,
        has_ended: false,
    };
    BEGUN.lock(|begun| begun.set(Some(converter)));
    taken
}

#[exception]
fn SysTick() {
    static mut CONVERTER: Option<Converter> = None;
    let tick = clock::interrupted();
    if CONVERTER.is_none() {
        *CONVERTER = BEGUN.lock(Cell::take);
    }
    if let Some(converter) = CONVERTER {
        converter.take(tick);
    }
}

impl Converter {
    /// Takes the sample of this tick.
    fn take(&mut self, tick: u32) {
        // Where no half is free, samples are lost, which shows in the windows that are told.
        let half = self.blocks.try_send();
        let sample = self.samples.next();
        match (half, sample) {
            (Some(half), Some(&sample)) => {
                let _ = half.push(sample);
                if half.is_full() {
                    self.blocks.send_done();
                }
            }
            (Some(_), None) if !self.has_ended => {
                self.has_ended = true;
                self.blocks.send_done();
            }
            _ => {}
        }
        if let Some(&sample) = sample
            && let Some(release) = Release::at(self.number, tick, sample)
        {
            RELEASES.signal(release);
        }
        self.number += 1;
    }
}
