//! A detector on a Nucleo-H743ZI.
//!
//! | pin | what |
//! |---|---|
//! | PC0, PC2, PC3 | three sensors, 0 to 3.3 V: counts of 14 bits |
//! | PD8 | serial line of the USB chip, 115200 baud, sending |
//! | PB0 | the green lamp: alarm |
#![no_std]
#![no_main]

use cortex_m::peripheral::syst::SystClkSource;
use elbow_examples_shared::detector::{Memory, RATE, detect};
use panic_halt as _;
use stm32h7xx_hal::adc::{Adc, Resolution};
use stm32h7xx_hal::delay::Delay;
use stm32h7xx_hal::pac;
use stm32h7xx_hal::prelude::*;
use stm32h7xx_hal::rcc::rec::AdcClkSel;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

/// The clock of the processor in megahertz.
const MEGAHERTZ: u32 = 400;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    // Nothing else takes either.
    let chip = pac::Peripherals::take().unwrap();
    let core = cortex_m::Peripherals::take().unwrap();
    let power = chip.PWR.constrain().freeze();
    let clocks = chip.RCC.constrain().sys_ck(MEGAHERTZ.MHz());
    let mut clocks = clocks.freeze(power, &chip.SYSCFG);
    clocks.peripheral.kernel_adc_clk_mux(AdcClkSel::Per);
    let mut delay = Delay::new(core.SYST, clocks.clocks);
    let adc = clocks.peripheral.ADC12;
    let mut converter = Adc::adc1(chip.ADC1, 4.MHz(), &mut delay, adc, &clocks.clocks).enable();
    converter.set_resolution(Resolution::FourteenBit);
    let mut timer = delay.free();

    let port_b = chip.GPIOB.split(clocks.peripheral.GPIOB);
    let port_c = chip.GPIOC.split(clocks.peripheral.GPIOC);
    let port_d = chip.GPIOD.split(clocks.peripheral.GPIOD);
    let line = (port_d.pd8.into_alternate(), port_d.pd9.into_alternate());
    let usart = clocks.peripheral.USART3;
    let serial = chip
        .USART3
        .serial(line, 115_200.bps(), usart, &clocks.clocks);
    let (mut out, _) = serial.unwrap().split();
    let mut first = port_c.pc0.into_analog();
    let mut second = port_c.pc2.into_analog();
    let mut third = port_c.pc3.into_analog();
    let mut lamp = port_b.pb0.into_push_pull_output();

    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(MEGAHERTZ * 1_000_000 / RATE - 1);
    timer.clear_current();
    timer.enable_counter();
    let due = || {
        timer.has_wrapped().then(|| {
            let [x, y, z]: [Result<u32, _>; 3] = [
                converter.read(&mut first),
                converter.read(&mut second),
                converter.read(&mut third),
            ];
            // Counts of 14 bits.
            [x, y, z].map(|read| read.unwrap_or(0) as i16)
        })
    };
    let _ = detect(IMAGE, MEMORY, &mut out, due, |alarm| {
        lamp.set_state(alarm.into());
    });
    loop {
        cortex_m::asm::wfi();
    }
}
