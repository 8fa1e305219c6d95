//! What both generations of the Raspberry Pi Pico have in common: their HALs differ by name.
//!
//! | pin | what |
//! |---|---|
//! | GP26, GP27, GP28 | three sensors, 0 to 3.3 V: counts of 12 bits |
//! | GP0 | serial line, 115200 baud, sending |
//! | GP25 | the green lamp: alarm |

use crate::hal::adc::{Adc, AdcPin};
use crate::hal::clocks::init_clocks_and_plls;
use crate::hal::fugit::RateExtU32;
use crate::hal::gpio::{FunctionUart, Pins};
use crate::hal::uart::{DataBits, StopBits, UartConfig, UartPeripheral};
use crate::hal::{Clock, Sio, Watchdog, pac};
use cortex_m::peripheral::syst::SystClkSource;
use elbow_examples_shared::detector::{Memory, RATE, count, detect};
use embedded_hal::digital::OutputPin;

/// The crystal of the board.
const CRYSTAL: u32 = 12_000_000;

/// Sets the board up, and watches its sensors with the model in `image`. To be called once.
pub(crate) fn run(image: &[u8], memory: &mut Memory) -> ! {
    // Nothing else takes either, and the numbers of clocks are those of the board.
    let mut chip = pac::Peripherals::take().unwrap();
    let mut timer = cortex_m::Peripherals::take().unwrap().SYST;
    let mut watchdog = Watchdog::new(chip.WATCHDOG);
    let clocks = init_clocks_and_plls(
        CRYSTAL,
        chip.XOSC,
        chip.CLOCKS,
        chip.PLL_SYS,
        chip.PLL_USB,
        &mut chip.RESETS,
        &mut watchdog,
    )
    .ok()
    .unwrap();
    let gpio = Sio::new(chip.SIO).gpio_bank0;
    let pins = Pins::new(chip.IO_BANK0, chip.PADS_BANK0, gpio, &mut chip.RESETS);
    let line = (
        pins.gpio0.into_function::<FunctionUart>(),
        pins.gpio1.into_function::<FunctionUart>(),
    );
    let settings = UartConfig::new(115_200.Hz(), DataBits::Eight, None, StopBits::One);
    let mut out = UartPeripheral::new(chip.UART0, line, &mut chip.RESETS)
        .enable(settings, clocks.peripheral_clock.freq())
        .unwrap();
    let mut converter = Adc::new(chip.ADC, &mut chip.RESETS);
    let mut first = AdcPin::new(pins.gpio26.into_floating_input()).unwrap();
    let mut second = AdcPin::new(pins.gpio27.into_floating_input()).unwrap();
    let mut third = AdcPin::new(pins.gpio28.into_floating_input()).unwrap();
    let mut lamp = pins.gpio25.into_push_pull_output();

    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(clocks.system_clock.freq().to_Hz() / RATE - 1);
    timer.clear_current();
    timer.enable_counter();
    let due = || {
        timer.has_wrapped().then(|| {
            let [x, y, z] = [
                converter.read(&mut first),
                converter.read(&mut second),
                converter.read(&mut third),
            ];
            [x, y, z].map(|read| count(read.unwrap_or(0)))
        })
    };
    let _ = detect(image, memory, &mut out, due, |alarm| {
        let _ = lamp.set_state(alarm.into());
    });
    loop {
        cortex_m::asm::wfi();
    }
}
