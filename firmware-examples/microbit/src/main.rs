//! A micro:bit that knows the digits it has seen: it tells ordinary images from anomalous ones, and
//! dreams one.
//!
//! The whole story goes over the USB serial line, 115200 baud.
#![no_std]
#![no_main]

mod uart;

use core::fmt::Write;
use elbow::text::Picture;
use elbow::{Estimator, Model, Probability, Session, Workspace};
use elbow_examples_shared::{PIXELS, READINGS, Terminal, said};
use panic_halt as _;
use uart::Uart;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// One ordinary reading in twenty is called anomalous.
const ALARM: Probability = Probability::new(0.05);

/// Of the dream.
const SEED: u64 = 1;

#[cortex_m_rt::entry]
fn main() -> ! {
    // `cargo trainer inspect` says how many words a model needs.
    static mut WORKSPACE: Workspace<152> = Workspace::new();
    if let Some(chip) = nrf51_pac::Peripherals::take() {
        let mut out = Terminal(Uart::new(chip.UART0, &chip.GPIO));
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
    for reading in &READINGS {
        let score = said(out, session.score(&reading.counts, Estimator::SigmaPoints))?;
        let (elbo, p_value) = (score.elbo(), score.p_value());
        let verdict = if p_value < ALARM {
            "anomalous"
        } else {
            "ordinary"
        };
        writeln!(out, "{}: {elbo} nats, p {p_value}, {verdict}", reading.name).ok()?;
    }

    let mut dream = [0; PIXELS];
    said(out, session.generate(&mut dream))?;
    let picture = Picture {
        values: &dream,
        width: model.picture_width(),
    };
    write!(out, "a dream:\n{picture}").ok()
}
