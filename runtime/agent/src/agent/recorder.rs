//! Samples of the sensors, taken while the line is busy.

use crate::board::{Board, MOST_SENSORS};
use crate::protocol::Samples;

/// Bytes of the time of a sample.
const TIME_BYTES: usize = 4;

/// Samples that wait to be fetched, in a ring.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    ring: &'a mut [u8],
    /// Microseconds from sample to sample; 0 while nothing is recorded.
    period: u32,
    /// The clock at the first sample.
    start: u32,
    /// The clock at which the next sample is due.
    due: u32,
    /// The place of the oldest sample in the ring, and how many there are.
    oldest: usize,
    count: usize,
    /// The number of the oldest sample.
    first: u32,
    lost: u32,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(ring: &'a mut [u8]) -> Self {
        Self {
            ring,
            period: 0,
            start: 0,
            due: 0,
            oldest: 0,
            count: 0,
            first: 0,
            lost: 0,
        }
    }

    /// Takes samples every `period` microseconds from now on; 0 ends it. Those that were not fetched are gone.
    pub(super) fn start(&mut self, period: u32, now: u32) {
        self.period = period;
        self.start = now;
        self.due = now;
        self.oldest = 0;
        self.count = 0;
        self.first = 0;
        self.lost = 0;
    }

    /// Whether samples are taken.
    pub(super) fn is_running(&self) -> bool {
        self.period > 0
    }

    /// Takes a sample if one is due. To be called often.
    pub(super) fn poll<B: Board>(&mut self, board: &mut B) {
        if !self.is_running() {
            return;
        }
        let now = board.microseconds();
        // The half of all times that is ahead of `due` is behind it: times wrap.
        let late = now.wrapping_sub(self.due);
        if late >= 1 << 31 {
            return;
        }
        let mut counts = [0; MOST_SENSORS];
        let counts = counts.get_mut(..B::SENSORS.len()).unwrap_or_default();
        board.sample(counts);
        self.push(now.wrapping_sub(self.start), counts);
        // What is late by more than a period is left out.
        let periods = late.checked_div(self.period).unwrap_or(0);
        let step = periods.wrapping_add(1).wrapping_mul(self.period);
        self.due = self.due.wrapping_add(step);
    }

    /// Keeps a sample, in place of the oldest one where there is no room.
    fn push(&mut self, time: u32, counts: &[i16]) {
        let size = sample_bytes(counts.len());
        let places = self.places(size);
        if places == 0 {
            self.lost = self.lost.wrapping_add(1);
            return;
        }
        if self.count == places {
            self.skip(1, places);
            self.lost = self.lost.wrapping_add(1);
        }
        let place = wrapped(self.oldest + self.count, places);
        let bytes = self.ring.get_mut(place * size..).unwrap_or_default();
        let counts = counts.iter().flat_map(|count| count.to_le_bytes());
        for (byte, value) in bytes
            .iter_mut()
            .zip(time.to_le_bytes().into_iter().chain(counts))
        {
            *byte = value;
        }
        self.count += 1;
    }

    /// The oldest samples, as many as lie together and fit `room` bytes; they are fetched now. `sensors` have given each.
    pub(super) fn fetch(&mut self, sensors: usize, room: usize) -> Samples<'_> {
        let size = sample_bytes(sensors);
        let places = self.places(size);
        let fitting = room.checked_div(size).unwrap_or(0);
        let together = places.saturating_sub(self.oldest);
        let count = self.count.min(together).min(fitting);
        let (from, first) = (self.oldest * size, self.first);
        self.skip(count, places);
        let bytes = self.ring.get(from..).unwrap_or_default();
        Samples {
            first,
            lost: self.lost,
            bytes: bytes.get(..count * size).unwrap_or_default(),
        }
    }

    /// Drops the oldest samples.
    fn skip(&mut self, count: usize, places: usize) {
        self.oldest = wrapped(self.oldest + count, places);
        self.count -= count;
        self.first = self.first.wrapping_add(u32::try_from(count).unwrap_or(0));
    }

    /// Samples of `size` bytes that the ring has room for.
    fn places(&self, size: usize) -> usize {
        self.ring.len().checked_div(size).unwrap_or(0)
    }
}

/// Bytes of a sample of so many sensors.
fn sample_bytes(sensors: usize) -> usize {
    TIME_BYTES + 2 * sensors
}

/// A place that is less than twice as many as there are `places`.
fn wrapped(place: usize, places: usize) -> usize {
    if place < places {
        place
    } else {
        place - places
    }
}
