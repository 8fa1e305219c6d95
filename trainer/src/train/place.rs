//! The place of a training in an epoch, and how far it goes from one rest to the next.

use crate::numeric::random::Xoshiro128PlusPlus;
use std::time::Duration;

/// The place of a training in an epoch.
pub(super) struct Place {
    /// The order of the readings in this epoch or, between epochs, in the last one.
    pub(super) order: Vec<u32>,
    /// The stream that shuffles it.
    pub(super) shuffling: Xoshiro128PlusPlus,
    /// Readings that the epoch has passed; 0 between epochs.
    pub(super) passed: usize,
}

/// The time between two rests that is aimed at: up to twice as much is waited for an answer.
const LONG: Duration = Duration::from_millis(250);
/// Batches from one rest to the next, at most.
const MOST: usize = 1 << 20;

/// The number of batches from one rest to the next. No result depends on it.
pub(super) struct Pace {
    batch: usize,
    batches: usize,
}

impl Pace {
    /// Begins with one batch of so many readings.
    pub(super) fn new(batch: usize) -> Self {
        Self { batch, batches: 1 }
    }

    /// Readings until the next rest.
    pub(super) fn readings(&self) -> usize {
        self.batch.saturating_mul(self.batches).max(1)
    }

    /// Takes in how long the last ones took.
    pub(super) fn adjust(&mut self, elapsed: Duration) {
        if elapsed < LONG {
            self.batches = (2 * self.batches).min(MOST);
        } else if elapsed > 2 * LONG {
            self.batches = (self.batches / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_settles_where_rests_are_a_quarter_to_half_a_second_apart() {
        for millis in [1, 7, 90, 400] {
            let mut pace = Pace::new(64);
            let of_batch = Duration::from_millis(millis);
            let mut elapsed = Duration::ZERO;
            for _ in 0..20 {
                let batches = pace.readings() / 64;
                elapsed = of_batch * batches as u32;
                pace.adjust(elapsed);
            }
            assert!((LONG..=2 * LONG).contains(&elapsed), "{millis}");
        }
        let mut slow = Pace::new(64);
        slow.adjust(Duration::from_secs(9));
        assert_eq!(slow.readings(), 64);
    }
}
