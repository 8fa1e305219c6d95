//! UART0 of the nRF51822 on the pins of the micro:bit's USB chip: 115200 baud. nRF51 Series Reference
//! Manual, "UART".
#![allow(unsafe_code)]

use elbow_examples_shared::{Duplex, Port};
use nrf51_pac::{GPIO, UART0};

/// The pin that the USB chip receives from.
const TXD: u8 = 24;

/// The pin that the USB chip sends to.
const RXD: u8 = 25;

/// UART0.
pub(crate) struct Uart(UART0);

impl Uart {
    /// Takes the UART, and sets up the pins.
    pub(crate) fn new(uart: UART0, gpio: &GPIO) -> Self {
        // The line is high while nothing is sent, before the UART takes the pin as well.
        gpio.outset.write(|w| w.pin24().set_bit());
        gpio.pin_cnf[usize::from(TXD)].write(|w| w.dir().output());
        gpio.pin_cnf[usize::from(RXD)].write(|w| w.input().connect());
        // SAFETY: the register takes any number of a pin, and the board has connected this one.
        uart.pseltxd.write(|w| unsafe { w.bits(TXD.into()) });
        // SAFETY: as above.
        uart.pselrxd.write(|w| unsafe { w.bits(RXD.into()) });
        uart.baudrate.write(|w| w.baudrate().baud115200());
        uart.enable.write(|w| w.enable().enabled());
        // SAFETY: 1 is what starts a task.
        uart.tasks_starttx.write(|w| unsafe { w.bits(1) });
        // SAFETY: as above.
        uart.tasks_startrx.write(|w| unsafe { w.bits(1) });
        Self(uart)
    }
}

impl Port for Uart {
    fn send(&mut self, byte: u8) {
        self.0.events_txdrdy.reset();
        // SAFETY: the register sends its low byte, whatever it is.
        self.0.txd.write(|w| unsafe { w.txd().bits(byte) });
        while self.0.events_txdrdy.read().bits() == 0 {}
    }
}

impl Duplex for Uart {
    fn receive(&mut self) -> Option<u8> {
        if self.0.events_rxdrdy.read().bits() == 0 {
            return None;
        }
        // Before the byte is taken: the next one sets it again.
        self.0.events_rxdrdy.reset();
        Some(self.0.rxd.read().rxd().bits())
    }

    fn flush(&mut self) {
        // A byte has left when `send` ends.
    }
}
