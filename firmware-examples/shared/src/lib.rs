//! What the example of every board needs beside elbow: readings to score, a stream to watch, measures of deadlines, and a
//! terminal on a serial line.
#![no_std]

pub mod deadline;
pub mod detector;
pub mod motor;
mod readings;
pub mod slices;

use core::fmt;
pub use readings::{PIXELS, READINGS, Reading};

/// A serial line, as a board's driver gives it.
pub trait Port {
    /// Sends one byte, as soon as there is room for it.
    fn send(&mut self, byte: u8);
}

/// A serial line that is listened to as well.
pub trait Duplex: Port {
    /// A byte that has come, if there is one.
    fn receive(&mut self) -> Option<u8>;

    /// Waits until the last byte has left.
    fn flush(&mut self);
}

/// Text on a serial line, for a terminal that wants both bytes at the end of a line.
#[derive(Debug)]
pub struct Terminal<P>(pub P);

impl<P: Port> fmt::Write for Terminal<P> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.0.send(b'\r');
            }
            self.0.send(byte);
        }
        Ok(())
    }
}

/// The value, or nothing once the error is on the terminal.
pub fn said<T, E: fmt::Display>(out: &mut impl fmt::Write, result: Result<T, E>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            // Without a terminal there is nobody to be told.
            let _ = writeln!(out, "{error}");
            None
        }
    }
}
