//! UART0 of the nRF51822 on the pins that the micro:bit's USB chip listens to: 115200 baud, sending
//! only. nRF51 Series Reference Manual, "UART".
#![allow(unsafe_code)]

use elbow_examples_shared::Port;
use nrf51_pac::{GPIO, UART0};

/// The pin that the USB chip receives from.
const TXD: u8 = 24;

/// The pin that the USB chip sends to; nothing is received here.
const RXD: u8 = 25;

/// The sending half of UART0.
pub(crate) struct Uart(UART0);

impl Uart {
    /// Takes the UART, and sets up the pin.
    pub(crate) fn new(uart: UART0, gpio: &GPIO) -> Self {
        // The line is high while nothing is sent, before the UART takes the pin as well.
        gpio.outset.write(|w| w.pin24().set_bit());
        gpio.pin_cnf[usize::from(TXD)].write(|w| w.dir().output());
        // SAFETY: the register takes any number of a pin, and the board has connected this one.
        uart.pseltxd.write(|w| unsafe { w.bits(TXD.into()) });
        // SAFETY: as above.
        uart.pselrxd.write(|w| unsafe { w.bits(RXD.into()) });
        uart.baudrate.write(|w| w.baudrate().baud115200());
        uart.enable.write(|w| w.enable().enabled());
        // SAFETY: 1 is what starts a task.
        uart.tasks_starttx.write(|w| unsafe { w.bits(1) });
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
