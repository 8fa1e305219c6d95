//! A Netduino Plus 2 that watches the lamp of a scanner go out: counts come in one at a time, and
//! every 64 of them are scored at random points of the posterior, with the standard error of the
//! score.
//!
//! The whole story goes over USART1, pin PB6, 115200 baud.
#![no_std]
#![no_main]

mod uart;

use core::fmt::Write;
use elbow::{Estimator, Model, Probability, Session, Workspace};
use elbow_examples_shared::{PIXELS, READINGS, Terminal, said};
use panic_halt as _;
use uart::Uart;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// One ordinary reading in twenty is called anomalous.
const ALARM: Probability = Probability::new(0.05);

/// Sixteen random points, in pairs that lie opposite: the image has p-values for just that.
const ESTIMATOR: Estimator = Estimator::MonteCarlo { samples: 16 };

/// Of the random points.
const SEED: u64 = 42;

/// In how many steps the lamp goes out.
const STEPS: i16 = 8;

#[cortex_m_rt::entry]
fn main() -> ! {
    // `cargo trainer inspect` says how many words a model needs.
    static mut WORKSPACE: Workspace<152> = Workspace::new();
    if let Some(chip) = stm32f4::stm32f405::Peripherals::take() {
        let mut out = Terminal(Uart::new(chip.USART1, &chip.GPIOB, &chip.RCC));
        // An error is on the terminal by now, and all that is left is to sleep.
        let _ = tell(&mut out, WORKSPACE);
        let _ = writeln!(out, "asleep");
    }
    loop {
        cortex_m::asm::wfi();
    }
}

/// The story; nothing where it ends early.
fn tell(out: &mut impl Write, workspace: &mut [u64]) -> Option<()> {
    let model = said(out, Model::parse(IMAGE))?;
    said(out, model.self_test(workspace))?;
    let name = model.name();
    writeln!(out, "{name}: this chip computes what the workstation did").ok()?;

    let mut session = said(out, Session::new(&model, workspace, SEED))?;
    let mut converter = converter();
    let mut reading = [0; PIXELS];
    let mut number = 0_u32;
    while fill(&mut reading, &mut converter) {
        // A stream of random numbers for each reading: its score depends on no other.
        session.reseed(SEED, number.into());
        let score = said(out, session.score(&reading, ESTIMATOR))?;
        let (elbo, p_value) = (score.elbo(), score.p_value());
        write!(out, "reading {number}: {elbo}").ok()?;
        if let Some(error) = score.standard_error() {
            write!(out, " +- {error}").ok()?;
        }
        let verdict = if p_value < ALARM {
            "anomalous"
        } else {
            "ordinary"
        };
        writeln!(out, " nats, p {p_value}, {verdict}").ok()?;
        number += 1;
    }
    Some(())
}

/// Stands in for an analog-to-digital converter, count after count: the scanner sees one digit again
/// and again, by less and less light.
fn converter() -> impl Iterator<Item = i16> {
    let counts = READINGS.iter().take(1).flat_map(|reading| &reading.counts);
    (0..=STEPS).rev().flat_map(move |light| {
        let counts = counts.clone();
        counts.map(move |count| count * light / STEPS)
    })
}

/// Waits for as many counts as a reading has; false where the converter has no more.
fn fill(reading: &mut [i16], converter: &mut impl Iterator<Item = i16>) -> bool {
    reading.iter_mut().all(|place| {
        let count = converter.next();
        *place = count.unwrap_or_default();
        count.is_some()
    })
}
