//! The settings of an adapter.

use crate::estimator::Estimator;
use crate::fixed::Probability;

/// The settings of an [`super::Adapter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdaptSettings {
    /// The estimator of all scores: counts of one say nothing of another.
    pub estimator: Estimator,
    /// Readings that the alignment is learned from. Without a [`super::Reference`] it counts as 0.
    pub learn: u32,
    /// Readings behind them whose scores are counted: n of them serve rates of false alarms from `1 / (n + 1)` on. At least 1.
    pub calibrate: u32,
    /// Readings that score lower than this many standard deviations below the mean of the factory's normal scores are not
    /// counted; Q16.16. So no threshold of this machine is below that score, and where normal readings of this machine are, they
    /// alarm: the rate is held only where they are not. [`u32::MAX`] counts all.
    pub trust: u32,
}

impl AdaptSettings {
    /// Settings for an estimator: 200 readings align, 200 others calibrate, and all scores count.
    #[must_use]
    pub const fn new(estimator: Estimator) -> Self {
        Self {
            estimator,
            learn: 200,
            calibrate: 200,
            trust: u32::MAX,
        }
    }

    /// The fewest readings to calibrate by that serve a rate of false alarms, `1 / rate - 1` rounded up: of
    /// the Q1.31 number, and p-values are rounded up, so that 0.01 needs 100.
    #[must_use]
    pub const fn readings_for(rate: Probability) -> u32 {
        let bits = if rate.to_bits() == 0 {
            1
        } else {
            rate.to_bits()
        };
        (1u32 << 31).div_ceil(bits) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_its_readings() {
        // 0.01 has no Q1.31 bits: the nearest number is a little smaller, so that 1 in 100 is above it.
        for (rate, readings) in [(1.0, 0), (0.5, 1), (0.1, 9), (0.01, 100), (0.001, 999)] {
            let found = AdaptSettings::readings_for(Probability::new(rate));
            assert_eq!(found, readings, "{rate}");
        }
        assert_eq!(
            AdaptSettings::readings_for(Probability::new(0.0)),
            (1 << 31) - 1
        );
    }
}
