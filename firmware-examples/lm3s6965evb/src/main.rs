//! A Stellaris evaluation board that sends images over a narrow line: eight bytes each, from which
//! the receiver, with the same model, draws what was seen.
//!
//! The whole story goes over the USB serial line, 115200 baud.
#![no_std]
#![no_main]

mod uart;

use core::fmt::Write;
use elbow::text::Picture;
use elbow::{Estimator, Model, Session, Workspace};
use elbow_examples_shared::{PIXELS, READINGS, Terminal, said};
use panic_halt as _;
use uart::Uart;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// The clock of the processor: the board's crystal.
const MEGAHERTZ: u32 = 8;

/// Latents of the default model.
const LATENTS: usize = 8;

/// Fraction bits of a latent on the line: steps of 1/32 from -4 to 4, where the prior has a
/// standard deviation of 1 and the posterior of a digit one of about 1/4.
const LINE_FRACTION_BITS: u32 = 5;

/// No random number is drawn here.
const SEED: u64 = 0;

#[cortex_m_rt::entry]
fn main() -> ! {
    // `cargo trainer inspect` says how many words a model needs.
    static mut WORKSPACE: Workspace<152> = Workspace::new();
    let mut out = Terminal(Uart::new());
    // An error is on the terminal by now, and all that is left is to sleep.
    let _ = tell(&mut out, WORKSPACE);
    let _ = writeln!(out, "asleep");
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
        let score = said(
            out,
            session.score(&reading.counts, Estimator::PosteriorMean),
        )?;
        let message = pack(session.posterior().mean);
        write!(out, "{}: {} nats, sent as", reading.name, score.elbo()).ok()?;
        for byte in message {
            write!(out, " {byte:02x}").ok()?;
        }
        writeln!(out).ok()?;

        let latents = unpack(message, model.latent_fraction_bits());
        let mut values = [0; PIXELS];
        said(out, session.decode(&latents, &mut values))?;
        let width = model.picture_width();
        let values = &values;
        write!(out, "{}", Picture { values, width }).ok()?;
    }
    Some(())
}

/// The means of the posterior, Q16.16, as bytes for the line; rounded half up, saturating.
fn pack(means: &[i32]) -> [i8; LATENTS] {
    const SHIFT: u32 = 16 - LINE_FRACTION_BITS;
    let mut message = [0; LATENTS];
    for (byte, &mean) in message.iter_mut().zip(means) {
        let steps = mean.saturating_add(1 << (SHIFT - 1)) >> SHIFT;
        *byte = steps.clamp(i8::MIN.into(), i8::MAX.into()) as i8;
    }
    message
}

/// The latents in a message, with `fraction_bits`, which are more than on the line.
fn unpack(message: [i8; LATENTS], fraction_bits: u32) -> [i16; LATENTS] {
    let shift = fraction_bits.saturating_sub(LINE_FRACTION_BITS);
    message.map(|byte| i16::from(byte) << shift)
}
