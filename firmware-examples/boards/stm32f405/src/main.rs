//! A detector of shocks on an STM32F405 with an accelerometer, an LIS3DH of +-8 g, whose values are floats in g.
//!
//! | pin | what |
//! |---|---|
//! | PB6, PB7 | clock and data of the accelerometer, address 0x18 |
//! | PA9 | serial line, 115200 baud, sending |
//! | PC13 | the lamp, lit when low: alarm |
//!
//! A sample is the magnitude of the acceleration, by `micromath` on the FPU, and its parts along x and z. `micromath` has an
//! approximate root, which is not that of a workstation: the model has to learn from magnitudes that this board computed and
//! sent, not from magnitudes that a workstation computes of x, y and z. From the raw integers on, all is as on the workstation, bit
//! for bit: floats end where a sample becomes three of them.
#![no_std]
#![no_main]

use cortex_m::peripheral::syst::SystClkSource;
use elbow_examples_shared::detector::{Memory, RATE, detect};
use elbow_examples_shared::motor::Sample;
use micromath::F32Ext;
use panic_halt as _;
use stm32f4xx_hal::i2c::{I2c, Instance, Mode};
use stm32f4xx_hal::pac;
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc::Config;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// The clock of the processor in megahertz, of a crystal of 8 MHz.
const MEGAHERTZ: u32 = 168;

/// Address of the accelerometer.
const ACCELEROMETER: u8 = 0x18;

/// Its first control register: 400 measurements a second of all axes.
const CONTROL_1: [u8; 2] = [0x20, 0x77];

/// Its fourth one: +-8 g in high resolution.
const CONTROL_4: [u8; 2] = [0x23, 0x28];

/// Its first register of measurements, and the bit that lets the address count on.
const MEASUREMENTS: u8 = 0x28 | 0x80;

/// g of a unit: 4 mg of 12 bits, which are the upper ones of 16.
const UNIT: f32 = 0.004 / 16.0;

/// Raw integers are in steps of 2^-11 g: 16 g are 32768.
const STEPS: f32 = 2048.0;

/// The magnitude of an acceleration in g, and its parts along x and z, as raw integers; rounded to nearest, saturating.
fn sample([x, y, z]: [f32; 3]) -> Sample {
    let magnitude = (x * x + y * y + z * z).sqrt();
    [magnitude, x, z].map(|value| (value * STEPS).round() as i16)
}

/// The acceleration at hand, in g.
fn acceleration<I: Instance>(line: &mut I2c<I>) -> Option<[f32; 3]> {
    let mut bytes = [0; 6];
    line.write_read(ACCELEROMETER, &[MEASUREMENTS], &mut bytes)
        .ok()?;
    let [a, b, c, d, e, f] = bytes;
    let parts = [[a, b], [c, d], [e, f]];
    Some(parts.map(|part| f32::from(i16::from_le_bytes(part)) * UNIT))
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    // Nothing else takes either.
    let chip = pac::Peripherals::take().unwrap();
    let mut timer = cortex_m::Peripherals::take().unwrap().SYST;
    let mut clocks = chip
        .RCC
        .freeze(Config::hse(8.MHz()).sysclk(MEGAHERTZ.MHz()));
    let port_a = chip.GPIOA.split(&mut clocks);
    let port_b = chip.GPIOB.split(&mut clocks);
    let port_c = chip.GPIOC.split(&mut clocks);
    let mut out = chip
        .USART1
        .tx(port_a.pa9, 115_200.bps(), &mut clocks)
        .unwrap();
    let pins = (port_b.pb6, port_b.pb7);
    let mut line = I2c::new(chip.I2C1, pins, Mode::standard(100.kHz()), &mut clocks);
    let mut lamp = port_c.pc13.into_push_pull_output();
    // Without an accelerometer there are no samples.
    let _ = line.write(ACCELEROMETER, &CONTROL_1);
    let _ = line.write(ACCELEROMETER, &CONTROL_4);

    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(MEGAHERTZ * 1_000_000 / RATE - 1);
    timer.clear_current();
    timer.enable_counter();
    let due = || {
        let is_due = timer.has_wrapped();
        let measured = is_due.then(|| acceleration(&mut line)).flatten();
        measured.map(sample)
    };
    let _ = detect(IMAGE, MEMORY, &mut out, due, |alarm| {
        lamp.set_state((!alarm).into());
    });
    loop {
        cortex_m::asm::wfi();
    }
}
