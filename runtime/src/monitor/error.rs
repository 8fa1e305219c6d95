//! Errors of the settings.

use crate::fixed::Nats;
use core::fmt;

/// Errors of the settings of a [`super::Smoother`] or a [`super::Drift`].
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
}

impl fmt::Display for MonitorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TimeConstant { have, least, most } => write!(
                f,
                "a time constant of 2^{have} scores is not in 2^{least} to 2^{most}"
            ),
            Self::Hysteresis { enter, leave } => write!(
                f,
                "an alarm that is raised below {enter} nats cannot end above {leave} nats"
            ),
            Self::Floor { floor, enter } => write!(
                f,
                "scores that count as no less than {floor} nats cannot raise an alarm below {enter} nats"
            ),
            Self::Deviation(deviation) => write!(
                f,
                "the reference standard deviation is {deviation} nats, it must be positive"
            ),
            Self::Clip => f.write_str("scores cannot be clipped to 0 standard deviations"),
            Self::Ratio { least, most } => write!(
                f,
                "the lower limit of the ratio, {least}/65536, exceeds the upper one, {most}/65536"
            ),
        }
    }
}

impl core::error::Error for MonitorError {}
