//! An executor of embassy on a Netduino Plus 2: an interrupt takes samples of a motor, and three tasks share the thread of the
//! executor, where nothing preempts a task: one watches the samples in slices, a controller keeps its deadline between
//! them, and a reporter writes to the serial line as it has room.
//!
//! The whole story goes over USART1, pin PB6, 115200 baud.
#![no_std]
#![no_main]

#[path = "../../rtic/src/clock.rs"]
mod clock;
mod converter;
#[path = "../../netduinoplus2/src/uart.rs"]
mod uart;

use converter::{Block, RELEASES};
use core::fmt::Write;
use elbow::monitor::{Event, Watch, WatchError};
use elbow::{Model, ModelPlace, Workspace};
use elbow_examples_shared::motor::{self, Controller, Line};
use elbow_examples_shared::slices::{self, Slices};
use elbow_examples_shared::{Port, Terminal};
use embassy_executor::Spawner;
use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use embassy_sync::zerocopy_channel::Receiver;
use panic_halt as _;
use static_cell::{ConstStaticCell, StaticCell};
use uart::Uart;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// Ticks of the internal oscillator of 16 MHz, which the chip runs from after a reset, from sample to sample.
const PERIOD: u32 = 16_000_000 / motor::RATE;

/// Decoder passes of a slice: the shortest slices that there are.
const PASSES: u16 = 1;

/// What is told, in its order.
enum Report {
    Window(Event),
    End(Result<Slices, WatchError>),
}

static REPORTS: Channel<CriticalSectionRawMutex, Report, 8> = Channel::new();

/// The controller after a run.
static CONTROLLED: Signal<CriticalSectionRawMutex, Controller> = Signal::new();

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static PLACE: StaticCell<ModelPlace<'static>> = StaticCell::new();
    static WORKSPACE: ConstStaticCell<Workspace<565>> = ConstStaticCell::new(Workspace::new());
    let (Some(chip), Some(mut core)) = (
        stm32f4::stm32f405::Peripherals::take(),
        cortex_m::Peripherals::take(),
    ) else {
        return;
    };
    let mut out = Terminal(Uart::new(chip.USART1, &chip.GPIOB, &chip.RCC));
    let ticks = clock::ticks_of_delay(&mut core.SYST);
    // Nobody else writes to the terminal yet.
    let _ = writeln!(out, "{} instructions take {ticks} ticks", clock::DELAY);
    let place = PLACE.init_with(ModelPlace::new);
    let begun = motor::begin(&mut out, IMAGE, place, WORKSPACE.take());
    if let Some((model, stream)) = begun
        && let (Ok(watch), Ok(control), Ok(report)) = (
            watch(stream, converter::begin()),
            control(),
            report(out.0, model),
        )
    {
        spawner.spawn(watch);
        spawner.spawn(control);
        spawner.spawn(report);
        clock::start(&mut core.SYST);
    }
}

/// Watches the stream.
#[embassy_executor::task]
async fn watch(
    mut stream: Watch<'static>,
    mut blocks: Receiver<'static, CriticalSectionRawMutex, Block>,
) {
    let mut taken = 0;
    let next = async || {
        let block = blocks.receive().await;
        // An empty one is the end.
        let sample = block.get(taken).copied();
        taken += 1;
        if taken >= block.len() {
            taken = 0;
            block.clear();
            blocks.receive_done();
        }
        sample
    };
    let told = |event| {
        // A line that the terminal is too slow for is not told.
        let _ = REPORTS.try_send(Report::Window(event));
    };
    let slices = slices::watch(&mut stream, PASSES, next, clock::now, told).await;
    REPORTS.send(Report::End(slices)).await;
}

/// Controls the motor.
#[embassy_executor::task]
async fn control() {
    let mut controller = Controller::default();
    loop {
        let release = RELEASES.wait().await;
        controller.run(&release, clock::now);
        CONTROLLED.signal(controller);
    }
}

/// Tells what there is to tell.
#[embassy_executor::task]
async fn report(mut uart: Uart, model: &'static Model<'static>) {
    loop {
        let mut text = Terminal(Text::default());
        let report = REPORTS.receive().await;
        let _ = match &report {
            Report::Window(event) => writeln!(text, "{}", Line::new(model, event)),
            Report::End(Ok(slices)) => writeln!(text, "watch: {slices}"),
            Report::End(Err(error)) => writeln!(text, "{error}"),
        };
        text.0.send_to(&mut uart).await;
        if let Report::End(_) = report {
            let mut text = Terminal(Text::default());
            let controller = CONTROLLED.wait().await;
            let _ = writeln!(text, "control: {controller}\nasleep");
            text.0.send_to(&mut uart).await;
        }
    }
}

/// Lines that wait for the terminal.
#[derive(Default)]
struct Text(heapless::Vec<u8, 256>);

impl Port for Text {
    fn send(&mut self, byte: u8) {
        // What is longer is cut.
        let _ = self.0.push(byte);
    }
}

impl Text {
    /// Sends all bytes, each as soon as there is room; other tasks run until then.
    async fn send_to(&self, uart: &mut Uart) {
        for &byte in &self.0 {
            while !uart.has_room() {
                yield_now().await;
            }
            uart.send(byte);
        }
    }
}
