//! The converter of the STM32F405: its thermometer, and pin PC0. ST RM0090, chapters 7 and 13; DS8626, table 69.
#![allow(unsafe_code)]

use elbow_agent::protocol::Sensor;
use stm32f4::stm32f405::{ADC_COMMON, ADC1, GPIOC, RCC};

/// Volts of a count.
const VOLTS: f64 = 3.3 / 4096.0;

/// What a sample has.
pub(crate) const SENSORS: &[Sensor<'static>] = &[
    // (V - 0.76 V) / (2.5 mV/°C) + 25 °C
    Sensor {
        name: "temperature",
        unit: "°C",
        offset: 25.0 - 0.76 / 0.0025,
        scale: VOLTS / 0.0025,
    },
    Sensor {
        name: "PC0",
        unit: "V",
        offset: 0.0,
        scale: VOLTS,
    },
];

/// The channels, in their order.
const CHANNELS: [u8; 2] = [16, 10];

/// Looks at the end of a conversion, which takes 12 microseconds. QEMU converts when the result is read, and tells no end.
const PATIENCE: u32 = 100;

/// The converter.
pub(crate) struct Sensors(ADC1);

impl Sensors {
    /// Takes the converter, and sets up clocks, thermometer and pin.
    pub(crate) fn new(converter: ADC1, common: &ADC_COMMON, gpio: &GPIOC, rcc: &RCC) -> Self {
        rcc.ahb1enr().modify(|_, w| w.gpiocen().enabled());
        rcc.apb2enr().modify(|_, w| w.adc1en().enabled());
        gpio.moder().modify(|_, w| w.moder0().analog());
        // 16 MHz over 2; 84 of its cycles are the 10 microseconds that the thermometer needs.
        common
            .ccr()
            .modify(|_, w| w.adcpre().div2().tsvrefe().enabled());
        converter
            .smpr1()
            .modify(|_, w| w.smp16().cycles84().smp10().cycles84());
        converter.cr2().modify(|_, w| w.adon().enabled());
        Self(converter)
    }

    /// Takes a sample.
    pub(crate) fn sample(&self, counts: &mut [i16]) {
        for (count, channel) in counts.iter_mut().zip(CHANNELS) {
            // SAFETY: the field takes the number of any channel, and those above exist.
            self.0.sqr3().write(|w| unsafe { w.sq1().bits(channel) });
            self.0.sr().modify(|_, w| w.eoc().clear_bit());
            self.0.cr2().modify(|_, w| w.swstart().start());
            let _ = (0..PATIENCE).any(|_| self.0.sr().read().eoc().bit_is_set());
            *count = self.0.dr().read().data().bits() as i16;
        }
    }
}
