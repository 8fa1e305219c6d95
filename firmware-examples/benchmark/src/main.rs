//! What elbow costs on the chip that this runs on: one row of a table for each model, in Markdown.
//!
//! Cycles are those of the core's own counter: CYCCNT of the DWT, or SysTick where there is none, `mcycle` on RISC-V. Where the
//! command line has the word `instructions`, as in the emulator, ticks are converted to instructions by a loop of known length.
//! Rows come by semihosting, which a debug probe or the emulator listens to.
#![no_std]
#![no_main]

#[cfg_attr(target_arch = "arm", path = "clock/arm.rs")]
#[cfg_attr(target_arch = "riscv32", path = "clock/riscv.rs")]
mod clock;

use clock::Clock;
#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use elbow::{Estimator, ModelPlace, Session};
use panic_halt as _;
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;
use semihosting::experimental::env;
use semihosting::{eprintln, println, process};

/// The models, which stay in flash.
static IMAGES: &[&[u8]] = &[
    elbow::include_image!(env!("ELBOW_IMAGE_PATH")),
    #[cfg(feature = "autoencoder")]
    elbow::include_image!(env!("ELBOW_AUTOENCODER_PATH")),
];

/// Words of the workspace: the autoencoder's take 296.
const WORDS: usize = 320;

/// Numbers of the longest reading, that of the autoencoder.
const READING: usize = 640;

/// Bytes of the command line.
const COMMAND_LINE: usize = 64;

/// Instructions of the loop that converts ticks.
const LOOP: u32 = 100_000;

/// What a tick is.
struct Unit {
    name: &'static str,
    /// Ticks of [`LOOP`] instructions, where ticks are converted to instructions.
    of_loop: Option<u64>,
    /// Ticks that a measurement of nothing takes.
    overhead: u64,
}

#[entry]
fn main() -> ! {
    let clock = Clock::start();
    let unit = Unit::find(&clock);
    println!("| core | model | unit | parse | encode | one pass | four passes | sigma points |");
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for image in IMAGES {
        if let Err(error) = row(&clock, &unit, image) {
            eprintln!("{error}");
            process::exit(1);
        }
    }
    process::exit(0)
}

impl Unit {
    fn find(clock: &Clock) -> Self {
        let mut unit = Self {
            name: clock.unit(),
            of_loop: None,
            overhead: 0,
        };
        unit.overhead = unit.of(clock, || ());
        let arguments = env::args::<COMMAND_LINE>();
        let wanted = arguments
            .is_ok_and(|words| (&words).into_iter().flatten().any(|w| w == "instructions"));
        if wanted {
            unit.name = "instructions";
            unit.of_loop = Some(unit.of(clock, || clock::take_turns(LOOP / 2)));
        }
        unit
    }

    /// What `work` takes.
    fn of(&self, clock: &Clock, work: impl FnOnce()) -> u64 {
        let ticks = clock.ticks_of(work).saturating_sub(self.overhead);
        match self.of_loop {
            None => ticks,
            Some(of_loop) => (ticks * u64::from(LOOP) + of_loop / 2) / of_loop.max(1),
        }
    }
}

/// Measures a model, and prints its row.
fn row(clock: &Clock, unit: &Unit, image: &[u8]) -> Result<(), &'static str> {
    let mut place = ModelPlace::new();
    let parse = unit.of(clock, || {
        let _ = place.parse(image);
    });
    let model = place.model().ok_or("the image is not a model")?;
    let mut words = [0; WORDS];
    let mut reading = [0; READING];
    let reading = reading
        .get_mut(..model.reading_length())
        .ok_or("the reading is longer than the benchmark has room for")?;
    // Inputs are zeros and ones, which every likelihood takes.
    let numbers = reading.iter_mut().enumerate();
    numbers.for_each(|(index, number)| *number = i16::from(index % 3 == 0));
    let session = Session::new(model, &mut words, 0);
    let mut session =
        session.map_err(|_| "the workspace is longer than the benchmark has room for")?;
    let refused = "the model takes no such reading";
    session
        .score(reading, Estimator::SigmaPoints)
        .map_err(|_| refused)?;
    let score = unit.of(clock, || {
        let _ = session.score(reading, Estimator::SigmaPoints);
    });
    let encode = unit.of(clock, || {
        let _ = session.encode(reading);
    });
    let mut group = |passes: u16| {
        let begun = session.start(reading, Estimator::SigmaPoints);
        let mut scoring = begun.map_err(|_| refused)?;
        // The encoder.
        let _ = scoring.poll(passes);
        Ok(unit.of(clock, || {
            let _ = scoring.poll(passes);
        }))
    };
    let (one, four) = (group(1)?, group(4)?);
    let (core, name, unit) = (clock::core(), model.name(), unit.name);
    println!("| {core} | {name} | {unit} | {parse} | {encode} | {one} | {four} | {score} |");
    Ok(())
}
