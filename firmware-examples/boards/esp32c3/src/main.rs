//! A detector on an ESP32-C3.
//!
//! | pin | what |
//! |---|---|
//! | GPIO2, GPIO3, GPIO4 | three sensors, 0 to 2.5 V: counts of 12 bits |
//! | GPIO21 | serial line, 115200 baud, sending |
//! | GPIO10 | a lamp: alarm |
#![no_std]
#![no_main]

use elbow_examples_shared::detector::{Memory, RATE, count, detect};
use esp_hal::analog::adc::{Adc, AdcConfig, Attenuation};
use esp_hal::gpio::{Level, Output, OutputConfig};
use esp_hal::main;
use esp_hal::time::{Duration, Instant};
use esp_hal::uart::{Config, Uart};
use nb::block;
use panic_halt as _;
use static_cell::ConstStaticCell;

esp_bootloader_esp_idf::esp_app_desc!();

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// The watch's memory.
static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

/// Microseconds from sample to sample.
const PERIOD: Duration = Duration::from_micros(1_000_000 / RATE as u64);

#[main]
fn main() -> ! {
    let chip = esp_hal::init(esp_hal::Config::default());
    let line = Uart::new(chip.UART0, Config::default());
    let mut out = line.unwrap().with_tx(chip.GPIO21);
    let mut pins = AdcConfig::new();
    let mut first = pins.enable_pin(chip.GPIO2, Attenuation::_11dB);
    let mut second = pins.enable_pin(chip.GPIO3, Attenuation::_11dB);
    let mut third = pins.enable_pin(chip.GPIO4, Attenuation::_11dB);
    let mut converter = Adc::new(chip.ADC1, pins);
    let mut lamp = Output::new(chip.GPIO10, Level::Low, OutputConfig::default());

    let mut next = Instant::now() + PERIOD;
    let due = || {
        if Instant::now() < next {
            return None;
        }
        next += PERIOD;
        Some([
            count(block!(converter.read_oneshot(&mut first)).unwrap_or(0)),
            count(block!(converter.read_oneshot(&mut second)).unwrap_or(0)),
            count(block!(converter.read_oneshot(&mut third)).unwrap_or(0)),
        ])
    };
    let _ = detect(IMAGE, MEMORY.take(), &mut out, due, |alarm| {
        lamp.set_level(alarm.into());
    });
    loop {
        core::hint::spin_loop();
    }
}
