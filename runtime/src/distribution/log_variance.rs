//! The range of log-variances.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// A range of log-variances, Q16.16, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct LogVarianceRange {
    /// The lowest log-variance.
    pub lowest: i32,
    /// The highest log-variance.
    pub highest: i32,
}

impl LogVarianceRange {
    /// The log-variance in the range that is nearest to `log_variance`; the highest one where the range is empty.
    #[inline]
    #[must_use]
    pub fn clamp(self, log_variance: i32) -> i32 {
        log_variance.max(self.lowest).min(self.highest)
    }

    /// Whether `log_variance` is in the range.
    #[must_use]
    pub(crate) fn contains(self, log_variance: i32) -> bool {
        (self.lowest..=self.highest).contains(&log_variance)
    }
}
