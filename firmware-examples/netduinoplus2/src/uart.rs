//! USART1 of the STM32F405 on pins PB6 (sending) and PB7: 115200 baud. ST RM0090, chapters 8 and 30.

use elbow_examples_shared::{Duplex, Port};
use stm32f4::stm32f405::{GPIOB, RCC, USART1};

/// The internal oscillator, which the chip runs from after a reset, over the baud rate: 138.9.
const DIVIDER: u16 = ((16_000_000 + 115_200 / 2) / 115_200) as u16;

/// USART1.
pub(crate) struct Uart(USART1);

impl Uart {
    /// Takes the USART, and sets up its clock and the pins.
    pub(crate) fn new(usart: USART1, gpio: &GPIOB, rcc: &RCC) -> Self {
        rcc.ahb1enr().modify(|_, w| w.gpioben().enabled());
        rcc.apb2enr().modify(|_, w| w.usart1en().enabled());
        gpio.afrl().modify(|_, w| w.afrl6().af7().afrl7().af7());
        gpio.moder()
            .modify(|_, w| w.moder6().alternate().moder7().alternate());
        // Sixteenths of the divider are its fraction.
        usart.brr().write(|w| {
            w.div_mantissa().set(DIVIDER >> 4);
            w.div_fraction().set((DIVIDER & 15) as u8)
        });
        usart
            .cr1()
            .write(|w| w.ue().enabled().te().enabled().re().enabled());
        Self(usart)
    }

    /// Whether a byte can be sent at once.
    pub(crate) fn has_room(&self) -> bool {
        self.0.sr().read().txe().bit_is_set()
    }
}

impl Port for Uart {
    fn send(&mut self, byte: u8) {
        while !self.has_room() {}
        self.0.dr().write(|w| w.dr().set(byte.into()));
    }
}

impl Duplex for Uart {
    fn receive(&mut self) -> Option<u8> {
        if self.0.sr().read().rxne().bit_is_clear() {
            return None;
        }
        Some(self.0.dr().read().dr().bits() as u8)
    }

    fn flush(&mut self) {
        while self.0.sr().read().tc().bit_is_clear() {}
    }
}
