//! RTIC on a Stellaris evaluation board: an interrupt takes samples of a motor, a task watches them in slices, and a controller
//! of the same priority keeps its deadline.
//!
//! | priority | what | how |
//! |---|---|---|
//! | 2 | the timer of the core | takes a sample every 500 us, and releases the controller every 20 samples |
//! | 1 | `watch` | waits for samples; a full window is scored in slices, between which the controller may run |
//! | 1 | `control` | follows the current of the motor; its deadline is its next release |
//! | 0 | `idle` | writes lines to the USB serial line, 115200 baud, and sleeps |
#![no_std]
#![no_main]
#![allow(
    clippy::result_large_err,
    reason = "RTIC gives back what a task that is not spawned was to take"
)]

mod clock;
#[path = "../../lm3s6965evb/src/uart.rs"]
mod uart;

use elbow_examples_shared::motor::{self, Sample};
use panic_halt as _;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// What stands in for the converter.
static STORY: [Sample; motor::SAMPLES] = motor::story(include_bytes!(env!("ELBOW_SAMPLES_PATH")));

/// The clock of the processor: its fastest one.
const MEGAHERTZ: u32 = 50;

/// Ticks of the processor's clock from sample to sample.
const PERIOD: u32 = MEGAHERTZ * 1_000_000 / motor::RATE;

/// Samples that may wait while a window is scored: 64 ms.
const QUEUE: usize = 128;

/// Decoder passes of a slice: the shortest slices that there are.
const PASSES: u16 = 1;

#[rtic::app(device = lm3s6965, dispatchers = [GPIOA])]
mod app {
    use super::clock;
    use super::uart::Uart;
    use super::{IMAGE, PASSES, QUEUE, STORY};
    use core::fmt::Write;
    use elbow::monitor::{Event, Watch, WatchError};
    use elbow::{Model, ModelPlace, Workspace};
    use elbow_examples_shared::motor::{self, Controller, Line, Release, Sample};
    use elbow_examples_shared::slices::{self, Slices};
    use elbow_examples_shared::{Terminal, said};
    use heapless::spsc::{Consumer, Producer, Queue};
    use rtic_sync::channel::{Receiver, Sender};
    use rtic_sync::signal::{SignalReader, SignalWriter};
    use rtic_sync::{make_channel, make_signal};

    /// What is told.
    pub(crate) enum Report {
        Window(Event),
        End(Result<Slices, WatchError>, Controller),
    }

    #[shared]
    struct Shared {
        controller: Controller,
    }

    #[local]
    struct Local {
        converter: Converter,
        releases: SignalWriter<'static, Release>,
        reports: Producer<'static, Report>,
        lines: Consumer<'static, Report>,
        out: Terminal<Uart>,
        model: Option<&'static Model<'static>>,
    }

    /// The samples to come, and where they go.
    pub(crate) struct Converter {
        samples: core::slice::Iter<'static, Sample>,
        queue: Option<Sender<'static, Sample, QUEUE>>,
        number: u32,
    }

    #[init(local = [
        place: Option<ModelPlace<'static>> = None,
        workspace: Workspace<565> = Workspace::new(),
        queue: Queue<Report, 8> = Queue::new(),
    ])]
    fn init(mut cx: init::Context) -> (Shared, Local) {
        let mut out = Terminal(Uart::new());
        let ticks = clock::ticks_of_delay(&mut cx.core.SYST);
        let _ = writeln!(out, "{} instructions take {ticks} ticks", clock::DELAY);
        let (samples, waiting) = make_channel!(Sample, QUEUE);
        let (releases, released) = make_signal!(Release);
        let (reports, lines) = cx.local.queue.split();
        let place = cx.local.place.insert(ModelPlace::new());
        let begun = motor::begin(&mut out, IMAGE, place, cx.local.workspace);
        let model = begun.as_ref().map(|(model, _)| *model);
        if let Some((_, stream)) = begun {
            // Both are spawned once.
            let _ = watch::spawn(stream, waiting);
            let _ = control::spawn(released);
            clock::start(&mut cx.core.SYST);
        }
        let shared = Shared {
            controller: Controller::default(),
        };
        let local = Local {
            converter: Converter {
                samples: STORY.iter(),
                queue: Some(samples),
                number: 0,
            },
            releases,
            reports,
            lines,
            out,
            model,
        };
        (shared, local)
    }

    /// Takes a sample.
    #[task(binds = SysTick, priority = 2, local = [converter, releases])]
    fn sample(cx: sample::Context) {
        let tick = clock::interrupted();
        let converter = cx.local.converter;
        let Some(&sample) = converter.samples.next() else {
            // The stream has ended.
            converter.queue = None;
            return;
        };
        if let Some(queue) = &mut converter.queue {
            // A queue that is full would show in the windows that are told.
            let _ = queue.try_send(sample);
        }
        if let Some(release) = Release::at(converter.number, tick, sample) {
            cx.local.releases.write(release);
        }
        converter.number += 1;
    }

    /// Watches the stream.
    #[task(priority = 1, local = [reports], shared = [controller])]
    async fn watch(
        mut cx: watch::Context,
        mut stream: Watch<'static>,
        mut samples: Receiver<'static, Sample, QUEUE>,
    ) {
        let reports = cx.local.reports;
        let next = async || samples.recv().await.ok();
        let told = |event| {
            // A line that the terminal is too slow for is not told.
            let _ = reports.enqueue(Report::Window(event));
        };
        let slices = slices::watch(&mut stream, PASSES, next, clock::now, told).await;
        let controller = cx.shared.controller.lock(|controller| *controller);
        let _ = reports.enqueue(Report::End(slices, controller));
    }

    /// Controls the motor.
    #[task(priority = 1, shared = [controller])]
    async fn control(mut cx: control::Context, mut released: SignalReader<'static, Release>) {
        loop {
            let release = released.wait().await;
            let run = |controller: &mut Controller| controller.run(&release, clock::now);
            cx.shared.controller.lock(run);
        }
    }

    /// Tells what there is to tell, with the rest of the time.
    #[idle(local = [lines, out, model])]
    fn idle(cx: idle::Context) -> ! {
        let idle::LocalResources {
            lines, out, model, ..
        } = cx.local;
        while let (Some(model), report) = (*model, lines.dequeue()) {
            match report {
                None => cortex_m::asm::wfi(),
                Some(Report::Window(event)) => {
                    let _ = writeln!(out, "{}", Line::new(model, &event));
                }
                Some(Report::End(slices, controller)) => {
                    if let Some(slices) = said(out, slices) {
                        let _ = writeln!(out, "watch: {slices}");
                    }
                    let _ = writeln!(out, "control: {controller}");
                    break;
                }
            }
        }
        let _ = writeln!(out, "asleep");
        loop {
            cortex_m::asm::wfi();
        }
    }
}
