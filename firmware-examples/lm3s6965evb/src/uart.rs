//! UART0 of the LM3S6965 on pins PA0 and PA1, those of the evaluation board's USB chip: 115200 baud.
//! LM3S6965 Microcontroller Data Sheet, "System Control", "GPIOs" and "UARTs".
#![allow(unsafe_code)]

use super::MEGAHERTZ;
use core::ptr;
use elbow_examples_shared::{Duplex, Port};

/// A register of the chip; those below are all there are.
#[derive(Clone, Copy)]
struct Register(usize);

const INTERRUPT_STATUS: Register = Register(0x400f_e050);
const RUN_MODE_CLOCK: Register = Register(0x400f_e060);
const CLOCK_GATES_1: Register = Register(0x400f_e104);
const CLOCK_GATES_2: Register = Register(0x400f_e108);
const PORT_A_ALTERNATE: Register = Register(0x4000_4420);
const PORT_A_DIGITAL: Register = Register(0x4000_451c);
const UART_DATA: Register = Register(0x4000_c000);
const UART_FLAGS: Register = Register(0x4000_c018);
const UART_DIVIDER: Register = Register(0x4000_c024);
const UART_DIVIDER_64THS: Register = Register(0x4000_c028);
const UART_LINE: Register = Register(0x4000_c02c);
const UART_CONTROL: Register = Register(0x4000_c030);

/// Sixteen ticks of the processor's clock make a bit; in 64ths of that, of the 8 MHz crystal: 277.8.
const DIVIDER: u32 = (MEGAHERTZ * 4_000_000 + 115_200 / 2) / 115_200;

/// The board's crystal.
const CRYSTAL_MEGAHERTZ: u32 = 8;

/// Ticks after which the crystal surely swings: 44 ms of the 12 MHz that the chip starts with.
const CRYSTAL_START: u32 = 524_288;

impl Register {
    fn read(self) -> u32 {
        let address = ptr::with_exposed_provenance::<u32>(self.0);
        // SAFETY: the addresses above are aligned registers that are always mapped; to read a received byte
        // takes it out of the queue, and to read the others changes nothing.
        unsafe { address.read_volatile() }
    }

    fn write(self, value: u32) {
        let address = ptr::with_exposed_provenance_mut::<u32>(self.0);
        // SAFETY: the addresses above are aligned registers that are always mapped, and none of
        // them lets the chip write to memory.
        unsafe { address.write_volatile(value) }
    }

    /// Sets the bits of `ones` after it clears those of `zeros`.
    fn change(self, zeros: u32, ones: u32) {
        self.write(self.read() & !zeros | ones);
    }
}

/// UART0.
pub(crate) struct Uart(());

impl Uart {
    /// Sets up the chip's clock, the UART's, and the pins. To be called once, at the start.
    pub(crate) fn new() -> Self {
        // The oscillator that the chip starts with may be off by a third: first start the crystal
        // (MOSCDIS), then say that it has 8 MHz (XTAL) and is the source (OSCSRC).
        RUN_MODE_CLOCK.change(1 << 0, 0);
        cortex_m::asm::delay(CRYSTAL_START);
        RUN_MODE_CLOCK.change(0b11 << 4 | 0b1111 << 6, 0xe << 6);
        if MEGAHERTZ > CRYSTAL_MEGAHERTZ {
            start_phase_locked_loop();
        }
        CLOCK_GATES_1.change(0, 1 << 0);
        CLOCK_GATES_2.change(0, 1 << 0);
        // A register is there three ticks after its clock.
        cortex_m::asm::delay(8);
        PORT_A_ALTERNATE.change(0, 0b11);
        PORT_A_DIGITAL.change(0, 0b11);
        UART_DIVIDER.write(DIVIDER / 64);
        UART_DIVIDER_64THS.write(DIVIDER % 64);
        // Eight bits, with the queue (WLEN, FEN); then the UART and both of its halves
        // (UARTEN, TXE, RXE).
        UART_LINE.write(0b11 << 5 | 1 << 4);
        UART_CONTROL.write(1 << 9 | 1 << 8 | 1 << 0);
        Self(())
    }
}

/// Makes a clock of 200 MHz of the crystal's, and takes [`MEGAHERTZ`] of it for the processor, at most 50.
fn start_phase_locked_loop() {
    // Power it up (PWRDN), and set the divider (SYSDIV, USESYSDIV).
    let divider = 200 / MEGAHERTZ - 1;
    RUN_MODE_CLOCK.change(1 << 13 | 0b1111 << 23, divider << 23 | 1 << 22);
    // PLLLRIS: it is locked.
    while INTERRUPT_STATUS.read() & 1 << 6 == 0 {}
    // BYPASS: use it.
    RUN_MODE_CLOCK.change(1 << 11, 0);
}

impl Port for Uart {
    fn send(&mut self, byte: u8) {
        // TXFF: the queue is full.
        while UART_FLAGS.read() & 1 << 5 != 0 {}
        UART_DATA.write(byte.into());
    }
}

impl Duplex for Uart {
    fn receive(&mut self) -> Option<u8> {
        // RXFE: the queue is empty.
        let is_empty = UART_FLAGS.read() & 1 << 4 != 0;
        (!is_empty).then(|| UART_DATA.read() as u8)
    }

    fn flush(&mut self) {
        // BUSY: a byte is being sent.
        while UART_FLAGS.read() & 1 << 3 != 0 {}
    }
}
