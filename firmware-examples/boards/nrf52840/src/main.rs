//! A detector on an nRF52840 DK.
//!
//! | pin | what |
//! |---|---|
//! | P0.02, P0.03, P0.28 | three sensors, 0 to 3.6 V: counts of 14 bits |
//! | P0.06 | serial line of the USB chip, 115200 baud, sending |
//! | P0.13 | the first lamp, lit when low: alarm |
#![no_std]
#![no_main]

use cortex_m::peripheral::syst::SystClkSource;
use elbow_examples_shared::detector::{Memory, RATE, detect};
use embedded_hal::digital::OutputPin;
use nrf52840_hal::gpio::{Level, p0};
use nrf52840_hal::saadc::{Saadc, SaadcConfig};
use nrf52840_hal::uarte::{Baudrate, Parity, Pins, Uarte};
use nrf52840_hal::{Clocks, pac};
use panic_halt as _;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// The clock of the processor.
const CLOCK: u32 = 64_000_000;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    // Nothing else takes either.
    let chip = pac::Peripherals::take().unwrap();
    let mut timer = cortex_m::Peripherals::take().unwrap().SYST;
    // The crystal, which the baud rate is made of.
    let _clocks = Clocks::new(chip.CLOCK).enable_ext_hfosc();
    let pins = p0::Parts::new(chip.P0);
    let line = Pins {
        txd: pins.p0_06.into_push_pull_output(Level::High).degrade(),
        rxd: pins.p0_08.into_floating_input().degrade(),
        cts: None,
        rts: None,
    };
    let mut out = Uarte::new(chip.UARTE0, line, Parity::EXCLUDED, Baudrate::BAUD115200);
    let mut converter = Saadc::new(chip.SAADC, SaadcConfig::default());
    let (mut first, mut second, mut third) = (pins.p0_02, pins.p0_03, pins.p0_28);
    let mut lamp = pins.p0_13.into_push_pull_output(Level::High);

    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CLOCK / RATE - 1);
    timer.clear_current();
    timer.enable_counter();
    let due = || {
        timer.has_wrapped().then(|| {
            let [x, y, z] = [
                converter.read_channel(&mut first),
                converter.read_channel(&mut second),
                converter.read_channel(&mut third),
            ];
            [x, y, z].map(|read| read.unwrap_or(0))
        })
    };
    let _ = detect(IMAGE, MEMORY, &mut out, due, |alarm| {
        let _ = lamp.set_state((!alarm).into());
    });
    loop {
        cortex_m::asm::wfi();
    }
}
