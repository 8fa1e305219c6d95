//! Errors of the settings.

use crate::fixed::{Nats, Probability};

/// Errors of the settings of a [`super::Smoother`], a [`super::Drift`] or a [`super::Martingale`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MonitorError {
    /// The time constant is out of its range.
    TimeConstant {
        /// Its logarithm.
        have: u8,
        /// The smallest one.
        least: u8,
        /// The largest one.
        most: u8,
    },
    /// The alarm would end below the score that raises it.
    Hysteresis {
        /// The score that raises it.
        enter: Nats,
        /// The score that ends it.
        leave: Nats,
    },
    /// Scores would be kept from falling below the one that raises the alarm.
    Floor {
        /// The lowest score that counts.
        floor: Nats,
        /// The score that raises the alarm.
        enter: Nats,
    },
    /// The reference deviation is zero or negative.
    Deviation(Nats),
    /// Scores would be clipped to 0 standard deviations.
    Clip,
    /// The lower limit of the ratio exceeds the upper one; both Q16.16.
    Ratio {
        /// The lower limit.
        least: u32,
        /// The upper limit.
        most: u32,
    },
    /// The exponent of a power martingale is 0, or 1 or more.
    Epsilon(Probability),
    /// The log martingale that raises the alarm is zero or negative.
    Evidence(Nats),
    /// Surprises would be kept from ever raising the martingale.
    Ceiling {
        /// The largest surprise that counts.
        ceiling: Nats,
        /// The exponent of the martingale.
        epsilon: Probability,
    },
}
