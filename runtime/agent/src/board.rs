//! What a board has.

use crate::protocol::{Sensor, Storage};

/// A board with a serial line, a clock and sensors.
pub trait Board {
    /// What the board is called.
    const NAME: &'static str;
    /// Its chip.
    const CHIP: &'static str;
    /// What its slots are.
    const STORAGE: Storage;
    /// Its sensors, at most [`MOST_SENSORS`].
    const SENSORS: &'static [Sensor<'static>];

    /// Sends a byte, as soon as there is room for it.
    fn send(&mut self, byte: u8);

    /// A byte of the line, if there is one.
    fn receive(&mut self) -> Received;

    /// Microseconds since any moment; they wrap.
    fn microseconds(&mut self) -> u32;

    /// Takes a sample: the counts of the sensors, in their order. [`crate::protocol::MISSING`] stands for none.
    fn sample(&mut self, counts: &mut [i16]);
}

/// Sensors that a board has, at most.
pub const MOST_SENSORS: usize = 16;

/// What came over the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A byte.
    Byte(u8),
    /// Nothing yet.
    Nothing,
    /// Nothing will come any more: the board is a program on a host, which is to end.
    Closed,
}

/// Microseconds, counted by a timer that counts ticks and wraps too early.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    mask: u32,
    per_microsecond: u32,
    last: u32,
    rest: u32,
    microseconds: u32,
}

impl Ticks {
    /// A timer of so many `bits`, whose ticks are so many in a microsecond, at least one.
    #[must_use]
    pub const fn new(bits: u32, per_microsecond: u32) -> Self {
        Self {
            mask: if bits < 32 { (1 << bits) - 1 } else { u32::MAX },
            per_microsecond: if per_microsecond == 0 {
                1
            } else {
                per_microsecond
            },
            last: 0,
            rest: 0,
            microseconds: 0,
        }
    }

    /// Microseconds, now that the timer, which counts up, is at `count`. To be called before the timer wraps a second time.
    pub fn at(&mut self, count: u32) -> u32 {
        let ticks = count.wrapping_sub(self.last) & self.mask;
        self.last = count;
        let ticks = self.rest.saturating_add(ticks);
        // A divisor of zero is not made above; so the linker knows it too.
        let whole = ticks.checked_div(self.per_microsecond).unwrap_or(0);
        self.rest = ticks.wrapping_sub(whole.wrapping_mul(self.per_microsecond));
        self.microseconds = self.microseconds.wrapping_add(whole);
        self.microseconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_microseconds_over_wraps() {
        let mut ticks = Ticks::new(24, 8);
        assert_eq!(ticks.at(20), 2);
        // The remainder of 4 ticks counts.
        assert_eq!(ticks.at(24), 3);
        assert_eq!(ticks.at(0xff_ffff), 0x1f_ffff);
        assert_eq!(ticks.at(8), 0x20_0001);
        let mut whole = Ticks::new(32, 1);
        assert_eq!(whole.at(u32::MAX), u32::MAX);
        assert_eq!(whole.at(1), 1);
    }
}
